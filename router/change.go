package router

import (
	"context"
	"fmt"
	"slices"
)

// What may change while a router runs: its settings and its trunks. Readers take a snapshot, so nobody waits for a change.

// settings returns the settings as they are now.
func (r *Router) settings() *Config { return r.config.Load() }

// running returns the lanes as they are now. The slice is not changed afterwards.
func (r *Router) running() []*lane { return *r.lanes.Load() }

// Trunks returns the names of all trunks, in order.
func (r *Router) Trunks() []string { return r.trunkNames() }

// Reconfigure takes other settings, which must be valid, for everything that is decided from now on.
func (r *Router) Reconfigure(c Config) {
	r.config.Store(&c)
	r.books.take(c)
}

// Add dispatches through one more trunk from now on. The error says that a trunk has this name already.
func (r *Router) Add(t Trunk) error {
	r.change.Lock()
	defer r.change.Unlock()
	if slices.ContainsFunc(r.running(), func(l *lane) bool { return l.trunk.Name == t.Name }) {
		return fmt.Errorf("there is a trunk named %s already", t.Name)
	}
	all := append(slices.Clone(r.running()), newLane(r, t))
	r.lanes.Store(&all)
	r.metrics.trunk(t.Name)
	select {
	case r.arrived <- struct{}{}:
	default:
	}
	return nil
}

// Remove dispatches no more through a trunk. It returns when no part is with it any more, for which the backend may need its whole time limit; when ctx
// ends first, that is the error, and the part is waited for all the same before Run ends. Messages that only this trunk may carry wait for it to come
// back. An unknown name is no error. forget also drops the trunk's series from the metrics.
func (r *Router) Remove(ctx context.Context, name string, forget bool) error {
	l := r.take(name)
	if l == nil {
		return nil
	}
	close(l.quit)
	if l.started {
		select {
		case <-l.done:
		case <-ctx.Done():
			return fmt.Errorf("wait for the part that trunk %s is sending: %w", name, ctx.Err())
		}
	}
	if forget {
		r.metrics.forget(name)
	}
	return nil
}

// take takes a lane out of the list, nil when there is none of that name.
func (r *Router) take(name string) *lane {
	r.change.Lock()
	defer r.change.Unlock()
	all := r.running()
	i := slices.IndexFunc(all, func(l *lane) bool { return l.trunk.Name == name })
	if i < 0 {
		return nil
	}
	rest := slices.Delete(slices.Clone(all), i, i+1)
	r.lanes.Store(&rest)
	r.lookAgain()
	return all[i]
}

// begin starts every lane that does not run yet.
func (r *Router) begin(ctx context.Context, start func(func())) {
	r.change.Lock()
	defer r.change.Unlock()
	for _, l := range r.running() {
		if l.started {
			continue
		}
		l.started = true
		start(func() {
			defer close(l.done)
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			start(func() {
				select {
				case <-l.quit:
					cancel()
				case <-ctx.Done():
				}
			})
			l.run(ctx)
		})
	}
}
