package modem

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// restartsAlarm is how many restarts of a modem within an hour are an alarm.
const restartsAlarm = 3

// powerHint is the advice about a modem that restarts by itself.
const powerHint = "a modem that restarts by itself often lacks power: use a powered hub or a stronger supply, and a short cable"

// life is what was told about coming and going, so that everything is told once.
type life struct {
	mu       sync.Mutex
	known    bool // up tells something
	up       bool
	reason   Reason
	restarts []time.Time // of the last hour
	alarmed  time.Time   // when restarts were an alarm last
}

// needHands are the reasons that no waiting and no recovery ends: somebody has to do something.
var needHands = map[Reason]bool{
	ReasonNotATTY: true, ReasonPermission: true, ReasonOpenHangs: true, ReasonWrongModem: true, ReasonWrongSIM: true, ReasonNoSIM: true,
	ReasonPINRequired: true, ReasonPINFile: true, ReasonPINRefused: true, ReasonPINTries: true, ReasonPUKRequired: true, ReasonDenied: true,
}

// wentUp tells that messages can be sent and received.
func (m *Modem) wentUp() {
	l := &m.life
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known && l.up {
		return
	}
	l.known, l.up, l.reason = true, true, ""
	m.tell(Event{Kind: EventUp})
}

// wentDown tells that they cannot, and why. Another reason than the last one is told as well.
func (m *Modem) wentDown(reason Reason, hint string) {
	l := &m.life
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known && !l.up && l.reason == reason {
		return
	}
	l.known, l.up, l.reason = true, false, reason
	m.tell(Event{Kind: EventDown, Code: string(reason), Text: hint})
	if needHands[reason] {
		m.tell(Event{Kind: EventAlarm, Code: string(reason), Text: hint})
	}
}

// ended tells how a session ended.
func (m *Modem) ended(err error) {
	_, reason, hint := explain(err)
	if errors.Is(err, ErrRestarted) && !time.Now().Before(m.ladder.graceEnds) {
		m.restarted()
	}
	m.wentDown(reason, hint)
}

// restarted counts a restart that nobody asked for. Several within an hour are an alarm.
func (m *Modem) restarted() {
	m.metrics.restarts.Inc()
	l := &m.life
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.restarts = append(l.within(now), now)
	text := fmt.Sprintf("%d within an hour", len(l.restarts))
	m.tell(Event{Kind: EventRestarted, Text: text})
	if len(l.restarts) >= restartsAlarm && (l.alarmed.IsZero() || now.Sub(l.alarmed) >= time.Hour) {
		l.alarmed = now
		m.tell(Event{Kind: EventAlarm, Code: string(ReasonRestarted), Text: text + "; " + powerHint})
	}
}

// within returns the restarts of the last hour. The lock is held.
func (l *life) within(now time.Time) []time.Time {
	for len(l.restarts) > 0 && now.Sub(l.restarts[0]) >= time.Hour {
		l.restarts = l.restarts[1:]
	}
	return l.restarts
}

// lately counts the restarts of the last hour.
func (l *life) lately() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.within(time.Now()))
}

// explain turns the error that ended an attempt into a state, a reason and what can be done.
func explain(err error) (state State, reason Reason, hint string) {
	var setup *SetupError
	switch {
	case errors.As(err, &setup):
		if setup.Reason == ReasonMissing {
			return Missing, setup.Reason, setup.Hint
		}
		return Failed, setup.Reason, setup.Hint
	case errors.Is(err, ErrRestarted):
		return Failed, ReasonRestarted, powerHint
	case errors.Is(err, errOutOfStep), errors.Is(err, ErrTimeout):
		return Failed, ReasonOutOfStep, "the modem stopped answering in order; if this repeats, unplug it once"
	}
	return Failed, ReasonLost, "check cable, power supply and USB hub"
}
