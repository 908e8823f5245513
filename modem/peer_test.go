package modem

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a modem of a few lines, scripted by the test. It speaks over one end of a pipe and notes what it was told.
type peer struct {
	t *testing.T

	mu     sync.Mutex
	conn   net.Conn
	opens  int
	told   []string // command lines without AT, PDUs as "PDU:…", "ESC"
	script func(p *peer, command string) bool
	data   func(p *peer, pdu string) // after Ctrl-Z; nil answers +CMGS: 7
	silent bool                      // answers nothing
	inData bool
}

// base are the answers of a healthy modem.
var base = map[string]string{
	"+CFUN?": "+CFUN: 1", "+CGMI": "ACME", "+CGMM": "M1", "+CGMR": "R1.0", "+CGSN": "490154203237518", "+CPIN?": "+CPIN: READY",
	"+CCID": "+CCID: 8949000000000000001", "+CIMI": "262010000000001", "+CNUM": `+CNUM: "","+4915112345678",145`,
	"+CSCA?": `+CSCA: "+491710760000",145`, "+CPMS=?": `+CPMS: ("SM"),("SM"),("SM")`,
	`+CPMS="SM","SM","SM"`: "+CPMS: 0,20,0,20,0,20", "+CNMI=?": "+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)", "+CNMI?": "+CNMI: 2,1,0,1,0",
	"+CREG?": "+CREG: 2,1,\"1A2B\",\"01C3\",7", "+CSQ": "+CSQ: 20,99", "+COPS?": `+COPS: 0,0,"Operator",7`,
	"+CPMS?": `+CPMS: "SM",0,20,"SM",0,20,"SM",0,20`,
}

// ok are the commands that a healthy modem takes without more to say.
var ok = map[string]bool{"": true, "E0": true, "V1": true, "Q0": true, "S0=0": true, "+CMEE=1": true, "+CMGF=0": true, "+CSMS=0": true,
	"+CNMI=2,1,0,1,0": true, "+CREG=2": true, "+COPS=3,0": true, "+CMGL=4": true, "+CMMS=2": true, "+CFUN=1": true, "+CFUN=4": true}

func (p *peer) open(context.Context) (Port, error) {
	host, dev := net.Pipe()
	p.mu.Lock()
	p.conn, p.inData = dev, false
	p.opens++
	p.mu.Unlock()
	go p.serve(dev)
	return host, nil
}

func (p *peer) serve(c net.Conn) {
	defer c.Close()
	var line []byte
	buf := make([]byte, 512)
	for {
		n, err := c.Read(buf)
		for _, b := range buf[:n] {
			switch {
			case b == escape:
				p.note("ESC")
				p.mu.Lock()
				p.inData = false
				p.mu.Unlock()
				line = nil
			case b == endOfPDU:
				pdu := string(line)
				line = nil
				p.mu.Lock()
				in := p.inData
				p.inData = false
				data := p.data
				p.mu.Unlock()
				if !in {
					continue
				}
				p.note("PDU:" + pdu)
				if data != nil {
					data(p, pdu)
				} else {
					p.say("\r\n+CMGS: 7\r\n\r\nOK\r\n")
				}
			case b == '\r' && !p.isInData():
				if s, is := strings.CutPrefix(string(line), "AT"); is {
					p.note(s)
					p.answer(s)
				}
				line = nil
			default:
				line = append(line, b)
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *peer) isInData() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.inData }

func (p *peer) answer(s string) {
	p.mu.Lock()
	script, silent := p.script, p.silent
	p.mu.Unlock()
	if silent || script != nil && script(p, s) {
		return
	}
	switch {
	case strings.HasPrefix(s, "+CMGS="):
		p.prompt()
		p.say("\r\n> ")
	case ok[s]:
		p.say("\r\nOK\r\n")
	case base[s] != "":
		p.say("\r\n" + base[s] + "\r\n\r\nOK\r\n")
	default:
		p.say("\r\nERROR\r\n")
	}
}

func (p *peer) prompt() { p.mu.Lock(); p.inData = true; p.mu.Unlock() }

func (p *peer) say(s string) {
	p.mu.Lock()
	c := p.conn
	p.mu.Unlock()
	io.WriteString(c, s)
}

func (p *peer) note(s string) { p.mu.Lock(); p.told = append(p.told, s); p.mu.Unlock() }

func (p *peer) set(script func(p *peer, command string) bool) {
	p.mu.Lock()
	p.script = script
	p.mu.Unlock()
}

func (p *peer) setData(data func(p *peer, pdu string)) {
	p.mu.Lock()
	p.data = data
	p.mu.Unlock()
}

// heard counts what the modem was told with the given beginning.
func (p *peer) heard(begin string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.told {
		if strings.HasPrefix(s, begin) {
			n++
		}
	}
	return n
}

// logBuffer collects a log.
type logBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}
func (l *logBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// rig is a Modem under test with its peer.
type rig struct {
	*Modem
	p   *peer
	reg *prometheus.Registry
}

// bubble runs f with a modem in a synctest bubble; the modem is ready unless script keeps it from it. Time costs nothing.
func bubble(t *testing.T, change func(c *Config, o *Options, p *peer), f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &peer{t: t}
		c, o := Default(), Options{Name: "desk", Registerer: prometheus.NewPedanticRegistry(), Open: p.open}
		reg := o.Registerer.(*prometheus.Registry)
		if change != nil {
			change(&c, &o, p)
		}
		m, err := New(c, o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		}()
		f(t, &rig{m, p, reg})
	})
}

func (r *rig) ready(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := r.Ready(ctx); err != nil {
		t.Fatalf("not ready: %v; status %+v; told %q", err, r.Status(), r.p.told)
	}
}

// counter reads one series of the registry by name and one label value.
func (r *rig) counter(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == label {
					return m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	t.Fatalf("no series %s %s", name, label)
	return 0
}

// tpdu is an SMS-SUBMIT to +491511234567 with the text "hello".
var tpdu = []byte{0x01, 0x00, 0x0c, 0x91, 0x94, 0x51, 0x11, 0x32, 0x54, 0x76, 0x00, 0x00, 0x05, 0xe8, 0x32, 0x9b, 0xfd, 0x06}

const tpduHex = "0001000C9194511132547600" + "0005E8329BFD06"

func committed() error { return nil }

func TestSubmitAndStatus(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		commits := 0
		ref, err := r.Submit(t.Context(), tpdu, func() error {
			commits++
			if n := r.p.heard("PDU:"); n != 0 {
				t.Errorf("PDU was written before the commit")
			}
			return nil
		})
		if ref != 7 || err != nil || commits != 1 {
			t.Fatalf("Submit = %d, %v; %d commits", ref, err, commits)
		}
		if n := r.p.heard("PDU:" + tpduHex); n != 1 {
			t.Errorf("PDU %s written %d times; told %q", tpduHex, n, r.p.told)
		}
		if n := r.p.heard("+CMGS=18"); n != 1 {
			t.Errorf("CMGS written %d times", n)
		}
		s := r.Status()
		want := Status{Name: "desk", Device: "/dev/null", State: Ready, IMEI: "490154203237518", IMSI: "262010000000001",
			ICCID: "8949000000000000001", Manufacturer: "ACME", Model: "M1", Revision: "R1.0", Number: "+4915112345678",
			SMSC: "+491710760000", Operator: "Operator", Network: "lte", Registration: Home, Registered: true, Domain: DomainCS, SignalDBm: -73, Opens: 1, PINTries: -1, PUKTries: -1,
			Storage: []Storage{{"SM", 0, 20}}, Since: s.Since, LastAnswer: s.LastAnswer}
		if fmt.Sprintf("%+v", s) != fmt.Sprintf("%+v", want) {
			t.Errorf("Status\n got %+v\nwant %+v", s, want)
		}
		if n := <-r.Notices(); n.Kind != NoticeOnline {
			t.Errorf("first notice %v", n)
		}
	})
}

func newTestLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
