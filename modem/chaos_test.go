package modem

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// chaosFault is any fault at any step of any command that the driver uses.
func chaosFault(rng *rand.Rand) emulator.Fault {
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	kinds := []emulator.Kind{emulator.Silence, emulator.Hang, emulator.Reset, emulator.Unplug, emulator.Garbage, emulator.LongLine,
		emulator.URC, emulator.Lost, emulator.Late, emulator.Error, emulator.Glue, emulator.Split, emulator.Trickle, emulator.NoPrompt,
		emulator.TwoPrompts, emulator.EchoOn, emulator.CNMIOff, emulator.Full, emulator.NoDelete, emulator.WrongLength, emulator.Truncate,
		emulator.ReportFirst, emulator.Duplicate, emulator.Deaf, emulator.DataOnly, emulator.NoHangUp}
	return emulator.Fault{Kind: kinds[rng.IntN(len(kinds))],
		On:   pick("+CMGS", "+CMGS", "+CMGS", "", "", "+CSQ", "+CREG", "+CNMI", "+CPMS", "+CMGL", "+CMGD", "+CMGF", "E0", "+CFUN", "+CPIN", "+CLCC", "+CHUP", "+CHLD", "+CMMS", "+CESQ"),
		Step: []emulator.Step{"", emulator.StepNow, emulator.StepCommand, emulator.StepPrompt, emulator.StepBody, emulator.StepAnswer, emulator.StepDeliver}[rng.IntN(7)],
		Skip: rng.IntN(3), Offset: rng.IntN(40) - 1, Code: []int{0, 1, 38, 302, 314, 500, 1014}[rng.IntN(7)], Delay: time.Duration(1+rng.IntN(200)) * time.Second,
		Data: pick("", "RING", `+CMTI: "SM",1`, "^RSSI:9", "RDY", "+CPIN: READY", "+CREG: 0", "+CMS ERROR: 500")}
}

// chaos is one random script against one emulated modem, and what has been seen so far.
type chaos struct {
	*bench
	t      *testing.T
	rng    *rand.Rand
	sent   map[string]error // outcomes by recipient
	mu     sync.Mutex
	got    map[string]bool // TPDUs received, in hex
	phones sync.WaitGroup
	last   string // what was injected last, for reports
}

// within fails when what took longer than limit.
func (c *chaos) within(what string, limit time.Duration, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute) // for a turn
	defer cancel()
	start := time.Now()
	err := f(ctx)
	if d := time.Since(start); d > limit+time.Second {
		c.t.Errorf("%s took %v, limit %v: %v", what, d, limit, err)
	}
	return err
}

const chaosSend = 30 * time.Second

func (c *chaos) send(parts int) {
	for i := range parts {
		pdu, to := numbered(len(c.sent))
		// A turn, the link, the prompt, the answer, and what brings the dialogue back into step.
		c.sent[to] = c.within("Submit", time.Minute+5*time.Second+promptLimit+chaosSend+2*20*time.Second, func(ctx context.Context) error {
			_, err := c.SubmitPart(ctx, pdu, i+1 < parts, committed)
			return err
		})
	}
}

// collect lists, keeps what is whole and deletes it.
func (c *chaos) collect() {
	var found []Stored
	err := c.within("List", 6*time.Minute, func(ctx context.Context) (err error) {
		found, err = c.List(ctx)
		return err
	})
	if err != nil {
		return
	}
	for _, st := range found {
		if !pduFits(st.Raw, st.Length) {
			continue
		}
		c.keep(st.Raw)
		c.within("Delete", 4*time.Minute, func(ctx context.Context) error { return c.Delete(ctx, st) })
	}
}

func (c *chaos) keep(raw string) {
	b, err := hex.DecodeString(raw)
	if err != nil || len(b) == 0 || int(b[0]) >= len(b) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got[hex.EncodeToString(b[1+int(b[0]):])] = true
}

// step does one random thing.
func (c *chaos) step(i int) {
	rng := c.rng
	switch n := rng.IntN(22); {
	case n < 6:
		f := chaosFault(rng)
		if c.dev.Inject(f) == nil { // not every fault can strike everywhere
			c.last = fmt.Sprintf("%+v", f)
		}
	case n < 10:
		c.send(1 + rng.IntN(3))
	case n < 13:
		text := fmt.Sprintf("message %d %s", i, strings.Repeat("x", []int{0, 200, 400}[rng.IntN(3)]))
		c.net.Handset(friend).Send(c.t.Context(), "+4915100000001", text)
	case n < 16:
		c.collect()
	case n == 16:
		c.dev.Restart()
	case n == 17:
		c.dev.SetSignal([]int{99, 20, 20}[rng.IntN(3)])
	case n == 18:
		c.ring(time.Duration(rng.IntN(120)) * time.Second)
	case n == 19:
		do := []func(context.Context) error{c.Answer, c.Reject, c.HangUp, c.Swap}[rng.IntN(4)]
		// A turn, two commands and the list, and what brings the dialogue back into step.
		c.within("call", time.Minute+2*hangUpLimit+5*time.Second+3*20*time.Second, do)
	default:
		time.Sleep(time.Duration(rng.IntN(300)) * time.Second)
	}
}

// ring lets a phone call for so long.
func (c *chaos) ring(d time.Duration) {
	from := []string{friend, secondCaller}[c.rng.IntN(2)]
	c.phones.Go(func() {
		ctx, cancel := context.WithTimeout(c.t.Context(), d)
		defer cancel()
		c.net.Handset(from).Call(ctx, ownNumber1) // often it is busy or not reachable
	})
}

// finish clears all faults and compares what each side believes.
func (c *chaos) finish() {
	t := c.t
	c.dev.SetSignal(20)
	c.dev.Inject(emulator.Fault{Kind: emulator.Clear})
	ctx, cancel := context.WithTimeout(t.Context(), 11*time.Minute)
	defer cancel()
	if err := c.Ready(ctx); err != nil {
		t.Fatalf("not ready eleven minutes after the last fault (%s): %+v", c.last, c.Status())
	}
	for range 12 { // what the network holds back comes again every minute
		time.Sleep(time.Minute)
		c.collect()
	}
	if used, _ := c.dev.Stored("MT"); used != 0 {
		t.Errorf("%d messages left in the modem", used)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.net.Deliveries() {
		own := d.From == ownNumber1 // what the card wrote to itself is nobody's
		if d.To == ownNumber1 && !own && d.Cause == 0 && !d.Report && !c.got[hex.EncodeToString(d.TPDU)] {
			t.Errorf("lost: %X at %v, last fault %s", []byte(d.TPDU), d.At, c.last)
		}
	}
	has := map[string]int{}
	for _, s := range c.net.Ledger() {
		has[s.To]++
	}
	for to, err := range c.sent {
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
	for _, want := range []struct{ command, answer string }{{"+CMGF?", "+CMGF: 0"}, {"+CMEE?", "+CMEE: 1"}, {"+CNMI?", ""}} {
		err := c.do(t.Context(), func(s *session) error {
			if want.answer == "" {
				want.answer = "+CNMI: " + s.cnmi
			}
			answer, err := s.ask(want.command)
			if err != nil || len(answer) != 1 || answer[0] != want.answer {
				t.Errorf("AT%s = %q, %v, want %s", want.command, answer, err, want.answer)
			}
			if s.g.echoed() {
				t.Errorf("AT%s is echoed", want.command)
			}
			return nil
		})
		if err != nil {
			t.Errorf("AT%s: %v: %+v", want.command, err, c.Status())
		}
	}
	if s := c.Status(); s.State != Ready || s.Reason != "" || len(s.Calls) != 0 || len(c.dev.Calls()) != 0 {
		t.Errorf("status %+v", s)
	}
}

// runChaos plays the script of a seed.
func runChaos(t *testing.T, seed uint64, steps int) {
	profiles := emulator.Profiles()
	p := profiles[seed%uint64(len(profiles))]
	o := emulator.Options{Profile: p, Boot: seed%2 == 0, Capacity: map[string]int{"SM": 10}}
	withEmulator(t, o, emulator.NetworkOptions{Latency: 2 * time.Second}, func(c *Config, _ *Options) {
		c.SendTimeout = chaosSend
		if seed%3 == 0 {
			c.MaxSilence, c.SelfTestNumber = 20*time.Minute, ownNumber1
		}
	}, func(t *testing.T, b *bench) {
		c := &chaos{bench: b, t: t, rng: rand.New(rand.NewPCG(seed, 7)), sent: map[string]error{}, got: map[string]bool{}}
		var wg sync.WaitGroup
		defer wg.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wg.Go(func() {
			for {
				select {
				case n := <-b.Notices():
					if n.Kind == NoticeDeliver && pduFits(n.Raw, n.Length) {
						c.keep(n.Raw)
					}
				case <-b.Events():
				case <-ctx.Done():
					return
				}
			}
		})
		b.ready(t)
		for i := range steps {
			c.step(i)
		}
		c.phones.Wait()
		c.finish()
	})
}

// Through any row of faults every send ends with the truth: success means that the network has the message, once; an error without
// commit means that it has not; and the network never has one twice. What the network delivered is received, whatever became of the
// modem meanwhile; no request hangs; and the modem is ready again soon after the last fault, with everything set as it should be.
func TestChaos(t *testing.T) {
	runs := 60
	if testing.Short() {
		runs = 7
	}
	for seed := range uint64(runs) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { runChaos(t, seed, 200) })
	}
}

// TestSoakChaos plays ten thousand scripts, or as many as TRUNKLINE_CHAOS says, as "from-to"; what fails can be played again alone.
func TestSoakChaos(t *testing.T) {
	if os.Getenv("TRUNKLINE_SOAK") == "" {
		t.Skip("a long run: set TRUNKLINE_SOAK")
	}
	from, to := uint64(0), uint64(10_000)
	if a, b, ok := strings.Cut(os.Getenv("TRUNKLINE_CHAOS"), "-"); ok {
		var err, err2 error
		from, err = strconv.ParseUint(a, 10, 64)
		to, err2 = strconv.ParseUint(b, 10, 64)
		if err != nil || err2 != nil {
			t.Fatalf(`TRUNKLINE_CHAOS is %q, not as "0-10000"`, os.Getenv("TRUNKLINE_CHAOS"))
		}
	}
	failed := 0
	for seed := from; seed < to && failed < 50; seed++ {
		if !t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { runChaos(t, seed, 200) }) {
			failed++
		}
		if (seed+1-from)%500 == 0 {
			t.Logf("%d scripts played, %d failed", seed+1-from, failed)
		}
	}
}
