package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"trunkline/store"
)

// listed makes a database with many free pages that was closed with the list of them, and returns its path and content.
func listed(t *testing.T) (string, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, db, 400, 0)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(path, Options{}); err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		if err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Delete("t", fmt.Appendf(nil, "%04d", n)) }); err != nil {
			t.Fatal(err)
		}
	}
	all := content(t, db, "t")
	db.listFrom = 0
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path, all
}

func hasFreelist(db *DB) bool {
	m, err := db.newestMeta()
	return err == nil && m.freelist != noFreelist
}

func fill(t *testing.T, db *DB, n, round int) {
	t.Helper()
	for i := range n {
		value := make([]byte, 900)
		value[0] = byte(round)
		if err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", fmt.Appendf(nil, "%04d", i), value) }); err != nil {
			t.Fatal(err)
		}
	}
}

// The list of free pages is there after an end, is used, and is gone with the first write; nothing else differs.
func TestFreelistIsKept(t *testing.T) {
	path, want := listed(t)
	for round := range 3 {
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !hasFreelist(db) || round < 2 && db.bolt.Stats().FreePageN < 50 {
			t.Errorf("round %d: list %v, %d free pages", round, hasFreelist(db), db.bolt.Stats().FreePageN)
		}
		if got := content(t, db, "t"); !slices.Equal(got, want) {
			t.Fatalf("round %d: %d entries, want %d", round, len(got), len(want))
		}
		if round > 0 {
			fill(t, db, 200, round)
			want = content(t, db, "t")
		}
		if err := db.Check(t.Context()); err != nil {
			t.Error(err)
		}
		db.listFrom = 0
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	b, err := bbolt.Open(path, 0o600, nil) // as others do
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	err = b.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// When the list cannot be written, the end is as good as without.
func TestFreelistNotWritten(t *testing.T) {
	path, want := listed(t)
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := put(db, "another"); err != nil {
		t.Fatal(err)
	}
	db.listFrom = 0
	commits := 0
	db.commit = func(tx *bbolt.Tx) error {
		if db.bolt.NoFreelistSync {
			return tx.Commit()
		}
		commits++
		return syscall.ENOSPC
	}
	if err := db.Close(); err != nil || commits != 1 {
		t.Errorf("%d tries, %v", commits, err)
	}
	again, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := content(t, again, "t"); len(got) != len(want)+1 || hasFreelist(again) {
		t.Errorf("%d entries, want %d; list %v", len(got), len(want)+1, hasFreelist(again))
	}
}

// Whatever octet of the list is spoiled: the file is refused, or no page that is used is ever written over.
func TestSpoiledFreelist(t *testing.T) {
	path, want := listed(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := newestMeta(good)
	if err != nil || m.freelist == noFreelist {
		t.Fatal("no list", err)
	}
	good = good[:m.pages*m.pageSize]
	at := m.freelist * m.pageSize
	octets := pageHeader + 8*uint64(order.Uint16(good[at+10:]))
	refused := 0
	for i := range octets {
		bad := slices.Clone(good)
		bad[at+i] ^= byte(1 << (i % 8))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		write := int(i) < pageHeader+8
		db, err := Open(path, Options{ReadOnly: !write})
		if err != nil {
			if refused++; !strings.Contains(err.Error(), "page") {
				t.Errorf("octet %d: %v", i, err)
			}
			continue
		}
		if got := content(t, db, "t"); !slices.Equal(got, want) {
			t.Errorf("octet %d: other content", i)
		}
		if !write {
			db.Close()
			continue
		}
		db.listFrom = 1 << 60
		if err := errors.Join(put(db, "another"), db.Close()); err != nil {
			t.Fatal(err)
		}
		again, err := Open(path, Options{})
		if err != nil {
			t.Fatalf("octet %d: %v", i, err)
		}
		if got := content(t, again, "t"); len(got) != len(want)+1 {
			t.Errorf("octet %d: %d entries afterwards, want %d", i, len(got), len(want)+1)
		}
		again.Close()
	}
	if octets < 400 || refused < int(octets)/2 {
		t.Errorf("%d octets, %d were refused", octets, refused)
	}
}
