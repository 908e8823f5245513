package httpd

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
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
// requests on connections that stay open and read answers with little effort, so that what is measured is the gateway. One bbolt commit takes two
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
			var left atomic.Int64
			left.Store(int64(b.N))
			connections := make([]net.Conn, clients)
			for i := range connections {
				connections[i] = g.dial()
				connections[i].SetDeadline(time.Time{})
			}
			var wg sync.WaitGroup
			b.ResetTimer()
			used := cpuTime(b)
			for i, c := range connections {
				wg.Go(func() {
					l := leanClient{conn: c, request: readyRequest(i), buf: make([]byte, 4096)}
					for left.Add(-1) >= 0 {
						if err := l.accept(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
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

// leanClient sends one request after the other.
type leanClient struct {
	conn    net.Conn
	request []byte
	buf     []byte
}

// accept sends the request and reads its whole answer, which must be 202.
func (l *leanClient) accept() error {
	if _, err := l.conn.Write(l.request); err != nil {
		return err
	}
	n, need := 0, -1
	for need < 0 || n < need {
		m, err := l.conn.Read(l.buf[n:])
		if err != nil {
			return err
		}
		n += m
		if need >= 0 {
			continue
		}
		end := bytes.Index(l.buf[:n], []byte("\r\n\r\n"))
		if end < 0 {
			continue
		}
		if !bytes.HasPrefix(l.buf, []byte("HTTP/1.1 202 ")) {
			return fmt.Errorf("answer: %s", l.buf[:n])
		}
		_, rest, ok := bytes.Cut(l.buf[:end+2], []byte("Content-Length: "))
		if !ok {
			return io.ErrUnexpectedEOF
		}
		digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
		length, err := strconv.Atoi(string(digits))
		if err != nil {
			return err
		}
		need = end + 4 + length
	}
	return nil
}
