package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"trunkline/store"
	"trunkline/store/memory"
)

func TestMigrations(t *testing.T) {
	e := memory.New()
	var ran []string
	step := func(version uint64, name string, fail error) store.Step {
		return store.Step{Version: version, Name: name, Do: func(tx store.Tx) error {
			ran = append(ran, name)
			return errors.Join(tx.Put("t", []byte(name), nil), fail)
		}}
	}
	first, err := store.Migrate(ctx, e, step(1, "one", nil), step(2, "two", nil))
	if err != nil || first.ID.IsZero() || first.Epoch != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	boom := errors.New("boom")
	if _, err := store.Migrate(ctx, e, step(1, "one", nil), step(2, "two", nil), step(3, "three", nil), step(4, "four", boom)); !errors.Is(err, boom) || !strings.Contains(err.Error(), "schema 4 (four)") {
		t.Errorf("failing step: %v", err)
	}
	again, err := store.Migrate(ctx, e, step(1, "one", nil), step(2, "two", nil), step(3, "three", nil), step(4, "four", nil))
	if err != nil || again != first {
		t.Errorf("%+v, %v; want %+v", again, err, first)
	}
	if want := []string{"one", "two", "three", "four", "four"}; !slices.Equal(ran, want) {
		t.Errorf("ran %q, want %q", ran, want)
	}
	_, err = store.Migrate(ctx, e, step(1, "one", nil), step(2, "two", nil))
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "schema 4 (four), this program knows schema 2 (two)") {
		t.Errorf("newer schema: %v", err)
	}
}

// A crash at any operation of the first opening leaves a store that can be opened.
func TestCrashWhileOpening(t *testing.T) {
	total := 0
	for n := 0; n == 0 || n <= total; n++ {
		for _, moment := range []memory.Moment{memory.Before, memory.AtCommit, memory.AfterCommit} {
			t.Run(fmt.Sprint(n, moment), func(t *testing.T) {
				e := memory.New()
				if n > 0 {
					e.FailAt(n, moment, true, errCrash)
				}
				_, err := store.Open(ctx, e, store.Options{})
				if (err != nil) != (n > 0) {
					t.Errorf("error %v", err)
				}
				total = max(total, e.Operations())
				s := reopen(t, memory.Restore(e.Snapshot()), store.Options{})
				if s.Instance().ID.IsZero() {
					t.Error("no identity")
				}
				accept(t, s, outgoing(t, 1))
				check(t, s)
			})
		}
	}
}

func TestDamagedSchema(t *testing.T) {
	s, e := open(t, store.Options{})
	accept(t, s, outgoing(t, 1))
	spoil(t, e, "meta", func(_ int, k, v []byte) []byte {
		if string(k) == "schema" {
			return flip(v, 80)
		}
		return nil
	})
	var damage *store.Damage
	if _, err := store.Open(ctx, memory.Restore(e.Snapshot()), store.Options{}); !errors.As(err, &damage) || damage.Table != "meta" {
		t.Errorf("error %v", err)
	}
}
