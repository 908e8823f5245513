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
	callAlerting = 3
	callIncoming = 4
)

// callState is the one call that a modem can have; idleCall makes it.
type callState struct {
	state    int
	number   string
	outgoing bool
	ended    chan struct{} // closed at the end
	answered chan struct{} // closed when taken
}

// idleCall is the state without a call.
func idleCall() callState { return callState{state: callIdle} }

// ErrBusy is returned by Call when the line is taken or cannot be reached.
var ErrBusy = errors.New("line is busy or not reachable")

// Call rings a modem until it is answered, refused, or ctx ends: then the caller
// hangs up. Answered calls last until ctx ends or the modem hangs up; the result
// says whether it was answered.
func (h *Handset) Call(ctx context.Context, to string) (answered bool, err error) {
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
	c := callState{state: callIncoming, number: h.number, ended: make(chan struct{}), answered: make(chan struct{})}
	m.call = c
	m.ring()
	m.mu.Unlock()
	select {
	case <-c.ended:
	case <-ctx.Done():
		m.mu.Lock()
		if m.call.ended == c.ended {
			m.endCall()
			m.urc("NO CARRIER")
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
	if m.set.crc == 1 {
		m.urc("+CRING: VOICE")
	} else {
		m.urc("RING")
	}
	if m.set.clip == 1 {
		m.urc(fmt.Sprintf(`+CLIP: "%s",%d,,,,0`, m.call.number, typeOfAddress(strings.HasPrefix(m.call.number, "+"))))
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
	}
	m.call = idleCall()
}

// dial is ATD for voice: the other side always answers, two seconds later.
// V.250 §6.3.1, 3GPP TS 27.007 §6.2.
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
	ended := make(chan struct{})
	m.call = callState{state: callAlerting, number: number, outgoing: true, ended: ended, answered: make(chan struct{})}
	m.after(answerDelay, func() {
		if m.call.ended == ended && m.call.state == callAlerting {
			m.call.state = callActive
		}
	})
	return nil
}

// answerDelay is how long the other side takes to answer.
const answerDelay = 2 * time.Second

func answerCall(r *run, _ call) error {
	m := r.m
	if m.call.state != callIncoming {
		return final("NO CARRIER")
	}
	m.call.state = callActive
	close(m.call.answered)
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
	r.info(`+CLCC: 1,%d,%d,0,0,"%s",%d`, bit(!k.outgoing), k.state, k.number, typeOfAddress(strings.HasPrefix(k.number, "+")))
	return nil
}
