package bolt

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
)

// On a slow disk, writers that need a moment between their updates still share commits: without the pause they would split into two groups that take
// turns, and each would wait for the other's commit.
func TestWritersShareSlowCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(filepath.Join(t.TempDir(), "db"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		const slow, writers, each = 20 * time.Millisecond, 8, 30
		commits := 0
		works := db.sync
		db.sync = func(f *os.File) error {
			commits++
			time.Sleep(slow)
			return works(f)
		}
		var group sync.WaitGroup
		begin := time.Now()
		for w := range writers {
			group.Go(func() {
				for i := range each {
					time.Sleep(time.Duration(w) * 100 * time.Microsecond)
					if err := db.Update(t.Context(), func(tx store.Tx) error { return tx.Put("t", fmt.Appendf(nil, "%d-%d", w, i), nil) }); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		// A few rounds pass until the average tells that the disk is slow; from then on each round is one commit.
		if limit := each + 10; commits > limit {
			t.Errorf("%d commits for %d rounds of %d writers", commits, each, writers)
		}
		if took, limit := time.Since(begin), (each+10)*(slow+2*time.Millisecond); took > limit {
			t.Errorf("it took %s, more than %s", took, limit)
		}
	})
}

// On a fast disk a lone writer never waits for others.
func TestLoneWriterDoesNotPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(filepath.Join(t.TempDir(), "db"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		begin := time.Now()
		for i := range 50 {
			if err := put(db, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("it waited %s", took)
		}
	})
}
