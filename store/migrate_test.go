package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trunkline/store"
	"trunkline/store/bolt"
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

// A database of a later schema is refused, untouched, and the refusal says what to do.
func TestLaterSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	for n := range 2 {
		db, err := bolt.Open(path, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		if n == 0 {
			_, err = store.Migrate(ctx, db, store.Step{Version: store.Schema() + 1, Name: "of tomorrow", Do: func(store.Tx) error { return nil }})
		} else if _, err = store.Open(ctx, db, store.Options{}); errors.Is(err, store.ErrNewer) && strings.Contains(err.Error(), "of tomorrow") && strings.Contains(err.Error(), "restore a backup") {
			err = nil
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		} else {
			t.Errorf("a later schema: %v", err)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// A store that lost the record of its schema is not taken for a new one, nor one with a table whose name was damaged.
func TestLostSchema(t *testing.T) {
	for name, spoil := range map[string]func(store.Tx) error{
		"schema": func(tx store.Tx) error { return tx.Delete("meta", []byte("schema")) },
		"table":  func(tx store.Tx) error { return tx.Put("messagds", []byte("k"), nil) },
	} {
		s, e := open(t, store.Options{})
		accept(t, s, outgoing(t, 1))
		if err := e.Update(ctx, spoil); err != nil {
			t.Fatal(err)
		}
		var damage *store.Damage
		if _, err := store.Open(ctx, memory.Restore(e.Snapshot()), store.Options{}); !errors.As(err, &damage) {
			t.Errorf("%s: %v", name, err)
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
