package systemd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// manager listens as systemd does and returns what it is told.
func manager(t *testing.T) (told func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		b := make([]byte, 4096)
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := conn.Read(b)
		if err != nil {
			t.Fatalf("systemd was told nothing: %v", err)
		}
		return string(b[:n])
	}
}

func TestNotify(t *testing.T) {
	told := manager(t)
	for _, c := range []struct {
		name string
		call func() error
		want string
	}{
		{"ready", func() error { return Ready("2 trunks") }, `^READY=1\nSTATUS=2 trunks$`},
		{"ready without status", func() error { return Ready("") }, `^READY=1$`},
		{"status", func() error { return Status("a\nREADY=1") }, `^STATUS=a READY=1$`},
		{"reloading", Reloading, `^RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*$`},
		{"stopping", func() error { return Stopping("bye") }, `^STOPPING=1\nSTATUS=bye$`},
	} {
		if err := c.call(); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := told(); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%s: told %q, want %s", c.name, got, c.want)
		}
	}
}

func TestWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv("WATCHDOG_USEC", "")
	if err := errors.Join(Ready("x"), Stopping(""), Watchdog(context.Background(), slog.New(slog.DiscardHandler))); err != nil {
		t.Error(err)
	}
	t.Setenv("NOTIFY_SOCKET", "/nonexistent/notify")
	if err := Ready(""); err == nil {
		t.Error("a manager that is gone went unnoticed")
	}
}

func TestWatchdogEnvironment(t *testing.T) {
	told := manager(t)
	t.Setenv("WATCHDOG_USEC", "300000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error)
	go func() {
		done <- Watchdog(ctx, slog.New(slog.DiscardHandler), func(context.Context) error { return nil })
	}()
	for range 2 {
		if got := told(); got != "WATCHDOG=1" {
			t.Errorf("told %q", got)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Setenv("WATCHDOG_USEC", "soon")
	if err := Watchdog(ctx, nil); err == nil {
		t.Error("a time that is no number was taken")
	}
}

func TestWatchdogFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var pings atomic.Int32
		var stuck, hangs atomic.Bool
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		check := func(ctx context.Context) error {
			if hangs.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			if stuck.Load() {
				return errors.New("router stands still")
			}
			return nil
		}
		done := make(chan struct{})
		go func() {
			feed(ctx, 20*time.Second, logger, func() error { pings.Add(1); return nil }, []Check{check})
			close(done)
		}()
		after := func(d time.Duration) int32 {
			time.Sleep(d)
			synctest.Wait()
			return pings.Swap(0)
		}
		if n := after(61 * time.Second); n != 4 {
			t.Errorf("%d pings in 61 s of progress, want 4", n)
		}
		stuck.Store(true)
		if n := after(time.Minute); n != 0 {
			t.Errorf("%d pings without progress", n)
		}
		stuck.Store(false)
		hangs.Store(true)
		after(time.Minute)
		if n := after(time.Minute); n != 0 {
			t.Errorf("%d pings while a check hangs", n)
		}
		hangs.Store(false)
		if n := after(time.Minute); n < 2 {
			t.Errorf("%d pings after it goes on", n)
		}
		cancel()
		<-done
		if !strings.Contains(log.String(), "router stands still") {
			t.Errorf("the log does not say why: %s", log.String())
		}
	})
}

func TestListeners(t *testing.T) {
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	open := func(name string) *os.File {
		l, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		f, err := l.(*net.UnixListener).File()
		if err != nil {
			t.Fatal(err)
		}
		fd := f.Fd()
		t.Cleanup(func() { f.Close() })
		return os.NewFile(dup(t, fd), name)
	}
	got, err := listeners([]*os.File{open("api"), open("metrics")})
	if err != nil || len(got) != 2 || got["api"] == nil || got["metrics"] == nil {
		t.Fatalf("got %v, %v", got, err)
	}
	for _, l := range got {
		l.Close()
	}
	if _, err := os.Stat(filepath.Join(dir, "api")); err != nil {
		t.Errorf("closing a listener of systemd's removed its socket: %v", err)
	}
	a, b := open("one"), open("two")
	same := os.NewFile(dup(t, b.Fd()), "one")
	b.Close()
	if _, err := listeners([]*os.File{a, same}); err == nil {
		t.Error("two sockets of one name were taken")
	}
	file, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listeners([]*os.File{file}); err == nil {
		t.Error("a file was taken for a socket")
	}
	if got, err := listeners(nil); got != nil || err != nil {
		t.Errorf("no sockets: %v, %v", got, err)
	}
}

// TestActivation starts this test program as systemd starts a daemon: with a listening socket.
func TestActivation(t *testing.T) {
	if os.Getenv("SYSTEMD_TEST_CHILD") == "1" {
		found, err := Listeners()
		if err != nil || found["api"] == nil {
			fmt.Println("child:", found, err)
			os.Exit(1)
		}
		conn, err := found["api"].Accept()
		if err != nil {
			os.Exit(1)
		}
		again, err := Listeners()
		fmt.Fprintf(conn, "taken over; again: %v %v; LISTEN_FDS=%q\n", len(again), err, os.Getenv("LISTEN_FDS"))
		conn.Close()
		os.Exit(0)
	}
	tool := need(t, "systemd-socket-activate")
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "api.sock")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, "--listen="+path, "--fdname=api", "--setenv=SYSTEMD_TEST_CHILD=1", os.Args[0], "-test.run=^TestActivation$")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var conn net.Conn
	for conn == nil && ctx.Err() == nil {
		if conn, err = net.Dial("unix", path); err != nil {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if conn == nil {
		t.Fatalf("socket did not appear: %v", err)
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	got, err := io.ReadAll(conn)
	if want := "taken over; again: 0 <nil>; LISTEN_FDS=\"\"\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestJournalHandler(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(NewJournalHandler(&out, slog.LevelDebug))
	log.Debug("d")
	log.With("trunk", "desk").Info("i", "text", "two\nlines")
	log.WithGroup("g").Warn("w", "k", 1)
	log.Error("e", "err", errors.New("x"))
	want := "<7>msg=d\n<6>msg=i trunk=desk text=\"two\\nlines\"\n<4>msg=w g.k=1\n<3>msg=e err=x\n"
	if out.String() != want {
		t.Errorf("got\n%s, want\n%s", out.String(), want)
	}
	if slog.New(NewJournalHandler(&out, slog.LevelWarn)).Enabled(t.Context(), slog.LevelInfo) {
		t.Error("the level is not kept")
	}
}

func TestJournaled(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	id := inode(t, w)
	for value, want := range map[string]bool{id: true, "": false, "1:2": false} {
		if got := Journaled(w, func(string) string { return value }); got != want {
			t.Errorf("JOURNAL_STREAM=%s: %t", value, got)
		}
	}
}
