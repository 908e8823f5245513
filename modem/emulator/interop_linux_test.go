package emulator

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// interopLimit bounds the test of one program on one make, on a busy machine too.
const interopLimit = 4 * time.Minute

// program finds a program of a Debian package. Only where it must be there is
// its absence a failure.
func program(t *testing.T, name, debian string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("interoperation takes seconds")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		if _, err := os.Stat("/usr/sbin/" + name); err == nil {
			return "/usr/sbin/" + name
		}
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed: Debian package %s", name, debian)
		}
		t.Skipf("%s is not installed: Debian package %s", name, debian)
	}
	return path
}

// everyProfile runs a test on a modem of every make at once: they wait for sleeping programs most of the time. Each
// has a network and a limit of time of its own.
func everyProfile(t *testing.T, fn func(t *testing.T, ctx context.Context, h *interop)) {
	t.Parallel()
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, p := range Profiles() {
		wg.Go(func() {
			t.Run(p.Name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), interopLimit)
				defer cancel()
				n := NewNetwork(NetworkOptions{Latency: 50 * time.Millisecond})
				t.Cleanup(n.Close)
				h := &interop{n: n, p: p.withDefaults(), cancel: cancel}
				h.m, h.link = terminalOf(t, n, Options{Number: simNumber, Profile: p})
				h.phone = n.Handset(phoneNumber)
				fn(t, ctx, h)
			})
		})
	}
}

// interop is a modem on a terminal, for a program that knows nothing of it.
type interop struct {
	n      *Network
	p      Profile
	m      *Modem
	link   string
	phone  *Handset
	cancel context.CancelFunc // ends the time of the test
}

// interopTexts are a short message, a long one and one in UCS-2.
func interopTexts() []string { return []string{"Hello from outside", longText, unicodeText} }

// write lets the phone write all texts to the modem, and waits until they are stored in it.
func (h *interop) write(t *testing.T, ctx context.Context) {
	t.Helper()
	for _, text := range interopTexts() {
		if err := h.phone.Send(ctx, simNumber, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.n.Wait(ctx, func() bool { used, _ := h.m.Stored("MT"); return used == 1+5+1 }); err != nil {
		used, total := h.m.Stored("MT")
		t.Fatalf("%d of %d slots of the modem are used: %v", used, total, err)
	}
}

// awaitPhone waits until the phone shows exactly these texts, in any order, all from the modem's number.
func (h *interop) awaitPhone(t *testing.T, ctx context.Context, texts []string) {
	t.Helper()
	inbox, err := h.phone.Wait(ctx, len(texts))
	if err != nil {
		t.Fatalf("the phone has %+v: %v", inbox, err)
	}
	var got []string
	for _, x := range inbox {
		got = append(got, x.Text)
		if x.From != simNumber {
			t.Errorf("the phone has %q from %s", x.Text, x.From)
		}
	}
	want := slices.Sorted(slices.Values(texts))
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the phone has %q, want %q", got, want)
	}
}

// reports counts the status reports that the modem took.
func (h *interop) reports() (count int) {
	for _, d := range h.n.Deliveries() {
		if d.Report && d.To == simNumber && d.Cause == 0 {
			count++
		}
	}
	return count
}

// terminalOf serves a new modem on a pty until the test ends.
func terminalOf(t *testing.T, n *Network, o Options) (m *Modem, link string) {
	t.Helper()
	m = New(n, o)
	link = filepath.Join(t.TempDir(), "tty")
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := m.PTY(ctx, link); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		m.Wait()
	})
	return m, link
}

const unicodeText = "Привет, 世界! Ünïcödé ✓"

// startDaemon runs a program in a process group of its own until the test ends.
func startDaemon(t *testing.T, ctx context.Context, cancel context.CancelFunc, logFile, path string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, path, args...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			text, _ := os.ReadFile(logFile)
			t.Logf("%s: %s\n%s", path, log.Bytes()[max(0, log.Len()-2000):], text[max(0, len(text)-6000):])
		}
	})
}

func utf16BE(text string) []byte {
	var out []byte
	for _, u := range text {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// awaitFile waits until a file in dir contains text.
func awaitFile(t *testing.T, ctx context.Context, dir, text string) {
	t.Helper()
	for {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		var all strings.Builder
		for _, name := range files {
			b, _ := os.ReadFile(name)
			if bytes.Contains(b, []byte(text)) {
				return
			}
			fmt.Fprintf(&all, "%s:\n%s\n", name, b)
		}
		if !sleep(100*time.Millisecond, ctx.Done()) {
			t.Errorf("no file in %s has %q:\n%s", dir, text, all.String())
			return
		}
	}
}
