package modem

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"trunkline/modem/emulator"
)

// What goes wrong in the field, and within what time messages go out and come in again. While a fault lasts the driver tells no lies:
// a send that it reports as sent is in the network once, one that it reports as not sent is not there.
func TestFaultTable(t *testing.T) {
	type fault = emulator.Fault
	inject := func(faults ...fault) func(*testing.T, *bench) {
		return func(t *testing.T, b *bench) {
			if err := b.dev.Inject(faults...); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name    string
		profile string
		strike  func(*testing.T, *bench)
		limit   time.Duration // from the strike until a send succeeds and a message was received
		step    string        // of recovery that was taken, "" for none in particular
	}{
		{"indication between command and answer", "ec25", inject(fault{Kind: emulator.URC, On: "+CMGS", Step: emulator.StepAnswer, Data: `+CMTI: "SM",3`}, fault{Kind: emulator.URC, On: "+CMGL", Data: "+QIND: x"}), 5 * time.Second, ""},
		{"answer comes after the deadline", "", inject(fault{Kind: emulator.Late, On: "+CMGL", Delay: 40 * time.Second}), 2 * time.Minute, ""},
		{"prompt never appears", "", inject(fault{Kind: emulator.NoPrompt, On: "+CMGS"}), 30 * time.Second, ""},
		{"echo comes on", "sim800", inject(fault{Kind: emulator.EchoOn}), 5 * time.Second, ""},
		{"lines glued together", "", inject(fault{Kind: emulator.Glue, On: "+CPMS"}), 30 * time.Second, ""},
		{"noise on the line", "", inject(fault{Kind: emulator.Garbage}, fault{Kind: emulator.LongLine, On: "+CMGL"}, fault{Kind: emulator.Garbage, On: "+CMGS", Step: emulator.StepAnswer}), 2 * time.Minute, ""},
		{"restart of its own accord", "sim800", func(_ *testing.T, b *bench) { b.dev.Restart() }, 30 * time.Second, ""},
		{"restart without a word", "huawei-e173", func(_ *testing.T, b *bench) { b.dev.Restart() }, 90 * time.Second, ""},
		{"busy card", "", inject(fault{Kind: emulator.Error, On: "+CMGL", Code: 314, Times: 2}), 2 * time.Minute, ""},
		{"no space for messages", "sim800", inject(fault{Kind: emulator.Full, Delay: 2 * time.Minute}), 4 * time.Minute, ""},
		{"deleting does nothing", "", inject(fault{Kind: emulator.NoDelete, On: "+CMGD"}), 5 * time.Second, ""},
		{"announcements switched off", "", inject(fault{Kind: emulator.CNMIOff}), 90 * time.Second, ""},
		{"report before the answer", "", inject(fault{Kind: emulator.ReportFirst, On: "+CMGS"}), 5 * time.Second, ""},
		{"PDU shorter than announced", "", inject(fault{Kind: emulator.Truncate, On: "+CMGL"}), 90 * time.Second, ""},
		{"silence for a minute", "", inject(fault{Kind: emulator.Silence, Delay: time.Minute}), 3 * time.Minute, ""},
		{"silence for ever", "", inject(fault{Kind: emulator.Silence}), 5 * time.Minute, stepReopen},
		{"stands still for a minute", "", inject(fault{Kind: emulator.Hang, Delay: time.Minute}), 3 * time.Minute, ""},
		{"unplugged and plugged in", "ec25", inject(fault{Kind: emulator.Unplug}), 30 * time.Second, stepReopen},
		{"no signal for three minutes", "", func(_ *testing.T, b *bench) {
			b.dev.SetSignal(99)
			time.AfterFunc(3*time.Minute, func() { b.dev.SetSignal(20) })
		}, 5 * time.Minute, ""},
		{"radio stays off", "", func(t *testing.T, b *bench) {
			inject(fault{Kind: emulator.Lost, On: "+CFUN"}, fault{Kind: emulator.Error, On: "+CFUN", Skip: 1})(t, b)
			b.do(t.Context(), func(s *session) error { s.cycleRadio(); return nil })
		}, 3 * time.Minute, ""},
		{"link for parts refused", "huawei-e173", inject(fault{Kind: emulator.Lost, On: "+CMMS"}), 30 * time.Second, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := emulator.ProfileByName(tt.profile)
			withEmulator(t, emulator.Options{Profile: p}, emulator.NetworkOptions{}, func(c *Config, _ *Options) { c.SendTimeout = time.Minute }, func(t *testing.T, b *bench) {
				b.ready(t)
				time.Sleep(time.Minute)
				start := time.Now()
				tt.strike(t, b)
				b.recovers(t, tt.limit)
				t.Logf("recovered after %v", time.Since(start).Round(time.Second))
				if tt.step != "" {
					r := rig{Modem: b.Modem, reg: b.reg}
					if n := r.counter(t, "trunkline_modem_recoveries_total", tt.step); n == 0 {
						t.Errorf("step %s was not taken", tt.step)
					}
				}
			})
		})
	}
}

// recovers sends and receives until one message went out and one came in, which has to be within limit.
func (b *bench) recovers(t *testing.T, limit time.Duration) {
	t.Helper()
	start := time.Now()
	b.net.Handset(friend).Send(t.Context(), b.dev.Number(), "hi there")
	out, in := false, false
	for n := 0; !out || !in; n++ {
		if time.Since(start) > limit {
			t.Fatalf("after %v: sent %v, received %v; status %+v", time.Since(start), out, in, b.Status())
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		b.Ready(ctx)
		cancel()
		if !out {
			pdu, to := numbered(n)
			_, err := b.SubmitPart(t.Context(), pdu, true, committed)
			has := 0
			for _, s := range b.net.Ledger() {
				if s.To == to {
					has++
				}
			}
			se, _ := errors.AsType[*SubmitError](err)
			if has > 1 || err == nil && has != 1 || se != nil && !se.Committed && has != 0 {
				t.Fatalf("network has the message %d times: %v", has, err)
			}
			out = err == nil
		}
		found, _ := b.List(t.Context())
		for _, st := range found {
			in = in || pduFits(st.Raw, st.Length)
			if in {
				b.Delete(t.Context(), st)
			}
		}
		if !out || !in {
			time.Sleep(time.Second)
		}
	}
}

// Every fault that there is, at every step where it can strike, alone: messages go both ways again.
func TestEveryFaultAlone(t *testing.T) {
	n := 0
	for _, kind := range emulator.Kinds() {
		for _, step := range []emulator.Step{emulator.StepNow, emulator.StepCommand, emulator.StepPrompt, emulator.StepBody, emulator.StepAnswer, emulator.StepDeliver} {
			for _, on := range []string{"", "+CMGS", "+CMGL", "+CMGD"} {
				f := emulator.Fault{Kind: kind, Step: step, On: on, Delay: 90 * time.Second, Data: "+CREG: 0", Code: 1, Offset: 5}
				if kind == emulator.Trickle {
					f.Delay = 10 * time.Millisecond
				}
				if kind == emulator.LongLine {
					f.Code = 70_000
				}
				if _, err := f.Validate(); err != nil {
					continue // it cannot strike there
				}
				n++
				t.Run(fmt.Sprintf("%s at %s of %q", kind, step, on), func(t *testing.T) {
					withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, func(c *Config, _ *Options) { c.SendTimeout = time.Minute }, func(t *testing.T, b *bench) {
						b.ready(t)
						b.inject(t, f)
						b.recovers(t, 6*time.Minute)
					})
				})
			}
		}
	}
	if n < len(emulator.Kinds()) {
		t.Errorf("%d faults", n)
	}
}

// A modem that restarts without a word forgets which memory is selected. What is deleted then is what was read, nothing else; and
// every setting is set again within a minute.
func TestSilentRestart(t *testing.T) {
	for _, p := range emulator.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			p.Boot, p.BootTime, p.SMSReady = nil, 0, 0
			withEmulator(t, emulator.Options{Profile: p}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
				b.ready(t)
				b.net.Handset(friend).Send(t.Context(), b.dev.Number(), "before")
				time.Sleep(10 * time.Second)
				b.dev.Restart()
				b.net.Handset(friend).Send(t.Context(), b.dev.Number(), "after")
				time.Sleep(2 * time.Second)
				seen := map[string]bool{}
				for range 2 {
					found, err := b.List(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					for _, st := range found {
						seen[st.Raw] = true
						if err := b.Delete(t.Context(), st); err != nil {
							t.Error(err)
						}
					}
				}
				if used, _ := b.dev.Stored("MT"); len(seen) != 2 || used != 0 {
					t.Errorf("%d of 2 messages seen, %d left", len(seen), used)
				}
				time.Sleep(time.Minute + time.Second)
				for _, command := range []string{"+CMEE?", "+CNMI?", "+CREG?"} {
					err := b.do(t.Context(), func(s *session) error {
						want := map[string]string{"+CMEE?": "+CMEE: 1", "+CNMI?": "+CNMI: " + s.cnmi}[command]
						answer, err := s.ask(command)
						if err != nil || len(answer) != 1 || want != "" && answer[0] != want || want == "" && answer[0][:8] != "+CREG: 2" {
							return fmt.Errorf("AT%s = %q, %v", command, answer, err)
						}
						if s.g.echoed() {
							return errors.New("echo is on")
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// A memory that the modem did not tell of at the beginning, since its answer was refused or cut, is swept all the same.
func TestMemoriesAskedAgain(t *testing.T) {
	for _, f := range []emulator.Fault{
		{Kind: emulator.Error, On: "+CPMS", Times: 8}, {Kind: emulator.Split, On: "+CPMS", Offset: 12}, {Kind: emulator.Glue, On: "+CPMS", Times: 2},
		{Kind: emulator.Garbage, On: "+CPMS", Offset: 13, Data: "+CREG: 0", Times: 3},
	} {
		t.Run(string(f.Kind), func(t *testing.T) {
			withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
				b.ready(t)
				if err := b.dev.Inject(f); err != nil {
					t.Fatal(err)
				}
				b.dev.Restart()
				time.Sleep(time.Minute)
				b.ready(t)
				var memories []string
				for range 2 {
					if _, err := b.List(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				b.do(t.Context(), func(s *session) error { memories = s.memories; return nil })
				if len(memories) != 2 {
					t.Errorf("sweeps %q", memories)
				}
			})
		})
	}
}
