package sip

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// serve runs a server on loopback addresses until the test ends.
func serve(t testing.TB, plans Decider, change ...func(*Config)) *Server {
	t.Helper()
	c := Default()
	c.Listen, c.Capacity = []string{"127.0.0.1:0", "[::1]:0"}, 0
	for _, f := range change {
		f(&c)
	}
	return serveWith(t, Options{Config: c, Plans: plans, Table: testTable(t)})
}

func serveWith(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// dial connects to the address of a server; reads and writes must end soon.
func dial(t testing.TB, network string, a netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial(network, a.String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(30 * time.Second))
	t.Cleanup(func() { c.Close() })
	return c
}

// readAnswer reads one answer of a stream.
func readAnswer(t testing.TB, r *bufio.Reader) string {
	t.Helper()
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", b.String(), err)
		}
		b.WriteString(line)
		if line == "\r\n" {
			return b.String()
		}
	}
}

// Datagrams over IPv4 and IPv6 are answered from where they were sent to, to where they came from, whatever the Via says.
func TestUDP(t *testing.T) {
	s := serve(t, routed(trunk("one", "1")), func(c *Config) { c.Sockets = 3 })
	for _, a := range s.Addresses() {
		c := dial(t, "udp", a)
		for _, tc := range []struct{ text, status string }{
			{"\r\n\r\n", ""},
			{"garbage", ""},
			{"\r\n" + invite("sip:1@192.0.2.1"), "302 Moved Temporarily"},
			{strings.Replace(invite("sip:1@192.0.2.1"), ";rport", "", 1), "302 Moved Temporarily"},
			{invite("sip:1@192.0.2.1", "X: "+strings.Repeat("x", 17000)), "513 Message Too Large"},
			{invite("sip:1@192.0.2.1", "Content-Length: 17000") + strings.Repeat("x", 17000), "513 Message Too Large"},
			{invite("sip:1@192.0.2.1", "Content-Length: 4") + "v=0\n", "302 Moved Temporarily"},
		} {
			if _, err := c.Write([]byte(tc.text)); err != nil {
				t.Fatal(err)
			}
			if tc.status == "" {
				continue
			}
			buf := make([]byte, 65536)
			n, err := c.Read(buf)
			if err != nil || statusLine(string(buf[:n])) != tc.status {
				t.Errorf("%s: %v, answered %q, want %s", a, err, buf[:n], tc.status)
			}
		}
	}
}

// With symmetric off, an answer goes to the port that Via names, unless the request asks for rport; never to another address.
func TestPortOfVia(t *testing.T) {
	s := serve(t, routed(trunk("one", "1")), func(c *Config) { c.Symmetric = false })
	other, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetDeadline(time.Now().Add(10 * time.Second))
	c := dial(t, "udp", s.Addresses()[0])
	text := strings.Replace(invite("sip:1@192.0.2.1"), "192.0.2.9:5060;branch=z9hG4bK-7001;rport", "192.0.2.9:"+strings.TrimPrefix(other.LocalAddr().String(), "127.0.0.1:")+";branch=b", 1)
	c.Write([]byte(text))
	buf := make([]byte, 4096)
	if n, err := other.Read(buf); err != nil || statusLine(string(buf[:n])) != "302 Moved Temporarily" {
		t.Errorf("%v: %q", err, buf[:n])
	}
	c.Write([]byte(strings.Replace(text, ";branch", ";rport;branch", 1)))
	if n, err := c.Read(buf); err != nil || statusLine(string(buf[:n])) != "302 Moved Temporarily" {
		t.Errorf("%v: %q", err, buf[:n])
	}
}

// A stream holds requests one behind the other, in pieces of any size, with empty lines between them.
func TestTCP(t *testing.T) {
	s := serve(t, routed(trunk("one", "1")))
	one := invite("sip:1@192.0.2.1", "Content-Length: 5") + "v=0\r\n"
	two := strings.ReplaceAll(invite("sip:1@192.0.2.1", "l: 0"), "INVITE", "OPTIONS")
	ack := strings.ReplaceAll(invite("sip:1@192.0.2.1", "Content-Length: 0"), "INVITE", "ACK")
	for _, a := range s.Addresses() {
		for _, piece := range []int{1, 7, 1 << 20} {
			c := dial(t, "tcp", a)
			go func() {
				for text := "\r\n\r\n" + one + ack + "\r\n" + two + one; text != ""; {
					n := min(piece, len(text))
					c.Write([]byte(text[:n]))
					text = text[n:]
				}
			}()
			r := bufio.NewReader(c)
			for i, want := range []string{"302 Moved Temporarily", "200 OK", "302 Moved Temporarily"} {
				if got := readAnswer(t, r); statusLine(got) != want {
					t.Fatalf("pieces of %d, answer %d: %q, want %s", piece, i, got, want)
				}
			}
		}
	}
}

// A stream in which requests cannot be told apart is answered once and closed.
func TestTCPBroken(t *testing.T) {
	s := serve(t, routed(trunk("one", "1")), func(c *Config) { c.MessageLimit = 2048 })
	for _, tc := range []struct{ text, status string }{
		{invite("sip:1@192.0.2.1"), "302 Moved Temporarily"}, // no Content-Length
		{invite("sip:1@192.0.2.1", "Content-Length: x"), "400 Malformed Content-Length"},
		{invite("sip:1@192.0.2.1", "Content-Length: 1", "Content-Length: 2") + "xx", "400 Two Content-Length"},
		{invite("sip:1@192.0.2.1", "Content-Length: 5000"), "513 Message Too Large"},
		{invite("sip:1@192.0.2.1", "X: "+strings.Repeat("x", 5000)), "513 Message Too Large"},
		{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		{strings.Repeat("x", 5000), ""},
	} {
		c := dial(t, "tcp", s.Addresses()[0])
		c.Write([]byte(tc.text))
		r := bufio.NewReader(c)
		if tc.status != "" {
			if got := readAnswer(t, r); statusLine(got) != tc.status {
				t.Errorf("answered %q, want %s", got, tc.status)
			}
		}
		if b, err := r.ReadByte(); err == nil {
			t.Errorf("after %.40q… there is more: %q", tc.text, b)
		}
	}
}

// Connections are bounded in number and in time.
func TestTCPBounds(t *testing.T) {
	s := serve(t, routed(trunk("one", "1")), func(c *Config) { c.Connections, c.IdleTimeout, c.RequestTimeout = 2, 2*time.Second, 2*time.Second })
	a := s.Addresses()[0]
	idle, slow, third := dial(t, "tcp", a), dial(t, "tcp", a), dial(t, "tcp", a)
	if _, err := third.Read(make([]byte, 1)); err == nil {
		t.Error("a third connection was kept")
	}
	slow.Write([]byte("INVITE sip:"))
	for _, c := range []net.Conn{idle, slow} {
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("not closed: %v", err)
		}
	}
	c := dial(t, "tcp", a)
	c.Write([]byte(invite("sip:1@192.0.2.1", "Content-Length: 0")))
	if got := readAnswer(t, bufio.NewReader(c)); statusLine(got) != "302 Moved Temporarily" {
		t.Errorf("afterwards: %q", got)
	}
}

// A contact that points at the server is dropped, also when it listens on every address of the machine.
func TestOwnAddresses(t *testing.T) {
	var uri atomic.Value // of the server, known when it serves
	s := serve(t, decided(func(_ *callplan.Facts, d *callplan.Decision) {
		d.Action, d.Candidates = callplan.Route, append(d.Candidates, sipURI(uri.Load().(string)))
	}), func(c *Config) { c.Listen = []string{"0.0.0.0:0"} })
	a := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.Addresses()[0].Port())
	uri.Store("x@" + a.String())
	c := dial(t, "udp", a)
	c.Write([]byte(invite("sip:1@192.0.2.1")))
	buf := make([]byte, 4096)
	if n, err := c.Read(buf); err != nil || statusLine(string(buf[:n])) != "404 Not Found" {
		t.Errorf("%v: %q", err, buf[:n])
	}
}

// Without anybody who may ask, or with an address that cannot be had, nothing is opened.
func TestListenErrors(t *testing.T) {
	c := Default()
	c.Listen = []string{"127.0.0.1:0"}
	if _, err := Listen(Options{Config: c, Plans: routed(), Table: new(switches.Table)}); err == nil || !strings.Contains(err.Error(), "[switch.NAME]") {
		t.Errorf("nobody may ask: %v", err)
	}
	s := serve(t, routed())
	c.Listen = []string{s.Addresses()[0].String()}
	if _, err := Listen(Options{Config: c, Plans: routed(), Table: testTable(t)}); err == nil || !strings.Contains(err.Error(), "sip.listen") {
		t.Errorf("a taken address: %v", err)
	}
}
