package emulator

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const interopLimit = 40 * time.Second

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

// gammu runs the program of that name on a terminal.
type gammu struct {
	t      *testing.T
	path   string
	config string
}

func newGammu(t *testing.T, link string) *gammu {
	g := &gammu{t: t, path: program(t, "gammu", "gammu"), config: filepath.Join(t.TempDir(), "gammurc")}
	text := "[gammu]\ndevice = " + link + "\nconnection = at\n"
	if err := os.WriteFile(g.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *gammu) run(ctx context.Context, args ...string) string {
	g.t.Helper()
	cmd := exec.CommandContext(ctx, g.path, append([]string{"-c", g.config}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.t.Fatalf("gammu %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

const unicodeText = "Привет, 世界! Ünïcödé ✓"

func TestGammuSends(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"generic", "huawei-e173"} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), interopLimit)
			defer cancel()
			p, _ := ProfileByName(profile)
			n := NewNetwork(NetworkOptions{Latency: 50 * time.Millisecond})
			t.Cleanup(n.Close)
			m, link := terminalOf(t, n, Options{Number: simNumber, Profile: p})
			g := newGammu(t, link)

			if out := g.run(ctx, "identify"); !strings.Contains(out, m.IMEI()) || !strings.Contains(out, m.o.IMSI) {
				t.Errorf("identify: %s", out)
			}
			phone := n.Handset(phoneNumber)
			for i, c := range []struct {
				text string
				args []string
			}{
				{"Hello from gammu", []string{"-report"}},
				{longText, []string{"-len", "1000"}},
				{unicodeText, []string{"-unicode"}},
			} {
				g.run(ctx, append([]string{"sendsms", "TEXT", phoneNumber, "-text", c.text}, c.args...)...)
				inbox, err := phone.Wait(ctx, i+1)
				if err != nil || inbox[i].Text != c.text || inbox[i].From != simNumber {
					t.Errorf("phone has %+v, want %q: %v", inbox, c.text, err)
				}
			}
			ledger := n.Ledger()
			if !ledger[0].Report || ledger[1].Report || len(ledger) != 1+len(n.Handset(phoneNumber).Inbox()[1].Text)/153+1+1 {
				t.Errorf("ledger of %d: %+v", len(ledger), ledger)
			}
			for i, s := range ledger {
				if s.MR != byte(i) {
					t.Errorf("submission %d has reference %d", i, s.MR)
				}
			}
			reports := 0
			for _, d := range n.Deliveries() {
				if d.Report && d.To == simNumber && d.Cause == 0 {
					reports++
				}
			}
			if reports != 1 {
				t.Errorf("%d status reports, want 1", reports)
			}
		})
	}
}

func TestGammuReads(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), interopLimit)
	defer cancel()
	n := NewNetwork(NetworkOptions{})
	t.Cleanup(n.Close)
	m, link := terminalOf(t, n, Options{Number: simNumber})
	g := newGammu(t, link)
	phone := n.Handset(phoneNumber)
	for _, text := range []string{"short one", longText, unicodeText} {
		if err := phone.Send(ctx, simNumber, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Wait(ctx, func() bool { used, _ := m.Stored("ME"); return used == 7 }); err != nil {
		t.Fatal(err)
	}
	out := g.run(ctx, "geteachsms")
	for _, text := range []string{"short one", longText, unicodeText} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in\n%s", text, out)
		}
	}
	if !strings.Contains(out, phoneNumber) {
		t.Errorf("sender is not in\n%s", out)
	}
	g.run(ctx, "deleteallsms", "3")
	if used, _ := m.Stored("ME"); used != 0 {
		t.Errorf("%d messages left", used)
	}
}

func TestSMSTools(t *testing.T) {
	t.Parallel()
	path := program(t, "smsd", "smstools")
	ctx, cancel := context.WithTimeout(t.Context(), interopLimit)
	defer cancel()
	n := NewNetwork(NetworkOptions{})
	t.Cleanup(n.Close)
	_, link := terminalOf(t, n, Options{Number: simNumber})
	phone := n.Handset(phoneNumber)

	dir := t.TempDir()
	for _, name := range []string{"outgoing", "checked", "incoming", "report", "failed", "sent"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf(`devices = GSM1
loglevel = 7
logfile = %[1]s/log
infofile = %[1]s/info
pidfile = %[1]s/pid
outgoing = %[1]s/outgoing
checked = %[1]s/checked
incoming = %[1]s/incoming
report = %[1]s/report
failed = %[1]s/failed
sent = %[1]s/sent
delaytime = 1
store_received_pdu = 0
incoming_utf8 = yes
decode_unicode_text = yes
internal_combine = yes
outgoing_utf8 = yes

[GSM1]
device = %[2]s
incoming = yes
report = yes
init = AT+CNMI=2,0,0,2,0
memory_start = 0
primary_memory = ME
secondary_memory = SR
secondary_memory_max = 10
`, dir, link)
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{"Hello from smsd", longText, unicodeText} {
		alphabet := "UTF-8"
		if text == unicodeText {
			alphabet = "UTF-8\nAutosplit: 3"
		}
		body := fmt.Sprintf("To: %s\nReport: yes\nAlphabet: %s\n\n%s", strings.TrimPrefix(phoneNumber, "+"), alphabet, text)
		if text == unicodeText {
			body = strings.Replace(body, "Alphabet: UTF-8", "Alphabet: UCS", 1)
			body = body[:len(body)-len(text)] + string(utf16BE(text))
		}
		if err := os.WriteFile(filepath.Join(dir, "outgoing", itoa(i)), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := phone.Send(ctx, simNumber, text); err != nil {
			t.Fatal(err)
		}
	}

	startDaemon(t, ctx, cancel, filepath.Join(dir, "log"), path, "-t", "-c", file)

	inbox, err := phone.Wait(ctx, 3)
	if err != nil {
		t.Fatalf("phone has %+v: %v", inbox, err)
	}
	got := map[string]bool{}
	for _, x := range inbox {
		got[x.Text] = true
	}
	for _, text := range []string{"Hello from smsd", longText, unicodeText} {
		if !got[text] {
			t.Errorf("%q is not in the phone: %+v", text, inbox)
		}
	}
	for _, text := range []string{"Hello from smsd", longText, unicodeText} {
		awaitFile(t, ctx, filepath.Join(dir, "incoming"), text)
	}
	awaitFile(t, ctx, filepath.Join(dir, "report"), "Status: 0,Ok,short message received by the SME")
}

func TestGammuSMSD(t *testing.T) {
	t.Parallel()
	path, inject := program(t, "gammu-smsd", "gammu-smsd"), program(t, "gammu-smsd-inject", "gammu-smsd")
	ctx, cancel := context.WithTimeout(t.Context(), interopLimit)
	defer cancel()
	n := NewNetwork(NetworkOptions{})
	t.Cleanup(n.Close)
	_, link := terminalOf(t, n, Options{Number: simNumber})
	phone := n.Handset(phoneNumber)

	dir := t.TempDir()
	for _, name := range []string{"in", "out", "sent", "error"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf(`[gammu]
device = %[2]s
connection = at
[smsd]
service = files
logfile = %[1]s/log
debuglevel = 1
inboxpath = %[1]s/in/
outboxpath = %[1]s/out/
sentsmspath = %[1]s/sent/
errorsmspath = %[1]s/error/
inboxformat = unicode
receivefrequency = 1
commtimeout = 2
checksecurity = 0
`, dir, link)
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	texts := []string{"Hello from gammu-smsd", longText}
	for _, text := range texts {
		out, err := exec.CommandContext(ctx, inject, "-c", file, "TEXT", phoneNumber, "-len", "1000", "-text", text).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := phone.Send(ctx, simNumber, text); err != nil {
			t.Fatal(err)
		}
	}
	startDaemon(t, ctx, cancel, filepath.Join(dir, "log"), path, "-c", file)

	inbox, err := phone.Wait(ctx, len(texts))
	if err != nil {
		t.Fatalf("phone has %+v: %v", inbox, err)
	}
	for _, text := range texts {
		if inbox[0].Text != text && inbox[1].Text != text {
			t.Errorf("%q is not in the phone: %+v", text, inbox)
		}
	}
	awaitFile(t, ctx, filepath.Join(dir, "in"), string(utf16BE("Hello from gammu-smsd")))
	awaitFile(t, ctx, filepath.Join(dir, "in"), string(utf16BE("line 49 of it")))
	awaitFile(t, ctx, filepath.Join(dir, "sent"), phoneNumber)
}

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
			t.Logf("%s: %s\n%s", path, log.Bytes(), text[max(0, len(text)-6000):])
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
