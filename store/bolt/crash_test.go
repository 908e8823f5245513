package bolt_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/store"
	"trunkline/store/bolt"
)

// write is the program that dies: it accepts messages for ever and prints the id of each one, as "ok ID", once Accept returned. An error is printed as
// "full" or "stopped"; after a few of them it ends.
func write(path string) {
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	s, err := store.Open(context.Background(), db, store.Options{})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	lines := make(chan string)
	for w := range 8 {
		go func() {
			for i := w; ; i += 8 {
				m := message(i)
				switch _, err := s.Accept(context.Background(), store.Acceptance{Messages: []store.Message{m}}); {
				case err == nil:
					lines <- "ok " + m.ID.String()
				case errors.Is(err, store.ErrFull):
					lines <- "full"
				case errors.Is(err, store.ErrStopped):
					lines <- "stopped"
				default:
					lines <- err.Error()
				}
			}
		}()
	}
	refused, accepted := 0, 0
	for line := range lines {
		os.Stdout.WriteString(line + "\n")
		if strings.HasPrefix(line, "ok") {
			accepted++
		} else {
			refused++
		}
		if refused >= 400 || refused > 0 && accepted >= 1200 { // a fault of a call is counted by thread, and may take a while to come
			select {
			case <-s.Failed():
				os.Stdout.WriteString("failed\n")
			default:
			}
			os.Exit(0)
		}
	}
}

// accepted returns the ids in what the writer printed, and its other lines. A last line that was cut is nobody's.
func accepted(t *testing.T, printed []byte) (ids []store.MessageID, others map[string]int) {
	t.Helper()
	others = map[string]int{}
	complete := printed[:bytes.LastIndexByte(printed, '\n')+1]
	for line := range strings.Lines(string(complete)) {
		line = strings.TrimSpace(line)
		text, ok := strings.CutPrefix(line, "ok ")
		if !ok {
			others[line]++
			continue
		}
		id, err := store.ParseMessageID(text)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids, others
}

// survives opens the file and fails the test when an accepted message is missing or anything is not as it must be.
func survives(t *testing.T, path string, ids []store.MessageID) {
	t.Helper()
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, id := range ids {
		if m, err := s.Message(t.Context(), id); err != nil || m.Text != text {
			t.Errorf("accepted message %s: %v", id, err)
		}
	}
	report, err := s.Check(t.Context(), func(d store.Damage) { t.Errorf("%v", &d) })
	if err != nil || report.Records["messages"] < len(ids) || report.Records["messages"] != report.Records["events"] || report.Records["messages"] != report.Records["queue"] {
		t.Errorf("%+v for %d accepted, %v", report, len(ids), err)
	}
}

// TestKill kills the writer again and again while it writes to one file: whatever it said is accepted is there.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	var ids []store.MessageID
	for round := range 5 {
		writer := exec.Command(os.Args[0])
		writer.Env = append(os.Environ(), "TRUNKLINE_TEST_WRITE="+path)
		var printed bytes.Buffer
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		for range 4 {
			first, err := lines.ReadBytes('\n')
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			printed.Write(first)
		}
		killed := time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, func() { writer.Process.Kill() })
		printed.ReadFrom(lines)
		writer.Wait()
		killed.Stop()
		some, others := accepted(t, printed.Bytes())
		if len(others) > 0 {
			t.Errorf("round %d: the writer says %v", round, others)
		}
		ids = append(ids, some...)
		survives(t, path, ids)
	}
	if len(ids) < 20 {
		t.Errorf("only %d messages were accepted", len(ids))
	}
}

// TestDiskFaults lets the kernel refuse system calls of the writer.
func TestDiskFaults(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("Debian package strace is missing")
		}
		t.Skip("Debian package strace is missing")
	}
	for _, test := range []struct {
		name, inject string
		want         string // that the writer says, and nothing else
		stops        bool
	}{
		// The fault comes once. A second fdatasync of the same data would succeed and mean nothing, so there must be no second one.
		{"sync fails once", "fdatasync:error=EIO:when=50", "stopped", true},
		{"write fails once", "pwrite64:error=EIO:when=60", "stopped", true},
		{"disk is full for a while", "pwrite64:error=ENOSPC:when=60..65", "full", false},
		{"disk is full at the sync", "fdatasync:error=ENOSPC:when=51", "full", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db")
			call, _, _ := strings.Cut(test.inject, ":")
			writer := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+test.inject, os.Args[0])
			writer.Env = append(os.Environ(), "TRUNKLINE_TEST_WRITE="+path)
			printed, err := writer.Output()
			if err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatalf("strace: %v", err)
				}
				t.Skipf("strace cannot be used here: %v", err)
			}
			ids, others := accepted(t, printed)
			if others[test.want] == 0 || (others["failed"] > 0) != test.stops || len(others) != 1+others["failed"] {
				t.Errorf("the writer says %v", others)
			}
			if !test.stops && len(ids) < 500 {
				t.Errorf("it accepted only %d", len(ids))
			}
			survives(t, path, ids)
		})
	}
}
