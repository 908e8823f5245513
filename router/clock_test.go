package router

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
	"trunkline/store/memory"
)

// lastLife is when the store was used last, by a clock that was right.
var lastLife = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// boot starts a router on what an earlier life left; a clock that shows less than 2026 is not set. The clock of a bubble begins in 2000.
func boot(t *testing.T, engine *memory.Engine, trunks ...Trunk) *bench {
	t.Helper()
	c := Default()
	s, err := store.Open(t.Context(), engine, store.Options{ClockFrom: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), UnknownAfter: c.UnknownAfter, ReportWindow: c.ReportWindow, Accounting: NewBooks(c)})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Config: c, Books: NewBooks(c), Store: s, Trunks: trunks, Measure: measure})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	b := &bench{Router: r, store: s, engine: engine}
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return b
}

// left makes a store as a life that ended at lastLife leaves it, with messages by their text.
func left(t *testing.T) (*memory.Engine, map[string]store.MessageID) {
	t.Helper()
	engine := memory.New()
	s, err := store.Open(t.Context(), engine, store.Options{UnknownAfter: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]store.MessageID{}
	add := func(text, pin string, change func(*store.Message)) {
		t.Helper()
		m := store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: number("+4915112345678"), Text: text, Pin: pin, Account: "uid:1", Priority: 5, CreatedAt: lastLife,
			Parts: []store.Part{{Seq: 1, State: store.Waiting, Reference: -1, Status: -1}}}
		if change != nil {
			change(&m)
		}
		if _, err := s.Accept(t.Context(), store.Acceptance{Messages: []store.Message{m}, Key: &store.Key{Scope: "uid:1", Key: text, At: lastLife}}); err != nil {
			t.Fatal(err)
		}
		ids[text] = m.ID
	}
	add("doubt", "", nil)
	m, ok, err := s.Claim(t.Context(), store.Claim{Trunk: "a", SIM: "sim", At: lastLife})
	if err == nil && ok {
		err = s.Mark(t.Context(), m.ID, 1, lastLife)
	}
	if err == nil && ok {
		_, err = s.Settle(t.Context(), store.Outcome{ID: m.ID, Seq: 1, At: lastLife, State: store.Unknown, Reference: -1, Failure: &store.Failure{Code: "answer_lost"}})
	}
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	add("now", "a", nil)
	add("later", "a", func(m *store.Message) { m.SendAt = lastLife.Add(2 * time.Hour) })
	add("valid", "b", func(m *store.Message) { m.ExpiresAt = lastLife.Add(24 * time.Hour) }) // of a trunk that is down
	return engine, ids
}

// TestClockNotSet: after a start in the past nothing is over that is not over, what is to go goes, once, and when the right time comes all that was stamped
// meanwhile is as old as it is.
func TestClockNotSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		engine, ids := left(t)
		a := &line{}
		trunks := []Trunk{{"a", a}, {"b", &line{down: make(chan struct{})}}}
		b := boot(t, engine, trunks...)
		states := func(want map[string]store.State) {
			t.Helper()
			synctest.Wait()
			for text, state := range want {
				if m := b.message(t, ids[text]); m.State != state {
					t.Errorf("after %s %q is %s, want %s", b.store.Now().Sub(lastLife), text, m.State, state)
				}
			}
		}
		time.Sleep(time.Minute)
		if now := b.store.Now(); b.store.ClockSet() || now.Sub(lastLife) != time.Minute {
			t.Errorf("a minute after the start it is %s", now)
		}
		states(map[string]store.State{"now": store.Sent, "later": store.Waiting, "valid": store.Waiting, "doubt": store.Sending})
		ids["new"] = b.submit(t, Submission{Account: "uid:1", To: []string{"+4915112345678"}, Text: "new", Trunk: "b", ValidFor: 20 * 24 * time.Hour, IdempotencyKey: "key"})
		time.Sleep(2 * time.Hour)
		states(map[string]store.State{"later": store.Sent, "valid": store.Waiting, "doubt": store.Unknown, "new": store.Waiting})
		time.Sleep(23 * time.Hour)
		states(map[string]store.State{"valid": store.Expired, "new": store.Waiting})
		b.stop()

		// The right time comes: ten days after the end of the earlier life.
		time.Sleep(time.Until(lastLife.Add(10 * 24 * time.Hour)))
		b = boot(t, engine, trunks...)
		defer func() { b.stop() }()
		time.Sleep(time.Minute)
		if !b.store.ClockSet() || !b.store.Now().Equal(time.Now()) {
			t.Error("the clock is not believed")
		}
		states(map[string]store.State{"now": store.Sent, "later": store.Sent, "new": store.Waiting})
		if m := b.message(t, ids["new"]); m.CreatedAt.Before(lastLife) || !m.ExpiresAt.Equal(m.CreatedAt.Add(20*24*time.Hour)) {
			t.Errorf("created %s, expires %s", m.CreatedAt, m.ExpiresAt)
		}
		if got := a.marked(); !slices.Equal(got, []string{"now/1", "later/1"}) {
			t.Errorf("sent %q", got)
		}
	})
}

// TestClockSteps: a step of the clock by an hour, in either direction, sends nothing twice, and nothing never.
func TestClockSteps(t *testing.T) {
	c := settings(func(_ *Config, a *TrunkConfig) { a.PartsPerHour = 2 })
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s, err := store.Open(t.Context(), memory.New(), store.Options{Accounting: NewBooks(c)})
			if err != nil {
				t.Fatal(err)
			}
			accept := func(text string, at, sendAt time.Time) {
				t.Helper()
				m := store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: number("+4915112345678"), Text: text, Account: "uid:1", Priority: 5, CreatedAt: at, SendAt: sendAt,
					Parts: []store.Part{{Seq: 1, State: store.Waiting, Reference: -1, Status: -1}}}
				if _, err := s.Accept(t.Context(), store.Acceptance{Messages: []store.Message{m}, Key: &store.Key{Scope: "uid:1", Key: text, At: at}}); err != nil {
					t.Fatal(err)
				}
			}
			times := map[string]int{}
			hours := map[time.Time]int{}
			retried := false
			look := func(at time.Time) {
				t.Helper()
				for {
					m, ok, err := s.Claim(t.Context(), store.Claim{Trunk: "a", SIM: "sim", At: at})
					var limit *store.LimitError
					if err != nil && !errors.As(err, &limit) {
						t.Fatal(err)
					}
					if !ok {
						return
					}
					o := store.Outcome{ID: m.ID, Seq: 1, At: at, State: store.Sent, Reference: 1}
					if m.Text == "retry" && !retried {
						retried, o.State, o.RetryAt = true, store.Waiting, at.Add(5*time.Minute)
					} else {
						times[m.Text]++
						hours[at.Truncate(time.Hour)]++
						if err := s.Mark(t.Context(), m.ID, 1, at); err != nil {
							t.Fatal(err)
						}
					}
					if _, err := s.Settle(t.Context(), o); err != nil {
						t.Fatal(err)
					}
				}
			}
			accept("scheduled", lastLife, lastLife.Add(30*time.Minute))
			accept("retry", lastLife, time.Time{})
			for _, text := range []string{"1", "2", "3", "4", "5"} {
				accept(text, lastLife, time.Time{})
			}
			wall := lastLife
			for minute := range 5 * 60 {
				look(wall)
				if _, err := s.Tidy(t.Context(), wall); err != nil {
					t.Fatal(err)
				}
				switch wall = wall.Add(time.Minute); minute {
				case 10: // the step, and back
					wall = wall.Add(step)
				case 20:
					wall = wall.Add(-step)
				}
			}
			for _, text := range []string{"scheduled", "retry", "1", "2", "3", "4", "5"} {
				if times[text] != 1 {
					t.Errorf("step of %s: %q went %d times", step, text, times[text])
				}
			}
			for hour, n := range hours {
				if n > 2 {
					t.Errorf("step of %s: %d parts in the hour of %s", step, n, hour)
				}
			}
		})
	}
}
