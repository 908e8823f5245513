package modem

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// TestFlappingSocket: a port that is there for a second and away for a second, for ten minutes, fills no log and is back within ten
// seconds after the last time.
func TestFlappingSocket(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		var mu sync.Mutex
		var lines bytes.Buffer
		log := slog.New(slog.NewTextHandler(writerFunc(func(b []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return lines.Write(b)
		}), nil))
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			if t.Failed() {
				t.Logf("log: …%s", lines.Bytes()[max(0, lines.Len()-3000):])
			}
		}()
		p := stick(t, imeiA, iccidA)
		m, stop := w.drive("desk", func(c *Config) { c.USB = "1-1" }, log)
		defer stop()
		for range 300 {
			w.plug("1-1", "2c7c:0125", quectel(0, p)...)
			time.Sleep(time.Second)
			w.pull("1-1", p)
			time.Sleep(time.Second)
		}
		w.plug("1-1", "2c7c:0125", quectel(0, p)...)
		within(t, 10*time.Second, m, "after the last time")
		mu.Lock()
		defer mu.Unlock()
		if n := bytes.Count(lines.Bytes(), []byte("\n")); n >= 100 {
			t.Errorf("%d log lines:\n%.2000s", n, lines.String())
		} else {
			t.Logf("%d log lines, %d opens", n, m.Status().Opens)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// wedged is a port that hangs in one of its calls until it is closed, or in closing.
type wedged struct {
	net.Conn
	hang string
	end  chan struct{}
	once sync.Once
}

func (p *wedged) Read(b []byte) (int, error) {
	if p.hang == "read" {
		<-p.end
		return 0, io.EOF
	}
	return p.Conn.Read(b)
}

func (p *wedged) Write(b []byte) (int, error) {
	if p.hang == "write" {
		<-p.end
		return 0, os.ErrClosed
	}
	return p.Conn.Write(b)
}

func (p *wedged) Close() error {
	if p.hang == "close" {
		time.Sleep(20 * time.Second)
	}
	p.once.Do(func() { close(p.end) })
	return p.Conn.Close()
}

// TestWedgedPort: after a thousand ports that hung in open, read, write and close there is not one goroutine and not one
// descriptor more than before.
func TestWedgedPort(t *testing.T) {
	before := descriptors(t)
	ignore := goleak.IgnoreCurrent()
	bubbleWorld(t, func(t *testing.T, w *world) {
		kinds := []string{"open", "read", "write", "close"}
		var opened, closed atomic.Int64
		open := func() (Port, error) {
			n := opened.Add(1)
			host, end := net.Pipe()
			p := &wedged{Conn: host, hang: kinds[int(n)%len(kinds)], end: make(chan struct{})}
			go func() {
				io.Copy(io.Discard, end)
				end.Close()
				closed.Add(1)
			}()
			if p.hang == "open" {
				time.Sleep(30 * time.Second)
			}
			return p, nil
		}
		_, stop := w.drive("desk", func(c *Config) { c.USB = "1-1" }, nil)
		for opened.Load() < 1000 {
			// A new plugging-in each time, so that no quarantine ends the test early.
			w.plug("1-1", "2c7c:0125", socket{"ttyUSB2", 2, open})
			time.Sleep(time.Minute)
			w.pull("1-1")
			time.Sleep(time.Minute)
		}
		stop()
		time.Sleep(time.Minute)
		synctest.Wait()
		if o, c := opened.Load(), closed.Load(); o != c {
			t.Errorf("%d ports opened, %d closed", o, c)
		}
	})
	goleak.VerifyNone(t, ignore)
	runtime.GC()
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestOpenQuarantine: a port whose open hung three times is left alone until it is plugged in anew.
func TestOpenQuarantine(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		p := stick(t, imeiA, iccidA)
		release := make(chan struct{})
		hang := func() (Port, error) {
			<-release
			return p.port()
		}
		w.plug("1-1", "2c7c:0125", socket{"ttyUSB2", 2, hang})
		m, stop := w.drive("desk", func(c *Config) { c.USB = "1-1" }, nil)
		defer stop()
		time.Sleep(time.Hour)
		if n := w.count("ttyUSB2"); n != hangsLimit {
			t.Errorf("%d opens of a port that hangs, want %d", n, hangsLimit)
		}
		if s := m.Status(); s.Reason != ReasonOpenHangs || s.Hint == "" {
			t.Errorf("status %+v", s)
		}
		w.pull("1-1", p)
		w.plug("1-1", "2c7c:0125", socket{"ttyUSB5", 2, p.port})
		within(t, time.Second, m, "plugged in anew")
		close(release)
		synctest.Wait()
	})
}

// TestOpenStops: a stop does not wait for an open that hangs.
func TestOpenStops(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		release := make(chan struct{})
		w.plug("1-1", "2c7c:0125", socket{"ttyUSB2", 2, func() (Port, error) { <-release; return nil, context.Canceled }})
		_, stop := w.drive("desk", func(c *Config) { c.USB = "1-1" }, nil)
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if d := time.Since(began); d > 0 {
			t.Errorf("stop took %v", d)
		}
		close(release)
	})
}

func descriptors(t *testing.T) int {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted on Linux only")
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
