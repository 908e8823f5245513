package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"trunkline/store"
)

func TestClaimOrder(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		with := func(name string, priority uint8, change func(*store.Message)) store.Message {
			return outgoing(t, 1, func(m *store.Message) { m.Text, m.Priority = name, priority }, change)
		}
		accept(t, s,
			with("old", 5, func(m *store.Message) { m.CreatedAt = start.Add(-time.Minute) }),
			with("new", 5, func(m *store.Message) {}),
			with("new, pinned", 5, func(m *store.Message) { m.Pin = "desk"; m.CreatedAt = start.Add(-time.Second) }),
			with("other trunk", 9, func(m *store.Message) { m.Pin = "roof" }),
			with("urgent", 9, func(m *store.Message) {}),
			with("urgent later", 9, func(m *store.Message) { m.SendAt = start.Add(time.Hour) }),
			with("timed, overdue", 5, func(m *store.Message) { m.SendAt = start.Add(-time.Hour) }),
			with("low", 0, func(m *store.Message) { m.CreatedAt = start.Add(-time.Hour) }),
			with("from the future", 0, func(m *store.Message) { m.CreatedAt = start.Add(time.Hour) }), // the clock was set back
			with("expired", 9, func(m *store.Message) { m.ExpiresAt = start }),
			with("unsendable", 9, func(m *store.Message) {}),
		)
		var got []string
		for {
			m, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: start, Prepare: func(m *store.Message) error {
				if m.Text == "unsendable" {
					m.Parts[0].TPDU = []byte("half done")
					return errors.New("cannot be written")
				}
				m.Parts[0].TPDU = []byte(m.Text)
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if a := m.Parts[0].Attempts; string(m.Parts[0].TPDU) != m.Text || len(a) != 1 || a[0].Phase != store.Claimed || a[0].Number != 1 {
				t.Errorf("%s: part %+v", m.Text, m.Parts[0])
			}
			got = append(got, m.Text)
		}
		want := []string{"urgent", "timed, overdue", "old", "new, pinned", "new", "low", "from the future"}
		if !slices.Equal(got, want) {
			t.Errorf("claimed %q\n   want %q", got, want)
		}
		states := map[string]store.State{}
		page, err := s.Messages(ctx, store.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Items {
			states[m.Text] = m.State
			if m.Text == "unsendable" && (m.Failure == nil || m.Failure.Code != "unsendable" || m.Failure.Text != "cannot be written" || m.Trunk != "" || m.Parts[0].TPDU != nil) {
				t.Errorf("unsendable: %+v, trunk %q", m.Failure, m.Trunk)
			}
		}
		for text, want := range map[string]store.State{"expired": store.Expired, "unsendable": store.Error, "other trunk": store.Waiting, "urgent later": store.Waiting, "old": store.Sending} {
			if states[text] != want {
				t.Errorf("%s is %s, want %s", text, states[text], want)
			}
		}
		counts, err := s.Counts(ctx)
		if err != nil || counts[store.Waiting] != 2 || counts[store.Sending] != len(want) {
			t.Errorf("counts %v, %v", counts, err)
		}
		if at, ok, err := s.Due(ctx, "desk"); err != nil || !ok || !at.Equal(start.Add(time.Hour)) {
			t.Errorf("due %s, %v, %v", at, ok, err)
		}
		if at, ok, err := s.Due(ctx, "roof"); err != nil || !ok || !at.IsZero() {
			t.Errorf("due on the other trunk: %s, %v, %v", at, ok, err)
		}
	})
}

func TestDueOfNothing(t *testing.T) {
	s, _ := open(t, store.Options{})
	if _, ok, err := s.Due(ctx, "desk"); ok || err != nil {
		t.Errorf("ok %v, %v", ok, err)
	}
	accept(t, s, outgoing(t, 1, func(m *store.Message) { m.State = store.Held }), outgoing(t, 1, func(m *store.Message) { m.State = store.Debug }))
	if _, ok, err := s.Due(ctx, "desk"); ok || err != nil {
		t.Errorf("ok %v, %v", ok, err)
	}
	check(t, s)
}

// Claims of several trunks at a time never give one message twice.
func TestClaimOnce(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		const n = 60
		for range n {
			accept(t, s, outgoing(t, 1))
		}
		got := make(chan store.MessageID, n+10)
		done := make(chan error)
		for _, trunk := range []string{"a", "b", "c", "d"} {
			go func() {
				for {
					m, ok, err := s.Claim(ctx, store.Claim{Trunk: trunk, At: start})
					if err != nil || !ok {
						done <- err
						return
					}
					got <- m.ID
				}
			}()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		close(got)
		seen := map[store.MessageID]bool{}
		for id := range got {
			if seen[id] {
				t.Errorf("%s was claimed twice", id)
			}
			seen[id] = true
		}
		if len(seen) != n {
			t.Errorf("%d claimed, want %d", len(seen), n)
		}
	})
}

// Each long message to a phone gets the next reference, over a restart too.
func TestConcatReference(t *testing.T) {
	s, e := open(t, store.Options{})
	var got []uint8
	for i := range 257 {
		if i == 3 {
			s = reopen(t, e, store.Options{})
		}
		accept(t, s, outgoing(t, 2))
		got = append(got, claim(t, s, "desk", start).Concat)
	}
	if got[0] != 1 || got[1] != 2 || got[3] != 4 || got[254] != 255 || got[255] != 1 {
		t.Errorf("references %v", got)
	}
	accept(t, s, outgoing(t, 2, func(m *store.Message) { m.To = number(t, "+43123456789") }))
	if m := claim(t, s, "desk", start); m.Concat != 1 {
		t.Errorf("another phone got %d", m.Concat)
	}
}

func TestMark(t *testing.T) {
	s, _ := open(t, store.Options{})
	m := outgoing(t, 2)
	accept(t, s, m)
	if err := s.Mark(ctx, m.ID, 1, start); !errors.Is(err, store.ErrAttempt) {
		t.Errorf("before the claim: %v", err)
	}
	claim(t, s, "desk", start)
	for _, test := range []struct {
		seq  int
		want error
	}{{2, store.ErrAttempt}, {3, store.ErrAttempt}, {1, nil}, {1, store.ErrAttempt}} {
		if err := s.Mark(ctx, m.ID, test.seq, start); !errors.Is(err, test.want) {
			t.Errorf("part %d: %v, want %v", test.seq, err, test.want)
		}
	}
}
