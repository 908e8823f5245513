package modem

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"trunkline/modem/emulator"
)

// numbered is tpdu to a number of its own, and that number.
func numbered(i int) ([]byte, string) {
	out := slices.Clone(tpdu)
	d := fmt.Sprintf("%04d", i)
	out[8], out[9] = (d[1]-'0')<<4|(d[0]-'0'), (d[3]-'0')<<4|(d[2]-'0')
	return out, "+49151123" + d[:2] + d[2:]
}

// Through any row of faults every send ends with the truth: success means that the network has the message, once; an error
// without commit means that it has not; and the network never has one twice.
func TestChaos(t *testing.T) {
	kinds := []emulator.Kind{emulator.Silence, emulator.Hang, emulator.Reset, emulator.Unplug, emulator.Garbage, emulator.LongLine,
		emulator.URC, emulator.Lost, emulator.Late, emulator.Error, emulator.Split, emulator.Trickle, emulator.NoPrompt,
		emulator.TwoPrompts, emulator.EchoOn, emulator.CNMIOff, emulator.ReportFirst}
	steps := []emulator.Step{"", emulator.StepCommand, emulator.StepPrompt, emulator.StepBody, emulator.StepAnswer}
	commands := []string{"+CMGS", "+CMGS", "+CMGS", "", "+CSQ", "+CREG", "+CNMI", "+CPMS"}
	runs := 40
	if testing.Short() {
		runs = 5
	}
	profiles := emulator.Profiles()
	for seed := range runs {
		p := profiles[seed%len(profiles)]
		t.Run(fmt.Sprintf("%d %s", seed, p.Name), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), 1))
			withEmulator(t, emulator.Options{Profile: p}, emulator.NetworkOptions{Latency: 2 * time.Second}, func(c *Config, _ *Options) { c.SendTimeout = 60 * time.Second }, func(t *testing.T, b *bench) {
				outcomes := map[string]error{}
				var order []string
				for i := range 25 {
					for range rng.IntN(3) {
						b.dev.Inject(emulator.Fault{Kind: kinds[rng.IntN(len(kinds))], On: commands[rng.IntN(len(commands))], Step: steps[rng.IntN(len(steps))],
							Offset: rng.IntN(30), Delay: time.Duration(1+rng.IntN(200)) * time.Second, Skip: rng.IntN(2),
							Code: []int{0, 38, 302, 500, 1014}[rng.IntN(5)], Data: []string{"", "RING", `+CMTI: "SM",1`, "^RSSI:9"}[rng.IntN(4)]})
					}
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
					err := b.Ready(ctx)
					cancel()
					if err != nil {
						t.Fatalf("message %d: not ready in ten minutes: %+v", i, b.Status())
					}
					pdu, to := numbered(i)
					_, err = b.Submit(t.Context(), pdu, committed)
					outcomes[to] = err
					order = append(order, to)
				}
				b.dev.Inject(emulator.Fault{Kind: emulator.Clear})
				time.Sleep(10 * time.Minute) // what hung comes through
				has := map[string]int{}
				for _, s := range b.net.Ledger() {
					has[s.To]++
				}
				for _, to := range order {
					err := outcomes[to]
					var se *SubmitError
					switch {
					case has[to] > 1:
						t.Errorf("%s has been sent %d times: %v", to, has[to], err)
					case err == nil && has[to] != 1:
						t.Errorf("%s is said to be sent and is not", to)
					case err != nil && !errors.As(err, &se):
						t.Errorf("%s: %v", to, err)
					case err != nil && !se.Committed && has[to] != 0:
						t.Errorf("%s is said to be not sent and is: %v", to, err)
					}
				}
				b.ready(t)
			})
		})
	}
}
