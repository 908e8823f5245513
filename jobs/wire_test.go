package jobs

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/memory"
)

// wire returns a sender over the real network. It has time, for a busy machine.
func wire(t *testing.T, change func(*WebhookOptions)) *sender {
	t.Helper()
	c := DefaultWebhooks()
	c.AllowNetworks = []string{"127.0.0.0/8", "::1"}
	c.Timeout, c.ConnectTimeout = 30*time.Second, 30*time.Second
	st, err := store.Open(t.Context(), memory.New(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := WebhookOptions{Config: c, Store: st}
	if change != nil {
		change(&o)
	}
	allow, err := o.Config.networks()
	if err != nil {
		t.Fatal(err)
	}
	s := newSender(o, fence{allow})
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

func request(t *testing.T, s *sender, url string) tried {
	t.Helper()
	got, ok := s.send(t.Context(), &store.Webhook{URL: url, Secrets: []store.WebhookSecret{{Key: []byte("0123456789abcdef01234567")}}}, "evt_1", []byte(`{"type":"x"}`))
	if !ok {
		t.Fatal("the try counts for nothing")
	}
	return got
}

func TestRequestOnTheWire(t *testing.T) {
	var head http.Header
	var body []byte
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head = r.Header
		body, _ = io.ReadAll(r.Body)
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.WriteHeader(202)
		io.WriteString(w, strings.Repeat("y", 5000))
	}))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := wire(t, func(o *WebhookOptions) { o.Roots, o.Version = roots, "1.2" })
	for range 2 {
		got := request(t, s, server.URL+"/hook?a=b")
		if got.Error != "" || got.Status != 202 || string(got.Answer) != strings.Repeat("y", store.MaxAnswer) || got.Took <= 0 {
			t.Fatalf("%+v", got)
		}
		if string(body) != `{"type":"x"}` || head.Get("User-Agent") != "Trunkline/1.2" || head.Get("Cookie") != "" || head.Get("Accept-Encoding") != "" || head.Get("webhook-id") != "evt_1" ||
			!verify(SecretText([]byte("0123456789abcdef01234567")), "evt_1", head.Get("webhook-timestamp"), head.Get("webhook-signature"), body, time.Now(), time.Now()) {
			t.Errorf("%s %v", body, head)
		}
	}
	if got := request(t, wire(t, nil), server.URL); !strings.Contains(got.Error, "certificate") || got.Status != 0 {
		t.Errorf("a certificate that nobody vouches for: %+v", got.DeliveryTry)
	}
	if got := request(t, s, strings.Replace(server.URL, "127.0.0.1", "127.0.0.2", 1)); got.Error == "" || got.Status != 0 {
		t.Errorf("a certificate for another name: %+v", got.DeliveryTry)
	}
}

func TestAnswersOnTheWire(t *testing.T) {
	var followed atomic.Bool
	release := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/followed", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/followed", func(http.ResponseWriter, *http.Request) { followed.Store(true) })
	mux.HandleFunc("/hang", func(http.ResponseWriter, *http.Request) { <-release })
	mux.HandleFunc("/drip", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		for {
			if _, err := w.Write([]byte("x")); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-release:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	mux.HandleFunc("/flood", func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 1<<20)
		for range 1000 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
		t.Error("a gigabyte was read")
	})
	mux.HandleFunc("/head", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) })
	mux.HandleFunc("/none", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	mux.HandleFunc("/later", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "17")
		w.WriteHeader(503)
	})
	mux.HandleFunc("/close", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	server := httptest.NewServer(mux)
	defer server.Close()
	defer close(release)
	s, brief := wire(t, nil), wire(t, func(o *WebhookOptions) { o.Config.Timeout = 3 * time.Second })
	for path, want := range map[string]struct {
		status int
		error  string
	}{
		"/redirect": {307, "a redirect, which is not followed"}, "/hang": {0, "no answer within 3s"}, "/drip": {200, ""}, "/flood": {200, ""}, "/head": {0, "exceeded"},
		"/none": {204, ""}, "/later": {503, "503 Service Unavailable"}, "/close": {0, "EOF"}, "/nothing": {404, "404 Not Found"},
	} {
		t.Run(path, func(t *testing.T) {
			s := s
			if path == "/hang" || path == "/drip" {
				s = brief
			}
			got := request(t, s, server.URL+path)
			if got.Status != want.status || (got.Error == "") != (want.error == "") || !strings.Contains(got.Error, want.error) || len(got.Answer) > store.MaxAnswer {
				t.Errorf("%+v", got)
			}
			if path == "/later" && got.after != 17*time.Second {
				t.Errorf("retry after %s", got.after)
			}
		})
	}
	if followed.Load() {
		t.Error("a redirect was followed")
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	if got := request(t, s, closed.URL+"/?token=secret"); !strings.Contains(got.Error, "refused") || strings.Contains(got.Error, "secret") {
		t.Errorf("%+v", got.DeliveryTry)
	}
	stopped, stop := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, stop)
	if _, ok := s.send(stopped, &store.Webhook{URL: server.URL + "/hang"}, "evt_1", nil); ok {
		t.Error("a try that was cut off counts")
	}
}

// A connection that stands, but over which TLS never begins, is given up in its own time.
func TestNoHandshake(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := wire(t, func(o *WebhookOptions) {
		o.Config.ConnectTimeout = 100 * time.Millisecond
	})
	if got := request(t, s, "https://"+l.Addr().String()+"/"); got.Error != "no connection within 100ms" || got.Took > 10*time.Second {
		t.Errorf("%+v", got.DeliveryTry)
	}
}

// What the environment says about proxies does not matter: a proxy would connect for us, behind the fence.
func TestNoProxy(t *testing.T) {
	var asked atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Store(true) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	s := wire(t, func(o *WebhookOptions) { o.resolver = names(t, map[string]string{"receiver.test.": "127.9.9.9"}) })
	request(t, s, "http://receiver.test:1024/")
	if asked.Load() {
		t.Error("a proxy was asked")
	}
}

// names is a resolver that knows a few names; it speaks DNS over a pipe (RFC 1035 §4).
func names(t *testing.T, known map[string]string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		t.Cleanup(func() { there.Close() })
		go func() {
			for {
				var length [2]byte // a pipe is no packet connection, so the resolver speaks as over TCP
				if _, err := io.ReadFull(there, length[:]); err != nil {
					return
				}
				q := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(there, q); err != nil {
					return
				}
				name, end := "", 12
				for q[end] != 0 {
					name += string(q[end+1:end+1+int(q[end])]) + "."
					end += 1 + int(q[end])
				}
				kind := binary.BigEndian.Uint16(q[end+1:])
				end += 5
				a := append([]byte(nil), q[:end]...)
				copy(a[2:12], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer without records
				ip := net.ParseIP(known[name])
				data := []byte(ip.To4())
				if kind == 28 && data == nil {
					data = ip.To16()
				} else if kind != 1 {
					data = nil
				}
				if data != nil {
					a[7] = 1
					a = append(a, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(data)))
					a = append(a, data...)
				}
				if _, err := there.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)); err != nil {
					return
				}
			}
		}()
		return here, nil
	}}
}

// However an address is spelled, and whatever a name resolves to, what is not public is never connected to: a listener on this machine hears nothing.
func TestSpellings(t *testing.T) {
	var reached atomic.Int32
	canary, err := net.Listen("tcp", ":0") // on every address of this machine
	if err != nil {
		t.Fatal(err)
	}
	defer canary.Close()
	go func() {
		for {
			c, err := canary.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			c.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(canary.Addr().String())
	known := map[string]string{}
	var hosts []string
	for i, a := range []string{"127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::",
		"fe80::1", "fc00::1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "::ffff:127.0.0.1", "::127.0.0.1", "192.0.0.8", "198.18.0.1", "203.0.113.9", "240.0.0.1", "5f00::1"} {
		name := fmt.Sprintf("name%d.test", i)
		known[name+"."] = a
		hosts = append(hosts, name, strings.ToUpper(name), name+".")
	}
	for n := range 50 { // octets of 127.0.0.n in all the ways that inet_aton takes, and in IPv6
		hosts = append(hosts, []string{
			fmt.Sprintf("127.0.0.%d", n), fmt.Sprintf("0177.0.0.%o", n), fmt.Sprintf("0x7f.0.0.%#x", n), fmt.Sprintf("127.%d", n), fmt.Sprintf("127.0.%d", n), fmt.Sprint(0x7f000000 + n),
			fmt.Sprintf("0x7f0000%02x", n), fmt.Sprintf("0177000000%03o", n), fmt.Sprintf("[::ffff:127.0.0.%d]", n), fmt.Sprintf("[::ffff:7f00:%x]", n), fmt.Sprintf("[::127.0.0.%d]", n),
			fmt.Sprintf("[64:ff9b::127.0.0.%d]", n), fmt.Sprintf("[2002:7f00:%x::]", n), fmt.Sprintf("[0:0:0:0:0:ffff:127.0.0.%d]", n)}[n%14])
	}
	hosts = append(hosts, "localhost", "LOCALHOST", "localhost.", "ip6-localhost", "0", "0.0.0.0", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "127.0.0.1.", "①②⑦.0.0.1", "127。0。0。1", "[fe80::1%25lo]")
	for n := range 70 {
		hosts = append(hosts, fmt.Sprintf("%d.%d.%d.%d", []int{10, 127, 172, 192, 169, 100, 0}[n%7], []int{1, 0, 16, 168, 254, 64, 0}[n%7], n, 1+n))
	}
	if len(hosts) < 200 {
		t.Fatalf("only %d spellings", len(hosts))
	}
	s := wire(t, func(o *WebhookOptions) {
		o.Config.AllowNetworks, o.Config.ConnectTimeout, o.resolver = nil, 300*time.Millisecond, names(t, known)
	})
	fenced := 0
	for _, host := range hosts {
		for _, scheme := range []string{"http", "https"} {
			got, ok := s.send(t.Context(), &store.Webhook{URL: scheme + "://" + host + ":" + port + "/"}, "evt_1", nil)
			if !ok || got.Error == "" {
				t.Errorf("%s %s: %+v", scheme, host, got)
			}
			if strings.Contains(got.Error, "allow_networks") {
				fenced++
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("this machine was connected to %d times", n)
	}
	if fenced < 200 {
		t.Errorf("only %d of %d were refused by their address", fenced, 2*len(hosts))
	}
	// The same names may be connected to when the configuration says so.
	s = wire(t, func(o *WebhookOptions) { o.resolver = names(t, known) })
	request(t, s, "http://name0.test:"+port+"/")
	if reached.Load() == 0 {
		t.Error("the listener was never there")
	}
}
