package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/api"
)

// hog takes room on a disk until some bytes are left.
func (d *disk) hog(left int64) {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.path, "hog"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	at := int64(0)
	for piece := d.free() - left; piece >= 4096; {
		switch err := unix.Fallocate(int(f.Fd()), 0, at, piece); {
		case err == nil:
			at += piece
		case errors.Is(err, unix.ENOSPC):
			piece /= 2
			continue
		default:
			d.t.Fatal(err)
		}
		piece = min(piece, d.free()-left)
	}
}

func (d *disk) free() int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(d.path, &s); err != nil {
		d.t.Fatal(err)
	}
	return int64(s.Bavail) * int64(s.Bsize)
}

// await waits until something holds.
func (s *story) await(what string, limit time.Duration, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// A real disk fills up under the daemon, to the last block, and is emptied again.
func TestDiskFillsUp(t *testing.T) {
	t.Parallel()
	for kind, megabytes := range map[string]int64{"ext4": 64, "xfs": 320} {
		t.Run(kind, func(t *testing.T) {
			s := newStory(t)
			d := newDisk(t, kind, megabytes)
			s.moveTo(d)
			size := d.free()
			cmd, wait, out := s.lifeUnder()
			defer func() {
				kill(cmd)
				wait()
				if t.Failed() {
					t.Logf("%s", out)
				}
			}()
			s.awaitReady(t.Context())
			ready := func() error { return s.client.Ready(context.Background()) }
			refused := func(n int) bool {
				var p *api.Problem
				err := s.accept(n)
				if err != nil && (!errors.As(err, &p) || p.Status != http.StatusServiceUnavailable) {
					t.Errorf("message %d: %v", n, err)
				}
				return err != nil
			}
			reserve := func() bool { _, err := os.Stat(s.store + ".reserve"); return err == nil }
			if refused(1) || !reserve() {
				t.Fatalf("with room: reserve %v", reserve())
			}

			d.hog(size * 4 / 100)
			s.await("the disk is nearly full", 10*time.Second, func() bool { return strings.Contains(fmt.Sprint(ready()), "nearly full") })
			if !refused(2) {
				t.Error("a new message was accepted on a disk that is nearly full")
			}
			s.phone.Send(t.Context(), gatewayNumber, inText(0))
			s.texted++
			s.await("what comes in is stored", 10*time.Second, func() bool { return len(s.received(t.Context())) == 1 })

			// Accepted with room, due without.
			if err := os.Remove(filepath.Join(d.path, "hog")); err != nil {
				t.Fatal(err)
			}
			s.await("there is room again", 10*time.Second, func() bool { return ready() == nil })
			due := time.Now().Add(4 * time.Second)
			for n := 10; n < 20; n++ {
				a, err := s.client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: outText(n), SendAt: due.Format(time.RFC3339Nano)}, "")
				if err != nil {
					t.Fatal(err)
				}
				s.accepted[n] = a.Messages[0].ID
			}
			d.hog(0)
			s.await("the disk is full", 5*time.Second, func() bool { return strings.Contains(fmt.Sprint(ready()), "is full") })
			s.phone.Send(t.Context(), gatewayNumber, inText(1))
			s.texted++
			sent := func() bool {
				for n := 10; n < 20; n++ {
					if m, err := s.client.Message(t.Context(), s.accepted[n]); err != nil || m.State != "sent" && m.State != "delivered" {
						return false
					}
				}
				return true
			}
			s.await("what was accepted is sent from a full disk", time.Until(due)+20*time.Second, sent)
			if !refused(3) || len(s.received(t.Context())) != 1 {
				t.Errorf("on a full disk %d texts were stored", len(s.received(t.Context())))
			}

			if err := os.Remove(filepath.Join(d.path, "hog")); err != nil {
				t.Fatal(err)
			}
			s.await("everything works again", 10*time.Second, func() bool { return ready() == nil && reserve() && len(s.received(t.Context())) == 2 })
			if refused(4) {
				t.Error("a new message was refused on a disk with room")
			}
			if lost := s.lost(); len(lost) > 0 {
				t.Errorf("lost: %v", lost)
			}
			if ended(cmd) {
				t.Error("the daemon ended")
			}
		})
	}
}
