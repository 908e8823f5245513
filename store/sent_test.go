package store_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/memory"
)

// sent returns the parts of three months from November 2026.
func sent(t testing.TB, s *store.Store, account, provider string) []int {
	t.Helper()
	parts, err := s.Sent(ctx, account, provider, start, 3)
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

// Parts are counted from when their message is given to a network, for as long as it is not known that it was not.
func TestSent(t *testing.T) {
	onEngines(t, store.Options{Clock: func() time.Time { return start }}, func(t *testing.T, s *store.Store) {
		is := func(what string, want ...int) {
			t.Helper()
			if got := sent(t, s, "", ""); !slices.Equal(got, want) {
				t.Fatalf("%s: %v, want %v", what, got, want)
			}
		}
		accepted := 0
		of := func(account, provider string, parts int, at time.Time) store.Message {
			accepted++
			m := outgoing(t, parts, func(m *store.Message) {
				m.ID, m.Account, m.Provider, m.CreatedAt = idOf(at, accepted), account, provider, at
			})
			accept(t, s, m)
			return m
		}
		one := of("admin:1", "", 2, start)
		is("accepted", 0, 0, 0)
		claim(t, s, "desk", start)
		is("claimed", 2, 0, 0)
		settle := func(m store.Message, seq int, state store.State) {
			t.Helper()
			if _, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: seq, At: start, State: state, Reference: -1, Failure: map[bool]*store.Failure{true: {Code: "x"}}[state != store.Sent]}); err != nil {
				t.Fatal(err)
			}
		}
		settle(one, 1, store.Waiting)
		is("nothing was sent", 0, 0, 0)
		claim(t, s, "desk", start)
		settle(one, 1, store.Sent)
		is("one part was sent", 2, 0, 0)
		settle(one, 2, store.Error)
		is("the other cannot be", 2, 0, 0)

		never := of("admin:1", "", 3, start)
		claim(t, s, "desk", start)
		settle(never, 1, store.Error)
		is("refused by the network", 2, 0, 0)
		withdrawn := of("admin:1", "", 1, start)
		if _, err := s.Cancel(ctx, withdrawn.ID, start); err != nil {
			t.Fatal(err)
		}
		is("withdrawn", 2, 0, 0)

		later := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		of("admin:2", "acme", 1, later.Add(-time.Nanosecond))
		of("admin:2", "acme", 4, later)
		of("admin:1", "acme", 8, later.AddDate(0, 1, 0))
		for range 3 {
			m := claim(t, s, "desk", later.AddDate(0, 2, 0))
			for seq := range m.Parts {
				settle(m, seq+1, store.Sent)
			}
		}
		is("three months", 3, 4, 8)
		for _, tc := range []struct {
			account, provider string
			want              []int
		}{{"admin:1", "", []int{2, 0, 8}}, {"admin:2", "", []int{1, 4, 0}}, {"", "acme", []int{1, 4, 8}}, {"", "default", []int{2, 0, 0}}, {"admin:1", "acme", []int{0, 0, 8}}, {"admin", "", []int{0, 0, 0}}, {"", "none", []int{0, 0, 0}}} {
			if got := sent(t, s, tc.account, tc.provider); !slices.Equal(got, tc.want) {
				t.Errorf("%q of %q: %v, want %v", tc.account, tc.provider, got, tc.want)
			}
		}

		if d, err := s.ExpireSent(ctx, later.AddDate(1, 0, 0), nil); err != nil || d.Deleted != 0 {
			t.Errorf("counts of what is in the log: %+v, %v", d, err)
		}
		// What was sent stays so when nothing is left of the messages.
		if _, err := s.Erase(ctx, "default", one.To, start, "uid:0"); err != nil {
			t.Fatal(err)
		}
		for from := []byte(nil); ; {
			d, err := s.DeleteMessages(ctx, "", start.AddDate(-1, 0, 0), start.AddDate(1, 0, 0), from)
			if err != nil {
				t.Fatal(err)
			}
			if from = d.Next; from == nil {
				break
			}
		}
		is("erased and deleted", 3, 4, 8)
		if d, err := s.ExpireSent(ctx, later.AddDate(0, 1, 0), nil); err != nil || d.Deleted != 3 {
			t.Errorf("%+v, %v", d, err)
		}
		is("expired", 0, 0, 8)
	})
}

// Counts that are too low, or no counts, are found; those of an earlier schema are made.
func TestSentChecked(t *testing.T) {
	now := store.Options{Clock: func() time.Time { return start }}
	s, e := open(t, now)
	for i := range 3 {
		m := outgoing(t, i+1, func(m *store.Message) { m.ID, m.Account = idOf(start, i), "admin:1" })
		accept(t, s, m)
		claim(t, s, "desk", start)
	}
	check(t, s)
	if got := sent(t, s, "admin:1", ""); got[0] != 6 {
		t.Fatalf("%v", got)
	}
	image := e.Snapshot()
	if err := store.Before(ctx, e, 2, "sent"); err != nil {
		t.Fatal(err)
	}
	found := 0
	if r, err := s.Check(ctx, func(d store.Damage) {
		if d.Table == "sent" {
			found++
		}
	}); err != nil || found != 1 || r.Damaged != 1 {
		t.Errorf("%d found, %+v, %v", found, r, err)
	}
	migrated := reopen(t, memory.Restore(e.Snapshot()), now)
	if got := sent(t, migrated, "admin:1", "default"); got[0] != 6 {
		t.Errorf("after the migration: %v", got)
	}
	check(t, migrated)
	for n := 1; ; n++ { // the migration is cut short at each of its operations, then run again
		broken := memory.Restore(e.Snapshot())
		broken.FailAt(n, memory.AfterCommit, true, errCrash)
		if _, err := store.Open(ctx, broken, store.Options{}); err == nil {
			break
		}
		again := reopen(t, memory.Restore(broken.Snapshot()), store.Options{})
		if got := sent(t, again, "", ""); got[0] != 6 {
			t.Errorf("cut short at operation %d: %v", n, got)
		}
	}
	// A row that is damaged is put aside, told once, and keeps nothing from being sent.
	damaged := memory.Restore(image)
	s = reopen(t, damaged, store.Options{})
	spoil(t, damaged, "sent", func(_ int, _, v []byte) []byte { return flip(v, 80) })
	accept(t, s, outgoing(t, 1, func(m *store.Message) { m.Account = "admin:1" }))
	if _, _, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "sim-desk", At: start}); err == nil {
		t.Error("a damaged count is not noticed")
	}
	claim(t, s, "desk", start)
	if got := sent(t, s, "admin:1", ""); got[0] != 1 {
		t.Errorf("after the damage: %v", got)
	}
}

// FuzzSentKey: no key of the table of counts is taken for another one, and none ends the program.
func FuzzSentKey(f *testing.F) {
	f.Add([]byte("\x07\xea\x0b\x07admin:1\x04acme"), []byte{1})
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s, e := open(t, store.Options{})
		if len(key) == 0 {
			return
		}
		if err := e.Update(ctx, func(tx store.Tx) error { return tx.Put("sent", key, value) }); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Check(ctx, func(store.Damage) {}); err != nil || r.Damaged != 1 {
			t.Errorf("a row without a checksum: %+v, %v", r, err)
		}
		if _, err := s.Sent(ctx, "", "", start, 12); err != nil {
			t.Error(err)
		}
	})
}

// Twelve months of an account and of everybody are read without the messages: what it costs depends on how many accounts there are.
func BenchmarkSent(b *testing.B) {
	s, e := open(b, store.Options{})
	err := e.Update(ctx, func(tx store.Tx) error {
		for month := byte(1); month <= 12; month++ {
			for account := range 1000 {
				name, provider := fmt.Sprint("admin:", account), "acme"
				key := append(binary.BigEndian.AppendUint16(nil, 2026), month, byte(len(name)))
				key = append(append(append(key, name...), byte(len(provider))), provider...)
				if err := tx.Put("sent", key, store.Sealed("sent", key, []byte{7})); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	january := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, account := range []string{"admin:500", ""} {
		b.Run(map[bool]string{true: "all", false: "account"}[account == ""], func(b *testing.B) {
			for range b.N {
				if parts, err := s.Sent(ctx, account, "", january, 12); err != nil || parts[11] == 0 {
					b.Fatal(parts, err)
				}
			}
		})
	}
}
