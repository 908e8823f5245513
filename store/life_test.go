package store_test

import (
	"slices"
	"testing"
	"time"

	"trunkline/store"
)

func TestLifeOfAMessage(t *testing.T) {
	onEngines(t, store.Options{}, lifeOfAMessage)
}

func lifeOfAMessage(t *testing.T, s *store.Store) {
	m := outgoing(t, 2)
	accept(t, s, m)
	got := claim(t, s, "desk", start)
	if got.State != store.Sending || got.Concat == 0 || got.Trunk != "desk" {
		t.Errorf("claimed: %+v", got)
	}
	if _, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: start}); ok || err != nil {
		t.Errorf("second claim: ok %v, error %v", ok, err)
	}
	for seq := 1; seq <= 2; seq++ {
		if err := s.Mark(ctx, m.ID, seq, start); err != nil {
			t.Fatal(err)
		}
		got, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: seq, At: start.Add(time.Second), State: store.Sent, Reference: 40 + seq})
		if err != nil {
			t.Fatal(err)
		}
		if want := []store.State{store.Sending, store.Sent}[seq-1]; got.State != want {
			t.Errorf("after part %d: %s, want %s", seq, got.State, want)
		}
	}
	check(t, s)
	for seq := 1; seq <= 2; seq++ {
		match, got, err := s.Report(ctx, store.Report{SIM: "sim-desk", Reference: 40 + seq, Recipient: number(t, "015112345678"), Status: 0, At: start.Add(time.Minute)})
		if err != nil || match != store.Matched {
			t.Fatalf("report %d: %s, %v", seq, match, err)
		}
		if want := []store.State{store.Sent, store.Delivered}[seq-1]; got.State != want {
			t.Errorf("after report %d: %s, want %s", seq, got.State, want)
		}
	}
	want := []string{"message.waiting", "message.sending", "part.sent", "message.sent", "part.delivered", "message.delivered"}
	if got := types(t, s); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	check(t, s)
}
