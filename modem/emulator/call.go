package emulator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ringPeriod is the time between two RINGs.
const ringPeriod = 5 * time.Second

// States of a call, as <stat> of AT+CLCC except the first. 3GPP TS 27.007 §7.18.
const (
	callIdle     = -1
	callActive   = 0
	callDialling = 2
	callAlerting = 3
	callIncoming = 4
)

// CallLines are lines that a make prints when a call changes, besides those of
// the standards; "" prints none.
type CallLines struct{ Dialled, Alerting, Active, Ended string }

// callState is the one call that a modem can have; idleCall makes it.
type callState struct {
	CallOptions
	state    int
	number   string
	outgoing bool
	rings    int
	ended    chan struct{} // closed at the end
	answered chan struct{} // closed when taken
}

// idleCall is the state without a call.
func idleCall() callState { return callState{state: callIdle} }

// ErrBusy is returned by Call when the line is taken or cannot be reached.
var ErrBusy = errors.New("line is busy or not reachable")

// CallOptions say how a call of a phone comes in. The zero value is the usual.
type CallOptions struct {
	Withheld bool // the caller's number is not shown
	LateCLIP bool // +CLIP comes from the second RING on
	Unlisted bool // AT+CLCC does not show the number
	Quiet    bool // nothing is printed when the caller gives up
}

// Call rings a modem until it is answered, refused, or ctx ends: then the caller
// hangs up. Answered calls last until ctx ends or the modem hangs up; the result
// says whether it was answered.
func (h *Handset) Call(ctx context.Context, to string) (answered bool, err error) {
	return h.CallWith(ctx, to, CallOptions{})
}

// CallWith is Call with peculiarities.
func (h *Handset) CallWith(ctx context.Context, to string, o CallOptions) (answered bool, err error) {
	h.n.mu.Lock()
	m := h.n.sub(to).modem
	h.n.mu.Unlock()
	if m == nil {
		return false, fmt.Errorf("call %s: %w", to, ErrBusy)
	}
	m.mu.Lock()
	if !m.registered() || m.call.state != callIdle {
		m.mu.Unlock()
		return false, fmt.Errorf("call %s: %w", to, ErrBusy)
	}
	c := callState{CallOptions: o, state: callIncoming, number: h.number, ended: make(chan struct{}), answered: make(chan struct{})}
	m.call = c
	m.ring()
	m.mu.Unlock()
	select {
	case <-c.ended:
	case <-ctx.Done():
		m.mu.Lock()
		if m.call.ended == c.ended {
			m.remoteEnd("NO CARRIER")
		}
		m.mu.Unlock()
	}
	select {
	case <-c.answered:
		answered = true
	default:
	}
	return answered, nil
}

// ring prints RING and what the host asked to see, again and again. The lock is held.
func (m *Modem) ring() {
	if m.call.state != callIncoming {
		return
	}
	ended := m.call.ended
	m.call.rings++
	if m.set.crc == 1 {
		m.urc("+CRING: VOICE")
	} else {
		m.urc("RING")
	}
	if m.set.clip == 1 && (!m.call.LateCLIP || m.call.rings > 1) {
		if m.call.Withheld {
			m.urc(`+CLIP: "",128,,,,1`)
		} else {
			m.urc(fmt.Sprintf(`+CLIP: "%s",%d,,,,0`, m.call.number, typeOfAddress(strings.HasPrefix(m.call.number, "+"))))
		}
	}
	m.after(ringPeriod, func() {
		if m.call.ended == ended {
			m.ring()
		}
	})
}

// endCall forgets the call. The lock is held.
func (m *Modem) endCall() {
	if m.call.state != callIdle && m.call.ended != nil {
		close(m.call.ended)
		if m.session != nil {
			m.callLine(m.p.CallLines.Ended)
		}
	}
	m.call = idleCall()
}

// remoteEnd is the other side's end of the call. The lock is held.
func (m *Modem) remoteEnd(word string) {
	quiet := m.call.Quiet
	if quiet {
		close(m.call.ended)
		m.call = idleCall()
		return
	}
	m.endCall()
	m.urc(word)
}

func (m *Modem) callLine(line string) {
	if line != "" {
		m.urc(line)
	}
}

// callee is how the other side of a modem's calls behaves.
type callee struct {
	busy    bool
	answers time.Duration // after which it answers; negative: never
}

// answerDelay is how long the other side takes to answer.
const answerDelay = 2 * time.Second

// NextCalls sets how the other side of the calls that the modem places behaves:
// it is busy, or answers after a time, never when that is negative. By default it
// answers after two seconds.
func (m *Modem) NextCalls(busy bool, answers time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = &callee{busy, answers}
}

// Press lets the other side of an active call press a key.
func (m *Modem) Press(key byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.call.state != callActive {
		return
	}
	switch format := m.p.Digit; {
	case format == "":
		m.urc(fmt.Sprintf("+DTMF: %c", key))
	case strings.Contains(format, "%d"):
		m.urc(fmt.Sprintf(format, key))
	default:
		m.urc(fmt.Sprintf(format, string(key)))
	}
}

// HangUp lets the other side end the call.
func (m *Modem) HangUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.call.state != callIdle {
		m.remoteEnd("NO CARRIER")
	}
}

// Pressed returns the keys that the host has pressed in calls.
func (m *Modem) Pressed() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pressed
}

// dial is ATD for voice. V.250 §6.3.1, 3GPP TS 27.007 §6.2.
func dial(r *run, c call) error {
	m := r.m
	number, voice := strings.CutSuffix(c.args, ";")
	number = strings.TrimLeft(strings.ToUpper(number), "TP")
	switch {
	case !voice || !dialable(number) || number == "":
		return final("NO CARRIER")
	case m.call.state != callIdle:
		return final("BUSY")
	case !m.registered():
		return final("NO CARRIER")
	}
	other := callee{answers: answerDelay}
	if m.calls != nil {
		other = *m.calls
	}
	ended := make(chan struct{})
	m.call = callState{state: callDialling, number: number, outgoing: true, ended: ended, answered: make(chan struct{})}
	m.callLine(m.p.CallLines.Dialled)
	later := func(d time.Duration, from int, fn func()) {
		m.after(d, func() {
			if m.call.ended == ended && m.call.state == from {
				fn()
			}
		})
	}
	switch {
	case other.busy:
		later(time.Second, callDialling, func() { m.remoteEnd("BUSY") })
		return nil
	case other.answers < 0:
		later(time.Minute, callAlerting, func() { m.remoteEnd("NO ANSWER") })
	default:
		later(max(other.answers, 2*time.Millisecond), callAlerting, func() {
			m.call.state = callActive
			m.callLine(m.p.CallLines.Active)
		})
	}
	later(min(time.Second, max(other.answers/2, time.Millisecond)), callDialling, func() {
		m.call.state = callAlerting
		m.callLine(m.p.CallLines.Alerting)
	})
	return nil
}

func answerCall(r *run, _ call) error {
	m := r.m
	if m.call.state != callIncoming {
		return final("NO CARRIER")
	}
	m.call.state = callActive
	close(m.call.answered)
	m.callLine(m.p.CallLines.Active)
	return nil
}

func hangUp(r *run, _ call) error {
	r.m.endCall()
	return nil
}

func currentCalls(r *run, c call) error {
	k := &r.m.call
	if k.state == callIdle || c.op != opExec {
		return nil
	}
	if k.Withheld || k.Unlisted {
		r.info(`+CLCC: 1,%d,%d,0,0`, bit(!k.outgoing), k.state)
		return nil
	}
	r.info(`+CLCC: 1,%d,%d,0,0,"%s",%d`, bit(!k.outgoing), k.state, k.number, typeOfAddress(strings.HasPrefix(k.number, "+")))
	return nil
}

// pressKey is AT+VTS. 3GPP TS 27.007 §C.2.11.
func pressKey(r *run, c call) error {
	if c.op != opSet {
		return nil
	}
	key := splitArgs(c.args).text(0)
	switch {
	case len(key) != 1 || !strings.Contains("0123456789*#ABCD", key):
		return cmeError(50)
	case r.m.call.state != callActive:
		return cmeError(3)
	}
	r.m.pressed += key
	return nil
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
