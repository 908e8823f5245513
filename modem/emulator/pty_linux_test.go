package emulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// tty opens a terminal as a host does.
func tty(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// exchange writes a command and reads up to the final result.
func exchange(f *os.File, command string) (string, error) {
	if err := f.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	if _, err := f.WriteString(command + "\r"); err != nil {
		return "", err
	}
	var got []byte
	buf := make([]byte, 1024)
	for !bytes.Contains(got, []byte("\r\nOK\r\n")) {
		n, err := f.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			return string(got), err
		}
	}
	return string(got), nil
}

func TestTerminalOutlivesItsHosts(t *testing.T) {
	defer goleak.VerifyNone(t)
	n := NewNetwork(NetworkOptions{})
	defer n.Close()
	m := New(n, Options{Number: simNumber})
	link := filepath.Join(t.TempDir(), "desk")
	ctx, cancel := context.WithCancel(t.Context())
	path, err := m.PTY(ctx, link)
	if err != nil {
		t.Fatal(err)
	}
	if at, err := os.Readlink(link); err != nil || at != path {
		t.Errorf("link leads to %q, %v, want %q", at, err, path)
	}
	for i := range 3 {
		f := tty(t, link)
		got, err := exchange(f, "AT+CGSN")
		if err != nil || !strings.Contains(got, m.IMEI()) {
			t.Errorf("host %d: %q, %v", i, got, err)
		}
		f.Close()
	}
	f := tty(t, link)
	defer f.Close()
	if err := m.Inject(Fault{Kind: Unplug, Delay: 3 * time.Second}); err != nil {
		t.Fatal(err)
	}
	_ = f.SetDeadline(time.Now().Add(10 * time.Second))
	for err = nil; err == nil; {
		_, err = f.Read(make([]byte, 100))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("host does not see that the modem is unplugged")
	}
	gone := false
	for end := time.Now().Add(2 * time.Second); !gone && time.Now().Before(end); time.Sleep(time.Millisecond) {
		_, err := os.Lstat(link)
		gone = errors.Is(err, os.ErrNotExist)
	}
	if !gone {
		t.Error("link of an unplugged modem is still there")
	}
	again := waitForLink(t, link)
	defer again.Close()
	if got, err := exchange(again, "AT"); err != nil {
		t.Errorf("after replugging: %q, %v", got, err)
	}
	if _, err := m.PTY(ctx, filepath.Join(t.TempDir(), "none", "link")); err == nil {
		t.Error("a link that cannot be made is no error")
	}
	cancel()
	m.Wait()
	if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("link after the end: %v", err)
	}
}

func waitForLink(t *testing.T, link string) *os.File {
	t.Helper()
	for range 3000 {
		if f, err := os.OpenFile(link, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err == nil {
			return f
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("modem does not come back")
	return nil
}

// Many terminals cost no threads and no processor time while nothing happens.
func TestManyTerminals(t *testing.T) {
	const count = 64
	n := NewNetwork(NetworkOptions{})
	defer n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	threads := threadCount(t)
	paths := make([]string, count)
	modems := make([]*Modem, count)
	for i := range count {
		modems[i] = New(n, Options{Number: fmt.Sprintf("+4915155%06d", i)})
		path, err := modems[i].PTY(ctx, "")
		if err != nil {
			t.Fatal(err)
		}
		paths[i] = path
	}
	var wg sync.WaitGroup
	for _, path := range paths {
		f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0) // here, for the kernel may keep who opens waiting, and with it a thread
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		wg.Go(func() {
			for range 20 {
				if got, err := exchange(f, "AT+CSQ"); err != nil || !strings.Contains(got, "+CSQ: 20,99") {
					t.Errorf("%s: %q, %v", path, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
	more := threadCount(t) - threads
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // what it collects is not of idle terminals
	var before, after unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &before)
	time.Sleep(200 * time.Millisecond)
	_ = unix.Getrusage(unix.RUSAGE_SELF, &after)
	if used := time.Duration(after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano()); used > 100*time.Millisecond {
		t.Errorf("idle terminals used %v of processor time in 200 ms", used)
	}
	if more > count/2 {
		t.Errorf("%d threads more for %d terminals", more, count)
	}
	cancel()
	for _, m := range modems {
		m.Wait()
	}
}

func threadCount(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func BenchmarkCommand(b *testing.B) {
	n := NewNetwork(NetworkOptions{})
	m := New(n, Options{Number: simNumber})
	ctx, cancel := context.WithCancel(b.Context())
	path, err := m.PTY(ctx, "")
	if err != nil {
		b.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := exchange(f, "AT"); err != nil {
			b.Fatal(err)
		}
	}
	f.Close()
	cancel()
	m.Wait()
}
