package emulator

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gammu runs the program of that name on a terminal.
type gammu struct {
	t      *testing.T
	path   string
	config string
	log    string
}

func newGammu(t *testing.T, link string) *gammu {
	dir := t.TempDir()
	g := &gammu{t: t, path: program(t, "gammu", "gammu"), config: filepath.Join(dir, "gammurc"), log: filepath.Join(dir, "log")}
	text := "[gammu]\ndevice = " + link + "\nconnection = at\nlogfile = " + g.log + "\nlogformat = textalldate\n"
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
		log, _ := os.ReadFile(g.log)
		sent := max(0, bytes.LastIndex(log, []byte("SENDING")))
		g.t.Fatalf("gammu %s: %v\n%s\nits log around what it sent last:\n%s", strings.Join(args, " "), err, out, log[max(0, sent-3000):min(len(log), sent+3000)])
	}
	return string(out)
}

// gammuFolder is the number that gammu gives to the inbox of the memory that a make prefers: the card comes first.
func gammuFolder(p Profile) string {
	if p.Preferred == "SM" {
		return "1"
	}
	return "3"
}

func TestGammu(t *testing.T) {
	program(t, "gammu", "gammu")
	everyProfile(t, func(t *testing.T, ctx context.Context, h *interop) {
		g := newGammu(t, h.link)
		if out := g.run(ctx, "identify"); !strings.Contains(out, h.m.IMEI()) || !strings.Contains(out, h.m.o.IMSI) {
			t.Errorf("identify: %s", out)
		}
		texts := interopTexts()
		for i, args := range [][]string{{"-report"}, {"-len", "1000"}, {"-unicode"}} {
			g.run(ctx, append([]string{"sendsms", "TEXT", phoneNumber, "-text", texts[i]}, args...)...)
		}
		h.awaitPhone(t, ctx, texts)
		ledger := h.n.Ledger()
		if len(ledger) != 1+5+1 || !ledger[0].Report || ledger[1].Report {
			t.Errorf("ledger of %d: %+v", len(ledger), ledger)
		}
		for i, s := range ledger {
			if s.MR != byte(i) {
				t.Errorf("submission %d has reference %d", i, s.MR)
			}
		}
		if got := h.reports(); got != 1 {
			t.Errorf("%d status reports, want 1", got)
		}

		h.write(t, ctx)
		out := g.run(ctx, "geteachsms")
		for _, text := range append(texts, phoneNumber) {
			if !strings.Contains(out, text) {
				t.Errorf("%q is not in\n%s", text, out)
			}
		}
		g.run(ctx, "deleteallsms", gammuFolder(h.p))
		if used, _ := h.m.Stored("MT"); used != 0 {
			t.Errorf("%d messages left", used)
		}
	})
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
