package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/api"
)

func needStrace(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs the Debian package strace")
		}
		t.Skip("needs the Debian package strace")
	}
}

// accept submits message n once.
func (s *story) accept(n int) error {
	a, err := s.client.Submit(context.Background(), api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: outText(n)}, "")
	if err == nil {
		s.accepted[n] = a.Messages[0].ID
	}
	return err
}

// lost returns the accepted messages that the daemon does not know.
func (s *story) lost() (lost []int) {
	for n, id := range s.accepted {
		if m, err := s.client.Message(context.Background(), id); err != nil || m.Text != outText(n) {
			lost = append(lost, n)
		}
	}
	return lost
}

// A write to the store's file that is refused costs the message that asked for it and nothing else.
func TestDiskThatTakesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ errno, log string }{
		"full":      {"ENOSPC", "no space left"},
		"read-only": {"EROFS", "read-only"},
	} {
		t.Run(name, func(t *testing.T) { testRefusedWrites(t, c.errno, c.log) })
	}
}

func testRefusedWrites(t *testing.T, errno, log string) {
	needStrace(t)
	s := newStory(t)
	cmd, wait, out := s.lifeUnder()
	s.awaitReady(t.Context())
	const before = 30 // some of which are on their way when writes begin to fail
	for n := 1; n <= before; n++ {
		if err := s.accept(n); err != nil {
			t.Fatal(err)
		}
	}
	refuseWrites(t, cmd.Process.Pid, errno)
	var p *api.Problem
	for n := before + 1; p == nil && n < 500; n++ {
		if err := s.accept(n); err != nil && !errors.As(err, &p) {
			t.Fatalf("no answer: %v\n%s", err, out)
		}
	}
	if p == nil || p.Status != 503 {
		t.Fatalf("answer: %v, want 503\n%s", p, out)
	}
	if lost := s.lost(); len(lost) > 0 {
		t.Errorf("lost while writes were refused: %v", lost)
	}
	kill(cmd)
	wait()
	if n := strings.Count(out.String(), log); n == 0 || n > 20 {
		t.Errorf("%d times in the log: %s\n%s", n, log, out)
	}

	cmd, wait = s.life("")
	defer func() { kill(cmd); wait() }()
	s.awaitReady(t.Context())
	if lost := s.lost(); len(lost) > 0 {
		t.Errorf("lost afterwards: %v", lost)
	}
	if err := s.accept(1000); err != nil {
		t.Errorf("writes are taken again, but: %v", err)
	}
}

// refuseWrites lets every write to a place in a file fail from now on, on every thread of a process: strace counts the calls of each by itself, so that with a number
// to begin at some would fail and some would not.
func refuseWrites(t *testing.T, pid int, errno string) {
	strace := exec.Command("strace", "-f", "-o", "/dev/null", "-p", strconv.Itoa(pid), "-e", "trace=pwrite64", "-e", "inject=pwrite64:error="+errno)
	said := &tail{}
	strace.Stdout, strace.Stderr = said, said
	if err := strace.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { strace.Process.Kill(); strace.Wait() })
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(said.String(), "attached"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("strace does not begin:\n%s", said)
		}
	}
}

// A sync that fails stops the daemon with 70: a later one may succeed and lie.
func TestFailedSyncEndsTheDaemon(t *testing.T) {
	needStrace(t)
	s := newStory(t)
	cmd, wait := s.life("")
	s.awaitReady(t.Context())
	if err := s.accept(1); err != nil {
		t.Fatal(err)
	}
	kill(cmd)
	wait()

	cmd, wait, out := s.lifeUnder("strace", "-f", "-qqq", "-o", "/dev/null", "-P", s.store, "-P", s.store+".wal", "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=20+")
	s.awaitReady(t.Context())
	failed := false
	for n := 2; !failed && n < 500; n++ {
		if err := s.accept(n); err != nil {
			failed = true
			var p *api.Problem
			if errors.As(err, &p) && p.Status != 503 {
				t.Errorf("answer after a failed sync: %v", p)
			}
		}
	}
	s.phone.Send(t.Context(), gatewayNumber, inText(0)) // nobody may take it from the modem any more
	s.texted++
	wait()
	if !failed {
		t.Error("no sync failed")
	}
	if !strings.Contains(out.String(), "a sync failed") {
		t.Errorf("it does not say why it ended:\n%s", out)
	}
	if code := cmd.ProcessState.ExitCode(); code != 70 {
		t.Errorf("exit code %d, want 70\n%s", code, out)
	}
	cmd, wait = s.life("")
	defer func() { kill(cmd); wait() }()
	s.awaitReady(t.Context())
	if lost := s.lost(); len(lost) > 0 {
		t.Errorf("lost after a failed sync: %v", lost)
	}
	s.await("the text that came meanwhile is stored", 20*time.Second, func() bool { return s.received(t.Context())[0] == 1 })
}

func TestSecondDaemonIsRefused(t *testing.T) {
	s := newStory(t)
	cmd, wait := s.life("")
	defer func() { kill(cmd); wait() }()
	s.awaitReady(t.Context())
	second := exec.Command(s.binary, "serve", "--config", s.config)
	start := time.Now()
	out, err := second.CombinedOutput()
	if err == nil || time.Since(start) > 10*time.Second || !strings.Contains(string(out), "in use") {
		t.Errorf("second daemon after %s: %v\n%s", time.Since(start), err, out)
	}
	if err := s.accept(1); err != nil {
		t.Errorf("the first daemon suffers: %v", err)
	}
}

func TestTruncatedStoreIsRefused(t *testing.T) {
	s := newStory(t)
	cmd, wait := s.life("")
	s.awaitReady(t.Context())
	for n := range 20 {
		if err := s.accept(n); err != nil {
			t.Fatal(err)
		}
	}
	kill(cmd)
	wait()
	for _, size := range []int64{20000, 8192, 4096, 1000, 1} { // ever shorter
		if err := os.Truncate(s.store, size); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(s.binary, "serve", "--config", s.config).CombinedOutput()
		if err == nil || !strings.Contains(string(out), filepath.Base(s.store)) || strings.Contains(string(out), "goroutine ") {
			t.Errorf("store of %d bytes: %v\n%s", size, err, out)
		}
	}
}
