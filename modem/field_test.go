package modem

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/modem/emulator"
)

// Found in the middle of a send that another program left: what is written first must not become part of a message.
func TestStuckInPrompt(t *testing.T) {
	bubble(t, func(_ *Config, o *Options, p *peer) {
		open := o.Open
		o.Open = func(ctx context.Context) (Port, error) {
			port, err := open(ctx)
			p.prompt()
			return port, err
		}
	}, func(t *testing.T, r *rig) {
		r.ready(t)
		if n := r.p.heard("PDU:"); n != 0 {
			t.Errorf("%d messages went out", n)
		}
		if s := r.Status(); s.Opens != 1 {
			t.Errorf("opened %d times", s.Opens)
		}
	})
}

// After a restart the first commands get no answer.
func TestFirstCommandsLost(t *testing.T) {
	for _, lost := range []int{1, 8} {
		bubble(t, func(_ *Config, _ *Options, p *peer) {
			p.script = func(*peer, string) bool { lost--; return lost >= 0 }
		}, func(t *testing.T, r *rig) {
			start := time.Now()
			r.ready(t)
			if s := r.Status(); s.Opens != 1 || time.Since(start) > 15*time.Second {
				t.Errorf("after %v, opened %d times", time.Since(start), s.Opens)
			}
		})
	}
}

// A modem that takes its speed from what it hears is told to keep the one that works; others are not touched.
func TestSpeedIsPinned(t *testing.T) {
	for _, tt := range []struct{ answer, want string }{{"+IPR: 0", "+IPR=115200"}, {"+IPR: 9600", ""}, {"", ""}} {
		bubble(t, func(_ *Config, _ *Options, p *peer) {
			p.script = func(p *peer, c string) bool {
				if c != "+IPR?" || tt.answer == "" {
					return false
				}
				p.say("\r\n" + tt.answer + "\r\n\r\nOK\r\n")
				return true
			}
		}, func(t *testing.T, r *rig) {
			r.ready(t)
			if n := r.p.heard("+IPR="); (n == 1) != (tt.want != "") || tt.want != "" && r.p.heard(tt.want) != 1 {
				t.Errorf("%q: speed set %d times", tt.answer, n)
			}
		})
	}
}

// Indications that go to another port are brought to this one; where that is not possible, the regular sweep finds what came.
func TestIndicationsElsewhere(t *testing.T) {
	for _, tt := range []struct {
		profile, command string
		limit            time.Duration
	}{{"ec25", "+QURCCFG", time.Second}, {"huawei-e173", "^PORTSEL", time.Second}, {"sim7600", "+NEVER", 61 * time.Second}} {
		p := profile(tt.profile)
		p.URCPort = tt.command
		withEmulator(t, emulator.Options{Profile: p}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
			b.ready(t)
			b.await(t, NoticeOnline)
			for range 3 {
				start := time.Now()
				b.net.Handset(friend).Send(t.Context(), ownNumber1, "x")
				for found := 0; found == 0; {
					b.await(t, NoticeStored)
					all, err := b.List(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					for _, st := range all {
						found++
						b.Delete(t.Context(), st)
					}
				}
				if d := time.Since(start); d > tt.limit {
					t.Errorf("%s: found after %v", tt.profile, d)
				}
			}
		})
	}
}

// A modem that only stores status reports has their memory swept, too.
func TestStoredReports(t *testing.T) {
	p := profile("generic")
	p.CNMI[3] = []int{0, 2}
	withEmulator(t, emulator.Options{Profile: p}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		b.await(t, NoticeOnline)
		if _, err := b.Submit(t.Context(), withReport(), committed); err != nil {
			t.Fatal(err)
		}
		if n := b.await(t, NoticeStored); n.Memory != "SR" {
			t.Errorf("notice %+v", n)
		}
		found, err := b.List(t.Context())
		if err != nil || len(found) != 1 || found[0].Memory != "SR" || !pduFits(found[0].Raw, found[0].Length) {
			t.Fatalf("%+v, %v", found, err)
		}
		if err := b.Delete(t.Context(), found[0]); err != nil {
			t.Error(err)
		}
		if used, _ := b.dev.Stored("SR"); used != 0 {
			t.Errorf("%d reports left", used)
		}
	})
}

// What may take long gets its time, and the dialogue stays in step.
func TestLongAnswers(t *testing.T) {
	for _, tt := range []struct {
		on     string
		delay  time.Duration
		invoke func(t *testing.T, b *bench) error
	}{
		{"+CMGS", 179 * time.Second, func(t *testing.T, b *bench) error { _, err := b.Submit(t.Context(), tpdu, committed); return err }},
		{"+CMGD", 29 * time.Second, func(t *testing.T, b *bench) error { return b.Delete(t.Context(), Stored{Memory: "SM", Index: 3}) }},
		{"+CMGL", 29 * time.Second, func(t *testing.T, b *bench) error { _, err := b.List(t.Context()); return err }},
		{"+CCFC", 59 * time.Second, func(t *testing.T, b *bench) error { _, err := b.Diversions(t.Context(), DivertBusy); return err }},
		{"+CUSD", 29 * time.Second, func(t *testing.T, b *bench) error { _, err := b.USSD(t.Context(), "*100#"); return err }},
		{"D", 59 * time.Second, func(t *testing.T, b *bench) error { _, err := b.Dial(t.Context(), friend); return err }},
		{"+CFUN", 14 * time.Second, func(_ *testing.T, b *bench) error {
			return b.do(context.Background(), func(s *session) error { _, err := s.ask("+CFUN=1"); return err })
		}},
		{"+CPIN", 19 * time.Second, func(_ *testing.T, b *bench) error {
			return b.do(context.Background(), func(s *session) error { _, err := s.ask("+CPIN?"); return err })
		}},
		{"+COPS", 29 * time.Second, func(_ *testing.T, b *bench) error {
			return b.do(context.Background(), func(s *session) error { _, err := s.ask("+COPS?"); return err })
		}},
	} {
		t.Run(tt.on, func(t *testing.T) {
			withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
				b.ready(t)
				time.Sleep(time.Second)
				b.inject(t, emulator.Fault{Kind: emulator.Late, On: tt.on, Delay: tt.delay})
				start := time.Now()
				if err := tt.invoke(t, b); err != nil || time.Since(start) < tt.delay {
					t.Errorf("after %v: %v", time.Since(start), err)
				}
				if n := b.count(t, "resyncs_total", "desk"); n != 0 {
					t.Errorf("brought into step %v times", n)
				}
			})
		})
	}
}

// A call that is slow to be taken or placed stands: the list tells, not the clock of the command.
func TestSlowCallCommands(t *testing.T) {
	withEmulator(t, emulator.Options{}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
		b.ready(t)
		b.inject(t, emulator.Fault{Kind: emulator.Late, On: "A", Delay: 15 * time.Second})
		b.busyWith(t)
		b.wantCalls(t, map[string]CallState{friend: CallActive})
		time.Sleep(time.Minute)
		b.wantCalls(t, map[string]CallState{friend: CallActive})
		if err := b.HangUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		// Even one whose answer never comes.
		b.inject(t, emulator.Fault{Kind: emulator.Lost, On: "A"})
		b.ring(t, secondCaller, emulator.CallOptions{})
		b.event(t, EventCall, CallCodeEnded)
		b.event(t, EventCall, CallCodeIncoming)
		if err := b.Answer(t.Context()); err == nil {
			t.Error("no error")
		}
		if e := b.event(t, EventCall, CallCodeAnswered); e.Call.Number != secondCaller {
			t.Errorf("answered %+v", e.Call)
		}
		b.wantCalls(t, map[string]CallState{secondCaller: CallActive})
	})
}

// Radios of one program are not switched on together.
func TestRadiosTakeTurns(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		var on []time.Time
		turn := make(chan struct{}, 1)
		var modems []*Modem
		for i := range 5 {
			imei := fmt.Sprintf("49015420323751%d", i)
			p := stick(t, imei, iccidA[:18]+fmt.Sprint(i))
			named, off := p.script, true
			p.script = func(p *peer, c string) bool {
				switch c {
				case "+CFUN?":
					p.say(fmt.Sprintf("\r\n+CFUN: %d\r\n\r\nOK\r\n", map[bool]int{true: 4, false: 1}[off]))
				case "+CFUN=1":
					turn <- struct{}{}
					on, off = append(on, time.Now()), false
					<-turn
					p.say("\r\nOK\r\n")
				default:
					return named(p, c)
				}
				return true
			}
			topology := fmt.Sprintf("1-%d", i+1)
			w.plug(topology, "2c7c:0125", quectel(4*i, p)...)
			m, stop := w.drive("m"+fmt.Sprint(i), func(c *Config) { c.USB = topology }, nil)
			defer stop()
			modems = append(modems, m)
		}
		for _, m := range modems {
			within(t, time.Minute, m, m.name)
		}
		synctest.Wait()
		if len(on) != len(modems) {
			t.Fatalf("%d radios switched on", len(on))
		}
		for i := 1; i < len(on); i++ {
			if d := on[i].Sub(on[i-1]); d < radioGap {
				t.Errorf("%v between two radios", d)
			}
		}
	})
	f := NewFinder(FinderOptions{})
	now := time.Now()
	for range 100 {
		if d := f.radioTurn(now); d > radioWait {
			t.Fatalf("a radio waits %v", d)
		}
	}
}
