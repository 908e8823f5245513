package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// While a commit is under way, an update that waits behind it hears its context, and those that wait share the next commit.
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
		r := &db.group(1).requests[0]
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
		<-r.group.done
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
	db.sync = func(*os.File) error { t.Error("committed"); return nil }
	boom := errors.New("boom")
	for _, want := range []error{nil, boom} {
		if err := db.Update(t.Context(), func(store.Tx) error { return want }); err != want {
			t.Errorf("%v, want %v", err, want)
		}
	}
}
