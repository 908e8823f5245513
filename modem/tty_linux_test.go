package modem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"trunkline/modem/emulator"
	"trunkline/modem/ports"
)

// onPTY starts a driver on the pseudo terminal of an emulated modem.
func onPTY(t testing.TB, o emulator.Options) (*Modem, *emulator.Network, *emulator.Modem) {
	t.Helper()
	network := emulator.NewNetwork(emulator.NetworkOptions{})
	o.Number = "+4915100000001"
	dev := emulator.New(network, o)
	ctx, cancel := context.WithCancel(context.Background())
	link := filepath.Join(t.TempDir(), "modem")
	if _, err := dev.PTY(ctx, link); err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.Device = link
	m, err := New(c, Options{Name: "desk"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		dev.Wait()
		network.Close()
	})
	rctx, rcancel := context.WithTimeout(ctx, 30*time.Second)
	defer rcancel()
	if err := m.Ready(rctx); err != nil {
		t.Fatalf("not ready: %+v", m.Status())
	}
	return m, network, dev
}

// A real terminal: send, receive, pull the plug, and go on.
func TestTerminal(t *testing.T) {
	m, network, dev := onPTY(t, emulator.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for i := range 20 {
		if ref, err := m.Submit(ctx, tpdu, committed); err != nil || ref != int(network.Ledger()[i].MR) {
			t.Fatalf("Submit = %d, %v", ref, err)
		}
	}
	if err := dev.Inject(emulator.Fault{Kind: emulator.Unplug, Delay: 300 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	for m.Status().Opens < 2 {
		time.Sleep(10 * time.Millisecond)
		if ctx.Err() != nil {
			t.Fatalf("not opened again: %+v", m.Status())
		}
	}
	if err := m.Ready(ctx); err != nil {
		t.Fatalf("not ready again: %+v", m.Status())
	}
	if err := network.Handset(friend).Send(ctx, "+4915100000001", "hi"); err != nil {
		t.Fatal(err)
	}
	var found []Stored
	for len(found) == 0 {
		select {
		case <-m.Notices():
		case <-ctx.Done():
			t.Fatal("nothing received")
		}
		var err error
		if found, err = m.List(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Delete(ctx, found[0]); err != nil {
		t.Fatal(err)
	}
}

// TestTerminalBySocket: found by USB socket, opened as a real terminal, pulled out, and found under another number.
func TestTerminalBySocket(t *testing.T) {
	w := newWorld(t)
	w.finder = NewFinder(FinderOptions{Roots: w.roots, Rescan: 50 * time.Millisecond})
	w.events = make(chan ports.Event, 100)
	ctx, cancel := context.WithCancel(t.Context())
	network := emulator.NewNetwork(emulator.NetworkOptions{})
	dev := emulator.New(network, emulator.Options{Number: "+4915100000001"})
	var running sync.WaitGroup
	running.Go(func() { w.finder.Run(ctx) })
	m, stop := w.drive("desk", func(c *Config) { c.USB = "1-1.4" }, nil)
	defer func() {
		stop()
		cancel()
		running.Wait()
		dev.Wait()
		network.Close()
	}()
	for _, number := range []int{2, 5} {
		plugged, pull := context.WithCancel(ctx)
		node := filepath.Join(w.roots.Dev, fmt.Sprintf("ttyUSB%d", number))
		path, err := dev.PTY(plugged, filepath.Join(w.roots.Dev, "pts"))
		if err != nil {
			t.Fatal(err)
		}
		w.must(os.Symlink(path, node))
		w.plug("1-1.4", "2c7c:0125", socket{tty: filepath.Base(node), number: 2})
		within(t, 20*time.Second, m, "plugged in")
		if s := m.Status(); s.Device != node || s.USB != "1-1.4:1.2" {
			t.Errorf("status %+v", s)
		}
		sctx, scancel := context.WithTimeout(ctx, 10*time.Second)
		if _, err := m.Submit(sctx, tpdu, committed); err != nil {
			t.Error(err)
		}
		scancel()
		pull()
		dev.Wait()
		w.pull("1-1.4")
		for i := 0; m.Status().State != Missing; i++ {
			if i == 1000 {
				t.Fatalf("pulled out: %+v", m.Status())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// What keeps a port from being opened is told apart, with words that help.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	if err := unix.Flock(int(slave.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path string
		reason     Reason
		hint       string
	}{
		{"absent", filepath.Join(dir, "absent"), ReasonMissing, "serial port"},
		{"file", file, ReasonNotATTY, "serial port"},
		{"folder", dir, ReasonNotATTY, ""},
		{"no terminal", "/dev/zero", ReasonNotATTY, ""},
		{"locked", slave.Name(), ReasonBusy, "stop"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			c.Device = tt.path
			m, err := New(c, Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = m.open(t.Context())
			var se *SetupError
			if !errors.As(err, &se) || se.Reason != tt.reason || !strings.Contains(se.Hint, tt.hint) {
				t.Errorf("%v: %+v", err, se)
			}
			m.failed(err)
			if s := m.Status(); s.Reason != tt.reason || (s.State == Missing) != (tt.reason == ReasonMissing) || s.Hint == "" {
				t.Errorf("status %+v", s)
			}
		})
	}
	if e := openError("/dev/null", fmt.Errorf("open: %w", os.ErrPermission)).(*SetupError); e.Reason != ReasonPermission || !strings.Contains(e.Hint, "group") {
		t.Errorf("permission: %+v", e)
	}
	if e := openError("/dev/null", fmt.Errorf("open: %w", unix.ENXIO)).(*SetupError); e.Reason != ReasonMissing {
		t.Errorf("no device: %+v", e)
	}
	if e := openError("/dev/null", fmt.Errorf("open: %w", unix.EBUSY)).(*SetupError); e.Reason != ReasonBusy {
		t.Errorf("busy: %+v", e)
	}
}

// Who holds a port is named with pid and program.
func TestHolder(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	name := slave.Name()
	if pid, _ := holder(name); pid != 0 {
		t.Errorf("held by %d, but only this process has it", pid)
	}
	cmd := exec.Command("sleep", "30")
	cmd.Stdin = slave
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	pid, program := holder(name)
	if pid != cmd.Process.Pid || program != "sleep" {
		t.Errorf("held by %s, pid %d; want sleep, %d", program, pid, cmd.Process.Pid)
	}
	if e := busyError(name, unix.EBUSY).(*SetupError); !strings.Contains(e.Error(), fmt.Sprint(pid)) || !strings.Contains(e.Hint, "sleep") {
		t.Errorf("%v: %s", e, e.Hint)
	}
}

// UUCP locks keep others out, are taken over from the dead, and do without a folder that cannot be written.
func TestLock(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	dir := t.TempDir()
	path := filepath.Join(dir, "LCK..ttyX")
	l, err := lockDevice(dir, "/dev/ttyX", log)
	if err != nil || l == nil {
		t.Fatal(l, err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != fmt.Sprintf("%10d\n", os.Getpid()) {
		t.Errorf("lock holds %q, %v", b, err)
	}
	if _, err := lockDevice(dir, "/dev/ttyX", log); err == nil {
		t.Error("locked twice")
	}
	l.release()
	l.release()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("lock is still there: %v", err)
	}
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{fmt.Sprintf("%10d\n", dead.Process.Pid), "nonsense", ""} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := lockDevice(dir, "/dev/ttyX", log)
		if err != nil || l == nil {
			t.Errorf("stale lock %q: %v", content, err)
			continue
		}
		l.release()
	}
	if err := os.WriteFile(path, []byte(fmt.Sprintf("%10d\n", os.Getppid())), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := lockDevice(dir, "/dev/ttyX", log); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getppid())) {
		t.Errorf("lock of a living process: %v", err)
	}
	if l, err := lockDevice(filepath.Join(dir, "absent"), "/dev/ttyX", log); l != nil || err != nil {
		t.Errorf("no folder: %v, %v", l, err)
	}
}

func BenchmarkSubmitTerminal(b *testing.B) {
	m, _, _ := onPTY(b, emulator.Options{})
	for b.Loop() {
		if _, err := m.Submit(context.Background(), tpdu, committed); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReceiveTerminal measures from the network's hand-over to the listed and deleted message.
func BenchmarkReceiveTerminal(b *testing.B) {
	m, network, _ := onPTY(b, emulator.Options{})
	ctx := context.Background()
	for b.Loop() {
		if err := network.Handset(friend).Send(ctx, "+4915100000001", "hi"); err != nil {
			b.Fatal(err)
		}
		for found := 0; found == 0; {
			<-m.Notices()
			list, err := m.List(ctx)
			if err != nil {
				b.Fatal(err)
			}
			for _, st := range list {
				if err := m.Delete(ctx, st); err != nil {
					b.Fatal(err)
				}
			}
			found = len(list)
		}
	}
}
