package store_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"trunkline/store"
)

func TestAcceptTwice(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		m := outgoing(t, 2)
		key := &store.Key{Scope: "uid:1", Key: "k", Hash: [32]byte{1}, At: start}
		first, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}, Key: key})
		if err != nil || first.Replayed {
			t.Fatalf("first: replayed %v, %v", first.Replayed, err)
		}
		claim(t, s, "desk", start)
		if err := s.Mark(ctx, m.ID, 1, start); err != nil {
			t.Fatal(err)
		}
		again, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{outgoing(t, 2)}, Key: &store.Key{Scope: "uid:1", Key: "k", Hash: [32]byte{1}, At: start.Add(time.Hour)}})
		if err != nil || !again.Replayed {
			t.Fatalf("again: replayed %v, %v", again.Replayed, err)
		}
		if !reflect.DeepEqual(again.Messages, first.Messages) {
			t.Errorf("again: %+v\nfirst: %+v", again.Messages, first.Messages)
		}
		for name, test := range map[string]struct {
			key      store.Key
			want     error
			replayed bool
		}{
			"other request": {store.Key{Scope: "uid:1", Key: "k", Hash: [32]byte{2}, At: start}, store.ErrKeyReused, false},
			"other account": {store.Key{Scope: "uid:2", Key: "k", Hash: [32]byte{2}, At: start}, nil, false},
			"other split":   {store.Key{Scope: "uid:", Key: "1k", Hash: [32]byte{2}, At: start}, nil, false},
			"no key":        {store.Key{Scope: "uid:1", At: start}, store.ErrInvalid, false},
		} {
			got, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{outgoing(t, 1)}, Key: &test.key})
			if !errors.Is(err, test.want) || got.Replayed != test.replayed {
				t.Errorf("%s: replayed %v, %v", name, got.Replayed, err)
			}
		}
		// Beyond its window the key is new, whether Tidy came by or not.
		late, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{outgoing(t, 1)}, Key: &store.Key{Scope: "uid:1", Key: "k", Hash: [32]byte{3}, At: start.Add(24 * time.Hour)}})
		if err != nil || late.Replayed {
			t.Errorf("a day later: replayed %v, %v", late.Replayed, err)
		}
	})
}

func TestOneKeyManyWriters(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		var group sync.WaitGroup
		var mu sync.Mutex
		ids := map[store.MessageID]int{}
		fresh := 0
		for range 50 {
			m := outgoing(t, 1)
			group.Go(func() {
				got, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}, Key: &store.Key{Scope: "a", Key: "k", At: start}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				ids[got.Messages[0].ID]++
				if !got.Replayed {
					fresh++
				}
			})
		}
		group.Wait()
		if len(ids) != 1 || fresh != 1 {
			t.Errorf("%d messages, %d of them fresh", len(ids), fresh)
		}
		if got := types(t, s); len(got) != 1 {
			t.Errorf("events %q", got)
		}
	})
}

func TestAcceptRefuses(t *testing.T) {
	s, _ := open(t, store.Options{})
	for name, change := range map[string]func(*store.Message){
		"no id":         func(m *store.Message) { m.ID = store.MessageID{} },
		"coming in":     func(m *store.Message) { m.Direction = store.In },
		"sent already":  func(m *store.Message) { m.State = store.Sent },
		"no parts":      func(m *store.Message) { m.Parts = nil },
		"priority":      func(m *store.Message) { m.Priority = 10 },
		"no time":       func(m *store.Message) { m.CreatedAt = time.Time{} },
		"numbering":     func(m *store.Message) { m.Parts[0].Seq = 2 },
		"has reference": func(m *store.Message) { m.Parts[0].Reference = 0 },
	} {
		if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{outgoing(t, 1), outgoing(t, 1, change)}}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := types(t, s); len(got) != 0 {
		t.Errorf("events %q", got)
	}
}

func TestCancel(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		m, taken := outgoing(t, 1), outgoing(t, 1)
		accept(t, s, m)
		if got, err := s.Cancel(ctx, m.ID, start); err != nil || got.State != store.Canceled || got.Parts[0].State != store.Canceled {
			t.Errorf("%+v, %v", got, err)
		}
		accept(t, s, taken)
		claim(t, s, "desk", start)
		for _, id := range []store.MessageID{m.ID, taken.ID} {
			var refused *store.TransitionError
			if _, err := s.Cancel(ctx, id, start); !errors.As(err, &refused) || refused.To != store.Canceled {
				t.Errorf("second time: %v", err)
			}
		}
		if _, err := s.Cancel(ctx, store.NewMessageID(), start); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown: %v", err)
		}
		if _, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", At: start}); ok || err != nil {
			t.Errorf("a canceled message was claimed: %v, %v", ok, err)
		}
	})
}

// An id is written as others write it, and read back.
func TestMessageIDForm(t *testing.T) {
	for range 100 {
		id := store.NewMessageID()
		back, err := store.ParseMessageID(id.String())
		if err != nil || back != id || id.String() != uuid.UUID(id).String() || string(id.Append([]byte("x"))) != "x"+id.String() {
			t.Fatalf("%s became %s, %v", id, back, err)
		}
	}
}
