package httpd

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"
	"testing"
	"time"

	"trunkline/store/bolt"
)

// probe returns how many times per second the disk overwrites 4 KiB and syncs them. Disks differ and are throttled, so everything durable is
// measured against it in the same run.
func probe(b *testing.B, dir string, d time.Duration) float64 {
	f, err := os.Create(filepath.Join(dir, "probe"))
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	if _, err = f.WriteAt(block, 0); err == nil {
		err = f.Sync()
	}
	if err != nil {
		b.Fatal(err)
	}
	start, n := time.Now(), 0
	for ; time.Since(start) < d; n++ {
		block[0] = byte(n)
		if _, err := f.WriteAt(block, 0); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}

// BenchmarkSocketAccept measures POST /v1/messages over the socket with the real router and the real store on disk. The clients send ready-made
// requests on connections that stay open, so that what is measured is the gateway. One bbolt commit takes two
// syncs: the ceiling of a single client is half the probe.
func BenchmarkSocketAccept(b *testing.B) {
	for _, clients := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			dir := b.TempDir()
			db, err := bolt.Open(filepath.Join(dir, "db"), bolt.Options{})
			if err != nil {
				b.Fatal(err)
			}
			g := serveOn(b, db, func(_ *Config, o *Options) { o.Logger = nil })
			before := probe(b, dir, 300*time.Millisecond)
			l := newLoader(b, clients, "202", g.dial, readyRequest)
			defer debug.SetGCPercent(debug.SetGCPercent(200)) // as the daemon has it
			b.ResetTimer()
			used := cpuTime(b)
			l.run(b, b.N)
			b.StopTimer()
			used = cpuTime(b) - used
			rate := float64(b.N) / b.Elapsed().Seconds()
			syncs := (before + probe(b, dir, 300*time.Millisecond)) / 2
			b.ReportMetric(rate, "accepts/s")
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/accept") // clients included; what a busy machine does not distort much
			b.ReportMetric(syncs, "probe-syncs/s")
			b.ReportMetric(rate/(syncs/2), "of-two-sync-ceiling")
			b.ReportMetric(rate/syncs, "accepts/probe-sync")
			if n := g.lastEvent(); n != uint64(b.N) {
				b.Errorf("%d events for %d accepts", n, b.N)
			}
		})
	}
}

// cpuTime is what the process has used of all processors so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// readyRequest is a whole request with a message of about 300 bytes.
func readyRequest(i int) []byte {
	text := "Your parcel 4711-0815 was handed over at 14:05. If it is not there, call us or answer with HELP. This text is long enough to be like those that gateways carry: one part, some words, a number or two."
	body := fmt.Sprintf(`{"to":"+49151%08d","text":%q,"tag":"bench"}`, i, text[:155])
	return fmt.Appendf(nil, "POST /v1/messages HTTP/1.1\r\nHost: trunkline\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// loader is a number of clients, each of which sends its next request when it has its answer. One goroutine serves them all, so that what they cost is
// little beside what is measured.
type loader struct {
	status   string
	poll     *poller
	requests map[int32][]byte
	buf      []byte
}

func newLoader(b *testing.B, clients int, status string, dial func() net.Conn, request func(client int) []byte) *loader {
	p, err := newPoller()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.close)
	l := &loader{status: "HTTP/1.1 " + status + " ", poll: p, requests: map[int32][]byte{}, buf: make([]byte, 64<<10)}
	for i := range clients {
		fd, err := detach(dial())
		if err == nil {
			err = p.add(fd)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { syscall.Close(fd) })
		l.requests[int32(fd)] = request(i)
	}
	return l
}

// run sends n requests in all, each of which must be answered with the status.
func (l *loader) run(b *testing.B, n int) {
	begun, answered := 0, 0
	send := func(fd int32) {
		if begun++; begun > n {
			return
		}
		if m, err := writeNow(int(fd), l.requests[fd]); err != nil || m < len(l.requests[fd]) {
			b.Fatalf("%d octets of a request were taken: %v", m, err)
		}
	}
	for fd := range l.requests {
		send(fd)
	}
	for answered < n {
		ready, err := l.poll.wait()
		if err != nil {
			b.Fatal(err)
		}
		for i := range ready {
			m, err := readNow(int(ready[i].Fd), l.buf)
			if err != nil {
				b.Fatal(err)
			}
			if err := l.whole(l.buf[:m]); err != nil {
				b.Fatal(err)
			}
			answered++
			send(ready[i].Fd)
		}
	}
}

// whole tells what is wrong when b is not one whole answer with the status that is expected.
func (l *loader) whole(b []byte) error {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 || !bytes.HasPrefix(b, []byte(l.status)) {
		return fmt.Errorf("answer: %q", b)
	}
	_, rest, _ := bytes.Cut(b[:end+2], []byte("Content-Length: "))
	digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
	if length, err := strconv.Atoi(string(digits)); err != nil || len(b) != end+4+length {
		return fmt.Errorf("answer of %d octets: %q", len(b), b)
	}
	return nil
}
