package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/pdu"
)

// diskCalls are the system calls by which the gateway changes its database and what lies beside it.
var diskCalls = []string{"pwrite64", "write", "fdatasync", "fsync", "openat", "linkat", "renameat", "unlinkat", "ftruncate", "fallocate"}

// A system call that has to do with the database fails once, with EIO or ENOSPC: each call of a life of the gateway, from the making of the database to its end, in
// a life of its own. strace counts the calls of each thread for itself, so that a number may stand for several calls. Needs the Debian package strace.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	needStrace(t)
	binary := buildProgram(t)
	numbers := countCalls(t, binary)
	for _, call := range diskCalls {
		n, step := numbers[call], 1
		if testing.Short() {
			step = max(1, n/2)
		}
		for _, errno := range []string{"EIO", "ENOSPC"} {
			for at := 1; at <= n; at += step {
				t.Run(fmt.Sprintf("%s-%d-%s", call, at, errno), func(t *testing.T) {
					t.Parallel()
					oneCallFails(t, binary, call, at, errno)
				})
			}
		}
	}
	t.Logf("calls in one life: %v", numbers)
}

// onDisk are the arguments of strace that choose the calls about the database and what lies beside it.
func (s *story) onDisk(calls ...string) []string {
	args := []string{"strace", "-f", "-qqq", "-e", "trace=" + strings.Join(calls, ",")}
	for _, path := range []string{filepath.Dir(s.store), s.store, s.store + ".wal", s.store + ".new", s.store + ".reserve"} {
		args = append(args, "-P", path)
	}
	return args
}

const faultTexts = 2 // that come in during a life

// countCalls returns how many calls of each kind a life has.
func countCalls(t *testing.T, binary string) map[string]int {
	s := storyOf(t, binary)
	trace := filepath.Join(t.TempDir(), "trace")
	cmd, wait, out := s.lifeUnder(append(s.onDisk(diskCalls...), "-o", trace)...)
	if ended := s.live(cmd.Process.Pid); ended {
		t.Fatalf("a life without faults ended early:\n%s", out)
	}
	wait()
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^\d+ +(\w+)\(`).FindAllSubmatch(b, -1) {
		numbers[string(m[1])]++
	}
	if numbers["pwrite64"] < 20 || numbers["fdatasync"] < 15 || numbers["openat"] < 3 {
		t.Fatalf("too few calls: %v\n%s", numbers, b[:min(len(b), 2000)])
	}
	return numbers
}

// live submits three messages and sends texts, waits until all is done or the daemon has ended by itself, and stops it.
func (s *story) live(pid int) (ended bool) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	gone := func() bool { return syscall.Kill(pid, 0) != nil }
	for s.client.Ready(ctx) != nil {
		if gone() {
			return true
		}
		if ctx.Err() != nil {
			s.t.Error("the daemon neither becomes ready nor ends")
			syscall.Kill(-pid, syscall.SIGKILL)
			return false
		}
		time.Sleep(5 * time.Millisecond)
	}
	for n := range faultTexts {
		s.phone.Send(context.WithoutCancel(ctx), gatewayNumber, inText(n))
	}
	s.texted = faultTexts
	for n := 1; n <= 3; n++ { // the third has three parts
		for end := time.Now().Add(10 * time.Second); !gone() && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			a, err := s.client.Submit(ctx, api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: outText(n)}, fmt.Sprint(n))
			if err == nil {
				s.accepted[n] = a.Messages[0].ID
				break
			}
			var p *api.Problem
			if errors.As(err, &p) && p.Status != 503 {
				s.t.Errorf("message %d: %v", n, err)
			}
		}
	}
	for ctx.Err() == nil && !gone() && !s.idle(ctx) {
		time.Sleep(20 * time.Millisecond)
	}
	if gone() {
		return true
	}
	syscall.Kill(-pid, syscall.SIGTERM)
	return false
}

// idle tells whether nothing is left to do.
func (s *story) idle(ctx context.Context) bool {
	if open, err := s.unsent(ctx); err != nil || open > 0 {
		return false
	}
	l, err := s.client.Messages(ctx, api.MessageQuery{Direction: "in"})
	return err == nil && len(l.Items) >= s.texted
}

func oneCallFails(t *testing.T, binary, call string, at int, errno string) {
	s := storyOf(t, binary)
	cmd, wait, out := s.lifeUnder(append(s.onDisk(call), "-o", "/dev/null", "-e", fmt.Sprintf("inject=%s:error=%s:when=%d", call, errno, at))...)
	ended := s.live(cmd.Process.Pid)
	wait()
	said := out.String()
	code := cmd.ProcessState.ExitCode()
	ready := strings.Contains(said, "the gateway is ready")
	told := map[string]string{"EIO": "input/output error", "ENOSPC": "no space left on device"}[errno]
	switch {
	case strings.Contains(said, "goroutine ") || strings.Contains(said, "panic"):
		t.Errorf("it crashed:\n%s", said)
	case ended && (!ready && code != exitFailed && code != exitStoreFailed || ready && code != exitStoreFailed):
		t.Errorf("it ended with exit code %d, ready %v:\n%s", code, ready, said)
	case ended && !strings.Contains(said, told):
		t.Errorf("it ended and does not say why:\n%s", said)
	case !ended && strings.Contains(said, "not done within its time"): // slow under strace, which says nothing about the disk
	case !ended && code == exitFailed && strings.Contains(said, told): // the last calls may be those that fail
	case !ended && code != exitDone && code != exitStoreFailed:
		t.Errorf("it was stopped and ended with exit code %d:\n%s", code, said)
	case errno == "ENOSPC" && ended && ready:
		t.Errorf("a disk that was full once ended it:\n%s", said)
	}

	cmd, wait, out = s.lifeUnder()
	defer func() { kill(cmd); wait() }()
	s.awaitReady(t.Context())
	for n := range faultTexts - s.texted {
		s.phone.Send(t.Context(), gatewayNumber, inText(n))
	}
	s.texted = faultTexts
	for end := time.Now().Add(30 * time.Second); !s.idle(t.Context()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("the next life does not come to its end:\n%s", out)
			break
		}
	}
	s.judge()
}

// judge compares what was accepted and received with what the network saw.
func (s *story) judge() {
	t := s.t
	type part struct{ message, seq int }
	taken := map[part]int{}
	for _, l := range s.network.Ledger() {
		m, err := pdu.Decode(l.TPDU, pdu.MobileOriginated, false)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := number(m.Text, "m")
		taken[part{n, max(int(m.Concat.Seq), 1)}]++
	}
	there := map[string]bool{}
	for m := range s.all(t.Context(), "out") {
		there[m.ID] = true
		n, _ := number(m.Text, "m")
		for _, p := range m.Parts {
			count := taken[part{n, p.Seq}]
			if sent := p.State == "sent" || p.State == "delivered"; sent && count != 1 || !sent && p.State != "unknown" || count > 1 {
				t.Errorf("message %d part %d is %s and was taken %d times", n, p.Seq, p.State, count)
			}
		}
	}
	for n, id := range s.accepted {
		if !there[id] {
			t.Errorf("message %d was accepted and is lost", n)
		}
	}
	for n, count := range s.received(t.Context()) {
		if count != 1 {
			t.Errorf("text %d is %d times in the inbox", n, count)
		}
	}
	if got := len(s.received(t.Context())); got != faultTexts {
		t.Errorf("%d of %d texts are in the inbox", got, faultTexts)
	}
}
