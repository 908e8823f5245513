package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
	"trunkline/store/bolt"
)

// probe returns how many times per second the disk under dir overwrites 4 KiB and syncs them. Everything durable is measured in it, since disks differ
// and are throttled at times.
func probe(b testing.TB, dir string, d time.Duration) float64 {
	f, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	for range 256 {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	n := 0
	begin := time.Now()
	for ; time.Since(begin) < d; n++ {
		if _, err := f.WriteAt(page, int64(n%256)*4096); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(begin).Seconds()
}

func benchStore(b testing.TB, path string) *store.Store {
	b.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(context.Background(), db, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

var text = func() string {
	t := ""
	for len(t) < 300 {
		t += "The quick brown fox jumps over the lazy dog. "
	}
	return t[:300]
}()

func message(i int) store.Message {
	to, _ := phone.Parse(fmt.Sprintf("+49151%08d", i%100_000_000))
	now := time.Now().UTC()
	return store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: to, Text: text, Account: "uid:1000", Priority: 5,
		CreatedAt: now, Parts: []store.Part{{Seq: 1, State: store.Waiting, Reference: -1, Status: -1}, {Seq: 2, State: store.Waiting, Reference: -1, Status: -1}}}
}

func BenchmarkAccept(b *testing.B) {
	for _, writers := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			dir := b.TempDir()
			s := benchStore(b, filepath.Join(dir, "db"))
			before := probe(b, dir, 300*time.Millisecond)
			var next atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for range writers {
				group.Go(func() {
					for {
						i := next.Add(1)
						if i > int64(b.N) {
							return
						}
						if _, err := s.Accept(context.Background(), store.Acceptance{Messages: []store.Message{message(int(i))}}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.StopTimer()
			rate := float64(b.N) / b.Elapsed().Seconds()
			syncs := (before + probe(b, dir, 300*time.Millisecond)) / 2
			b.ReportMetric(rate, "accepts/s")
			b.ReportMetric(syncs, "probe-syncs/s")
			b.ReportMetric(rate/syncs, "accepts/probe-sync")
		})
	}
}
