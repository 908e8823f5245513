package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"trunkline/store"
)

func openBase(t *testing.T) *DB {
	t.Helper()
	db, err := Open(filepath.Join(t.TempDir(), "db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// Whatever is written, to the log, past it, or from it to the file, the next transaction sees it, and all of it: two keys of two tables that are written together are
// never seen apart.
func TestSharedBaseIsNeverStale(t *testing.T) {
	db := openBase(t)
	const rounds, readers = 60, 3
	big := make([]byte, halfBytes+1) // goes past the log
	value := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	read := func() (n uint64, err error) {
		err = db.View(t.Context(), func(r store.Reader) error {
			a, err := r.Get("a", []byte("n"))
			if err != nil || a == nil {
				return err
			}
			n = binary.BigEndian.Uint64(a)
			var walked []byte
			err = r.Scan("b", []byte("n"), []byte("o"), false, func(_, v []byte) (bool, error) { walked = v; return true, nil })
			if err != nil {
				return err
			}
			_, first, err := r.First("b", []byte("n"))
			if err == nil && (!bytes.Equal(walked, a) || !bytes.Equal(first, a)) {
				err = fmt.Errorf("table a has %x, a walk finds %x and a look for the first %x in table b", a, walked, first)
			}
			return err
		})
		return n, err
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for last := uint64(0); ; {
				select {
				case <-done:
					return
				default:
				}
				n, err := read()
				if err != nil || n < last {
					t.Errorf("%d after %d: %v", n, last, err)
					return
				}
				last = n
			}
		})
	}
	for n := range uint64(rounds) {
		err := db.Update(t.Context(), func(tx store.Tx) error {
			if n%20 == 19 {
				if err := tx.Put("c", []byte("big"), big); err != nil {
					return err
				}
			} else if err := tx.Put("c", value(n), big[:1<<18]); err != nil { // some of them fill the half of a log
				return err
			}
			if err := tx.Put("a", []byte("n"), value(n)); err != nil {
				return err
			}
			return tx.Put("b", []byte("n"), value(n))
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(); err != nil || got != n {
			t.Fatalf("%d is read after %d was written: %v", got, n, err)
		}
	}
	close(done)
	group.Wait()
	if folds := db.state.Load().folds; folds < 4 {
		t.Errorf("only %d folds: the test tests little", folds)
	}
}

// A transaction that lasts keeps what it saw while others go on with a newer base, and lets go of it at its end.
func TestSharedBaseEnds(t *testing.T) {
	db := openBase(t)
	put := func(v string) {
		t.Helper()
		if err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", []byte("k"), []byte(v)) }); err != nil {
			t.Fatal(err)
		}
	}
	get := func(r store.Reader, want string) {
		t.Helper()
		if v, err := r.Get("t", []byte("k")); err != nil || string(v) != want {
			t.Errorf("%q instead of %q: %v", v, want, err)
		}
	}
	put("old")
	var old *base
	err := db.View(t.Context(), func(r store.Reader) error {
		old = r.(*tx).file.base
		put("new")
		if err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", []byte("big"), make([]byte, halfBytes+1)) }); err != nil {
			return err
		}
		err := db.View(t.Context(), func(r store.Reader) error {
			if r.(*tx).file.base == old {
				t.Error("the base outlived a write to the file")
			}
			get(r, "new")
			return nil
		})
		get(r, "old")
		if old.users.Load() != 1 {
			t.Errorf("%d users of the old base", old.users.Load())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if old.users.Load() != 0 || old.use() {
		t.Error("the old base is still used")
	}
	if n := db.bolt.Stats().OpenTxN; n != 1 {
		t.Errorf("%d transactions of the file are open", n)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.View(t.Context(), func(store.Reader) error { return nil }); err == nil {
		t.Error("a closed database was read")
	}
}

// While transactions follow each other, none begins one of the file; a file that may outgrow its map is read in short ones.
func TestSharedBaseIsShared(t *testing.T) {
	db := openBase(t)
	view := func() (b *base) {
		t.Helper()
		if err := db.View(t.Context(), func(r store.Reader) error { b = r.(*tx).file.base; return nil }); err != nil {
			t.Fatal(err)
		}
		return b
	}
	if first := view(); first != view() || len(first.idle) != 1 {
		t.Error("two transactions did not share what they read")
	}
	db.giveUp(nil)
	db.mapped = 0
	if first := view(); first == view() || first.users.Load() != 0 {
		t.Error("a transaction of the file outlived its only user")
	}
	if n := db.bolt.Stats().OpenTxN; n != 0 {
		t.Errorf("%d transactions of the file are open", n)
	}
}
