package router

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/memory"
)

// Submissions that are screened together are decided each on its own: one whose account cannot be read, and one that makes screening panic, fail alone.
func TestSubmissionsFailAlone(t *testing.T) {
	ctx, engine := t.Context(), memory.New()
	st, err := store.Open(ctx, engine, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s, err := NewScreening(ScreeningOptions{Config: DefaultScreening(), Store: st})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(ctx, store.ListEntry{Kind: "number", Value: carlNumber, Direction: "out"}, time.Now(), "test"); err != nil {
		t.Fatal(err)
	}
	r := New(Options{Config: Default(), Store: st, Screening: s, Measure: func(string, int) (int, error) { return 1, nil }})
	damage := func(id uint64) {
		t.Helper()
		err := engine.Update(ctx, func(tx store.Tx) error {
			return tx.Put("administrators", binary.BigEndian.AppendUint64(nil, id), []byte("garbage"))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	one := func(account, to string) Submission { return Submission{Account: account, To: []string{to}, Text: "x"} }
	check := func(outcomes []Outcome, good ...bool) {
		t.Helper()
		for i, o := range outcomes {
			if (o.Err == nil) != good[i] || good[i] != (len(o.Accepted.Messages) == 1) {
				t.Errorf("submission %d: %+v, %v", i, o.Accepted, o.Err)
			}
		}
	}
	damage(7)
	check(r.SubmitEach(ctx, []Submission{one("uid:0", annNumber), one("admin:7", bobNumber), one("uid:0", carlNumber), one("uid:0", alienNumber)}), true, false, false, true)
	if n := len(refusedOf(t, st)); n != 1 {
		t.Errorf("%d refused messages are kept, want the one to who is denied", n)
	}
	sent := s.sent
	s.sent = nil // a verdict cannot be counted: that is a panic
	check(r.SubmitEach(ctx, []Submission{one("uid:0", annNumber)}), false)
	s.sent = sent
	ended, cancel := context.WithCancel(ctx)
	cancel()
	check(r.SubmitEach(ended, []Submission{one("uid:0", annNumber), one("uid:0", bobNumber)}), false, false)
}

func refusedOf(t *testing.T, st *store.Store) []store.Message {
	t.Helper()
	page, err := st.Messages(t.Context(), store.Query{State: store.Error})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}
