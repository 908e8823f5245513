package modem

import (
	"context"
	"sync"
	"time"
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
		m.lasted = false
		err := m.once(ctx)
		if ctx.Err() != nil {
			break
		}
		reason := m.failed(err)
		if m.lasted {
			pause = firstPause
		}
		if reason == ReasonMissing {
			m.ladder.start() // a port that comes back is a new start
		}
		if due := m.ladder.due; due != nil && due.step == stepPower {
			m.ladder.due = nil
			m.power(ctx, err)
			pause = powerRest
		} else if due != nil && due.step == stepQuarantine {
			m.ladder.due = nil
			m.quarantine(err)
			if m.pause(ctx, due.rest, reason) {
				m.ladder.start()
			}
			pause = firstPause
			continue
		}
		m.metrics.recoveries.WithLabelValues(stepReopen).Inc()
		if m.pause(ctx, pause, reason) {
			m.ladder.start()
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

	due := m.ladder.due
	m.ladder.due = nil
	cause := m.ladder.cause
	for {
		m.starting()
		s := &session{m: m, g: g, e: ev, triedService: map[int]bool{}, patient: time.Now().Before(m.ladder.graceEnds)}
		if due != nil {
			s.patient = s.take(due, cause)
		}
		began := time.Time{}
		err := s.initialise(ctx)
		if err == nil {
			m.speedKnown, m.lastPlace = true, m.port.port.Place()
			began = time.Now()
			err = s.serve(ctx)
		}
		m.gauges(false)
		if ctx.Err() == nil {
			m.ended(err)
		}
		if m.lasted = !began.IsZero() && time.Since(began) >= steadyFor; m.lasted {
			m.ladder.start()
		}
		if ctx.Err() != nil {
			return err
		}
		due, cause = m.climb(err), err
		if due == nil || g.lost() || due.step == stepReopen || due.step == stepPower || due.step == stepQuarantine {
			m.ladder.due, m.ladder.cause = due, err
			return err
		}
		if time.Now().Before(m.ladder.graceEnds) {
			g.rest(ctx, time.Second)
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

// rest waits for d, or until the port is lost or ctx ends.
func (g *guard) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.dead:
	case <-ctx.Done():
	}
}

// failed turns the error that ended an attempt into a status, logs it when it is news, and returns its reason.
func (m *Modem) failed(err error) Reason {
	state, reason, hint := explain(err)
	if m.ladder.quarantined {
		state = Quarantined
	}
	if reason == ReasonNoAnswer && !m.speedKnown {
		m.baud++
	}
	if m.board.state(state, reason, hint) {
		m.limiter.warn("failed "+string(reason), "modem is not usable", "reason", reason, "error", err, "hint", hint)
	}
	m.wentDown(reason, hint)
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
