package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/callplan/phone"
	"trunkline/store"
	"trunkline/store/bolt"
)

// BenchmarkCycle is the whole life of messages of one part, by 64 producers that accept and 8 consumers that claim, mark and settle; each step is
// durable before the next. Four commits make a message, and many share a sync.
func BenchmarkCycle(b *testing.B) {
	const producers, consumers = 64, 8
	ctx := context.Background()
	dir := b.TempDir()
	s := benchStore(b, filepath.Join(dir, "db"))
	before, _ := probe(b, dir, 300*time.Millisecond)
	var made, done atomic.Int64
	var group sync.WaitGroup
	b.ResetTimer()
	for range producers {
		group.Go(func() {
			for i := made.Add(1); i <= int64(b.N); i = made.Add(1) {
				m := message(int(i))
				m.Parts = m.Parts[:1]
				if _, err := s.Accept(ctx, store.Acceptance{Messages: []store.Message{m}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	for c := range consumers {
		group.Go(func() {
			trunk := fmt.Sprint("trunk", c)
			likely := false
			for n := 0; done.Load() < int64(b.N) && !b.Failed(); n++ {
				now := time.Now().UTC()
				m, ok, err := s.Claim(ctx, store.Claim{Trunk: trunk, SIM: trunk, At: now, Likely: likely})
				likely = ok
				if err != nil {
					b.Error(err)
					return
				}
				if !ok {
					time.Sleep(100 * time.Microsecond)
					continue
				}
				if err := s.Mark(ctx, m.ID, 1, now); err != nil {
					b.Error(err)
					return
				}
				if _, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: now, State: store.Sent, Reference: n & 255}); err != nil {
					b.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	group.Wait()
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	after, _ := probe(b, dir, 300*time.Millisecond)
	b.ReportMetric(rate, "messages/s")
	b.ReportMetric((before+after)/2, "probe-syncs/s")
	b.ReportMetric(rate/((before+after)/2), "messages/probe-sync")
}

// p99 returns the time that one of a hundred exceeds.
func p99(d []time.Duration) time.Duration {
	median(d) // sorts
	return d[len(d)*99/100]
}

// used returns the time that this thread spent on a processor, and how often it waited for a page to be read from the disk.
func used(b testing.TB) (cpu time.Duration, reads int64) {
	var u unix.Rusage
	var t unix.Timespec
	if err := errors.Join(unix.Getrusage(unix.RUSAGE_THREAD, &u), unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano()), int64(u.Majflt)
}

// resident returns the memory of this process that is its own, and all that is in memory, pages of files included, in MB.
func resident(b testing.TB) (own, all float64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("the kernel does not say how much memory is used")
	}
	for line := range strings.Lines(string(status)) {
		var kB float64
		if n, _ := fmt.Sscanf(line, "RssAnon: %f kB", &kB); n == 1 {
			own = kB / 1000
		}
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kB); n == 1 {
			all = kB / 1000
		}
	}
	return own, all
}

// history writes messages: n of one part, of accounts and trunks in turn. Those that do not wait were sent.
func history(b testing.TB, path string, n int, waiting bool) {
	b.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	s, err := store.Open(ctx, db, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	begin := time.Now().UTC().Add(-time.Duration(n) * time.Second)
	const slice = 5000
	for i := 0; i < n; i += slice {
		var a store.Acceptance
		for j := i; j < min(n, i+slice); j++ {
			m := message(j)
			m.Parts, m.Text, m.Account, m.CreatedAt = m.Parts[:1], text[:60], fmt.Sprintf("uid:%d", j%10), begin.Add(time.Duration(j)*time.Second)
			m.ID = idAt(m.CreatedAt, j)
			if m.Pin = fmt.Sprintf("trunk%d", j%8); waiting {
				m.Pin = ""
			} else {
				m.State, m.Parts[0].State = store.Debug, store.Debug
			}
			a.Messages = append(a.Messages, m)
		}
		if _, err := s.Accept(ctx, a); err != nil {
			b.Fatal(err)
		}
	}
}

// idAt returns the id that a message of that time would have.
func idAt(t time.Time, n int) (id store.MessageID) {
	id = store.NewMessageID()
	ms := uint64(t.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[7] = 0x70|byte(n>>8&15), byte(n)
	return id
}

// BenchmarkWaiting claims from a million messages of ten accounts that wait, and gives each back.
func BenchmarkWaiting(b *testing.B) {
	if testing.Short() {
		b.Skip("it writes 400 MB")
	}
	path := filepath.Join(b.TempDir(), "db")
	history(b, path, 1_000_000, true)
	s := benchStore(b, path)
	ctx := context.Background()
	var took []time.Duration
	var turns store.Turns
	for b.Loop() {
		now := time.Now().UTC()
		m, ok, err := s.Claim(ctx, store.Claim{Trunk: "desk", SIM: "8949", At: now, After: turns})
		took = append(took, time.Since(now))
		if err != nil || !ok {
			b.Fatal(ok, err)
		}
		turns[m.Priority] = m.Account
		if _, err := s.Settle(ctx, store.Outcome{ID: m.ID, Seq: 1, At: now, State: store.Waiting, RetryAt: now.Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
	}
	own, all := resident(b)
	_, _, disk := probes(b, filepath.Dir(path), 300*time.Millisecond)
	b.ReportMetric(float64(disk.Microseconds())/1000, "probe-p99-ms")
	b.ReportMetric(float64(p99(took).Microseconds())/1000, "claim-p99-ms")
	b.ReportMetric(own, "rss-own-MB")
	b.ReportMetric(all, "rss-all-MB")
}

// BenchmarkHistory pages through a history by several filters. TRUNKLINE_HISTORY sets its length (1,000,000) and TRUNKLINE_HISTORY_FILE where it is kept.
func BenchmarkHistory(b *testing.B) {
	if testing.Short() {
		b.Skip("it writes 400 MB")
	}
	n := 1_000_000
	if v := os.Getenv("TRUNKLINE_HISTORY"); v != "" {
		if _, err := fmt.Sscan(v, &n); err != nil {
			b.Fatal(err)
		}
	}
	path := os.Getenv("TRUNKLINE_HISTORY_FILE")
	if path == "" {
		path = filepath.Join(b.TempDir(), "db")
	}
	if _, err := os.Stat(path); err != nil {
		history(b, path, n, false)
	}
	ctx := context.Background()
	b.Run("start", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			begin := time.Now()
			db, err := bolt.Open(path, bolt.Options{})
			if err != nil {
				b.Fatal(err)
			}
			s, err := store.Open(ctx, db, store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Recover(ctx, begin); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(begin))
			s.Close()
		}
		b.ReportMetric(median(took).Seconds(), "start-s")
	})
	s := benchStore(b, path)
	now := time.Now().UTC()
	ago := func(part int) time.Time { return now.Add(-time.Duration(n) * time.Second / time.Duration(part)) }
	number, err := phone.Parse("+4915100000077")
	if err != nil {
		b.Fatal(err)
	}
	nobody, err := phone.Parse("+4917000000001")
	if err != nil {
		b.Fatal(err)
	}
	for name, q := range map[string]store.Query{
		"all": {}, "oldest": {Ascending: true}, "out": {Direction: store.Out}, "in-none": {Direction: store.In}, "state": {State: store.Debug}, "waiting-none": {State: store.Waiting},
		"error-none": {State: store.Error}, "trunk": {Trunk: "trunk3"}, "number": {Number: number}, "number-none": {Number: nobody}, "tag-none": {Tag: "none"}, "account-none": {Account: "uid:11"}, "trunk-none": {Trunk: "none"}, "provider-none": {Provider: "none"}, "time": {Since: ago(2), Until: ago(3)},
		"time-trunk-state": {Since: ago(2), Trunk: "trunk5", State: store.Debug, Ascending: true}, "out-number": {Direction: store.Out, Number: number, Since: ago(4)},
	} {
		b.Run("page-"+name, func(b *testing.B) {
			runtime.LockOSThread() // so that what is spent can be told from what others took, and the disk
			defer runtime.UnlockOSThread()
			var took, spent []time.Duration
			pages := q
			_, before := used(b)
			for b.Loop() {
				cpu, _ := used(b)
				begin := time.Now()
				page, err := s.Messages(ctx, pages)
				took = append(took, time.Since(begin))
				after, _ := used(b)
				spent = append(spent, after-cpu)
				if err != nil {
					b.Fatal(err)
				}
				pages.Cursor = page.Next
			}
			_, after := used(b)
			b.ReportMetric(float64(p99(took).Microseconds())/1000, "page-p99-ms")
			b.ReportMetric(float64(p99(spent).Microseconds())/1000, "page-cpu-p99-ms")
			b.ReportMetric(float64(after-before)/float64(len(took)), "disk-reads/page")
		})
	}
}
