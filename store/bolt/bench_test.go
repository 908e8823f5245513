package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
	"trunkline/store/bolt"
)

// probe returns how many times per second the disk under dir overwrites 4 KiB and syncs them, and how long that takes at the median. Everything durable
// is measured in it, since disks differ and are throttled at times.
func probe(b testing.TB, dir string, d time.Duration) (rate float64, p50 time.Duration) {
	rate, p50, _ = probes(b, dir, d)
	return rate, p50
}

// probes is probe, with the time that one of a hundred exceeds.
func probes(b testing.TB, dir string, d time.Duration) (rate float64, p50, most time.Duration) {
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
	var took []time.Duration
	begin := time.Now()
	for last := begin; last.Sub(begin) < d; {
		n := len(took)
		if _, err := f.WriteAt(page, int64(n%256)*4096); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		now := time.Now()
		took, last = append(took, now.Sub(last)), now
	}
	return float64(len(took)) / time.Since(begin).Seconds(), median(took), p99(took)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
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
			before, p50 := probe(b, dir, 300*time.Millisecond)
			var next atomic.Int64
			var group sync.WaitGroup
			took := make([]time.Duration, b.N)
			b.ResetTimer()
			for range writers {
				group.Go(func() {
					for {
						i := next.Add(1)
						if i > int64(b.N) {
							return
						}
						begin := time.Now()
						if _, err := s.Accept(context.Background(), store.Acceptance{Messages: []store.Message{message(int(i))}}); err != nil {
							b.Error(err)
							return
						}
						took[i-1] = time.Since(begin)
					}
				})
			}
			group.Wait()
			b.StopTimer()
			rate := float64(b.N) / b.Elapsed().Seconds()
			after, q50 := probe(b, dir, 300*time.Millisecond)
			syncs := (before + after) / 2
			b.ReportMetric(float64(median(took))/1000, "p50-µs")
			b.ReportMetric(float64(p50+q50)/float64(median(took)), "two-syncs/p50") // 1 writer: 1 is the limit that the two syncs of a commit set
			b.ReportMetric(rate, "accepts/s")
			b.ReportMetric(syncs, "probe-syncs/s")
			b.ReportMetric(rate/syncs, "accepts/probe-sync")
		})
	}
}

// BenchmarkSend is the life of one message of one part: claim, mark, settle; each is durable before the next.
func BenchmarkSend(b *testing.B) {
	ctx := context.Background()
	dir := b.TempDir()
	s := benchStore(b, filepath.Join(dir, "db"))
	for i := range b.N {
		m := message(i)
		m.Parts = m.Parts[:1]
		if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}}); err != nil {
			b.Fatal(err)
		}
	}
	before, _ := probe(b, dir, 300*time.Millisecond)
	b.ResetTimer()
	for i := range b.N {
		now := time.Now().UTC()
		m, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "8949", At: now})
		if err != nil || !ok {
			b.Fatal(ok, err)
		}
		if err := s.Mark(ctx, m.ID, 1, now); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: now, State: store.Sent, Reference: i % 256}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	after, _ := probe(b, dir, 300*time.Millisecond)
	syncs := (before + after) / 2
	b.ReportMetric(rate, "messages/s")
	b.ReportMetric(syncs, "probe-syncs/s")
	b.ReportMetric(3*rate/syncs, "commits/probe-sync")
}

// BenchmarkMillion measures a store that holds a million messages, all of them waiting: the queue cannot be longer.
func BenchmarkMillion(b *testing.B) {
	if testing.Short() {
		b.Skip("it writes 600 MB")
	}
	ctx := context.Background()
	path := filepath.Join(b.TempDir(), "db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(ctx, db, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	const total, slice = 1_000_000, 5000
	for i := 0; i < total; i += slice {
		var a store.Acceptance
		for j := range slice {
			m := message(i + j)
			m.Parts = m.Parts[:1]
			a.Messages = append(a.Messages, m)
		}
		if _, err := s.Accept(ctx, a); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			db, err := bolt.Open(path, bolt.Options{})
			if err != nil {
				b.Fatal(err)
			}
			s, err := store.Open(ctx, db, store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Recover(ctx, time.Now()); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			s.Close()
			b.StartTimer()
		}
	})
	s = benchStore(b, path)
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			if page, err := s.Messages(ctx, store.Query{Limit: 50}); err != nil || len(page.Items) != 50 {
				b.Fatal(err)
			}
		}
	})
	b.Run("page-nothing-matches", func(b *testing.B) {
		for b.Loop() {
			if page, err := s.Messages(ctx, store.Query{Tag: "none"}); err != nil || len(page.Items) != 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("message", func(b *testing.B) {
		page, err := s.Messages(ctx, store.Query{Limit: 1000})
		if err != nil {
			b.Fatal(err)
		}
		i := 0
		for b.Loop() {
			if _, err := s.Message(ctx, page.Items[i%1000].ID); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
	b.Run("counts", func(b *testing.B) {
		for b.Loop() {
			if counts, err := s.Counts(ctx); err != nil || counts[store.Waiting] < total/2 {
				b.Fatal(counts, err)
			}
		}
	})
	b.Run("claim-and-back", func(b *testing.B) {
		for b.Loop() {
			now := time.Now().UTC()
			m, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "8949", At: now})
			if err != nil || !ok {
				b.Fatal(ok, err)
			}
			if _, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: now, State: store.Waiting, RetryAt: now}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
