package store_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
	"trunkline/store/bolt"
	"trunkline/store/memory"
)

var (
	ctx   = context.Background()
	start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
)

// number parses a number that the test knows to be good.
func number(t testing.TB, s string) phone.Number {
	t.Helper()
	n, err := phone.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// outgoing returns a message of a number of parts, as a caller would offer it.
func outgoing(t testing.TB, parts int, change ...func(*store.Message)) store.Message {
	t.Helper()
	m := store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: number(t, "+4915112345678"), Text: "hello",
		Account: "uid:1000", Priority: 5, CreatedAt: start}
	for i := range parts {
		m.Parts = append(m.Parts, store.Part{Seq: i + 1, State: store.Waiting, Reference: -1, Status: -1})
	}
	for _, c := range change {
		c(&m)
	}
	return m
}

// onEngines runs a test over every engine.
func onEngines(t *testing.T, o store.Options, fn func(t *testing.T, s *store.Store)) {
	t.Run("memory", func(t *testing.T) {
		s, _ := open(t, o)
		fn(t, s)
		check(t, s)
	})
	t.Run("bolt", func(t *testing.T) {
		db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := reopen(t, db, o)
		fn(t, s)
		check(t, s)
	})
}

// open returns a store over a new engine in memory.
func open(t testing.TB, o store.Options) (*store.Store, *memory.Engine) {
	t.Helper()
	e := memory.New()
	return reopen(t, e, o), e
}

func reopen(t testing.TB, e store.Engine, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(ctx, e, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func accept(t testing.TB, s *store.Store, m ...store.Message) {
	t.Helper()
	if _, err := s.Accept(ctx, store.Acceptance{Messages: m}); err != nil {
		t.Fatal(err)
	}
}

func claim(t testing.TB, s *store.Store, trunk string, at time.Time) store.Message {
	t.Helper()
	m, ok, err := s.Claim(ctx, store.Claim{Trunk: trunk, SIM: "sim-" + trunk, At: at})
	if err != nil || !ok {
		t.Fatalf("Claim: ok %v, error %v", ok, err)
	}
	return m
}

// check fails the test when anything in the store is not as it must be.
func check(t testing.TB, s *store.Store) {
	t.Helper()
	if _, err := s.Check(ctx, func(d store.Damage) { t.Errorf("check: %v", &d) }); err != nil {
		t.Fatal(err)
	}
}

// types returns the types of all events.
func types(t testing.TB, s *store.Store) []string {
	t.Helper()
	events, err := s.Events(ctx, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i, e := range events {
		if e.Seq != uint64(i+1) {
			t.Errorf("event %d has number %d", i+1, e.Seq)
		}
		all = append(all, e.Type)
	}
	return all
}
