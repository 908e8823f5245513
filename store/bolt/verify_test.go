package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"trunkline/store"
)

// filled returns the octets of a database with several tables, pages of every kind and a large value.
func filled(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(context.Background(), func(tx store.Tx) error {
		for i := range 400 {
			if err := tx.Put("many", fmt.Appendf(nil, "%08d", i), make([]byte, 60)); err != nil {
				return err
			}
		}
		return errors.Join(tx.Put("large", []byte("k"), make([]byte, 10_000)), tx.Put("small", []byte("k"), []byte("v")))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRefusedFiles(t *testing.T) {
	good := filled(t)
	m, err := newestMeta(good)
	if err != nil {
		t.Fatal(err)
	}
	cut := func(n uint64) []byte { return good[:n] }
	flipped := func(at ...uint64) []byte {
		data := append([]byte(nil), good...)
		for _, i := range at {
			data[i] ^= 0x40
		}
		return data
	}
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"tiny", []byte("x"), "1 bytes are too few"},
		{"foreign", []byte(strings.Repeat("SQLite format 3\x00", 4096)), "it is no Trunkline database"},
		{"zeros", make([]byte, 1<<16), "it is no Trunkline database"},
		{"first page only", cut(m.pageSize), "the file is truncated"},
		{"half", cut(m.pages * m.pageSize / 2), "the file is truncated"},
		{"one byte short", cut(m.pages*m.pageSize - 1), "the file is truncated"},
		{"both metas", flipped(pageHeader+40, m.pageSize+pageHeader+40), "both meta pages are bad"},
		{"root's number", flipped(m.root * m.pageSize), "the file is damaged: page"},
		{"root's kind", flipped(m.root*m.pageSize + 8), "the file is damaged: page"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db")
			if err := os.WriteFile(path, test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := Open(path, Options{})
			if err == nil {
				db.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q, want %q", err, test.want)
			}
			if after, _ := os.ReadFile(path); string(after) != string(test.data) {
				t.Error("the refused file was changed")
			}
		})
	}
}

// One spoiled meta page is what a power cut can leave: the other one counts.
func TestOneMetaIsEnough(t *testing.T) {
	for page := range uint64(2) {
		data := filled(t)
		m, _ := newestMeta(data)
		data[page*m.pageSize+pageHeader+20] ^= 1
		if _, err := newestMeta(data); err != nil {
			t.Errorf("meta %d spoiled: %v", page, err)
		}
	}
}

// Whatever single octet is spoiled, the file is refused or can be read to its end without harm to the program.
func TestSpoiledOctets(t *testing.T) {
	good := filled(t)
	m, _ := newestMeta(good)
	random := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), "db")
	refused := 0
	for range 300 {
		data := append([]byte(nil), good[:m.pages*m.pageSize]...)
		// Headers and elements are at the beginning of pages, where harm is likeliest.
		at := uint64(random.IntN(int(m.pages)))*m.pageSize + uint64(random.IntN(128))
		data[at] ^= byte(1 + random.IntN(255))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := Open(path, Options{})
		if err != nil {
			refused++
			continue
		}
		err = db.View(t.Context(), func(r store.Reader) error {
			for _, table := range []store.Table{"many", "large", "small"} {
				err := r.Scan(table, nil, nil, false, func(k, v []byte) (bool, error) { return len(k)+len(v) >= 0, nil })
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errUnreadable) {
			t.Errorf("octet %d: %v", at, err)
		}
		db.Close()
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// A file that is cut while it is open is an error of the transaction that sees it, not the end of the program.
func TestFileCutWhileOpen(t *testing.T) {
	db, path := openHere(t)
	for i := range 50 {
		if err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", fmt.Appendf(nil, "%02d", i), make([]byte, 2000)) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	err := db.View(t.Context(), func(r store.Reader) error {
		return r.Scan("t", nil, nil, false, func(k, v []byte) (bool, error) { return true, nil })
	})
	if !errors.Is(err, errUnreadable) {
		t.Errorf("View: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	good := filled(f)
	m, _ := newestMeta(good)
	good = good[:m.pages*m.pageSize]
	f.Add(uint32(0), []byte{}, uint32(len(good)))
	f.Add(uint32(m.root*m.pageSize), []byte{9, 9}, uint32(len(good)))
	f.Fuzz(func(t *testing.T, at uint32, patch []byte, size uint32) {
		data := append([]byte(nil), good[:min(int(size), len(good))]...)
		if int(at) < len(data) {
			copy(data[at:], patch)
		}
		// With a spoiled meta page the state before counts, which may need less of the file.
		if verifyPages(data) == nil && len(data) < len(good) && uint64(at) >= 2*m.pageSize {
			t.Errorf("%d of %d bytes were found good", len(data), len(good))
		}
	})
}

// A page that is said to be empty hides what is in it, which nobody would miss in some tables.
func TestEmptiedPages(t *testing.T) {
	good := filled(t)
	m, err := newestMeta(good)
	if err != nil {
		t.Fatal(err)
	}
	w := &walker{data: good, meta: m, seen: make([]atomic.Uint64, m.pages/64+1)}
	if err := w.page(m.root, 0, holdBuckets, nil, nil); err != nil {
		t.Fatal(err)
	}
	emptied := 0
	empty := func(at uint64) {
		data := bytes.Clone(good)
		order.PutUint16(data[at+10:], 0)
		if emptied++; verifyPages(data) == nil {
			t.Errorf("the leaf at %d was said to be empty, and nothing was noticed", at)
		}
	}
	for id := uint64(2); id < m.pages; id++ {
		at := id * m.pageSize
		page := good[at:]
		if w.seen[id/64].Load()&(1<<(id%64)) == 0 || order.Uint64(page) != id || order.Uint16(page[8:]) != flagLeaf || order.Uint16(page[10:]) == 0 {
			continue
		}
		if id == m.root {
			for i := range int(order.Uint16(page[10:])) {
				begin, key, value, err := element(page, flagLeaf, i)
				if err != nil {
					t.Fatal(err)
				}
				inline := uint64(begin + len(key) + bucketHeader)
				if order.Uint64(value) == 0 && order.Uint16(page[inline+10:]) > 0 {
					empty(at + inline)
				}
			}
		}
		empty(at)
	}
	if emptied < 5 {
		t.Errorf("%d pages are too few to tell anything", emptied)
	}
}
