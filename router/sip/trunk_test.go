package sip

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a SIP server that answers as a script says: it gets the number of the request, from 0, and its text, and returns answers, "" for none.
type peer struct {
	t      *testing.T
	addr   string
	mu     sync.Mutex
	asked  []string
	script func(n int, request string) []string
}

// record returns the answers to a request.
func (p *peer) record(request string) []string {
	p.mu.Lock()
	n := len(p.asked)
	p.asked = append(p.asked, request)
	p.mu.Unlock()
	return p.script(n, request)
}

// requests returns what came, once something came. A datagram may have come several times in a row.
func (p *peer) requests() []string {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		p.mu.Lock()
		asked := append([]string(nil), p.asked...)
		p.mu.Unlock()
		if len(asked) > 0 {
			return asked
		}
	}
	p.t.Fatal("nothing came")
	return nil
}

// newPeer listens on UDP and on TCP, on one port.
func newPeer(t *testing.T, script func(n int, request string) []string) *peer {
	t.Helper()
	p := &peer{t: t, script: script}
	var stream net.Listener
	var packets net.PacketConn
	for packets == nil {
		var err error
		if stream, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		p.addr = stream.Addr().String()
		if packets, err = net.ListenPacket("udp4", p.addr); err != nil { // somebody has it
			stream.Close()
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 65536)
		for {
			n, from, err := packets.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, a := range p.record(string(buf[:n])) {
				packets.WriteTo([]byte(a), from)
			}
		}
	})
	wg.Go(func() {
		for {
			c, err := stream.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				buf := make([]byte, 65536)
				text := ""
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					text += string(buf[:n])
					head, body, ok := strings.Cut(text, "\r\n\r\n")
					if _, length, _ := strings.Cut(head, "Content-Length: "); !ok || fmt.Sprint(len(body)) != length {
						continue
					}
					for _, a := range p.record(text) {
						c.Write([]byte(a))
					}
					text = ""
				}
			})
		}
	})
	t.Cleanup(func() { stream.Close(); packets.Close(); wg.Wait() })
	return p
}

// reply answers a request: its Via, From, To, Call-ID and CSeq are repeated.
func reply(request, status string, more ...string) string {
	lines := []string{"SIP/2.0 " + status}
	for line := range strings.SplitSeq(request, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch name {
		case "Via", "From", "To", "Call-ID", "CSeq":
			lines = append(lines, line)
		}
	}
	return strings.Join(append(append(lines, more...), "Content-Length: 0"), "\r\n") + "\r\n\r\n"
}

func always(status string, more ...string) func(int, string) []string {
	return func(_ int, request string) []string { return []string{reply(request, status, more...)} }
}

// newTrunk makes a trunk to a peer that does not wait as long as real ones.
func newTrunk(t *testing.T, addr string, change func(*Config)) *Trunk {
	t.Helper()
	c := Config{Server: addr, From: "sip:gateway@example.org", Timeout: 20 * time.Second}
	if change != nil {
		change(&c)
	}
	if errs := c.Validate(); errs != nil {
		t.Fatal(errs)
	}
	trunk, err := New("desk", c)
	if err != nil {
		t.Fatal(err)
	}
	trunk.t1, trunk.t2 = 20*time.Millisecond, 160*time.Millisecond
	return trunk
}

func text(to, s string) *store.Message {
	return &store.Message{ID: store.NewMessageID(), Direction: store.Out, To: phone.FromAddress(to, true), Text: s, CreatedAt: time.Date(2026, 6, 10, 12, 0, 0, 0, time.UTC),
		Parts: []store.Part{{Seq: 1}}}
}

// send sends a message and tells how often it was marked.
func send(t *testing.T, trunk *Trunk, m *store.Message) (marked int, err error) {
	t.Helper()
	if err := trunk.Prepare(m); err != nil {
		t.Fatal(err)
	}
	_, err = trunk.Send(context.Background(), m, 1, func(int) error { marked++; return nil })
	return marked, err
}

// TestSend: what the server is sent, and what each answer means.
func TestSend(t *testing.T) {
	silence := func(int, string) []string { return nil }
	for _, c := range []struct {
		name   string
		script func(int, string) []string
		change func(*Config)
		class  router.Class
		code   string // empty: sent
		retry  time.Duration
	}{
		{"taken", always("200 OK"), nil, 0, "", 0},
		{"taken to be delivered later", always("202 Accepted"), nil, 0, "", 0},
		{"at work, then taken", func(_ int, r string) []string { return []string{reply(r, "100 Trying"), reply(r, "200 OK")} }, nil, 0, "", 0},
		{"the third copy is heard", func(n int, r string) []string {
			if n < 2 {
				return nil
			}
			return []string{reply(r, "200 OK")}
		}, nil, 0, "", 0},
		{"answers to others", func(_ int, r string) []string {
			return []string{"junk", reply(strings.ReplaceAll(r, "z9hG4bK", "z9hG4bKx"), "404 Not Found"), reply(strings.ReplaceAll(r, "1 MESSAGE", "1 INVITE"), "404 Not Found"), reply(r, "200 OK")}
		}, nil, 0, "", 0},
		{"by TCP", always("200 OK"), func(c *Config) { c.Transport = TCP }, 0, "", 0},
		{"nobody has this address", always("404 Not Found"), nil, router.Rejected, "sip_404", 0},
		{"refused everywhere", always("603 Decline"), nil, router.Rejected, "sip_603", 0},
		{"moved", always("302 Moved Temporarily", "Contact: <sip:b@example.net>"), nil, router.Rejected, "sip_302", 0},
		{"not now", always("480 Temporarily Unavailable"), nil, router.Unavailable, "sip_480", 0},
		{"busy", always("503 Service Unavailable", "Retry-After: 120 (maintenance)"), nil, router.Unavailable, "sip_503", 2 * time.Minute},
		{"timed out further on", always("408 Request Timeout"), nil, router.Unknown, "sip_408", 0},
		{"an account is wanted and there is none", always("401 Unauthorized", `WWW-Authenticate: Digest realm="x", nonce="y"`), nil, router.Rejected, "sip_401", 0},
		{"silence", silence, func(c *Config) { c.Timeout = 3 * time.Second }, router.Unknown, "sip_silent", 0},
		{"silence by TCP", silence, func(c *Config) { c.Timeout, c.Transport = 3*time.Second, TCP }, router.Unknown, "sip_silent", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t, c.script)
			m := text("sip:anna@example.com", "Grüße aus Köln")
			marked, err := send(t, newTrunk(t, p.addr, c.change), m)
			if marked != 1 {
				t.Errorf("marked %d times", marked)
			}
			var e *router.SendError
			switch {
			case c.code == "" && err != nil:
				t.Error(err)
			case c.code != "" && (!errors.As(err, &e) || e.Class != c.class || e.Code != c.code || e.RetryAfter != c.retry):
				t.Errorf("error %+v", err)
			}
			asked := p.requests()
			for _, r := range asked[1:] {
				if r != asked[0] {
					t.Errorf("a copy differs: %q, %q", r, asked[0])
				}
			}
			for _, want := range []string{"MESSAGE sip:anna@example.com SIP/2.0\r\nVia: SIP/2.0/", ";branch=z9hG4bK", "\r\nMax-Forwards: 70\r\n", "\r\nFrom: <sip:gateway@example.org>;tag=",
				"\r\nTo: <sip:anna@example.com>\r\n", "\r\nCall-ID: " + m.ID.String() + "-", "\r\nCSeq: 1 MESSAGE\r\n", "\r\nDate: Wed, 10 Jun 2026 12:00:00 GMT\r\n",
				"\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: 17\r\n\r\nGrüße aus Köln"} {
				if !strings.Contains(asked[0], want) {
					t.Errorf("%q is not in %q", want, asked[0])
				}
			}
		})
	}
}

// TestSendLong: what does not fit into a datagram goes by TCP.
func TestSendLong(t *testing.T) {
	p := newPeer(t, always("200 OK"))
	if _, err := send(t, newTrunk(t, p.addr, nil), text("sip:anna@example.com", strings.Repeat("long ", 400))); err != nil {
		t.Error(err)
	}
	if asked := p.requests(); len(asked) != 1 || !strings.Contains(asked[0], "Via: SIP/2.0/TCP ") {
		t.Errorf("%d requests", len(asked))
	}
}

// TestSendToNobody: while nobody listens nothing can have arrived, and it is tried again.
func TestSendToNobody(t *testing.T) {
	for _, transport := range []string{UDP, TCP} {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := c.LocalAddr().String()
		c.Close()
		_, err = send(t, newTrunk(t, addr, func(c *Config) { c.Transport = transport }), text("sip:anna@example.com", "x"))
		var e *router.SendError
		if !errors.As(err, &e) || e.Class != router.Unavailable || e.Code != "sip_unreachable" {
			t.Errorf("%s: %v", transport, err)
		}
	}
}

// TestSendSecurely: by TLS, to a server that the file vouches for, and to no other.
func TestSendSecurely(t *testing.T) {
	web := httptest.NewUnstartedServer(nil) // for its certificate
	web.StartTLS()
	defer web.Close()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	var asked string
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 65536)
			if n, err := c.Read(buf); err == nil {
				asked = string(buf[:n])
				c.Write([]byte(reply(asked, "200 OK")))
			}
			c.Close()
		}
	})
	defer func() { l.Close(); wg.Wait() }()
	m := text("sips:anna@example.com", "x")
	if _, err := send(t, newTrunk(t, l.Addr().String(), func(c *Config) { c.Transport = TLS }), m); err == nil {
		t.Error("a server that nobody vouches for got the message")
	}
	if _, err := send(t, newTrunk(t, l.Addr().String(), func(c *Config) { c.Transport, c.CAFile = TLS, ca }), m); err != nil {
		t.Error(err)
	}
	l.Close()
	wg.Wait()
	if !strings.Contains(asked, "MESSAGE sips:anna@example.com SIP/2.0\r\nVia: SIP/2.0/TLS ") {
		t.Errorf("%q", asked)
	}
}

// TestPrepare: only SIP addresses in one part, and sips only by TLS.
func TestPrepare(t *testing.T) {
	plain, secure := newTrunk(t, "127.0.0.1:5060", nil), newTrunk(t, "127.0.0.1", func(c *Config) { c.Transport = TLS })
	if secure.server != "127.0.0.1:5061" {
		t.Error(secure.server)
	}
	for _, c := range []struct {
		to            string
		plain, secure bool
	}{{"sip:a@example.com", true, true}, {"sips:a@example.com", false, true}, {"+4930123456", false, false}, {"sip:a@b\r\nEvil: x", false, false}, {"sip:example.com", false, false},
		{"sip:a@b>;x=<", false, false}, {"http:a@b", false, false}} {
		m := text(c.to, "x")
		if a, b := plain.Prepare(m) == nil, secure.Prepare(m) == nil; a != c.plain || b != c.secure {
			t.Errorf("%q: udp %v, tls %v", c.to, a, b)
		}
	}
	if m := text("sip:a@example.com", "x"); plain.Prepare(&store.Message{To: m.To, Parts: make([]store.Part, 2)}) == nil {
		t.Error("two parts were taken")
	}
}

// TestAccount: a server that asks who sends is told, and gets what RFC 7616 says.
func TestAccount(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("Circle of Life\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		status, challenge, has string
	}{
		"MD5":         {"401 Unauthorized", `WWW-Authenticate: Digest realm="a \"b\"", nonce="n1", qop="auth,auth-int", opaque="o1"`, `Authorization: Digest username="gw", realm="a \"b\"", nonce="n1"`},
		"SHA-256":     {"407 Proxy Authentication Required", "Proxy-Authenticate: Digest realm=r, nonce=n2, algorithm=MD5\r\nProxy-Authenticate: Digest realm=\"r\", nonce=\"n3\", algorithm=SHA-256, qop=\"auth\"", `Proxy-Authorization: Digest username="gw", realm="r", nonce="n3"`},
		"without qop": {"401 Unauthorized", `WWW-Authenticate: Digest realm="r", nonce="n4"`, `nonce="n4", uri="sip:anna@example.com", response="`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, func(n int, r string) []string {
				if !strings.Contains(r, "uthorization: ") {
					return []string{reply(r, c.status, strings.Split(c.challenge, "\r\n")...)}
				}
				return []string{reply(r, "200 OK")}
			})
			trunk := newTrunk(t, p.addr, func(c *Config) { c.Username, c.PasswordFile = "gw", file })
			if _, err := send(t, trunk, text("sip:anna@example.com", "x")); err != nil {
				t.Fatal(err)
			}
			asked := p.requests()
			last := asked[len(asked)-1]
			if !strings.Contains(last, c.has) || !strings.Contains(last, "CSeq: 2 MESSAGE") {
				t.Errorf("%q is not in %q", c.has, last)
			}
			_, line, _ := strings.Cut(last, "uthorization: Digest ")
			line, _, _ = strings.Cut(line, "\r\n")
			f := challenge(line)
			newHash := md5.New
			if f["algorithm"] == "SHA-256" {
				newHash = sha256.New
			}
			a1, a2 := hexOf(newHash, "gw:"+f["realm"]+":Circle of Life"), hexOf(newHash, "MESSAGE:sip:anna@example.com")
			want := hexOf(newHash, a1+":"+f["nonce"]+":"+a2)
			if f["qop"] != "" {
				want = hexOf(newHash, a1+":"+f["nonce"]+":"+f["nc"]+":"+f["cnonce"]+":"+f["qop"]+":"+a2)
			}
			if f["response"] != want {
				t.Errorf("response %s, want %s", f["response"], want)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		p := newPeer(t, always("401 Unauthorized", `WWW-Authenticate: Digest realm="r", nonce="n"`))
		_, err := send(t, newTrunk(t, p.addr, func(c *Config) { c.Username, c.PasswordFile = "gw", file }), text("sip:anna@example.com", "x"))
		var e *router.SendError
		if !errors.As(err, &e) || e.Class != router.Rejected || len(slices.Compact(p.requests())) != 2 {
			t.Errorf("%v after %q", err, p.requests())
		}
	})
}

// The example of RFC 7616 §3.9.1 has another method; that of RFC 2617 §3.5 too. The hashes of the method-independent half are theirs.
func TestHashes(t *testing.T) {
	if got := hexOf(md5.New, "Mufasa:testrealm@host.com:Circle Of Life"); got != "939e7578ed9e3c518a452acee763bce9" {
		t.Error(got)
	}
}

// TestWrongConfig: all faults at once, each with its key.
func TestWrongConfig(t *testing.T) {
	var got []string
	for _, err := range (Config{Server: "a b", Transport: "sctp", From: "gateway", Username: "x", CAFile: "ca.pem", Timeout: time.Hour}).Validate() {
		got = append(got, strings.SplitN(err.Error(), ":", 2)[0])
	}
	for _, key := range []string{"server", "transport", "from", "password_file", "ca_file", "timeout"} {
		if !strings.Contains(strings.Join(got, " "), key) {
			t.Errorf("%s is not among %q", key, got)
		}
	}
	for _, server := range []string{"sip.example.org", "sip.example.org:5070", "192.0.2.1", "[2001:db8::1]:5060", "[2001:db8::1]"} {
		if errs := (Config{Server: server, From: "sip:a@b"}).Validate(); errs != nil {
			t.Errorf("%s: %v", server, errs)
		}
	}
}

// FuzzAnswer: whatever a server sends, nothing panics, and its words cannot break out of the line that they are answered with.
func FuzzAnswer(f *testing.F) {
	request := "MESSAGE x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\n\r\n"
	f.Add([]byte(reply(request, "200 OK")))
	f.Add([]byte(reply(request, "401 Unauthorized", `WWW-Authenticate: Digest realm="a\"b", nonce="c", qop="auth", algorithm=SHA-256`)))
	f.Add([]byte(reply(request, "503 Gone", "Retry-After: 99999999999;duration=1")))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := readAnswer(bufio.NewReader(bytes.NewReader(b))); err == nil && (len(got) > len(b) || !bytes.Contains(b, got)) {
			t.Errorf("%q was read of %q", got, b)
		}
		r := answer(b, "z9hG4bK1")
		if r == nil {
			return
		}
		if err := verdict(r); err == nil && r.StatusCode >= 300 {
			t.Errorf("%d is a success", r.StatusCode)
		}
		if line, err := credentials(r, "u", "p", "sip:c@d"); err == nil && strings.ContainsAny(line, "\r\n") {
			t.Errorf("%q", line)
		}
	})
}
