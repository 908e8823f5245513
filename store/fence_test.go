package store_test

import (
	"errors"
	"testing"
	"time"

	"trunkline/store"
)

// fenced makes a store with a message in each state that a backup can have, and fences it.
func TestFence(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		urgent := func(m *store.Message) { m.Priority = 9 }
		claimed, committing, unknown, sent := outgoing(t, 1, urgent), outgoing(t, 1, urgent), outgoing(t, 1, urgent), outgoing(t, 1, urgent)
		half := outgoing(t, 2, urgent)
		waiting, later := outgoing(t, 1), outgoing(t, 1, func(m *store.Message) { m.SendAt, m.ExpiresAt = start.Add(time.Hour), start.Add(2*time.Hour) })
		operators := outgoing(t, 1, func(m *store.Message) { m.State = store.Held })
		accept(t, s, claimed, committing, unknown, sent, half)
		for range 5 {
			m := claim(t, s, "desk", start)
			if m.ID != claimed.ID {
				if err := s.Mark(ctx, m.ID, 1, start); err != nil {
					t.Fatal(err)
				}
			}
		}
		settle := func(id store.MessageID, state store.State) {
			t.Helper()
			if _, err := s.Settle(ctx, store.Outcome{ID: id, Seq: 1, At: start, State: state, Reference: 3}); err != nil {
				t.Fatal(err)
			}
		}
		settle(unknown.ID, store.Unknown)
		settle(sent.ID, store.Sent)
		settle(half.ID, store.Sent)
		accept(t, s, waiting, later, operators)
		before, err := s.LastEvent(ctx)
		if err != nil {
			t.Fatal(err)
		}

		at := start.Add(time.Minute)
		got, err := s.Fence(ctx, at, store.Floor{Epoch: 7, Event: before + 1000})
		if want := (store.Fenced{Held: 5, Unknown: 1, Epoch: 8}); err != nil || got != want || s.Instance().Epoch != 8 {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		last, err := s.LastEvent(ctx)
		if err != nil || last != before+1001 {
			t.Errorf("last event %d, %v; want %d", last, err, before+1001)
		}
		states := func(want map[store.MessageID]store.State) {
			t.Helper()
			for id, state := range want {
				if m, err := s.Message(ctx, id); err != nil || m.State != state {
					t.Errorf("message %s is %s, %v; want %s", id, m.State, err, state)
				}
			}
			check(t, s)
		}
		states(map[store.MessageID]store.State{claimed.ID: store.Held, committing.ID: store.Held, half.ID: store.Held, waiting.ID: store.Held, later.ID: store.Held,
			operators.ID: store.Held, unknown.ID: store.Unknown, sent.ID: store.Sent})
		if _, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: start.Add(time.Hour)}); ok || err != nil {
			t.Errorf("something was claimed behind the fence: %v", err)
		}
		if again, err := s.Fence(ctx, at, store.Floor{}); err != nil || again.Held != 0 || again.Epoch != 9 {
			t.Errorf("a second fence: %+v, %v", again, err)
		}

		if m, err := s.Confirm(ctx, waiting.ID, "uid:0", at); err != nil || m.State != store.Waiting || m.Failure != nil {
			t.Errorf("confirmed: %s, %v", m.State, err)
		}
		var refused *store.TransitionError
		if _, err := s.Confirm(ctx, waiting.ID, "uid:0", at); !errors.As(err, &refused) {
			t.Errorf("confirmed twice: %v", err)
		}
		if _, err := s.Confirm(ctx, sent.ID, "uid:0", at); !errors.As(err, &refused) {
			t.Errorf("confirmed what was sent: %v", err)
		}
		if n, err := s.ConfirmRestored(ctx, "uid:0", at); n != 4 || err != nil {
			t.Errorf("released %d, %v", n, err)
		}
		states(map[store.MessageID]store.State{claimed.ID: store.Waiting, committing.ID: store.Unknown, half.ID: store.Waiting, waiting.ID: store.Waiting, later.ID: store.Waiting,
			operators.ID: store.Held, unknown.ID: store.Unknown, sent.ID: store.Sent})
		if m, _ := s.Message(ctx, half.ID); m.Parts[0].State != store.Sent || m.Parts[1].State != store.Waiting {
			t.Errorf("of a message that was half sent: %s, %s", m.Parts[0].State, m.Parts[1].State)
		}
		for more := true; more; {
			if more, err = s.Tidy(ctx, start.Add(3*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		states(map[store.MessageID]store.State{later.ID: store.Expired})
	})
}

// More messages than one transaction looks at.
func TestFenceOfMany(t *testing.T) {
	s, _ := open(t, store.Options{})
	var ids []store.MessageID
	for range 300 {
		m := outgoing(t, 1)
		ids = append(ids, m.ID)
		accept(t, s, m)
	}
	for range 150 {
		claim(t, s, "desk", start)
	}
	if got, err := s.Fence(ctx, start, store.Floor{}); err != nil || got.Held != 300 {
		t.Errorf("%+v, %v", got, err)
	}
	if n, err := s.ConfirmRestored(ctx, "uid:0", start); n != 300 || err != nil {
		t.Errorf("released %d, %v", n, err)
	}
	for _, id := range ids {
		if m, err := s.Message(ctx, id); err != nil || m.State != store.Waiting {
			t.Fatalf("%s, %v", m.State, err)
		}
	}
	check(t, s)
}

func TestRoomGuardsWhatIsNew(t *testing.T) {
	r := &scripted{}
	s, e := open(t, store.Options{Room: r})
	known := outgoing(t, 1)
	key := &store.Key{Scope: "s", Key: "k", At: start}
	if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{known}, Key: key}); err != nil {
		t.Fatal(err)
	}
	r.level = store.RoomLow
	if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{outgoing(t, 1)}}); !errors.Is(err, store.ErrLow) || !errors.Is(err, store.ErrFull) {
		t.Errorf("new message on a disk that is nearly full: %v", err)
	}
	if a, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{outgoing(t, 1)}, Key: key}); err != nil || !a.Replayed {
		t.Errorf("repeated request on a disk that is nearly full: %v", err)
	}
	receive(t, s, arrival(t, "hello", "SM1", "pdu", start))
	r.level = store.RoomOut
	if _, err := s.Receive(ctx, arrival(t, "hello", "SM2", "pdu 2", start)); !errors.Is(err, store.ErrOut) || !errors.Is(err, store.ErrFull) {
		t.Errorf("arrival on a full disk: %v", err)
	}
	if err := s.Quarantine(ctx, store.Bad{Raw: "zz", At: start}); !errors.Is(err, store.ErrOut) {
		t.Errorf("undecodable arrival on a full disk: %v", err)
	}
	// States are written, with the reserve when nothing else helps; what is new never takes it.
	refusals := 0
	e.RefuseBy(func() error {
		if r.reserve > 0 {
			refusals++
			return store.ErrFull
		}
		return nil
	})
	r.level, r.reserve = store.RoomEnough, 1
	if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{outgoing(t, 1)}}); !errors.Is(err, store.ErrFull) || r.reserve != 1 {
		t.Errorf("new message without room: %v, reserve %d", err, r.reserve)
	}
	if m := claim(t, s, "desk", start); m.ID != known.ID || r.reserve != 0 || refusals != 2 {
		t.Errorf("claimed %s, reserve %d, %d refusals", m.ID, r.reserve, refusals)
	}
	check(t, s)
}

// scripted is a room that a test sets.
type scripted struct {
	level   store.Level
	reserve int
}

func (r *scripted) Level() store.Level { return r.level }

func (r *scripted) Free() bool {
	had := r.reserve > 0
	r.reserve = 0
	return had
}
