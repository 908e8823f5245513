package modem

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// openLimit bounds open(2) and close(2), which can hang on a wedged USB port.
	openLimit = 3 * time.Second
	// hangsLimit is how many opens of one place may hang before the port is left alone until it is plugged in anew.
	hangsLimit = 3
)

// openDevice finds the port of the modem, takes it for this modem and opens it. release gives it back. Errors are *SetupError.
func (m *Modem) openDevice(ctx context.Context) (Port, error) {
	c, err := m.pick(ctx)
	if err != nil {
		return nil, err
	}
	if other := m.finder.hold(c, m); other != nil {
		return nil, &SetupError{Reason: ReasonBusy, Err: fmt.Errorf("%s is in use by modem %s", c, other.name),
			Hint: "give each modem a port of its own"}
	}
	m.port = c
	m.board.update(func(s *Status) { s.Device, s.USB = c.path, c.port.Place() })
	port, err := m.openLimited(ctx, c)
	if err != nil {
		m.release()
		return nil, err
	}
	return port, nil
}

// release gives the port back that openDevice took.
func (m *Modem) release() {
	if m.finder != nil {
		m.finder.release(m.port, m)
	}
}

// openLimited opens c in a goroutine that can be left behind: open(2) of a wedged port returns when the kernel pleases.
func (m *Modem) openLimited(ctx context.Context, c candidate) (Port, error) {
	f := m.finder
	f.mu.Lock()
	h := f.hangs[c.place()]
	f.mu.Unlock()
	if h.key == c.key() && h.count >= hangsLimit {
		return nil, &SetupError{Reason: ReasonOpenHangs, Err: fmt.Errorf("open %s hung %d times; it is not tried again", c, h.count),
			Hint: "the port is wedged: unplug the modem and plug it in again"}
	}
	open := f.o.Open
	if open == nil {
		open = func(path string, baud int) (Port, error) { return openPath(path, baud, m.log) }
	}
	type result struct {
		port Port
		err  error
	}
	done := make(chan result, 1)
	baud := m.speed()
	go func() {
		port, err := open(c.path, baud)
		done <- result{port, err}
	}()
	limit := time.NewTimer(openLimit)
	defer limit.Stop()
	var err error
	select {
	case r := <-done:
		f.hung(c, 0)
		if r.err != nil {
			return nil, r.err
		}
		return r.port, nil
	case <-limit.C:
		err = fmt.Errorf("open %s: no return within %v", c, openLimit)
		f.hung(c, h.count+1)
	case <-ctx.Done():
		err = ctx.Err()
	}
	go func() {
		// Whenever it does return, nobody wants it any more.
		if r := <-done; r.err == nil {
			r.port.Close()
		}
	}()
	return nil, &SetupError{Reason: ReasonOpenHangs, Err: err, Hint: "the port is wedged: unplug the modem and plug it in again"}
}

// hung notes how many opens of this plugging-in of the port hung; 0 forgets.
func (f *Finder) hung(c candidate, count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if count == 0 {
		delete(f.hangs, c.place())
		return
	}
	if h := f.hangs[c.place()]; h.key != c.key() {
		count = 1
	}
	f.hangs[c.place()] = hang{key: c.key(), count: count}
}

// gone ends the dialogue when the port is unplugged. The kernel's word is quicker than the end of a read on some drivers, and
// comes at all on those that let it hang. The returned function ends the watch.
func (m *Modem) gone(g *guard) (stop func()) {
	if m.finder == nil || !m.port.listed {
		return func() {}
	}
	c, f := m.port, m.finder
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			changed := f.watch()
			if !f.there(c) {
				g.fail(fmt.Errorf("%w: %s was unplugged", ErrPortLost, c))
				return
			}
			select {
			case <-changed:
			case <-end:
				return
			}
		}
	}()
	return func() { close(end); <-done }
}

// asSetup returns the *SetupError in err, nil when there is none.
func asSetup(err error) *SetupError {
	e, _ := errors.AsType[*SetupError](err)
	return e
}
