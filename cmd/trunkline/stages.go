package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// stages are groups of tasks that start in order and end in reverse: a later stage uses the earlier ones and is gone before they go.
type stages struct {
	all    []*stage
	failed chan error // the first error of a task that ended by itself
}

// stage is a group of tasks that end together.
type stage struct {
	name   string
	limit  time.Duration // for its tasks to end once they are told to
	cancel context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	errs   []error
}

func newStages() *stages { return &stages{failed: make(chan error, 1)} }

// start runs tasks until stop. A task that returns before it is told to has failed, whatever it returns.
func (s *stages) start(name string, limit time.Duration, tasks ...func(context.Context) error) *stage {
	ctx, cancel := context.WithCancel(context.Background())
	st := &stage{name: name, limit: limit, cancel: cancel, done: make(chan struct{})}
	var wg sync.WaitGroup
	for _, task := range tasks {
		wg.Go(func() {
			err := task(ctx)
			if ctx.Err() == nil {
				select {
				case s.failed <- fmt.Errorf("%s ended: %w", name, errors.Join(err, errEnded)):
				default:
				}
			} else if err != nil && !errors.Is(err, context.Canceled) {
				st.mu.Lock()
				st.errs = append(st.errs, fmt.Errorf("stop %s: %w", name, err))
				st.mu.Unlock()
			}
		})
	}
	go func() { wg.Wait(); close(st.done) }()
	s.all = append(s.all, st)
	return st
}

var errEnded = errors.New("a task of the gateway returned")

// moment is what a stage gets to end in although others have used up the time of all.
const moment = 100 * time.Millisecond

// stop ends the stages, the last one first, each within its limit and all within the given one, but for a moment for each. Stages that do not end are named.
func (s *stages) stop(limit time.Duration) error {
	var errs []error
	end := time.Now().Add(limit)
	for i := len(s.all) - 1; i >= 0; i-- {
		st := s.all[i]
		st.cancel()
		t := time.NewTimer(min(st.limit, max(time.Until(end), moment)))
		select {
		case <-st.done:
			st.mu.Lock()
			errs = append(errs, st.errs...)
			st.mu.Unlock()
		case <-t.C:
			errs = append(errs, fmt.Errorf("stop %s: not done within its time", st.name))
		}
		t.Stop()
	}
	return errors.Join(errs...)
}
