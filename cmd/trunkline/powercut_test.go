package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/api"
)

// The power of the disk is cut again and again while the gateway sends and receives; then it is left to finish, and everything that was accepted is
// compared with what the emulated network saw. TRUNKLINE_CUTS sets the number of cuts for each file system (20).

// cuts is a story whose database is on a disk that can be cut.
type cuts struct {
	*story
	disk *disk
	next int // number of the next message
}

// newCuts makes one; tags are build tags of the program.
func newCuts(t *testing.T, kind, tags string) *cuts {
	c := &cuts{story: newStory(t), disk: newDisk(t, kind, 320)}
	if tags != "" {
		c.binary = filepath.Join(t.TempDir(), "trunkline")
		if err := buildWith(c.binary, "-tags", tags); err != nil {
			t.Fatal(err)
		}
	}
	c.moveTo(c.disk)
	return c
}

// moveTo has the database on a disk.
func (s *story) moveTo(d *disk) {
	config, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	path := filepath.Join(d.path, "trunkline.db")
	if err := os.WriteFile(s.config, []byte(strings.Replace(string(config), strconv.Quote(s.store), strconv.Quote(path), 1)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.store = path
}

// round lets the daemon work under load until the power is cut at a random moment, and mounts the disk again. In half of the rounds the daemon is gone
// with the power, in the others it sees what the disk answers and has to end by itself.
func (c *cuts) round(n int) {
	t := c.t
	cmd, wait, out := c.lifeUnder()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer func() {
		if t.Failed() {
			t.Logf("round %d:\n%s", n, out)
		}
	}()
	var traffic sync.WaitGroup
	for range 3 {
		first := c.next
		c.next += 30
		traffic.Go(func() {
			for n := first; ctx.Err() == nil && n < first+30; n++ {
				c.submit(ctx, n)
				time.Sleep(3 * time.Millisecond)
			}
		})
	}
	traffic.Go(func() {
		for ctx.Err() == nil {
			c.mu.Lock()
			n := c.texted
			c.texted++
			c.mu.Unlock()
			c.phone.Send(context.WithoutCancel(ctx), gatewayNumber, inText(n))
			select {
			case <-ctx.Done():
			case <-time.After(40 * time.Millisecond):
			}
		}
	})
	if n%10 != 9 { // else somewhere in the start
		c.awaitReady(ctx)
	}
	time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	c.disk.cut([]uint32{cutAtOnce, cutFlushLog}[n/2%2])
	if n%2 == 0 {
		kill(cmd)
	} else {
		wait()
		if code := cmd.ProcessState.ExitCode(); code != exitStoreFailed && !(n%10 == 9 && code == exitFailed) {
			t.Errorf("round %d: exit code %d on a disk that is gone, want %d\n%s", n, code, exitStoreFailed, out)
		}
	}
	wait()
	cancel()
	traffic.Wait()
	c.disk.unmount()
	c.disk.mount()
}

func TestPowerCuts(t *testing.T) {
	t.Parallel()
	rounds := 20
	if v, err := strconv.Atoi(os.Getenv("TRUNKLINE_CUTS")); err == nil {
		rounds = v
	}
	if testing.Short() {
		rounds = 4
	}
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			c := newCuts(t, kind, "")
			for n := range rounds {
				c.round(n)
				if t.Failed() {
					t.FailNow()
				}
			}
			c.finish()
			c.compare()
			t.Logf("%d cuts", rounds)
		})
	}
}

// The same against a program that does not sync must find messages that are lost; else the cuts above prove nothing.
func TestPowerCutsAreNoticed(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ext4", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			c := newCuts(t, kind, "trunkline_nosync")
			for n := range 5 {
				cmd, wait, _ := c.lifeUnder()
				c.awaitReady(t.Context())
				for i := range 20 {
					if err := c.accept(100*n + i); err != nil {
						t.Fatal(err)
					}
				}
				c.disk.cut(cutAtOnce)
				kill(cmd)
				wait()
				c.disk.unmount()
				c.disk.mount()
				if lost := c.missing(); lost != "" {
					t.Logf("after %d cuts: %s", n+1, lost)
					return
				}
			}
			t.Error("a program that does not sync lost nothing")
		})
	}
}

// missing says what is gone of what was accepted: messages, or the whole database. It is empty when all is there.
func (c *cuts) missing() string {
	cmd, wait, out := c.lifeUnder()
	defer func() { kill(cmd); wait() }()
	for end := time.Now().Add(10 * time.Second); c.client.Ready(context.Background()) != nil; {
		if ended(cmd) || time.Now().After(end) || strings.Contains(out.String(), "trunkline: ") {
			return "the database cannot be opened: " + strings.TrimSpace(out.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
	var lost int
	for n, id := range c.accepted {
		var m api.Message
		m, err := c.client.Message(context.Background(), id)
		if err != nil || m.Text != outText(n) {
			lost++
		}
	}
	if lost == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d accepted messages are lost", lost, len(c.accepted))
}
