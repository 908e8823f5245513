package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"
)

// given are the ports that freePorts has given out.
var given sync.Map

// freePorts finds ports of loopback that nobody has, each only once. They lie below those that the kernel gives to whoever asks for any, and no other
// package looks there, so nobody gets one by chance before the program listens on it.
func freePorts(t *testing.T, count int) (ports []int) {
	t.Helper()
	for len(ports) < count {
		port := 17000 + rand.IntN(3000)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		ports = append(ports, port)
	}
	return ports
}

// kannelConfig is that of bearerbox and smsbox: the modem routes what it receives and its reports (+CMT, +CDS), and smsbox hands
// both to a web server.
func kannelConfig(dir string, h *interop, server string, ports []int) string {
	return fmt.Sprintf(`group = core
admin-port = %[3]d
admin-interface = 127.0.0.1
admin-password = check
smsbox-port = %[4]d
smsbox-interface = 127.0.0.1
log-file = %[1]s/bearerbox.log
log-level = 0
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
dlr-storage = internal
sms-combine-concatenated-mo = true

group = smsc
smsc = at
smsc-id = emulated
modemtype = emulated
device = %[2]s
speed = 115200
my-number = %[7]s

group = modems
id = emulated
name = "emulated"
speed = 115200
init-string = "AT+CNMI=2,2,0,1,%[8]d"

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = %[4]d
sendsms-port = %[5]d
sendsms-interface = 127.0.0.1
global-sender = %[7]s
log-file = %[1]s/smsbox.log
log-level = 0
access-log = %[1]s/access.log

group = sendsms-user
username = tester
password = check
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = yes
get-url = "%[6]s/in?from=%%p&to=%%P&charset=%%C&text=%%b"
max-messages = 0
`, dir, h.link, ports[0], ports[1], ports[2], server, simNumber, h.p.CNMI[4][0])
}

func TestKannel(t *testing.T) {
	bearerbox, smsbox := program(t, "bearerbox", "kannel"), program(t, "smsbox", "kannel")
	everyProfile(t, func(t *testing.T, ctx context.Context, h *interop) {
		type incoming struct{ from, text string }
		received, reported := make(chan incoming, 100), make(chan string, 100)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			switch r.URL.Path {
			case "/in":
				text := q.Get("text")
				if strings.HasPrefix(q.Get("charset"), "UTF-16") {
					text = fromUTF16BE(text)
				}
				received <- incoming{q.Get("from"), text}
			case "/report":
				reported <- q.Get("status")
			}
		}))
		t.Cleanup(server.Close)
		dir := t.TempDir()
		ports := freePorts(t, 3)
		file := filepath.Join(dir, "kannel.conf")
		if err := os.WriteFile(file, []byte(kannelConfig(dir, h, server.URL, ports)), 0o600); err != nil {
			t.Fatal(err)
		}
		startDaemon(t, ctx, h.cancel, filepath.Join(dir, "bearerbox.log"), bearerbox, file)
		awaitPort(t, ctx, ports[1])
		startDaemon(t, ctx, h.cancel, filepath.Join(dir, "smsbox.log"), smsbox, file)
		// It listens before it has found the bearerbox, and panics at a request that comes between the two.
		awaitLog(t, ctx, filepath.Join(dir, "smsbox.log"), "heartbeat_thread")
		awaitPort(t, ctx, ports[2])

		texts := interopTexts()
		for i, text := range texts {
			q := url.Values{"username": {"tester"}, "password": {"check"}, "to": {phoneNumber}, "text": {text}, "charset": {"UTF-8"}}
			if text == unicodeText {
				q.Set("coding", "2")
			}
			if i == 0 {
				q.Set("dlr-mask", "1") // delivered
				q.Set("dlr-url", server.URL+"/report?status=%d")
			}
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/sendsms?%s", ports[2], q.Encode()), nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode != http.StatusAccepted {
				t.Fatalf("sendsms: %s: %s", answer.Status, body)
			}
		}
		h.awaitPhone(t, ctx, texts)
		select {
		case status := <-reported:
			if status != "1" {
				t.Errorf("report %s, want 1: delivered", status)
			}
		case <-ctx.Done():
			t.Error("no delivery report")
		}

		for _, text := range texts {
			if err := h.phone.Send(ctx, simNumber, text); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-received:
				if got.text != text || got.from != phoneNumber {
					t.Errorf("smsbox hands over %+v, want %q from %s", got, text, phoneNumber)
				}
			case <-ctx.Done():
				t.Fatalf("smsbox does not hand over %q", text)
			}
		}
	})
}

// awaitPort waits until a program listens.
func awaitPort(t *testing.T, ctx context.Context, port int) {
	t.Helper()
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return
		}
		if !sleep(100*time.Millisecond, ctx.Done()) {
			t.Fatalf("nobody listens on port %d: %v", port, err)
		}
	}
}

func awaitLog(t *testing.T, ctx context.Context, path, text string) {
	t.Helper()
	for {
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(b), text) {
			return
		}
		if !sleep(50*time.Millisecond, ctx.Done()) {
			t.Fatalf("%s does not say %q: %v", path, text, err)
		}
	}
}

func fromUTF16BE(s string) string {
	units := make([]uint16, len(s)/2)
	for i := range units {
		units[i] = uint16(s[2*i])<<8 | uint16(s[2*i+1])
	}
	return string(utf16.Decode(units))
}
