package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"trunkline/store"
)

func openHere(t *testing.T) (*DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db, path
}

func put(db *DB, key string) error {
	return db.Update(context.Background(), func(tx store.Tx) error { return tx.Put("t", []byte(key), []byte("v")) })
}

func keys(t *testing.T, db *DB) (all []string) {
	t.Helper()
	err := db.View(t.Context(), func(r store.Reader) error {
		return r.Scan("t", nil, nil, false, func(k, _ []byte) (bool, error) {
			all = append(all, string(k))
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFailedCommit(t *testing.T) {
	for _, test := range []struct {
		fault error
		want  error
		stops bool
	}{
		{syscall.EIO, store.ErrStopped, true},
		{errors.New("something else"), store.ErrStopped, true},
		{syscall.ENOSPC, store.ErrFull, false},
		{fmt.Errorf("file resize error: %s", syscall.ENOSPC), store.ErrFull, false}, // bbolt hides the number
		{syscall.EDQUOT, store.ErrFull, false},
		{syscall.EROFS, store.ErrReadOnly, false},
		{syscall.EACCES, store.ErrReadOnly, false},
	} {
		t.Run(test.fault.Error(), func(t *testing.T) {
			db, _ := openHere(t)
			if err := put(db, "before"); err != nil {
				t.Fatal(err)
			}
			works := db.sync
			db.sync = func(*os.File) error { return test.fault }
			if err := put(db, "lost"); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if got := keys(t, db); fmt.Sprint(got) != "[before]" {
				t.Errorf("keys %q", got)
			}
			db.sync = works
			err := put(db, "after")
			select {
			case <-db.Failed():
				if !test.stops || !errors.Is(err, store.ErrStopped) {
					t.Errorf("stopped, next update %v", err)
				}
			default:
				if test.stops || err != nil {
					t.Errorf("goes on, next update %v", err)
				}
			}
			if got := keys(t, db); got[len(got)-1] == "lost" {
				t.Errorf("keys %q", got)
			}
		})
	}
}

// While a commit is under way, the next one is made ready, and those that come go with it until it is full; an update that waits behind it hears its context.
func TestQueuedUpdates(t *testing.T) {
	db, _ := openHere(t)
	entered, let := make(chan struct{}), make(chan struct{})
	commits := 0
	works := db.sync
	db.sync = func(f *os.File) error {
		if commits++; commits == 1 {
			close(entered)
			<-let
		}
		return works(f)
	}
	var group sync.WaitGroup
	group.Go(func() {
		if err := put(db, "first"); err != nil {
			t.Error(err)
		}
	})
	<-entered
	var ran sync.WaitGroup
	ran.Add(maxBatch)
	for i := range maxBatch {
		group.Go(func() {
			if err := db.Update(t.Context(), func(tx store.Tx) error {
				defer ran.Done()
				if v, err := tx.Get("t", []byte("first")); err != nil || v == nil {
					t.Errorf("update %d does not see what is on its way: %q, %v", i, v, err)
				}
				return tx.Put("t", fmt.Append(nil, i), nil)
			}); err != nil {
				t.Error(err)
			}
		})
	}
	ran.Wait()
	if got := keys(t, db); len(got) != 0 {
		t.Errorf("what is not on disk is seen: %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		gone <- db.Update(ctx, func(tx store.Tx) error { return tx.Put("t", []byte("gone"), nil) })
	}()
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("queued update: %v", err)
	}
	close(let)
	group.Wait()
	if got := keys(t, db); len(got) != 1+maxBatch || commits != 2 {
		t.Errorf("%d keys after %d commits", len(got), commits)
	}
}

// Of a disk that takes nothing one line tells when that begins, and one when it ends, however many commits it refuses.
func TestRefusalIsToldOnce(t *testing.T) {
	var lines bytes.Buffer
	db, err := Open(filepath.Join(t.TempDir(), "db"), Options{Logger: slog.New(slog.NewTextHandler(&lines, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	works := db.sync
	for range 2 {
		db.sync = func(*os.File) error { return syscall.ENOSPC }
		for range 3 {
			if err := put(db, "k"); !errors.Is(err, store.ErrFull) {
				t.Fatal(err)
			}
		}
		db.sync = works
		for range 3 {
			if err := put(db, "k"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if began, ended := strings.Count(lines.String(), "cannot be written"), strings.Count(lines.String(), "can be written again"); began != 2 || ended != 2 {
		t.Errorf("told %d and %d times:\n%s", began, ended, lines.String())
	}
}

// What was run over a commit that was refused, since the disk took nothing, is run again without it.
func TestRefusedUnderway(t *testing.T) {
	for _, test := range []struct {
		fault error
		keys  string
		want  error
	}{
		{syscall.ENOSPC, "[second]", nil},
		{syscall.EIO, "[]", store.ErrStopped},
	} {
		t.Run(test.fault.Error(), func(t *testing.T) {
			db, _ := openHere(t)
			entered, let := make(chan struct{}), make(chan struct{})
			works, commits := db.sync, 0
			db.sync = func(f *os.File) error {
				if commits++; commits == 1 {
					close(entered)
					<-let
					return test.fault
				}
				return works(f)
			}
			var group sync.WaitGroup
			group.Go(func() {
				if err := put(db, "first"); err == nil {
					t.Error("a commit that was refused is acknowledged")
				}
			})
			<-entered
			var seen []bool
			ran := make(chan struct{}, 2)
			group.Go(func() {
				err := db.Update(t.Context(), func(tx store.Tx) error {
					v, err := tx.Get("t", []byte("first"))
					seen = append(seen, v != nil)
					ran <- struct{}{}
					return errors.Join(err, tx.Put("t", []byte("second"), nil))
				})
				if !errors.Is(err, test.want) {
					t.Errorf("error %v, want %v", err, test.want)
				}
			})
			<-ran
			close(let)
			group.Wait()
			if test.want == nil && fmt.Sprint(seen) != "[true false]" {
				t.Errorf("what the disk refused was seen in its runs: %v", seen)
			}
			if got := fmt.Sprint(keys(t, db)); got != test.keys {
				t.Errorf("keys %s, want %s", got, test.keys)
			}
		})
	}
}

// An update that fails after writing is taken out of its batch; the others are committed though they ran in the same transaction.
func TestPoisonedBatchIsSplit(t *testing.T) {
	db, _ := openHere(t)
	boom := errors.New("boom")
	runs, errs := make([]int, 5), make([]error, 5)
	var fns []func(store.Tx) error
	for i := range runs {
		fns = append(fns, func(tx store.Tx) error {
			runs[i]++
			if err := tx.Put("t", []byte{'a' + byte(i)}, nil); err != nil {
				return err
			}
			if i == 2 {
				return boom
			}
			return nil
		})
	}
	db.UpdateEach(t.Context(), fns, errs)
	for i, err := range errs {
		if want := map[bool]error{true: boom}[i == 2]; err != want {
			t.Errorf("update %d: %v, want %v", i, err, want)
		}
	}
	if got := fmt.Sprint(keys(t, db)); got != "[a b d e]" {
		t.Errorf("keys %s", got)
	}
	if got := fmt.Sprint(runs); got != "[2 2 2 1 1]" {
		t.Errorf("runs %s", got)
	}
}

// Nothing is synced when nothing was written.
func TestNoCommitWithoutWrites(t *testing.T) {
	db, _ := openHere(t)
	db.sync = func(*os.File) error { t.Error("committed"); return nil }
	boom := errors.New("boom")
	for _, want := range []error{nil, boom} {
		if err := db.Update(t.Context(), func(store.Tx) error { return want }); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}
