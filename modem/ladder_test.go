package modem

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/modem/emulator"
)

// recoveries reads the steps taken so far out of the events that wait.
func (r *rig) recoveries() (steps []string, alarms int) {
	for {
		select {
		case e := <-r.Events():
			switch e.Kind {
			case EventRecovery:
				steps = append(steps, e.Code)
			case EventAlarm:
				alarms++
			}
		case <-time.After(time.Second):
			return steps, alarms
		}
	}
}

// A modem that stops answering for good is helped step by step, from mild to hard, each within its hourly bound; then it is left alone,
// somebody is told once, and it is tried again slowly. When it answers again it is ready again.
func TestLadderToQuarantine(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	bubble(t, func(c *Config, _ *Options, _ *peer) {
		c.PowerCommand = []string{"/bin/sh", "-c", `echo "$TRUNKLINE_MODEM" >>"$0"`, ran}
	}, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.mu.Lock()
		r.p.silent = true
		r.p.mu.Unlock()
		began := time.Now()
		for r.Status().State != Quarantined {
			time.Sleep(time.Second)
			if time.Since(began) > 30*time.Minute {
				t.Fatalf("no quarantine: %+v", r.Status())
			}
		}
		t.Logf("quarantine after %v", time.Since(began))
		steps, alarms := r.recoveries()
		var order []string
		for _, s := range steps {
			if !slices.Contains(order, s) {
				order = append(order, s)
			}
		}
		if got := strings.Join(order, " "); got != "session radio reset power quarantine" {
			t.Errorf("steps %q", steps)
		}
		if alarms != 1 || r.Status().Reason != ReasonNoAnswer || r.Status().Hint == "" {
			t.Errorf("%d alarms, status %+v", alarms, r.Status())
		}
		if b, _ := os.ReadFile(ran); string(b) != "desk\n" {
			t.Errorf("power command left %q", b)
		}

		opens := r.Status().Opens
		time.Sleep(9 * time.Minute)
		if s := r.Status(); s.State != Quarantined || s.Opens != opens {
			t.Errorf("not left alone: %+v", s)
		}
		time.Sleep(3 * time.Hour)
		steps, alarms = r.recoveries()
		if alarms != 0 {
			t.Errorf("%d more alarms", alarms)
		}
		for step, hourly := range map[string]int{stepRadio: 4, stepReset: 2, stepPower: 2} {
			n := 0
			for _, s := range steps {
				if s == step {
					n++
				}
			}
			if n > 4*hourly || n == 0 {
				t.Errorf("%s taken %d times in three hours", step, n)
			}
		}

		r.p.mu.Lock()
		r.p.silent = false
		r.p.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Minute)
		defer cancel()
		if err := r.Ready(ctx); err != nil {
			t.Errorf("not ready again: %+v", r.Status())
		}
		time.Sleep(time.Minute)
		if s := r.Status(); s.State != Ready || s.Hint != "" {
			t.Errorf("status %+v", s)
		}
	})
}

// A port that is not there is waited for: no radio is switched, nothing is reset, no power is cut, however long it takes.
func TestLadderSparesAbsentPort(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	var there atomic.Bool
	there.Store(true)
	bubble(t, func(c *Config, o *Options, p *peer) {
		c.PowerCommand = []string{"/bin/sh", "-c", `echo x >>"$0"`, ran}
		open := o.Open
		o.Open = func(ctx context.Context) (Port, error) {
			if !there.Load() {
				return nil, &SetupError{Reason: ReasonMissing}
			}
			return open(ctx)
		}
	}, func(t *testing.T, r *rig) {
		r.ready(t)
		there.Store(false)
		r.p.conn.Close()
		time.Sleep(5 * time.Hour)
		steps, _ := r.recoveries()
		if len(steps) != 0 || r.Status().State != Missing {
			t.Errorf("steps %q, status %+v", steps, r.Status())
		}
		if _, err := os.Stat(ran); err == nil {
			t.Error("power was cut")
		}
		there.Store(true)
		r.ready(t)
	})
}

// After the restart that it was asked for a modem gets its time: the next rung waits.
func TestLadderGrace(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		var reset time.Time
		var after []string
		r.p.set(func(p *peer, c string) bool {
			switch {
			case c == "+CFUN=1,1" && reset.IsZero():
				reset = time.Now()
				p.say("\r\nOK\r\n")
			case !reset.IsZero() && time.Since(reset) < grace && strings.HasPrefix(c, "+CFUN="):
				after = append(after, c)
			}
			return reset.IsZero() || time.Since(reset) < 70*time.Second // dark until then
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if reset.IsZero() || len(after) > 0 {
			t.Errorf("reset at %v, then %q", reset, after)
		}
		if s := r.Status(); s.State != Ready || s.Restarts != 0 {
			t.Errorf("status %+v", s)
		}
	})
}

// Every bound counts a sliding hour.
func TestLadderBounds(t *testing.T) {
	for _, r := range rungs {
		if r.hourly == 0 {
			continue
		}
		var l ladder
		var taken []time.Time
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for now := start; now.Sub(start) < 5*time.Hour; now = now.Add(time.Minute) {
			if l.allow(r.step, now) {
				taken = append(taken, now)
			}
		}
		if want := 5 * r.hourly; len(taken) != want {
			t.Errorf("%s: %d in five hours, want %d", r.step, len(taken), want)
		}
		for i := r.hourly; i < len(taken); i++ {
			if d := taken[i].Sub(taken[i-r.hourly]); d < time.Hour {
				t.Errorf("%s: %d within %v", r.step, r.hourly+1, d)
			}
		}
	}
}

// The power command has a clean environment, no shell, a bounded output and an end.
func TestRunPower(t *testing.T) {
	t.Setenv("TRUNKLINE_TEST_SECRET", "secret")
	out, err := runPower(t.Context(), []string{"/usr/bin/env"}, "desk", time.Minute)
	if err != nil || strings.Contains(out, "secret") || !strings.Contains(out, "TRUNKLINE_MODEM=desk\n") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := runPower(t.Context(), []string{"/bin/echo", "$HOME;", "*"}, "desk", time.Minute); out != "$HOME; *\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := runPower(t.Context(), []string{"/bin/sh", "-c", "yes | head -c 1000000; exit 3"}, "desk", time.Minute); len(out) != powerOutput || err == nil {
		t.Errorf("%d octets, %v", len(out), err)
	}
	start := time.Now()
	_, err = runPower(t.Context(), []string{"/bin/sh", "-c", "sleep 60 & sleep 60"}, "desk", 100*time.Millisecond)
	if d := time.Since(start); err == nil || !strings.Contains(err.Error(), "not done within") || d > 10*time.Second {
		t.Errorf("after %v: %v", d, err)
	}
	if _, err := runPower(t.Context(), []string{"/no/such/program"}, "desk", time.Minute); err == nil {
		t.Error("no error")
	}
}

// Each make is restarted by its own command, others by that of the standards, and comes back with everything set up.
func TestResetCommands(t *testing.T) {
	for _, p := range emulator.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			withEmulator(t, emulator.Options{Profile: p}, emulator.NetworkOptions{}, nil, func(t *testing.T, b *bench) {
				b.ready(t)
				b.await(t, NoticeOnline)
				booted := b.dev.Booted()
				time.Sleep(time.Minute)
				if err := b.do(t.Context(), func(s *session) error {
					if !s.reset() {
						return fmt.Errorf("no command restarts it")
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				b.ready(t)
				if b.dev.Booted().Equal(booted) {
					t.Error("it did not restart")
				}
				b.announced(t)
			})
		})
	}
}
