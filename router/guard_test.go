package router

import (
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
)

// restart is a gateway that begins anew over the same store.
func (d *desk) restart() {
	d.t.Helper()
	d.Inbound = NewInbound(d.o)
	if err := d.guard.load(d.t.Context(), d.store); err != nil {
		d.t.Fatal(err)
	}
}

// Neither the loop guard nor the limits of actions are got round by restarts, after each of which all is counted that was counted before, until its time is over.
func TestLimitsSurviveRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, func(c *ScreenConfig) { c.UnknownText, c.HelpReply = "unknown command", "ask us" }, nil).everybody()
		d.action(store.Action{Keyword: "ping", Kind: store.ActionReply, Text: "pong {{text}}", SenderLimit: 2, HourLimit: 3})
		round := func() (equal, help, ann, bob int) {
			t.Helper()
			for range 6 {
				d.restart()
				_, sent := d.says(alienNumber, "unknown command")
				equal += len(sent)
				_, sent = d.says(alienNumber, "help")
				help += len(sent)
				if m, _ := d.says(annNumber, "ping"); d.run(m).State == store.RunDone {
					ann++
				}
			}
			for range 3 {
				d.restart()
				if m, _ := d.says(bobNumber, "ping"); d.run(m).State == store.RunDone {
					bob++
				}
			}
			return equal, help, ann, bob
		}
		if equal, help, ann, bob := round(); equal != 3 || help != 1 || ann != 2 || bob != 1 {
			t.Errorf("%d equal answers, %d answers to help, %d and %d runs; want 3, 1, 2 and 1", equal, help, ann, bob)
		}
		time.Sleep(61 * time.Minute)
		if equal, help, ann, bob := round(); equal != 3 || help != 0 || ann != 2 || bob != 1 {
			t.Errorf("an hour later: %d equal answers, %d answers to help, %d and %d runs; want 3, 0, 2 and 1", equal, help, ann, bob)
		}
		d.sound()
		// What is over is forgotten: nothing stays for ever.
		time.Sleep(75 * time.Hour)
		for more := true; more; {
			var err error
			if more, err = d.store.Tidy(t.Context(), d.store.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if left, err := d.store.Marked(t.Context(), time.Time{}); err != nil || len(left) > 0 {
			t.Errorf("%d marks are left, %v", len(left), err)
		}
		d.sound()
	})
}

// A flood of senders is bounded in what is remembered and in what is stored.
func TestGuardIsBounded(t *testing.T) {
	g, now := newGuard(), time.Now()
	var marks []store.Mark
	for i := range maxGuarded + 10 {
		if g.allow(nil, guardKey('t', i), 1, time.Hour, now) != (i < maxGuarded) {
			t.Fatalf("number %d", i)
		}
	}
	for range 10 {
		g.allow(&marks, guardKey('t', 1), 3, time.Hour, now.Add(2*time.Hour))
	}
	if len(marks) != 3 || !marks[0].Since.Equal(now.Add(2*time.Hour)) || marks[0] != marks[2] {
		t.Errorf("%+v", marks)
	}
	if guardKey('t', "a", "b c") == guardKey('t', "a b", "c") || guardKey('t', "1") == guardKey('t', 1) || guardKey('t', 1) == guardKey('u', 1) {
		t.Error("two things are counted as one")
	}
}
