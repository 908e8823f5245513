package main

import (
	"context"
	"errors"
	"sync"

	"trunkline/modem"
	"trunkline/router/gsm"
)

// member is one modem of a fleet: the device, and the trunk over it.
type member struct {
	config modem.Config
	modem  *modem.Modem
	trunk  *gsm.Trunk

	device, pump *task
}

// fleet is the modems of a gateway. A reload exchanges single members, which leaves the others alone.
type fleet struct {
	mu      sync.RWMutex
	members map[string]*member
	devices *crew // modems: they end last, since all others use them
	pumps   *crew // what brings in what they receive
}

func newFleet() *fleet {
	return &fleet{members: map[string]*member{}, devices: newCrew(), pumps: newCrew()}
}

// modem returns the modem of a name, nil when there is none.
func (f *fleet) modem(name string) *modem.Modem {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if m := f.members[name]; m != nil {
		return m.modem
	}
	return nil
}

// all returns the modems by their names.
func (f *fleet) all() map[string]*modem.Modem {
	f.mu.RLock()
	defer f.mu.RUnlock()
	modems := make(map[string]*modem.Modem, len(f.members))
	for name, m := range f.members {
		modems[name] = m.modem
	}
	return modems
}

// join takes a member in and runs it, as soon as the fleet runs.
func (f *fleet) join(name string, m *member) {
	m.device, m.pump = f.devices.start(m.modem.Run), f.pumps.start(m.trunk.Run)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[name] = m
}

// leave ends a member and returns when its port is free. Nothing may use its trunk any more. An unknown name is fine.
func (f *fleet) leave(name string, forget bool) {
	f.mu.Lock()
	m := f.members[name]
	delete(f.members, name)
	f.mu.Unlock()
	if m == nil {
		return
	}
	m.pump.stop()
	m.device.stop()
	m.modem.Retire(forget)
}

// crew runs tasks that may come and go while it runs.
type crew struct {
	mu      sync.Mutex
	waiting []*task
	arrived chan struct{} // holds one token
}

// task is a member of a crew.
type task struct {
	run     func(context.Context) error
	quit    chan struct{} // closed by stop
	begun   bool          // under the lock of the crew
	done    chan struct{} // closed when run has returned, or will never be called
	crew    *crew
	stopped sync.Once
}

func newCrew() *crew { return &crew{arrived: make(chan struct{}, 1)} }

// start has run called once Run of the crew is: its context ends with the crew's, or when the task is stopped.
func (g *crew) start(run func(context.Context) error) *task {
	t := &task{run: run, quit: make(chan struct{}), done: make(chan struct{}), crew: g}
	g.mu.Lock()
	g.waiting = append(g.waiting, t)
	g.mu.Unlock()
	select {
	case g.arrived <- struct{}{}:
	default:
	}
	return t
}

// stop ends a task and waits for its end.
func (t *task) stop() {
	t.stopped.Do(func() {
		t.crew.mu.Lock()
		defer t.crew.mu.Unlock()
		close(t.quit)
		if !t.begun {
			close(t.done)
			t.begun = true
		}
	})
	<-t.done
}

// Run runs the tasks until ctx ends, and returns when all have ended. A task that returns before it is told to ends the crew with an error.
func (g *crew) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for {
		g.mu.Lock()
		for _, t := range g.waiting {
			if t.begun {
				continue // stopped before it began
			}
			t.begun = true
			wg.Go(func() {
				defer close(t.done)
				if err := t.untilStopped(ctx); ctx.Err() == nil && !closed(t.quit) {
					cancel(errors.Join(err, errEnded))
				}
			})
		}
		g.waiting = nil
		g.mu.Unlock()
		select {
		case <-g.arrived:
		case <-ctx.Done():
			wg.Wait()
			if err := context.Cause(ctx); errors.Is(err, errEnded) {
				return err
			}
			return nil
		}
	}
}

func (t *task) untilStopped(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-t.quit:
			cancel()
		case <-ended:
		}
	}()
	return t.run(ctx)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
