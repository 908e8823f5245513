package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"trunkline/store"
)

// aged gives a message the id and times of some days before the start.
func aged(days int) func(*store.Message) {
	return func(m *store.Message) {
		m.CreatedAt = start.AddDate(0, 0, -days)
		id := uuid.UUID(store.NewMessageID())
		ms := uint64(m.CreatedAt.UnixMilli())
		for i := range 6 {
			id[i] = byte(ms >> (40 - 8*i))
		}
		m.ID = store.MessageID(id)
	}
}

// expireAll calls until everything was looked at, and returns how many were deleted.
func expireAll(t *testing.T, fn func(from []byte) (store.Deletion, error)) (deleted int) {
	t.Helper()
	for from := []byte(nil); ; {
		e, err := fn(from)
		if err != nil {
			t.Fatal(err)
		}
		deleted += e.Deleted
		if from = e.Next; from == nil {
			return deleted
		}
	}
}

// Only what is old, of the direction, and at its end is deleted, with every index entry.
func TestExpireMessages(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		at := start
		out := func(days int, change ...func(*store.Message)) store.Message {
			m := outgoing(t, 1, append([]func(*store.Message){aged(days)}, change...)...)
			accept(t, s, m)
			return m
		}
		// sent takes the only message that waits to an outcome.
		sent := func(m store.Message, state store.State, reference int) {
			t.Helper()
			got, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "sim-desk", At: at})
			if err != nil || !ok || got.ID != m.ID {
				t.Fatalf("claimed %s, %v, %v", got.ID, ok, err)
			}
			o := store.Outcome{ID: m.ID, Seq: 1, At: at, State: state, Reference: reference}
			if state != store.Sent {
				o.Failure = &store.Failure{Code: "x", Text: "y"}
			}
			if _, err := s.Settle(ctx, o); err != nil {
				t.Fatal(err)
			}
		}
		var gone, kept []store.MessageID
		awaiting := out(100)
		sent(awaiting, store.Sent, 7) // a report is awaited
		kept = append(kept, awaiting.ID)
		failed := out(90)
		sent(failed, store.Error, -1)
		gone = append(gone, failed.ID)
		unreported := out(80)
		sent(unreported, store.Sent, -1) // no reference: nothing more will come
		gone = append(gone, unreported.ID)
		canceled := out(70)
		if _, err := s.Cancel(ctx, canceled.ID, at); err != nil {
			t.Fatal(err)
		}
		gone = append(gone, canceled.ID)
		debug := out(60, func(m *store.Message) { m.State = store.Debug; m.Parts[0].State = store.Debug })
		gone = append(gone, debug.ID)
		waiting := out(50, func(m *store.Message) { m.Pin = "roof" })
		kept = append(kept, waiting.ID)
		held := out(50, func(m *store.Message) { m.State = store.Held })
		kept = append(kept, held.ID)
		young := out(29)
		if _, err := s.Cancel(ctx, young.ID, at); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, young.ID)
		in := arrival(t, "hello", "SM1", "pdu", start.AddDate(0, 0, -40))
		aged(40)(&in.Message)
		receive(t, s, in)
		kept = append(kept, in.Message.ID)
		check(t, s)

		before := start.AddDate(0, 0, -30)
		fn := func(d store.Direction) func([]byte) (store.Deletion, error) {
			return func(from []byte) (store.Deletion, error) { return s.ExpireMessages(ctx, d, before, from) }
		}
		if n := expireAll(t, fn(store.Out)); n != len(gone) {
			t.Errorf("%d deleted, want %d", n, len(gone))
		}
		for _, id := range gone {
			if _, err := s.Message(ctx, id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("message %s: %v", id, err)
			}
		}
		for _, id := range kept {
			if _, err := s.Message(ctx, id); err != nil {
				t.Errorf("message %s: %v", id, err)
			}
		}
		check(t, s)
		if n := expireAll(t, fn(store.In)); n != 1 {
			t.Errorf("%d received ones deleted, want 1", n)
		}
		check(t, s)
		if n := expireAll(t, fn(store.Out)) + expireAll(t, fn(store.In)); n != 0 {
			t.Errorf("%d more", n)
		}
	})
}

// Thousands are deleted in slices, and the list goes on to work meanwhile.
func TestExpireInSlices(t *testing.T) {
	s, _ := open(t, store.Options{})
	for range 1200 {
		accept(t, s, outgoing(t, 1, aged(10), func(m *store.Message) { m.State = store.Debug; m.Parts[0].State = store.Debug }))
	}
	var slicesOf []int
	for from := []byte(nil); ; {
		e, err := s.ExpireMessages(ctx, store.Out, start, from)
		if err != nil {
			t.Fatal(err)
		}
		slicesOf = append(slicesOf, e.Deleted)
		if from = e.Next; from == nil {
			break
		}
	}
	if !slices.Equal(slicesOf, []int{500, 500, 200}) {
		t.Errorf("slices of %d", slicesOf)
	}
	check(t, s)
}

func TestExpireDeliveries(t *testing.T) {
	s, _ := open(t, store.Options{})
	w := hook(t, s)
	old, dead, pending, young := happen(t, s, store.NewMessageID()), happen(t, s, store.NewMessageID()), happen(t, s, store.NewMessageID()), happen(t, s, store.NewMessageID())
	settleDelivery(t, s, w.ID, old, 0, store.Arrived)
	settleDelivery(t, s, w.ID, dead, 0, store.DeadEnded)
	settleDelivery(t, s, w.ID, pending, 0, store.Pending)
	settleDelivery(t, s, w.ID, young, 60, store.Arrived)
	n := expireAll(t, func(from []byte) (store.Deletion, error) {
		return s.ExpireDeliveries(ctx, start.Add(30*time.Minute), from)
	})
	if n != 2 {
		t.Errorf("%d deleted", n)
	}
	page, err := s.Deliveries(ctx, store.DeliveryQuery{Webhook: w.ID})
	if err != nil || len(page.Items) != 2 || page.Items[0].Event.Seq != young.Seq || page.Items[1].Event.Seq != pending.Seq {
		t.Errorf("%+v, %v", page, err)
	}
	check(t, s)
}
