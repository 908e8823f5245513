package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Reasons for passing calls on, as <reason> of AT+CCFC.
const (
	divertAlways      = 0
	divertBusy        = 1
	divertNoReply     = 2
	divertUnreachable = 3
)

// noReply is how long a call rings before it is passed on for lack of an answer.
const noReply = 20 * time.Second

// DivertedError is the end of a call here that the network passed on.
type DivertedError struct{ Number string }

func (e *DivertedError) Error() string { return fmt.Sprintf("passed on to %s", e.Number) }

// Handover is a call that the host connected with another one.
type Handover struct{ Caller, To string }

// Diverts returns the numbers that calls are passed on to, by <reason> of AT+CCFC.
func (m *Modem) Diverts() map[int]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.divert)
}

// SetDivert is what another phone with the same card, or the operator, does: it
// sets where calls are passed on to for a reason; "" is nowhere.
func (m *Modem) SetDivert(reason int, number string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number == "" {
		delete(m.divert, reason)
		return
	}
	m.divert[reason] = number
}

// Handovers returns the calls that the host connected with others.
func (m *Modem) Handovers() []Handover {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.handed)
}

// passesOn returns why a call does not come in, nil when it does. The lock is held.
func (m *Modem) passesOn() error {
	reason := divertAlways
	if m.divert[reason] == "" {
		switch {
		case !m.registered():
			reason = divertUnreachable
		case !m.takesCalls():
			reason = divertBusy
		default:
			return nil
		}
	}
	if to := m.divert[reason]; to != "" {
		return &DivertedError{to}
	}
	return ErrBusy
}

// divertRefused passes a call on that the host refuses. The lock is held.
func (m *Modem) divertRefused(c *voiceCall) {
	if c.state == callIncoming {
		c.diverted = m.divert[divertBusy]
	}
}

// divertUnanswered passes a call on when it has rung for long enough. The lock is held.
func (m *Modem) divertUnanswered(c *voiceCall) {
	m.after(noReply, func() {
		if to := m.divert[divertNoReply]; to != "" && (c.state == callIncoming || c.state == callWaiting) && slices.Contains(m.calls, c) {
			c.diverted = to
			m.remoteEnd(c, "NO CARRIER")
		}
	})
}

// handOver connects the other sides of two calls. The lock is held.
func (m *Modem) handOver(held, active *voiceCall) {
	h := Handover{Caller: held.number, To: active.number}
	if held.outgoing {
		h = Handover{Caller: active.number, To: held.number}
	}
	m.handed = append(m.handed, h)
	m.endCall(active)
	m.endCall(held)
}

// forwarding is AT+CCFC for voice. 3GPP TS 27.007 §7.11.
func forwarding(r *run, c call) error {
	if c.op == opTest {
		r.info("+CCFC: (0-5)")
		return nil
	}
	a := splitArgs(c.args)
	reason, ok := a.number(0, -1)
	mode, ok2 := a.number(1, -1)
	if c.op != opSet || !ok || !ok2 || reason < 0 || reason > 5 {
		return cmeError(50)
	}
	if !r.m.registered() {
		return cmeError(30)
	}
	switch mode {
	case 2:
		number, there := r.m.divert[reason]
		if !there {
			r.info("+CCFC: 0,7")
			return nil
		}
		r.info(`+CCFC: 1,1,"%s",%d,,,20`, number, typeOfAddress(strings.HasPrefix(number, "+")))
	case 3:
		if !dialable(a.text(2)) {
			return cmeError(50)
		}
		r.m.divert[reason] = a.text(2)
	case 0, 4:
		delete(r.m.divert, reason)
	case 1:
	default:
		return cmeError(50)
	}
	return nil
}
