package gsm

import (
	"errors"
	"testing"
	"time"

	"trunkline/modem/emulator"
	"trunkline/router"
)

// diverting are settings that have the network pass calls on.
func diverting(when string) router.CallConfig {
	c := router.DefaultCalls()
	c.Line = map[string]router.LineConfig{"desk": {Number: own, Divert: when}}
	return c
}

const (
	nights = `[{"label":"early","criteria":{"time":["00:00","00:05"]},"destination":{"number":"` + elsewhere + `"}},` +
		`{"label":"late","criteria":{"time":["00:10","03:00"]},"destination":{"number":"` + elsewhere + `"}}]`
	whenAlways  = 0 // <reason> of AT+CCFC
	whenNoReply = 2
)

func (r *callRig) wantDivert(when int, want string) {
	r.t.Helper()
	if got := r.device.Diverts()[when]; got != want {
		r.t.Errorf("at %s calls are passed on to %q, want %q", time.Now().UTC().Format("15:04"), got, want)
	}
}

// until sleeps until a time of the day, by the clock of the bubble, which starts at midnight.
func until(clock string) {
	at, err := time.Parse("15:04:05", clock)
	if err != nil {
		panic(err)
	}
	now := time.Now().UTC()
	want := time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC)
	if !want.After(now) {
		want = want.AddDate(0, 0, 1)
	}
	time.Sleep(want.Sub(now))
}

// TestDivertBySchedule: the network passes calls on while the rules of the time say so.
func TestDivertBySchedule(t *testing.T) {
	onCalls(t, able(), diverting(router.DivertNoReply), nights, func(r *callRig) {
		time.Sleep(2 * time.Second)
		r.wantDivert(whenNoReply, elsewhere) // it is midnight
		_, took, err := r.ring(time.Minute, emulator.CallOptions{})
		if d, ok := errors.AsType[*emulator.DivertedError](err); !ok || d.Number != elsewhere || took < 20*time.Second {
			t.Errorf("the caller: %v after %s", err, took)
		}
		until("00:04:30")
		r.wantDivert(whenNoReply, elsewhere)
		until("00:05:30")
		r.wantDivert(whenNoReply, "")
		until("00:09:30")
		r.wantDivert(whenNoReply, "")
		until("00:10:30")
		r.wantDivert(whenNoReply, elsewhere)
		if a, b := r.events("call.diverted"), r.events("call.divert_ended"); a != 2 || b != 1 {
			t.Errorf("events: diverted %d, ended %d", a, b)
		}
		// What somebody else changes is put right when the modem comes up again.
		r.device.SetDivert(whenNoReply, friend)
		if err := r.device.Inject(emulator.Fault{Kind: emulator.Unplug}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		r.wantDivert(whenNoReply, elsewhere)
		lines, err := r.calls.Diversions(r.t.Context())
		if err != nil || len(lines) != 1 || lines[0].Trunk != "desk" || lines[0].Actual.To != elsewhere || lines[0].Problem != "" || lines[0].Checked.IsZero() {
			t.Errorf("diversions: %+v, %v", lines, err)
		}
	})
}

// TestDivertIsLookedAtDaily: what somebody else changes is put right within a day.
func TestDivertIsLookedAtDaily(t *testing.T) {
	onCalls(t, able(), diverting(router.DivertAlways), `[{`+always+`,"destination":{"number":"`+elsewhere+`"}}]`, func(r *callRig) {
		time.Sleep(time.Minute)
		r.device.SetDivert(whenAlways, friend)
		time.Sleep(25 * time.Hour)
		r.wantDivert(whenAlways, elsewhere)
	})
}

// TestDivertIsForEverybody: a rule that looks at the caller is none for all calls.
func TestDivertIsForEverybody(t *testing.T) {
	for name, rules := range map[string]string{
		"a caller":        `[{"label":"a","criteria":{"match":["` + friend + `"]},"destination":{"number":"` + elsewhere + `"}}]`,
		"withheld":        `[{"label":"a","criteria":{"match":["anonymous"]},"destination":{"number":"` + elsewhere + `"}}]`,
		"an earlier rule": `[{"label":"a","criteria":{"match":["anonymous"]},"destination":{"terminate":true}},{"label":"b","criteria":{"always":true},"destination":{"number":"` + elsewhere + `"}}]`,
		"itself":          `[{` + always + `,"destination":{"number":"` + own + `"}}]`,
		"an address":      `[{` + always + `,"destination":{"sip":"a@example.com"}}]`,
		"an end":          `[{` + always + `,"destination":{"terminate":true}}]`,
	} {
		t.Run(name, func(t *testing.T) {
			onCalls(t, able(), diverting(router.DivertAlways), rules, func(r *callRig) {
				time.Sleep(3 * time.Minute)
				r.wantDivert(whenAlways, "")
			})
		})
	}
}

// TestDivertThatIsRefused: what the network does not do is told once, tried again, and shown.
func TestDivertThatIsRefused(t *testing.T) {
	onCalls(t, able(), diverting(router.DivertAlways), nights, func(r *callRig) {
		until("00:07:00")
		if err := r.device.Inject(emulator.Fault{Kind: emulator.Error, On: "+CCFC", Times: -1}); err != nil {
			t.Fatal(err)
		}
		until("00:19:30")
		r.wantDivert(whenAlways, "")
		if n := r.events("call.divert_failed"); n != 1 {
			t.Errorf("%d events call.divert_failed", n)
		}
		if lines, err := r.calls.Diversions(r.t.Context()); err != nil || len(lines) != 1 || lines[0].Problem == "" || lines[0].Wanted.To != elsewhere {
			t.Errorf("diversions: %+v, %v", lines, err)
		}
		if err := r.device.Inject(emulator.Fault{Kind: emulator.Clear}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		r.wantDivert(whenAlways, elsewhere)
	})
}

// TestDivertOverACrash: the program ends while the network is being asked, and the next one does not divert any more. Nothing stays that nobody knows.
func TestDivertOverACrash(t *testing.T) {
	onCalls(t, able(), diverting(router.DivertAlways), nights, func(r *callRig) {
		until("00:06:00")
		r.wantDivert(whenAlways, "")
		until("00:09:00")
		if err := r.device.Inject(emulator.Fault{Kind: emulator.Late, On: "+CCFC", Skip: 1, Delay: 30 * time.Second}); err != nil {
			t.Fatal(err)
		}
		until("00:10:10") // the network made it, the answer is not there
		r.wantDivert(whenAlways, elsewhere)
		r.config = router.DefaultCalls()
		r.crash()
		time.Sleep(5 * time.Minute)
		r.wantDivert(whenAlways, "")
		if lines, err := r.calls.Diversions(r.t.Context()); err != nil || len(lines) != 0 {
			t.Errorf("diversions: %+v, %v", lines, err)
		}
	})
}

// TestDivertOfSomebodyElse: what this program never asked for is nobody's business as long as nothing is configured, nor is what was changed since.
func TestDivertOfSomebodyElse(t *testing.T) {
	onCalls(t, able(), router.DefaultCalls(), nights, func(r *callRig) {
		r.device.SetDivert(whenAlways, friend)
		time.Sleep(2 * time.Minute)
		r.wantDivert(whenAlways, friend)
		r.device.SetDivert(whenAlways, "")
		r.stop()
		r.config = diverting(router.DivertAlways)
		r.start()
		time.Sleep(2 * time.Minute)
		r.wantDivert(whenAlways, elsewhere)
		r.device.SetDivert(whenAlways, friend)
		r.calls.Reconfigure(router.DefaultCalls())
		time.Sleep(2 * time.Minute)
		r.wantDivert(whenAlways, friend)
	})
}

// TestDivertOtherwise: another reason takes the place of the one before.
func TestDivertOtherwise(t *testing.T) {
	onCalls(t, able(), diverting(router.DivertAlways), nights, func(r *callRig) {
		time.Sleep(2 * time.Second)
		r.wantDivert(whenAlways, elsewhere)
		r.calls.Reconfigure(diverting(router.DivertNoReply))
		time.Sleep(time.Minute)
		r.wantDivert(whenAlways, "")
		r.wantDivert(whenNoReply, elsewhere)
	})
}
