package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"trunkline/store"
)

// Whatever is written to a table, in runs or here and there: its blocks hold what a map would, in order, in either direction and from anywhere, and the file is as a
// start wants it.
func TestBlocksHoldWhatWasWritten(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 20261122))
		path := filepath.Join(t.TempDir(), "db")
		if err := create(path); err != nil {
			t.Fatal(err)
		}
		b, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		model := map[string]string{}
		key := func() string { return fmt.Sprintf("%0*d", 1+r.IntN(3), r.IntN(800)) }
		for range 25 {
			wrote := map[string][]byte{}
			switch begin := r.IntN(700); r.IntN(4) {
			case 0: // a run
				for i := range 1 + r.IntN(300) {
					wrote[fmt.Sprintf("%03d+%04d", begin, i)] = make([]byte, r.IntN(120))
				}
			case 1: // a run goes
				for k := range model {
					if k >= fmt.Sprint(begin) && k < fmt.Sprint(begin+90) {
						wrote[k] = nil
					}
				}
			default:
				for range 1 + r.IntN(40) {
					if wrote[key()] = nil; r.IntN(3) > 0 {
						wrote[key()] = bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN([]int{2, 60, 3000}[r.IntN(3)]))
					}
				}
			}
			var writes []write
			for _, k := range slices.Sorted(maps.Keys(wrote)) {
				if writes = append(writes, write{key: k, value: wrote[k]}); wrote[k] == nil {
					delete(model, k)
				} else {
					model[k] = string(wrote[k])
				}
			}
			err := b.Update(func(tx *bbolt.Tx) error {
				table, err := tx.CreateBucketIfNotExists(tableBucket("t"))
				if err != nil {
					return err
				}
				return change(table, writes)
			})
			if err != nil {
				t.Fatal(err)
			}
			err = b.View(func(tx *bbolt.Tx) error { return walk(tx.Bucket(tableBucket("t")), model, key) })
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		data, err := os.ReadFile(path)
		if err := errors.Join(err, b.Close(), verifyPages(data)); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

// walk compares a table with what it must hold.
func walk(table *bbolt.Bucket, model map[string]string, key func() string) error {
	keys := slices.Sorted(maps.Keys(model))
	c := &cursor{blocks: table.Cursor()}
	var up, down []string
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if up = append(up, string(k)); model[string(k)] != string(v) {
			return fmt.Errorf("%s has %d octets, want %d", k, len(v), len(model[string(k)]))
		}
	}
	for k, _ := c.Last(); k != nil; k, _ = c.Prev() {
		down = append(down, string(k))
	}
	slices.Reverse(down)
	if !slices.Equal(up, keys) || !slices.Equal(down, keys) {
		return fmt.Errorf("forth %d keys, back %d, want %d", len(up), len(down), len(keys))
	}
	for range 20 {
		sought := key()
		at, _ := slices.BinarySearch(keys, sought)
		var near []string // what is sought or comes next, what is before that, and it again
		k, _ := c.Seek([]byte(sought))
		near = append(near, string(k))
		if k != nil {
			k, _ = c.Prev()
			near = append(near, string(k))
			if k == nil {
				k, _ = c.First()
			} else {
				k, _ = c.Next()
			}
			near = append(near, string(k))
		}
		want := []string{""}
		if at < len(keys) {
			if want = []string{keys[at], "", keys[at]}; at > 0 {
				want[1] = keys[at-1]
			}
		}
		if !slices.Equal(near, want) {
			return fmt.Errorf("from %s: %q, want %q", sought, near, want)
		}
	}
	return nil
}

// A run in a table that is full of others costs a few blocks, and what is appended fills them.
func TestBlocksAreFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	b, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var before, after, octets int
	err = b.Update(func(tx *bbolt.Tx) error {
		table, err := tx.CreateBucket(tableBucket("t"))
		if err != nil {
			return err
		}
		var all []write
		for i := range 10_000 {
			all = append(all, write{key: fmt.Sprintf("%06d", i), value: make([]byte, 20)})
			octets += recordIndex + 26
		}
		for some := range slices.Chunk(all, 100) {
			if err := change(table, some); err != nil {
				return err
			}
		}
		before = blocks(table)
		var run []write
		for i := range 10 {
			run = append(run, write{key: fmt.Sprintf("005000+%d", i), value: make([]byte, 20)})
		}
		err = change(table, run)
		after = blocks(table)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if least := octets / blockBytes; before > least*3/2 || after > before+1 {
		t.Errorf("%d blocks for %d octets, %d with a run in the middle", before, octets, after)
	}
}

func blocks(table *bbolt.Bucket) (n int) {
	c := table.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		n++
	}
	return n
}

// What is found good can be read without a look at the bounds, and has its keys in order.
func FuzzBlock(f *testing.F) {
	good := blockOf([][]byte{[]byte("a"), []byte("bc")}, [][]byte{[]byte("1"), nil}, 0)
	f.Add([]byte("a"), []byte("c"), []byte(good))
	f.Add([]byte("b"), []byte(nil), []byte(good))
	f.Add([]byte("a"), []byte("bc"), []byte(good))
	f.Add([]byte(""), []byte(""), []byte{1, 0, 0, 0, 13, 0, 0, 0, 13, 0, 0, 0, 'x'})
	f.Fuzz(func(t *testing.T, key, next, content []byte) {
		b := block(content)
		if b.verify(key, next) != nil {
			return
		}
		var r run
		for i := range b.count() {
			k, v := b.record(i)
			if i > 0 && bytes.Compare(r.keys[i-1], k) >= 0 || bytes.Compare(k, key) < 0 || next != nil && bytes.Compare(k, next) >= 0 {
				t.Errorf("key %d, %q, is out of order", i, k)
			}
			if at := b.search(k); at != i {
				t.Errorf("record %d is found at %d", i, at)
			}
			r.add(k, v)
		}
		if again := blockOf(r.keys, r.values, blockHead+r.size); !bytes.Equal(again, content) {
			t.Errorf("%x is %x when it is made again", content, again)
		}
	})
}

// A file of the time before blocks has everything that it had, wherever a crash stops its conversion. Nobody can only read it before, and the file of another
// program is left alone.
func TestConversion(t *testing.T) {
	var want []string
	old := func(t *testing.T, path, mark string) {
		b, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		err = b.Update(func(tx *bbolt.Tx) error {
			for _, name := range []string{"events", mark, "queue"} {
				table, err := tx.CreateBucket([]byte(name))
				if err != nil {
					return err
				}
				for i := range 100 {
					k, v := fmt.Sprintf("%s %03d", name, i), strings.Repeat("x", i%7*i%300)
					if err := table.Put([]byte(k), []byte(v)); err != nil {
						return err
					}
					want = append(want, fmt.Sprintf("%s/%s=%s", name, k, digest([]byte(v))))
				}
			}
			return nil
		})
		if err := errors.Join(err, b.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for steps := range 40 {
		want = nil
		path := filepath.Join(t.TempDir(), "db")
		old(t, path, lastOld)
		if _, err := Open(path, Options{ReadOnly: true}); !errors.Is(err, errOlderForm) {
			t.Fatalf("read only: %v", err)
		}
		b, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		half := &DB{bolt: b}
		for range steps {
			name, err := half.oldTable()
			if err == nil && name != nil {
				err = b.Update(func(tx *bbolt.Tx) error { return convertSome(tx, name, 2000) })
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		b.Close()
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := content(t, db, "events", lastOld, "queue")
		if left, err := db.oldTable(); left != nil || err != nil || !slices.Equal(got, want) {
			t.Errorf("after %d steps: %d records, want %d; %q is left, %v", steps, len(got), len(want), left, err)
		}
		db.Close()
	}
	path := filepath.Join(t.TempDir(), "db")
	old(t, path, "theirs")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if tables, err := db.Tables(t.Context()); err != nil || !slices.Equal(tables, []store.Table{"events", "queue", "theirs"}) {
		t.Errorf("tables %q, %v", tables, err)
	}
}
