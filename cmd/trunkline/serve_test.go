package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/api"
)

// TestServeUnderSystemd starts the daemon as systemd does: with the socket open already, a manager to notify and a watchdog to feed. Needs the Debian
// package systemd.
func TestServeUnderSystemd(t *testing.T) {
	activate, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("systemd-socket-activate of the package systemd is missing")
		}
		t.Skip("systemd-socket-activate of the package systemd is missing")
	}
	s := newStory(t)
	manager := filepath.Join(shortDir(t), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: manager, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	socket := filepath.Join(filepath.Dir(s.store), "api.sock")
	cmd, wait, out := s.lifeUnder(activate, "--listen="+socket, "--fdname=api", "--setenv=NOTIFY_SOCKET="+manager, "--setenv=WATCHDOG_USEC=900000")
	defer kill(cmd)
	told := func(want string) {
		t.Helper()
		b := make([]byte, 4096)
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		for {
			n, err := conn.Read(b)
			if err != nil {
				t.Fatalf("systemd was not told %s: %v\n%s", want, err, out)
			}
			if strings.HasPrefix(string(b[:n]), want) {
				return
			}
		}
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no socket:\n%s", out)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	accepted, err := s.client.Submit(ctx, api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: "started by this"}, "")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	told("READY=1\nSTATUS=")
	told("WATCHDOG=1")
	m, err := s.client.Wait(ctx, accepted.Messages[0].ID, api.Message.Final)
	if err != nil || m.State != "delivered" {
		t.Fatalf("message is %s, %v\n%s", m.State, err, out)
	}
	told("STATUS=1/1 modems up, 0 waiting")
	if out, err := exec.CommandContext(ctx, s.binary, "config", "reload", "--pid", strconv.Itoa(cmd.Process.Pid), s.config).CombinedOutput(); err != nil {
		t.Fatalf("reload: %v\n%s", err, out)
	}
	told("RELOADING=1\nMONOTONIC_USEC=")
	told("READY=1\nSTATUS=1/1 modems up, 0 waiting")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	told("STOPPING=1")
	for name, args := range map[string][]string{"no process": {s.config}, "another program": {"--pid", "1", s.config}, "ourselves": {"--pid", strconv.Itoa(os.Getpid()), s.config},
		"nobody": {"--pid", "4194305", s.config}, "a file that is not there": {"--pid", strconv.Itoa(cmd.Process.Pid), s.config + "x"}} {
		if out, err := exec.CommandContext(ctx, s.binary, append([]string{"config", "reload"}, args...)...).CombinedOutput(); err == nil {
			t.Errorf("%s: it was signalled: %s", name, out)
		}
	}
	wait()
	if code := cmd.ProcessState.ExitCode(); code != exitDone {
		t.Errorf("the daemon ended with %d:\n%s", code, out)
	}
	if _, err := os.Stat(socket); err != nil {
		t.Errorf("the daemon removed systemd's socket: %v", err)
	}
}
