package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"trunkline/store"
)

// begin stores the record of a call that begins so long after the start.
func begin(t *testing.T, s *store.Store, after time.Duration, change ...func(*store.CDR)) store.CDRID {
	t.Helper()
	c := store.CDR{ID: store.NewCDRID(), Kind: store.CDRVoice, Direction: store.In, Provider: "default", Trunk: "desk", Number: number(t, "+4915112345678"), StartedAt: start.Add(after)}
	for _, fn := range change {
		fn(&c)
	}
	if err := s.BeginCall(ctx, c, store.Event{Type: "call.incoming", At: c.StartedAt, Reference: -1, Trunk: c.Trunk, Number: c.Number}); err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// end ends a call so long after the start.
func end(t *testing.T, s *store.Store, id store.CDRID, after time.Duration, outcome string) {
	t.Helper()
	_, err := s.ChangeCall(ctx, id, func(c *store.CDR) (store.Event, error) {
		c.EndedAt, c.Outcome = start.Add(after), outcome
		return store.Event{Type: "call.ended", At: c.EndedAt, Reference: -1, Trunk: c.Trunk}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCallRecord(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		id := begin(t, s, 0)
		if page, err := s.CDRs(ctx, store.CDRQuery{Lasting: true}); err != nil || len(page.Items) != 1 || page.Items[0].ID != id {
			t.Errorf("calls that last: %+v, %v", page, err)
		}
		refused := errors.New("no")
		if _, err := s.ChangeCall(ctx, id, func(c *store.CDR) (store.Event, error) { c.Rings = 9; return store.Event{}, refused }); !errors.Is(err, refused) {
			t.Errorf("a change that fails: %v", err)
		}
		end(t, s, id, time.Minute, store.CallMissed)
		end(t, s, id, time.Hour, store.CallMissed) // an end is kept
		c, err := s.CDR(ctx, id)
		if err != nil || !c.EndedAt.Equal(start.Add(time.Minute)) || c.Rings != 0 || c.Outcome != store.CallMissed {
			t.Errorf("%+v, %v", c, err)
		}
		if page, err := s.CDRs(ctx, store.CDRQuery{Lasting: true}); err != nil || len(page.Items) != 0 {
			t.Errorf("calls that last: %+v, %v", page, err)
		}
		events, err := s.Events(ctx, 0, 10)
		if err != nil || len(events) != 3 || events[0].Call != id || events[1].Call != id {
			t.Errorf("events: %+v, %v", events, err)
		}
		for name, err := range map[string]error{"no call": s.BeginCall(ctx, store.CDR{}, store.Event{}), "a call that has ended": s.BeginCall(ctx, c, store.Event{})} {
			if !errors.Is(err, store.ErrInvalid) {
				t.Errorf("begin %s: %v", name, err)
			}
		}
		if _, err := s.ChangeCall(ctx, store.NewCDRID(), nil); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("change of an unknown call: %v", err)
		}
	})
}

// TestLoseCalls: after a crash no call lasts for ever, and its record says so.
func TestLoseCalls(t *testing.T) {
	s, e := open(t, store.Options{})
	over, lasts := begin(t, s, 0), begin(t, s, time.Minute)
	end(t, s, over, time.Minute, store.CallAnswered)
	if _, err := s.ChangeCall(ctx, lasts, func(c *store.CDR) (store.Event, error) {
		c.Note(start.Add(2*time.Minute), "answered", "")
		return store.Event{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, e, store.Options{})
	for want := 1; want >= 0; want-- {
		if n, err := s.LoseCalls(ctx, start.Add(time.Hour)); err != nil || n != want {
			t.Errorf("lost %d, %v, want %d", n, err, want)
		}
	}
	if c, err := s.CDR(ctx, lasts); err != nil || c.Outcome != store.CallLost || !c.EndedAt.Equal(start.Add(2*time.Minute)) {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := s.CDR(ctx, over); err != nil || c.Outcome != store.CallAnswered {
		t.Errorf("%+v, %v", c, err)
	}
	check(t, s)
}

func TestListCDRs(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		now := time.Now().UTC() // ids have the time
		var all []store.CDRID
		for i := range 7 {
			id := begin(t, s, 0, func(c *store.CDR) {
				c.StartedAt = now.Add(time.Duration(i) * time.Second)
				if i%2 == 1 {
					c.Trunk, c.Provider, c.Direction = "roof", "acme", store.Out
					c.Number = number(t, "+4915100000009")
					c.Decision = &store.CallDecision{Plan: "night", Draw: -1}
				}
			})
			all = append(all, id)
			end(t, s, id, time.Hour, []string{store.CallMissed, store.CallAnswered}[i%2])
		}
		odd := []store.CDRID{all[1], all[3], all[5]}
		for name, c := range map[string]struct {
			q    store.CDRQuery
			want []store.CDRID
		}{
			"all":        {store.CDRQuery{}, all},
			"kind":       {store.CDRQuery{Kind: store.CDRMessage}, nil},
			"direction":  {store.CDRQuery{Direction: store.Out}, odd},
			"provider":   {store.CDRQuery{Provider: "acme"}, odd},
			"subscriber": {store.CDRQuery{Subscriber: "alice"}, nil},
			"trunk":      {store.CDRQuery{Trunk: "roof"}, odd},
			"number":     {store.CDRQuery{Number: number(t, "015100000009")}, odd},
			"plan":       {store.CDRQuery{Plan: "night"}, odd},
			"outcome":    {store.CDRQuery{Outcome: store.CallAnswered}, odd},
			"since":      {store.CDRQuery{Since: now.Add(5 * time.Second)}, all[5:]},
			"until":      {store.CDRQuery{Until: now.Add(2 * time.Second)}, all[:2]},
		} {
			for _, ascending := range []bool{true, false} {
				q := c.q
				q.Limit, q.Ascending = 2, ascending
				var got []store.CDRID
				for {
					page, err := s.CDRs(ctx, q)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					for _, c := range page.Items {
						got = append(got, c.ID)
					}
					if q.Cursor = page.Next; q.Cursor == "" {
						break
					}
				}
				if !ascending {
					slices.Reverse(got)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s, ascending %v: %v, want %v", name, ascending, got, c.want)
				}
			}
		}
		page, err := s.CDRs(ctx, store.CDRQuery{Limit: 2})
		if err != nil || page.Next == "" {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, cursor := range []string{"x", page.Next + "A", page.Next} {
			if _, err := s.CDRs(ctx, store.CDRQuery{Limit: 2, Trunk: "roof", Cursor: cursor}); !errors.Is(err, store.ErrCursor) {
				t.Errorf("cursor %q: %v", cursor, err)
			}
		}
	})
}

func TestExpireCDRs(t *testing.T) {
	s, _ := open(t, store.Options{})
	now := time.Now().UTC()
	at := func(c *store.CDR) { c.StartedAt = now }
	over, lasts := begin(t, s, 0, at), begin(t, s, 0, at)
	end(t, s, over, now.Sub(start)+time.Second, store.CallMissed)
	if d, err := s.ExpireCDRs(ctx, now, nil); err != nil || d.Deleted != 0 {
		t.Errorf("too early: %+v, %v", d, err)
	}
	if d, err := s.ExpireCDRs(ctx, now.Add(time.Hour), nil); err != nil || d.Deleted != 1 || d.Next != nil {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := s.CDR(ctx, over); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the old one: %v", err)
	}
	if _, err := s.CDR(ctx, lasts); err != nil {
		t.Errorf("the one that lasts: %v", err)
	}
	check(t, s)
}
