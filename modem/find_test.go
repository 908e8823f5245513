package modem

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/modem/ports"
)

// world is a machine with USB sockets: trees like those of the kernel, and a scripted modem behind each port.
type world struct {
	t      *testing.T
	roots  ports.Roots
	events chan ports.Event
	settle func() // waits until what was told is acted on
	finder *Finder

	mu     sync.Mutex
	behind map[string]func() (Port, error) // by path of the port
	opened []string                        // names of ports, in order
	plugs  int
}

// socket is one port of a stick.
type socket struct {
	tty    string
	number int // of the interface
	open   func() (Port, error)
}

func newWorld(t *testing.T) *world {
	dir := t.TempDir()
	w := &world{t: t, roots: ports.Roots{Sys: filepath.Join(dir, "sys"), Dev: filepath.Join(dir, "dev")}, behind: map[string]func() (Port, error){}, settle: func() {}}
	w.must(os.MkdirAll(filepath.Join(w.roots.Sys, "class", "tty"), 0o755))
	w.must(os.MkdirAll(filepath.Join(w.roots.Sys, "bus", "usb", "devices"), 0o755))
	w.must(os.MkdirAll(w.roots.Dev, 0o755))
	return w
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Helper()
		w.t.Fatal(err)
	}
}

// start lets the world run within a bubble, with a finder that looks at it, until the returned function is called.
func (w *world) start(ctx context.Context) (stop func()) {
	w.events, w.settle = make(chan ports.Event), synctest.Wait
	w.finder = NewFinder(FinderOptions{Roots: w.roots, Events: w.events, Open: w.open})
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { w.finder.Run(ctx) })
	return func() { cancel(); wg.Wait() }
}

func (w *world) open(path string, _ int) (Port, error) {
	w.mu.Lock()
	w.opened = append(w.opened, filepath.Base(path))
	open := w.behind[path]
	w.mu.Unlock()
	if open == nil {
		return nil, &SetupError{Reason: ReasonMissing, Err: os.ErrNotExist}
	}
	return open()
}

// plug puts a stick into a socket and tells it as the kernel does.
func (w *world) plug(topology, id string, sockets ...socket) {
	w.t.Helper()
	w.settle() // nobody looks in the middle of it
	w.plugs++
	vendor, product, _ := strings.Cut(id, ":")
	device := filepath.Join(w.roots.Sys, "devices", "usb1", topology)
	w.file(device, "idVendor", vendor)
	w.file(device, "idProduct", product)
	w.file(device, "devnum", strconv.Itoa(w.plugs))
	w.must(os.Symlink(device, filepath.Join(w.roots.Sys, "bus", "usb", "devices", topology)))
	for _, s := range sockets {
		dir := filepath.Join(device, fmt.Sprintf("%s:1.%d", topology, s.number))
		w.file(dir, "bInterfaceNumber", fmt.Sprintf("%02x", s.number))
		w.file(dir, "bInterfaceClass", "ff")
		port := filepath.Join(dir, s.tty)
		w.must(os.MkdirAll(filepath.Join(port, "tty", s.tty), 0o755))
		w.must(os.Symlink(port, filepath.Join(port, "tty", s.tty, "device")))
		w.must(os.Symlink(filepath.Join(port, "tty", s.tty), filepath.Join(w.roots.Sys, "class", "tty", s.tty)))
		if _, err := os.Stat(filepath.Join(w.roots.Dev, s.tty)); err != nil {
			w.file(w.roots.Dev, s.tty, "")
		}
		w.mu.Lock()
		w.behind[filepath.Join(w.roots.Dev, s.tty)] = s.open
		w.mu.Unlock()
	}
	w.events <- ports.Event{Action: "add", Subsystem: "usb"}
}

// pull takes a stick out. Its modem dies first, as it does.
func (w *world) pull(topology string, sticks ...*peer) {
	w.t.Helper()
	w.settle()
	for _, p := range sticks {
		p.mu.Lock()
		if p.conn != nil {
			p.conn.Close()
		}
		p.mu.Unlock()
	}
	links, _ := filepath.Glob(filepath.Join(w.roots.Sys, "class", "tty", "*"))
	for _, link := range links {
		if to, _ := os.Readlink(link); strings.Contains(to, "/"+topology+"/") {
			w.must(os.Remove(link))
			w.must(os.Remove(filepath.Join(w.roots.Dev, filepath.Base(link))))
			w.mu.Lock()
			delete(w.behind, filepath.Join(w.roots.Dev, filepath.Base(link)))
			w.mu.Unlock()
		}
	}
	w.must(os.Remove(filepath.Join(w.roots.Sys, "bus", "usb", "devices", topology)))
	w.must(os.RemoveAll(filepath.Join(w.roots.Sys, "devices", "usb1", topology)))
	w.events <- ports.Event{Action: "remove", Subsystem: "usb"}
	w.settle()
}

func (w *world) file(dir, name, text string) {
	w.t.Helper()
	w.must(os.MkdirAll(dir, 0o755))
	w.must(os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644))
}

// count tells how often a port was opened.
func (w *world) count(tty string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.opened {
		if o == tty {
			n++
		}
	}
	return n
}

// stick returns a scripted modem with an identity of its own.
func stick(t *testing.T, imei, iccid string) *peer {
	p := &peer{t: t}
	p.script = func(p *peer, command string) bool {
		switch command {
		case "+CGSN":
			p.say("\r\n" + imei + "\r\n\r\nOK\r\n")
		case "+CCID":
			p.say("\r\n+CCID: " + iccid + "\r\n\r\nOK\r\n")
		default:
			return false
		}
		return true
	}
	return p
}

func (p *peer) port() (Port, error) { return p.open(context.Background()) }

// dead is a port that says nothing: diagnosis, positions.
func dead() (Port, error) {
	host, end := net.Pipe()
	go func() {
		defer end.Close()
		buf := make([]byte, 64)
		for {
			if _, err := end.Read(buf); err != nil {
				return
			}
		}
	}()
	return host, nil
}

// drive runs a modem in the world until the returned function is called.
func (w *world) drive(name string, change func(*Config), log *slog.Logger) (*Modem, func()) {
	w.t.Helper()
	c := Default()
	change(&c)
	m, err := New(c, Options{Name: name, Finder: w.finder, Logger: log})
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	return m, func() { cancel(); <-done }
}

func within(t *testing.T, d time.Duration, m *Modem, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := m.Ready(ctx); err != nil {
		t.Fatalf("%s: not ready within %v: %+v", what, d, m.Status())
	}
}

// settled waits for the end of an attempt that fails.
func settled(t *testing.T, m *Modem) Status {
	t.Helper()
	for range 600 {
		if s := m.Status(); s.State == Failed || s.State == Missing {
			return s
		}
		time.Sleep(110 * time.Millisecond)
	}
	t.Errorf("no attempt failed: %+v", m.Status())
	return m.Status()
}

const (
	imeiA, imeiB   = "490154203237518", "356938035643809"
	iccidA, iccidB = "8949000000000000001", "8949000000000000019"
)

// quectel returns the ports of a module whose AT port is behind p.
func quectel(first int, p *peer) (all []socket) {
	for i := range 4 {
		s := socket{fmt.Sprintf("ttyUSB%d", first+i), i, dead}
		if i == 2 {
			s.open = p.port
		}
		all = append(all, s)
	}
	return all
}

func bubbleWorld(t *testing.T, f func(t *testing.T, w *world)) {
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		defer w.start(context.Background())()
		f(t, w)
	})
}

// TestFindByUSB: the AT port of the device in a socket is found, at once after it is plugged in, and again under other numbers.
func TestFindByUSB(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		p := stick(t, imeiA, iccidA)
		m, stop := w.drive("desk", func(c *Config) { c.USB = "1-1.4" }, nil)
		defer stop()
		time.Sleep(10 * time.Minute) // back-off has grown
		if s := m.Status(); s.State != Missing || s.Hint == "" || s.USB != "" {
			t.Fatalf("without a modem: %+v", s)
		}
		w.plug("1-1.4", "2c7c:0125", quectel(0, p)...)
		within(t, time.Second, m, "plugged in")
		if s := m.Status(); s.Device != filepath.Join(w.roots.Dev, "ttyUSB2") || s.USB != "1-1.4:1.2" || s.Opens != 1 {
			t.Errorf("status %+v", s)
		}
		w.pull("1-1.4", p)
		synctest.Wait()
		if s := m.Status(); s.State == Ready {
			t.Errorf("unplugged: %+v", s)
		}
		time.Sleep(time.Minute)
		w.plug("1-2", "0403:6001", socket{"ttyUSB0", 0, dead})
		w.plug("1-1.4", "2c7c:0125", quectel(3, p)...)
		within(t, time.Second, m, "plugged in again")
		if s := m.Status(); s.Device != filepath.Join(w.roots.Dev, "ttyUSB5") || s.USB != "1-1.4:1.2" {
			t.Errorf("status %+v", s)
		}
		for _, tty := range []string{"ttyUSB1", "ttyUSB3", "ttyUSB4", "ttyUSB6"} {
			if n := w.count(tty); n > 0 {
				t.Errorf("%s was opened %d times", tty, n)
			}
		}
	})
}

// TestFindUnknownDevice: which port of an unknown device is the AT port is found by asking.
func TestFindUnknownDevice(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		p := stick(t, imeiA, iccidA)
		w.plug("1-3", "abcd:0001", socket{"ttyUSB0", 0, dead}, socket{"ttyUSB1", 1, dead}, socket{"ttyUSB2", 4, p.port})
		m, stop := w.drive("desk", func(c *Config) { c.USB = "1-3" }, nil)
		defer stop()
		within(t, 30*time.Second, m, "asked")
		if s := m.Status(); s.USB != "1-3:1.4" {
			t.Errorf("status %+v", s)
		}
		// The port that answered is the first to be tried from then on.
		before := w.count("ttyUSB0")
		w.pull("1-3", p)
		w.plug("1-3", "abcd:0001", socket{"ttyUSB7", 0, dead}, socket{"ttyUSB8", 1, dead}, socket{"ttyUSB9", 4, p.port})
		within(t, time.Second, m, "plugged in again")
		if n := w.count("ttyUSB0") + w.count("ttyUSB7"); n != before {
			t.Error("silent ports were asked again")
		}
	})
}

// TestFindNews: what is plugged in while silent ports are asked does not wait for them.
func TestFindNews(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		for i := range 8 {
			w.plug(fmt.Sprintf("1-%d", i+1), "0403:6001", socket{fmt.Sprintf("ttyUSB%d", i), 0, dead})
		}
		m, stop := w.drive("desk", func(c *Config) { c.IMEI = imeiA }, nil)
		defer stop()
		time.Sleep(5 * time.Second) // in the middle of the round
		w.plug("2-1", "0403:6001", socket{"ttyUSB9", 0, stick(t, imeiA, iccidA).port})
		within(t, time.Second, m, "plugged in")
	})
}

// TestFindByIMEIAndCard: each modem finds its own among several, wherever it is, without touching those of others.
func TestFindByIMEIAndCard(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		a, b, c := stick(t, imeiA, iccidA), stick(t, imeiB, iccidB), stick(t, "353490069873368", "8949000000000000027")
		w.plug("1-1", "2c7c:0125", quectel(0, a)...)
		w.plug("1-2", "2c7c:0125", quectel(4, b)...)
		w.plug("1-3", "2c7c:0125", quectel(8, c)...)
		pinned, stopPinned := w.drive("pinned", func(x *Config) { x.USB = "1-3" }, nil)
		defer stopPinned()
		byCard, stopCard := w.drive("card", func(x *Config) { x.ICCID = iccidB }, nil)
		defer stopCard()
		byIMEI, stopIMEI := w.drive("imei", func(x *Config) { x.IMEI = imeiA }, nil)
		defer stopIMEI()
		for m, usb := range map[*Modem]string{pinned: "1-3:1.2", byCard: "1-2:1.2", byIMEI: "1-1:1.2"} {
			within(t, time.Minute, m, m.name)
			if s := m.Status(); s.USB != usb {
				t.Errorf("%s is at %s, want %s", m.name, s.USB, usb)
			}
		}
		opens := w.count("ttyUSB10")
		if opens > 2 { // asked by its own modem, then opened
			t.Errorf("the port of another modem was opened: %d opens", opens)
		}
		// Moved to another socket.
		w.pull("1-1", a)
		w.plug("2-7.1", "2c7c:0125", quectel(20, a)...)
		within(t, 5*time.Second, byIMEI, "moved")
		if s := byIMEI.Status(); s.USB != "2-7.1:1.2" {
			t.Errorf("moved: %+v", s)
		}
		if n := w.count("ttyUSB10"); n != opens {
			t.Errorf("the port of another modem was opened: %d opens", n)
		}
	})
}

// TestFindDisagree: what is configured together must agree, and what was found instead is said.
func TestFindDisagree(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config Config
		reason Reason
	}{
		{"usb and imei", Config{USB: "1-1", IMEI: imeiB}, ReasonWrongModem},
		{"usb, interface and imei", Config{USB: "1-1:1.2", IMEI: imeiB}, ReasonWrongModem},
		{"usb and iccid", Config{USB: "1-1:1.2", ICCID: iccidB}, ReasonWrongSIM},
		{"device and usb", Config{Device: "ttyUSB2", USB: "1-2"}, ReasonWrongModem},
		{"device and imei", Config{Device: "ttyUSB2", IMEI: imeiB}, ReasonWrongModem},
		{"imei nowhere", Config{IMEI: imeiB}, ReasonMissing},
		{"iccid nowhere", Config{ICCID: iccidB}, ReasonMissing},
		{"usb without modem", Config{USB: "1-9"}, ReasonMissing},
		{"a port that says nothing", Config{USB: "1-1:1.0"}, ReasonNoAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubbleWorld(t, func(t *testing.T, w *world) {
				w.plug("1-1", "2c7c:0125", quectel(0, stick(t, imeiA, iccidA))...)
				m, stop := w.drive("desk", func(c *Config) {
					c.USB, c.IMEI, c.ICCID = tt.config.USB, tt.config.IMEI, tt.config.ICCID
					if tt.config.Device != "" {
						c.Device = filepath.Join(w.roots.Dev, tt.config.Device)
					}
				}, nil)
				defer stop()
				time.Sleep(25 * time.Second)
				s := settled(t, m)
				if s.Reason != tt.reason || s.Hint == "" {
					t.Errorf("%s: %+v", tt.name, s)
				}
			})
		})
	}
}

// TestFindTwins: two ports of one modem are not driven twice; two modems with one IMEI are, and it is said.
func TestFindTwins(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		a, also := stick(t, imeiA, iccidA), stick(t, imeiA, iccidA)
		w.plug("1-1", "2c7c:0125", socket{"ttyUSB2", 2, a.port}, socket{"ttyUSB3", 3, also.port})
		clone := stick(t, imeiA, iccidB)
		w.plug("1-2", "0403:6001", socket{"ttyUSB4", 0, clone.port})
		first, stopFirst := w.drive("first", func(c *Config) { c.USB = "1-1:1.2" }, nil)
		within(t, time.Minute, first, "first")
		second, stopSecond := w.drive("second", func(c *Config) { c.USB = "1-1:1.3" }, nil)
		defer stopSecond()
		third, stopThird := w.drive("third", func(c *Config) { c.USB = "1-2" }, nil)
		defer stopThird()
		within(t, time.Minute, third, "clone")
		if s := third.Status(); !strings.Contains(s.Note, "first") || !strings.Contains(s.Note, "IMEI") {
			t.Errorf("clone: note %q", s.Note)
		}
		if s := settled(t, second); s.Reason != ReasonDuplicate {
			t.Errorf("second: %+v", s)
		}
		// Once the first is gone the second takes over.
		stopFirst()
		within(t, time.Minute, second, "second alone")
	})
}

// TestFindSwappedCard: another card than before is noted.
func TestFindSwappedCard(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		p := stick(t, imeiA, iccidA)
		w.plug("1-1", "2c7c:0125", quectel(0, p)...)
		m, stop := w.drive("desk", func(c *Config) { c.USB = "1-1" }, nil)
		defer stop()
		within(t, time.Minute, m, "first card")
		w.pull("1-1", p)
		p = stick(t, imeiA, iccidB)
		w.plug("1-1", "2c7c:0125", quectel(0, p)...)
		synctest.Wait()
		within(t, time.Minute, m, "second card")
		if s := m.Status(); !strings.Contains(s.Note, "0001") || !strings.Contains(s.Note, "0019") || s.ICCID != iccidB {
			t.Errorf("note %q, card %s", s.Note, s.ICCID)
		}
		for {
			select {
			case e := <-m.Events():
				if e.Kind == EventCard {
					return
				}
				continue
			case <-time.After(time.Second):
				t.Error("no event tells of the card")
			}
			return
		}
	})
}

// TestFindHidden: a stick in CD-ROM mode at the place is named with what to do.
func TestFindHidden(t *testing.T) {
	bubbleWorld(t, func(t *testing.T, w *world) {
		w.plug("1-4", "12d1:1f01")
		m, stop := w.drive("desk", func(c *Config) { c.USB = "1-4" }, nil)
		defer stop()
		time.Sleep(time.Second)
		if s := m.Status(); s.Reason != ReasonMissing || !strings.Contains(s.Hint, "usb-modeswitch") {
			t.Errorf("status %+v", s)
		}
	})
}
