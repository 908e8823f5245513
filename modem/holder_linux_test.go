package modem

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminalOf returns the name of a pseudo terminal and its open end.
func terminalOf(t *testing.T) (name string, slave *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	return slave.Name(), slave
}

// TestHeldByProgram: a port that another process locked is not opened; the process is named, and what to do about it.
func TestHeldByProgram(t *testing.T) {
	flock, err := exec.LookPath("flock")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("flock of the package util-linux is missing")
		}
		t.Skip("flock of the package util-linux is missing")
	}
	name, slave := terminalOf(t)
	slave.Close()
	cmd := exec.Command(flock, "--no-fork", name, "sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	for range 500 {
		if pid, _ := holder(name); pid == cmd.Process.Pid {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	c := Default()
	c.Device = name
	m, err := New(c, Options{Name: "desk"})
	if err != nil {
		t.Fatal(err)
	}
	var e *SetupError
	for range 100 { // between its open and its lock
		port, err := m.open(t.Context())
		if errors.As(err, &e) {
			break
		}
		port.Close()
		time.Sleep(10 * time.Millisecond)
	}
	if e == nil || e.Reason != ReasonBusy || !strings.Contains(e.Error(), fmt.Sprintf("pid %d", cmd.Process.Pid)) || e.Hint == "" {
		t.Errorf("%+v", e)
	}
	cmd.Process.Kill()
	cmd.Wait()
	port, err := m.open(t.Context())
	if err != nil {
		t.Fatalf("after its end: %v", err)
	}
	m.release()
	port.Close()
}

// TestOpenDescriptors: hundreds of opens and closes of a terminal, half of them refused, leave no descriptor behind.
func TestOpenDescriptors(t *testing.T) {
	name, slave := terminalOf(t)
	defer slave.Close()
	c := Default()
	c.Device = name
	m, err := New(c, Options{Name: "desk"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(c, Options{Name: "other"}) // with a finder of its own, as in another program
	if err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	for range 200 {
		port, err := m.open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.open(t.Context()); asSetup(err) == nil || asSetup(err).Reason != ReasonBusy {
			t.Fatalf("opened twice: %v", err)
		}
		m.release()
		if err := port.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestRemedies: well-known programs get the advice that helps against them.
func TestRemedies(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]string{
		"ModemManager": "ID_MM_DEVICE_IGNORE", "agetty": "serial-getty@", "brltty": "brltty", "pppd": "other AT port", "gammu-smsd": "stop gammu-smsd",
		"trunkline": "modem list",
	} {
		t.Run(program, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), program)
			if err := copyProgram(sleep, path); err != nil {
				t.Fatal(err)
			}
			name, slave := terminalOf(t)
			cmd := exec.Command(path, "60")
			cmd.Stdin = slave
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { cmd.Process.Kill(); cmd.Wait() }()
			slave.Close()
			e := asSetup(usable(name))
			if e == nil || e.Reason != ReasonBusy || !strings.Contains(e.Hint, want) || !strings.Contains(e.Error(), fmt.Sprint(cmd.Process.Pid)) {
				t.Errorf("%v: %+v", e, e)
			}
		})
	}
}

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
