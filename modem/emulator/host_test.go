package emulator

import (
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// host is the other end of a modem's line in tests.
type host struct {
	t    *testing.T
	conn net.Conn

	mu   sync.Mutex
	got  strings.Builder
	more chan struct{}
}

// plug serves m on a pipe until the test ends.
func plug(t *testing.T, m *Modem) *host {
	t.Helper()
	near, far := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = m.Serve(ctx, far) })
	h := &host{t: t, conn: near, more: make(chan struct{}, 1)}
	wg.Go(h.listen)
	t.Cleanup(func() {
		cancel()
		near.Close()
		wg.Wait()
	})
	return h
}

func (h *host) listen() {
	buf := make([]byte, 4096)
	for {
		n, err := h.conn.Read(buf)
		h.mu.Lock()
		h.got.Write(buf[:n])
		h.mu.Unlock()
		select {
		case h.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (h *host) seen() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got.String()
}

func (h *host) write(s string) {
	h.t.Helper()
	if _, err := io.WriteString(h.conn, s); err != nil {
		h.t.Fatalf("write %q: %v", s, err)
	}
}

// until waits for what matches pattern and returns everything seen up to its
// end; what follows stays for the next call.
func (h *host) until(pattern string) string {
	h.t.Helper()
	re := regexp.MustCompile(pattern)
	limit := time.NewTimer(5 * time.Minute)
	if !bubble(h.t) {
		limit.Reset(10 * time.Second)
	}
	defer limit.Stop()
	for {
		h.mu.Lock()
		all := h.got.String()
		if at := re.FindStringIndex(all); at != nil {
			h.got.Reset()
			h.got.WriteString(all[at[1]:])
			h.mu.Unlock()
			return all[:at[1]]
		}
		h.mu.Unlock()
		select {
		case <-h.more:
		case <-limit.C:
			h.t.Fatalf("no %q in %q", pattern, all)
		}
	}
}

// bubble reports whether the test's clock is that of synctest, which starts in 2000.
func bubble(*testing.T) bool { return time.Now().Year() < 2020 }

const finals = `(?m)(^|[\r\n])(OK|ERROR|NO CARRIER|COMMAND NOT SUPPORT|\+CM[ES] ERROR: [^\r\n]*)\r\n`

// ask sends a command and returns all that comes up to the final result.
func (h *host) ask(command string) string {
	h.t.Helper()
	h.write(command + "\r")
	return h.until(finals)
}

// want sends a command and compares the answer, echo included.
func (h *host) want(command, answer string) {
	h.t.Helper()
	if got := h.ask(command); got != answer {
		h.t.Errorf("%s answers %q, want %q", command, got, answer)
	}
}

// sendPDU submits a TPDU and returns the answer after the prompt.
func (h *host) sendPDU(length int, pdu string) string {
	h.t.Helper()
	h.write("AT+CMGS=" + itoa(length) + "\r")
	h.until(`> `)
	h.write(pdu + "\x1a")
	return h.until(finals)
}

// longText needs five parts.
var longText = func() string {
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "line %d of it; ", i)
	}
	return strings.TrimSpace(b.String())
}()
