package emulator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ringPeriod is the time between two RINGs.
const ringPeriod = 5 * time.Second

// maxCalls is how many calls a modem can have at once. 3GPP TS 22.030 §6.5.5.
const maxCalls = 7

// States of a call, as <stat> of AT+CLCC. 3GPP TS 27.007 §7.18.
const (
	callActive   = 0
	callHeld     = 1
	callDialling = 2
	callAlerting = 3
	callIncoming = 4
	callWaiting  = 5
)

// CallLines are lines that a make prints when a call changes, besides those of
// the standards; "" prints none. %d stands for the number of the call.
type CallLines struct{ Dialled, Alerting, Active, Ended string }

// voiceCall is one call of a modem. All of it is under the lock of the modem.
type voiceCall struct {
	CallOptions
	index    int // <id> of AT+CLCC
	state    int
	number   string
	outgoing bool
	joined   bool // with others into one conversation
	rings    int
	diverted string        // where the network passed it on to
	ended    chan struct{} // closed at the end
	answered chan struct{} // closed when taken
}

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
// says whether it was answered. A modem that has a call already is told of a
// waiting one, unless its host switched call waiting off (AT+CCWA). A call that
// the network passes on, since the host asked it to (AT+CCFC), ends here with a
// *DivertedError.
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
	if err := m.passesOn(); err != nil {
		m.mu.Unlock()
		return false, fmt.Errorf("call %s: %w", to, err)
	}
	c := m.addCall(&voiceCall{CallOptions: o, state: callIncoming, number: h.number})
	if len(m.calls) > 1 {
		c.state = callWaiting
		m.tellWaiting(c)
	} else {
		m.ring(c)
	}
	m.divertUnanswered(c)
	m.mu.Unlock()
	select {
	case <-c.ended:
	case <-ctx.Done():
		m.mu.Lock()
		m.remoteEnd(c, "NO CARRIER")
		m.mu.Unlock()
	}
	select {
	case <-c.answered:
		answered = true
	default:
	}
	if c.diverted != "" {
		return answered, fmt.Errorf("call %s: %w", to, &DivertedError{c.diverted})
	}
	return answered, nil
}

// takesCalls reports whether one more call can come in: one may ring or wait at
// a time, beside one that is active and one that is held. The lock is held.
func (m *Modem) takesCalls() bool {
	if len(m.calls) == 0 {
		return true
	}
	return m.set.callWaiting && len(m.calls) < maxCalls && m.callIn(callIncoming, callWaiting, callDialling, callAlerting) == nil
}

// addCall gives a call the lowest number that is free. The lock is held.
func (m *Modem) addCall(c *voiceCall) *voiceCall {
	c.ended, c.answered = make(chan struct{}), make(chan struct{})
	for c.index = 1; slices.ContainsFunc(m.calls, func(o *voiceCall) bool { return o.index == c.index }); {
		c.index++
	}
	m.calls = append(m.calls, c)
	slices.SortFunc(m.calls, func(a, b *voiceCall) int { return a.index - b.index })
	return c
}

// callIn returns the first call in one of the states, in their order; nil when
// there is none. The lock is held.
func (m *Modem) callIn(states ...int) *voiceCall {
	for _, state := range states {
		for _, c := range m.calls {
			if c.state == state {
				return c
			}
		}
	}
	return nil
}

// callsIn returns all calls in one of the states. The lock is held.
func (m *Modem) callsIn(states ...int) (found []*voiceCall) {
	for _, c := range m.calls {
		if slices.Contains(states, c.state) {
			found = append(found, c)
		}
	}
	return found
}

// ring prints RING and what the host asked to see, again and again. The lock is held.
func (m *Modem) ring(c *voiceCall) {
	if c.state != callIncoming || !slices.Contains(m.calls, c) {
		return
	}
	c.rings++
	if m.set.crc == 1 {
		m.urc("+CRING: VOICE")
	} else {
		m.urc("RING")
	}
	if m.set.clip == 1 && (!c.LateCLIP || c.rings > 1) {
		if c.Withheld {
			m.urc(`+CLIP: "",128,,,,1`)
		} else {
			m.urc(fmt.Sprintf(`+CLIP: "%s",%d,,,,0`, c.number, typeOfAddress(strings.HasPrefix(c.number, "+"))))
		}
	}
	m.after(ringPeriod, func() { m.ring(c) })
}

// tellWaiting prints that one more call comes in. 3GPP TS 27.007 §7.12. The lock
// is held.
func (m *Modem) tellWaiting(c *voiceCall) {
	switch {
	case m.set.ccwa != 1:
	case c.Withheld:
		m.urc(`+CCWA: "",128,1,,1`)
	default:
		m.urc(fmt.Sprintf(`+CCWA: "%s",%d,1,,0`, c.number, typeOfAddress(strings.HasPrefix(c.number, "+"))))
	}
}

// endCall is the end of a call, told by the line of the make. The lock is held.
func (m *Modem) endCall(c *voiceCall) {
	m.callLine(c, m.p.CallLines.Ended)
	m.drop(c)
}

// drop takes a call off the list without a word; one that waited for it rings
// now. The lock is held.
func (m *Modem) drop(c *voiceCall) {
	m.calls = slices.DeleteFunc(m.calls, func(o *voiceCall) bool { return o == c })
	close(c.ended)
	if w := m.callIn(callWaiting); w != nil && len(m.calls) == 1 {
		w.state = callIncoming
		m.ring(w)
	}
}

// endCalls forgets all calls. The lock is held.
func (m *Modem) endCalls() {
	all := m.calls
	m.calls = nil
	for _, c := range all {
		m.callLine(c, m.p.CallLines.Ended)
		close(c.ended)
	}
}

// remoteEnd is the other side's end of a call. Only that of the last one is told
// by a word. The lock is held.
func (m *Modem) remoteEnd(c *voiceCall, word string) {
	switch {
	case !slices.Contains(m.calls, c):
	case c.Quiet:
		m.drop(c)
	default:
		last := c.state != callWaiting && len(m.calls) == 1+len(m.callsIn(callWaiting))
		m.callLine(c, m.p.CallLines.Ended)
		if last {
			m.urc(word)
		}
		m.drop(c)
	}
}

func (m *Modem) callLine(c *voiceCall, line string) {
	if line != "" {
		m.urc(strings.ReplaceAll(line, "%d", fmt.Sprint(c.index)))
	}
}

// Press lets the other side of an active call press a key.
func (m *Modem) Press(key byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.callIn(callActive) == nil {
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

// HangUp lets the other side end the call; of several the active one.
func (m *Modem) HangUp() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.callIn(callActive, callAlerting, callDialling, callIncoming, callHeld, callWaiting); c != nil {
		m.remoteEnd(c, "NO CARRIER")
	}
}

// Calls returns the <stat> of the calls that the modem has, in the order of
// their numbers. 3GPP TS 27.007 §7.18.
func (m *Modem) Calls() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	var states []int
	for _, c := range m.calls {
		states = append(states, c.state)
	}
	return states
}

// Pressed returns the keys that the host has pressed in calls.
func (m *Modem) Pressed() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pressed
}
