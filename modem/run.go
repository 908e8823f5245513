package modem

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The steps of recovery, from mild to hard.
const (
	stepSession = "session" // initialise again on the same port
	stepRadio   = "radio"   // switch the radio off and on, then initialise
	stepNetwork = "network" // select the operator anew
	stepReopen  = "reopen"  // close the port and open it again
)

const (
	firstPause = 250 * time.Millisecond
	lastPause  = 30 * time.Second
	steadyFor  = 30 * time.Second // a session that lasted this long was a success
)

// Run opens the modem, serves it, closes it and begins again until ctx ends; then it returns nil. A send whose PDU was
// handed over still gets its answer, for SendTimeout at most, before Run returns.
func (m *Modem) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	noticeCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	wg.Go(func() { m.notices.run(noticeCtx) })
	wg.Go(func() { m.events.run(noticeCtx) })
	wg.Go(func() { m.watchBalance(ctx) })
	defer wg.Wait()
	defer cancel()

	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := m.once(ctx)
		if ctx.Err() != nil {
			break
		}
		reason := m.failed(err)
		if time.Since(began) >= steadyFor && reason != ReasonNoAnswer {
			pause = firstPause
		}
		m.metrics.recoveries.WithLabelValues(stepReopen).Inc()
		if m.pause(ctx, pause, reason) {
			pause = firstPause
			continue
		}
		pause = min(pause*2, lastPause)
	}
	m.board.state(Opening, "", "")
	m.gauges(false)
	return nil
}

// once opens the port and runs sessions on it until it has to be closed.
func (m *Modem) once(ctx context.Context) error {
	port, err := m.open(ctx)
	if err != nil {
		return err
	}
	defer m.release()
	m.metrics.opens.Inc()
	m.board.update(func(s *Status) { s.Opens++ })

	ev := newEvents()
	g := newGuard(port, m, func(u urc) { m.indicate(u, ev) })
	defer g.close()
	stop := context.AfterFunc(ctx, g.stop)
	defer stop()
	defer m.gone(g)()

	patient := false
	for step := 0; ; step++ {
		m.board.state(Initialising, "", "")
		s := &session{m: m, g: g, e: ev, patient: patient}
		began := time.Now()
		err := s.initialise(ctx)
		if err == nil {
			m.speedKnown, m.lastPlace = true, m.port.port.Place()
			err = s.serve(ctx)
		}
		m.gauges(false)
		if ctx.Err() == nil {
			m.ended(err)
		}
		// A modem that restarts by itself needs patience, not harder means.
		patient = errors.Is(err, ErrRestarted)
		if patient || time.Since(began) >= steadyFor {
			step = 0
		}
		if _, setup := errors.AsType[*SetupError](err); setup || ctx.Err() != nil || g.lost() {
			return err
		}
		switch step {
		case 0:
			m.recover(stepSession, err)
		case 1:
			m.recover(stepRadio, err)
			s.cycleRadio()
		default:
			return err
		}
	}
}

func (g *guard) lost() bool {
	select {
	case <-g.dead:
		return true
	default:
		return false
	}
}

func (m *Modem) recover(step string, err error) {
	m.metrics.recoveries.WithLabelValues(step).Inc()
	m.limiter.warn("recover", "modem needs recovery", "step", step, "error", err)
	m.tell(Event{Kind: EventRecovery, Code: step, Text: err.Error()})
}

// cycleRadio switches the radio off and on. Both may fail: what follows finds out.
func (s *session) cycleRadio() {
	for _, text := range []string{"+CFUN=4", "+CFUN=1"} {
		if _, err := s.ask(text); err != nil {
			return
		}
	}
}

// failed turns the error that ended an attempt into a status, logs it when it is news, and returns its reason.
func (m *Modem) failed(err error) Reason {
	state, reason, hint := explain(err)
	m.wentDown(reason, hint)
	if reason == ReasonNoAnswer && !m.speedKnown {
		m.baud++
	}
	if m.board.state(state, reason, hint) {
		m.limiter.warn("failed "+string(reason), "modem is not usable", "reason", reason, "error", err, "hint", hint)
	}
	return reason
}

// pause waits before the next attempt. It returns true, early, when a port is there that was not before: a new port is a new
// start, whatever was wrong with the last one.
func (m *Modem) pause(ctx context.Context, d time.Duration, reason Reason) (fresh bool) {
	ctx, awake := m.locked.until(ctx)
	defer awake()
	end := time.NewTimer(d)
	defer end.Stop()
	if m.finder == nil {
		select {
		case <-ctx.Done():
		case <-end.C:
		}
		return false
	}
	switch reason {
	case ReasonNoAnswer, ReasonWrongModem, ReasonWrongSIM, ReasonDuplicate, ReasonOutOfStep:
		m.finder.forget(m.port)
	}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for last := m.tried; ; {
		changed := m.finder.watch()
		now, fresh := m.fresh(last)
		if fresh {
			return true
		}
		last = now
		select {
		case <-ctx.Done():
			return false
		case <-end.C:
			return false
		case <-changed:
		case <-look.C:
		}
	}
}

// gauges shows whether the modem is of use.
func (m *Modem) gauges(ready bool) {
	v := 0.0
	if ready {
		v = 1
	}
	m.metrics.up.Set(v)
	if !ready {
		m.metrics.registered.Set(0)
	}
}
