package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

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
			commit := db.commit
			db.commit = func(tx *bbolt.Tx) error {
				tx.Rollback()
				return test.fault
			}
			if err := put(db, "lost"); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if got := keys(t, db); fmt.Sprint(got) != "[before]" {
				t.Errorf("keys %q", got)
			}
			db.commit = commit
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

// While a commit is under way, an update that waits behind it hears its context, and those that wait share the next commit.
func TestQueuedUpdates(t *testing.T) {
	db, _ := openHere(t)
	entered, let := make(chan struct{}), make(chan struct{})
	commits := 0
	commit := db.commit
	db.commit = func(tx *bbolt.Tx) error {
		if commits++; commits == 1 {
			close(entered)
			<-let
		}
		return commit(tx)
	}
	var group sync.WaitGroup
	group.Go(func() {
		if err := put(db, "first"); err != nil {
			t.Error(err)
		}
	})
	<-entered
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
	if got := keys(t, db); len(got) != 1 {
		t.Errorf("keys %q", got)
	}
}

// An update that fails after writing is taken out of its batch; the others are committed though they ran in the same transaction.
func TestPoisonedBatchIsSplit(t *testing.T) {
	db, _ := openHere(t)
	boom := errors.New("boom")
	var batch []*request
	runs := make([]int, 5)
	for i := range runs {
		r := &request{done: make(chan struct{}, 1)}
		r.fn = func(tx store.Tx) error {
			runs[i]++
			if err := tx.Put("t", []byte{'a' + byte(i)}, nil); err != nil {
				return err
			}
			if i == 2 {
				return boom
			}
			return nil
		}
		batch = append(batch, r)
	}
	db.run(batch)
	for i, r := range batch {
		<-r.done
		if want := map[bool]error{true: boom}[i == 2]; r.err != want {
			t.Errorf("update %d: %v, want %v", i, r.err, want)
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
	db.commit = func(tx *bbolt.Tx) error { t.Error("committed"); return tx.Commit() }
	boom := errors.New("boom")
	for _, want := range []error{nil, boom} {
		if err := db.Update(t.Context(), func(store.Tx) error { return want }); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}

// Room is written ahead of the database, never into it; when that fails for lack of space, the database goes on.
func TestAhead(t *testing.T) {
	for _, test := range []struct {
		fault error
		stops bool
	}{{nil, false}, {syscall.ENOSPC, false}, {syscall.EIO, true}} {
		t.Run(fmt.Sprint(test.fault), func(t *testing.T) {
			db, path := openHere(t)
			calls, end := 0, int64(0)
			db.zero = func(f *os.File, from, to int64) error {
				calls++
				if from < end || to-from > aheadBytes || from%int64(os.Getpagesize()) != 0 {
					t.Errorf("zeros from %d to %d, after %d", from, to, end)
				}
				end = to
				if test.fault != nil {
					return test.fault
				}
				return writeZeros(f, from, to)
			}
			value := make([]byte, 100_000)
			for i := range value {
				value[i] = byte(i)
			}
			n := 0
			for ; n < 40; n++ {
				if err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", fmt.Appendf(nil, "%02d", n), value) }); err != nil {
					break
				}
			}
			// A last update waits for the committer, and so for the writing ahead after the one before.
			err := put(db, "last")
			if test.stops != errors.Is(err, store.ErrStopped) || !test.stops && n != 40 {
				t.Errorf("after %d updates: %v", n, err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if test.fault == nil && calls < 4 || test.fault != nil && calls != 1 {
				t.Errorf("%d calls", calls)
			}
			if db, err = Open(path, Options{}); err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			err = db.View(t.Context(), func(r store.Reader) error {
				for i := range n {
					if got, err := r.Get("t", fmt.Appendf(nil, "%02d", i)); err != nil || !bytes.Equal(got, value) {
						t.Errorf("value %d is not as it was written, %v", i, err)
					}
				}
				return nil
			})
			if err := errors.Join(err, db.Check(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
}
