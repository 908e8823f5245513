package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStages: stages end in reverse, each after those that use it; one that hangs is named, and one that has nothing left to do is not, whatever the time.
func TestStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStages()
		ended := make(chan string, 4)
		stage := func(name string, takes time.Duration, err error) {
			s.start(name, 5*time.Second, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(takes)
				ended <- name
				return err
			})
		}
		stage("store", 0, nil)
		stage("modems", 0, errors.New("a port is stuck"))
		stage("router", time.Minute, nil)
		stage("listeners", 3*time.Second, nil)
		began := time.Now()
		err := s.stop(4 * time.Second)
		if took := time.Since(began); took > 4*time.Second+4*moment {
			t.Errorf("it took %s", took)
		}
		var order []string
		for range len(ended) {
			order = append(order, <-ended)
		}
		if got := strings.Join(order, " "); got != "listeners modems store" {
			t.Errorf("ended in time: %s", got)
		}
		const want = "stop router: not done within its time\nstop modems: a port is stuck"
		if err == nil || err.Error() != want {
			t.Errorf("said %v, want %s", err, want)
		}
		time.Sleep(time.Hour) // for the goroutine of the stage that hung
	})
}

// TestStageThatFails: a task that returns before it is told to ends the program, whatever it returns.
func TestStageThatFails(t *testing.T) {
	s := newStages()
	s.start("pump", time.Second, func(context.Context) error { return nil })
	if err := <-s.failed; !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "pump") {
		t.Error(err)
	}
	if err := s.stop(time.Second); err != nil {
		t.Error(err)
	}
}
