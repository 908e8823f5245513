package modem

import (
	"errors"
	"time"
)

// The steps of recovery, from mild to hard.
const (
	stepSession    = "session"    // initialise again, on the same port where that is possible
	stepNetwork    = "network"    // select the operator anew; for want of a network, no part of the ladder
	stepService    = "service"    // send by another way; for want of service, no part of the ladder
	stepRadio      = "radio"      // switch the radio off and on, then initialise
	stepReset      = "reset"      // let the modem restart itself
	stepReopen     = "reopen"     // close the port and open it again
	stepPower      = "power"      // run Config.PowerCommand
	stepQuarantine = "quarantine" // leave it alone for a while and tell somebody
)

// rung is a step of the ladder with its bounds.
type rung struct {
	step   string
	times  int           // in a row before the next rung
	hourly int           // within any hour; 0: no bound
	rest   time.Duration // quarantine: before the next attempt
}

// rungs is the ladder. A failure takes the next rung; a session that lasts begins again at the first. A rung whose hourly bound is
// reached is left out.
var rungs = []rung{
	{step: stepSession, times: 1, hourly: 30},
	{step: stepRadio, times: 1, hourly: 4},
	{step: stepReset, times: 1, hourly: 2},
	{step: stepReopen, times: len(autoBauds)},
	{step: stepPower, times: 1, hourly: 2},
	{step: stepQuarantine, times: 1, rest: 10 * time.Minute},
}

// grace is how long a modem may take after a restart that was asked for, before it counts as failed again: some are dark for
// half a minute, and then look for a network.
const grace = 90 * time.Second

// climbing are the failures that recovery can end. All others wait: for a port, for a person, for a card.
var climbing = map[Reason]bool{ReasonNoAnswer: true, ReasonOutOfStep: true, ReasonSIMFailure: true, ReasonSMSMode: true}

// ladder is where the recovery of a modem stands. The counts survive sessions and ports. Only the goroutine in Run uses it.
type ladder struct {
	at, tried   int
	taken       map[string][]time.Time // of the last hour, by step
	graceEnds   time.Time
	due         *rung // to be taken by whoever opens the port next
	cause       error // why
	quarantined bool  // until a session lasts
}

// start begins again at the first rung: the modem was well, or it is another port.
func (l *ladder) start() { l.at, l.tried, l.due, l.quarantined = 0, 0, nil, false }

// allow counts one taking of step, unless its bound is reached.
func (l *ladder) allow(step string, now time.Time) bool {
	bound := 0
	for _, r := range rungs {
		if r.step == step {
			bound = r.hourly
		}
	}
	if bound == 0 {
		return true
	}
	taken := l.taken[step]
	for len(taken) > 0 && now.Sub(taken[0]) >= time.Hour {
		taken = taken[1:]
	}
	if len(taken) >= bound {
		return false
	}
	if l.taken == nil {
		l.taken = map[string][]time.Time{}
	}
	l.taken[step] = append(taken, now)
	return true
}

// next returns the rung to take now, out of those that can be taken. The last one can always be taken, and the first one follows it.
func (l *ladder) next(now time.Time, can func(step string) bool) *rung {
	for {
		r := &rungs[l.at]
		last := l.at == len(rungs)-1
		switch {
		case last:
			l.at, l.tried = 0, 0
			return r
		case l.tried < r.times && can(r.step) && l.allow(r.step, now):
			l.tried++
			return r
		}
		l.at, l.tried = l.at+1, 0
	}
}

// climb returns the rung that err calls for, nil when recovery is no answer to it.
func (m *Modem) climb(err error) *rung {
	l := &m.ladder
	_, reason, _ := explain(err)
	answered := m.speedKnown && m.port.port.Place() == m.lastPlace
	switch {
	case errors.Is(err, ErrRestarted):
		return &rungs[0] // needs patience, not harder means
	case !climbing[reason]:
		return nil
	case !answered && len(m.config.PowerCommand) == 0:
		return nil // perhaps no modem at all, or another line speed
	case time.Now().Before(l.graceEnds):
		return &rungs[0]
	}
	return l.next(time.Now(), func(step string) bool {
		switch step {
		case stepSession, stepRadio, stepReset:
			return answered
		case stepPower:
			return len(m.config.PowerCommand) > 0
		}
		return true
	})
}

// take does what r says to the modem at the open port. It reports whether the modem restarts.
func (s *session) take(r *rung, cause error) (restarts bool) {
	switch r.step {
	case stepSession:
		s.m.recover(stepSession, cause)
	case stepRadio:
		s.m.recover(stepRadio, cause)
		s.cycleRadio()
	case stepReset:
		s.m.recover(stepReset, cause)
		if s.reset() {
			s.m.ladder.graceEnds = time.Now().Add(grace)
			return true
		}
	}
	return errors.Is(cause, ErrRestarted) || time.Now().Before(s.m.ladder.graceEnds)
}

// cycleRadio switches the radio off and on. Both may fail: what follows finds out. A modem that was told to switch it off and did
// not answer may have done so: it is told to switch it on all the same.
func (s *session) cycleRadio() {
	for _, text := range []string{"+CFUN=4", "+CFUN=1"} {
		if text == "+CFUN=1" {
			s.awaitRadio()
		}
		if _, err := s.ask(text); fatal(err) && s.g.lost() {
			return
		}
	}
}

// reset lets the modem restart itself, with the first of its commands that it does not refuse. A modem that goes silent or away
// over it is believed to have begun.
func (s *session) reset() bool {
	if err := s.g.writeRaw(escape, '\r'); err != nil {
		return false
	}
	s.g.quiet(20*time.Millisecond, 2*time.Second)
	kind := s.m.kind
	if kind == nil {
		kind = vendorOf("", "")
	}
	for _, text := range append(kind.reset[:len(kind.reset):len(kind.reset)], "+CFUN=1,1") {
		if _, err := s.g.run(&exchange{text: text, id: prefixID(text), shown: text, limit: limits["+CFUN"]}); err == nil || fatal(err) {
			return true
		}
	}
	return false
}

// quarantine tells that nothing helped.
func (m *Modem) quarantine(cause error) {
	_, reason, _ := explain(cause)
	hint := "nothing brought the modem back: unplug it and plug it in again, look after its power supply, or set power_command; it is tried again every 10 minutes"
	m.board.state(Quarantined, reason, hint)
	m.metrics.recoveries.WithLabelValues(stepQuarantine).Inc()
	m.limiter.warn("quarantine", "modem is in quarantine", "reason", reason, "error", cause, "hint", hint)
	m.tell(Event{Kind: EventRecovery, Code: stepQuarantine, Text: cause.Error()})
	if !m.ladder.quarantined {
		m.ladder.quarantined = true
		m.tell(Event{Kind: EventAlarm, Code: string(reason), Text: hint})
	}
}

// starting shows that the modem is being set up; one in quarantine stays in it until that succeeded.
func (m *Modem) starting() {
	if !m.ladder.quarantined {
		m.board.state(Initialising, "", "")
	}
}
