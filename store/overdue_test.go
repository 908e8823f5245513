package store_test

import (
	"testing"
	"time"

	"trunkline/store"
)

// TestOldestDue: of every lane, priority and account the one counts that is due longest; what is not due yet counts for nothing.
func TestOldestDue(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		look := func(at time.Time, want time.Duration, due bool) {
			t.Helper()
			since, ok, err := s.OldestDue(ctx, at)
			if err != nil || ok != due || due && !since.Equal(start.Add(want)) {
				t.Fatalf("at +%s: due since +%s (%v), error %v; want +%s (%v)", at.Sub(start), since.Sub(start), ok, err, want, due)
			}
		}
		put := func(change func(*store.Message)) { accept(t, s, outgoing(t, 1, change)) }
		look(start, 0, false)
		put(func(m *store.Message) { m.SendAt = start.Add(time.Hour) })
		look(start.Add(time.Minute), 0, false)
		look(start.Add(2*time.Hour), time.Hour, true)
		put(func(m *store.Message) { m.CreatedAt, m.Priority = start.Add(50*time.Minute), 9 })
		look(start.Add(2*time.Hour), 50*time.Minute, true)
		put(func(m *store.Message) { m.CreatedAt, m.Priority, m.Account = start.Add(40*time.Minute), 0, "uid:7" })
		look(start.Add(2*time.Hour), 40*time.Minute, true)
		put(func(m *store.Message) { m.CreatedAt, m.Pin = start.Add(30*time.Minute), "cellar" })
		look(start.Add(2*time.Hour), 30*time.Minute, true)
		put(func(m *store.Message) { m.SendAt, m.Prefer = start.Add(20*time.Minute), "roof" })
		look(start.Add(2*time.Hour), 20*time.Minute, true)
		look(start.Add(10*time.Minute), 30*time.Minute, true) // what goes at once does so whatever the clock says
		claim(t, s, "roof", start.Add(21*time.Minute))
	})
}
