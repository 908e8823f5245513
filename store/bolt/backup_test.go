package bolt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/bolt"
)

// A copy that is made while many write has everything that was accepted before it began, and is whole.
func TestBackupUnderLoad(t *testing.T) {
	db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var mu sync.Mutex
	var accepted []store.MessageID
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := w; ctx.Err() == nil; i += 4 {
				m := message(i)
				if _, err := s.Accept(t.Context(), store.Acceptance{Messages: []store.Message{m}}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				accepted = append(accepted, m.ID)
				mu.Unlock()
			}
		})
	}
	told := 0
	for range 5 {
		var before []store.MessageID
		for len(before) < told+4 {
			time.Sleep(5 * time.Millisecond)
			mu.Lock()
			before = append([]store.MessageID(nil), accepted...)
			mu.Unlock()
		}
		told = len(before)
		path := filepath.Join(t.TempDir(), "copy")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		slow := writer(func(p []byte) (int, error) { // so that much is written meanwhile
			time.Sleep(time.Millisecond)
			return f.Write(p)
		})
		b, err := s.Backup(t.Context(), slow)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil || int64(len(data)) != b.Bytes || sha256.Sum256(data) != b.SHA256 {
			t.Errorf("%d bytes in the file, %d told, sum %x, %v", len(data), b.Bytes, b.SHA256, err)
		}
		survives(t, path, before)
	}
	cancel()
	writers.Wait()
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestBackupThatCannotBe(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	if _, err := s.Backup(t.Context(), writer(func([]byte) (int, error) { return 0, boom })); !strings.Contains(fmt.Sprint(err), "boom") {
		t.Errorf("a writer that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.Backup(ctx, writer(func(p []byte) (int, error) {
		cancel()
		if _, err := s.Backup(t.Context(), io.Discard); !errors.Is(err, store.ErrBackup) {
			t.Errorf("two at once: %v", err)
		}
		return len(p), nil
	}))
	if !strings.Contains(fmt.Sprint(err), context.Canceled.Error()) {
		t.Errorf("given up: %v", err)
	}
	if _, err := s.Backup(t.Context(), io.Discard); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// filledAndEmptied makes a database with mostly free pages and what is left in it.
func filledAndEmptied(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for batch := range 9 {
		err := db.Update(t.Context(), func(tx store.Tx) error {
			for i := range 1000 {
				if err := tx.Put("t", fmt.Appendf(nil, "%d-%04d", batch, i), bytes.Repeat([]byte{byte(i)}, 4500)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err = db.Update(t.Context(), func(tx store.Tx) error {
		for batch := range 8 {
			for i := range 1000 {
				if err := tx.Delete("t", fmt.Appendf(nil, "%d-%04d", batch, i)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, db *bolt.DB) (n int) {
	t.Helper()
	err := db.View(t.Context(), func(r store.Reader) error {
		n = 0
		return r.Scan("t", nil, []byte("9"), false, func(k, v []byte) (bool, error) {
			if string(k) != fmt.Sprintf("8-%04d", n) || !bytes.Equal(v, bytes.Repeat([]byte{byte(n)}, 4500)) {
				return false, fmt.Errorf("record %q", k)
			}
			n++
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCompact(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	filledAndEmptied(t, path)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	keep := open(t, path)
	if _, err := bolt.Compact(path, bolt.Options{LockTimeout: time.Millisecond}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a database that is open was compacted: %v", err)
	}
	keep.Close()
	c, err := bolt.Compact(path, bolt.Options{})
	if err != nil || c.Before < 40<<20 || c.After > 12<<20 {
		t.Errorf("%+v, %v", c, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != c.After || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	db := open(t, path)
	if n := left(t, db); n != 1000 {
		t.Errorf("%d records", n)
	}
	if err := put(db, "a"); err != nil {
		t.Error(err)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(path + "*"); len(files) != 1 {
		t.Errorf("left behind: %q", files)
	}
}

func TestCompactAtTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	filledAndEmptied(t, path)
	before, _ := os.Stat(path)
	for _, test := range []struct {
		above   int
		smaller bool
	}{{0, false}, {95, false}, {50, true}} {
		db, err := bolt.Open(path, bolt.Options{CompactAbove: test.above})
		if err != nil {
			t.Fatal(err)
		}
		after, _ := os.Stat(path)
		if (after.Size() < before.Size()/3) != test.smaller {
			t.Errorf("above %d %%: %d bytes, before %d", test.above, after.Size(), before.Size())
		}
		if n := left(t, db); n != 1000 {
			t.Errorf("%d records", n)
		}
		if err := put(db, "a"); err != nil {
			t.Error(err)
		}
		if _, err := bolt.Open(path, bolt.Options{LockTimeout: time.Millisecond}); !errors.Is(err, store.ErrLocked) {
			t.Errorf("the new file is not locked: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	db := open(t, path)
	if err := db.View(t.Context(), func(r store.Reader) error {
		v, err := r.Get("t", []byte("a"))
		if v == nil {
			t.Error("what was written after the compaction is gone")
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, by, aside := filepath.Join(dir, "db"), filepath.Join(dir, "new"), filepath.Join(dir, "aside")
	make := func(at, key string) {
		t.Helper()
		db, err := bolt.Open(at, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(put(db, key), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	has := func(at, key string) bool {
		t.Helper()
		db, err := bolt.Open(at, bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var v []byte
		if err := db.View(t.Context(), func(r store.Reader) (err error) { v, err = r.Get("t", []byte(key)); return err }); err != nil {
			t.Fatal(err)
		}
		return v != nil
	}
	make(by, "one")
	if err := bolt.Replace(path, by, aside); err != nil || !has(path, "one") {
		t.Fatalf("where nothing was: %v", err)
	}
	make(by, "two")
	db := open(t, path)
	if err := bolt.Replace(path, by, aside); !errors.Is(err, store.ErrLocked) {
		t.Errorf("under an open database: %v", err)
	}
	db.Close()
	if err := bolt.Replace(path, by, aside); err != nil || !has(path, "two") || !has(aside, "one") {
		t.Errorf("%v", err)
	}
	make(by, "three")
	if err := bolt.Replace(path, by, aside); err == nil || !has(path, "two") || !has(by, "three") {
		t.Errorf("over the name of an earlier one: %v", err)
	}
}

// Who waits for the lock of a database that is replaced meanwhile gets the new one.
func TestReplacedWhileTheLockIsAwaited(t *testing.T) {
	dir := t.TempDir()
	path, by := filepath.Join(dir, "db"), filepath.Join(dir, "new")
	for _, at := range []string{path, by} {
		db, err := bolt.Open(at, bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(put(db, filepath.Base(at)), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	first := open(t, path)
	var waiter sync.WaitGroup
	waiter.Go(func() {
		db, err := bolt.Open(path, bolt.Options{LockTimeout: time.Minute})
		if err != nil {
			t.Error(err)
			return
		}
		defer db.Close()
		if err := db.View(t.Context(), func(r store.Reader) error {
			v, err := r.Get("t", []byte("new"))
			if v == nil {
				t.Error("the old database was opened")
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(100 * time.Millisecond)
	if err := os.Rename(by, path); err != nil {
		t.Fatal(err)
	}
	first.Close()
	waiter.Wait()
}
