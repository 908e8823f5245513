package store_test

import (
	"errors"
	"testing"
	"time"

	"trunkline/store"
)

// TestMessageRecords: when it is asked for, messages have records too, which follow them.
func TestMessageRecords(t *testing.T) {
	s, _ := open(t, store.Options{MessageCDRs: true})
	m := outgoing(t, 1)
	accept(t, s, m)
	record := func() (store.CDR, error) { return s.CDR(ctx, store.CDRID(m.ID)) }
	if _, err := record(); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of a message that waits: %v", err)
	}
	at := start.Add(time.Minute)
	if _, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "sim", At: at}); err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := s.Mark(ctx, m.ID, 1, at); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: at, SIM: "sim", State: store.Sent, Reference: 7}); err != nil {
		t.Fatal(err)
	}
	c, err := record()
	if err != nil || c.Kind != store.CDRMessage || c.Outcome != "sent" || c.Provider != "default" || c.Trunk != "desk" || !c.EndedAt.Equal(at) || c.Message != m.ID || c.Account != m.Account || len(c.Events) != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	refused := outgoing(t, 1)
	accept(t, s, refused)
	if _, err := s.Cancel(ctx, refused.ID, at); err != nil {
		t.Fatal(err)
	}
	if page, err := s.CDRs(ctx, store.CDRQuery{Kind: store.CDRMessage, Outcome: "canceled"}); err != nil || len(page.Items) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
	check(t, s)
	none, _ := open(t, store.Options{})
	accept(t, none, refused)
	if _, err := none.Cancel(ctx, refused.ID, at); err != nil {
		t.Fatal(err)
	}
	if page, err := none.CDRs(ctx, store.CDRQuery{}); err != nil || len(page.Items) != 0 {
		t.Errorf("not asked for: %+v, %v", page, err)
	}
}
