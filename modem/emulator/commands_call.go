package emulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

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
	m.called = &callee{busy, answers}
}

// dial is ATD for voice; an active call is put on hold. V.250 §6.3.1, 3GPP
// TS 27.007 §6.2.
func dial(r *run, c call) error {
	m := r.m
	number, voice := strings.CutSuffix(c.args, ";")
	number = strings.TrimLeft(strings.ToUpper(number), "TP")
	switch {
	case !voice || !dialable(number) || number == "":
		return final("NO CARRIER")
	case len(m.callsIn(callHeld, callDialling, callAlerting, callIncoming, callWaiting)) > 0:
		return final("BUSY")
	case !m.registered():
		return final("NO CARRIER")
	}
	other := callee{answers: answerDelay}
	if m.called != nil {
		other = *m.called
	}
	for _, active := range m.callsIn(callActive) {
		active.state = callHeld
	}
	k := m.addCall(&voiceCall{state: callDialling, number: number, outgoing: true})
	m.callLine(k, m.p.CallLines.Dialled)
	later := func(d time.Duration, from int, fn func()) {
		m.after(d, func() {
			if k.state == from && slices.Contains(m.calls, k) {
				fn()
			}
		})
	}
	switch {
	case other.busy:
		later(time.Second, callDialling, func() { m.remoteEnd(k, "BUSY") })
		return nil
	case other.answers < 0:
		later(time.Minute, callAlerting, func() { m.remoteEnd(k, "NO ANSWER") })
	default:
		later(max(other.answers, 2*time.Millisecond), callAlerting, func() {
			k.state = callActive
			m.callLine(k, m.p.CallLines.Active)
		})
	}
	later(min(time.Second, max(other.answers/2, time.Millisecond)), callDialling, func() {
		k.state = callAlerting
		m.callLine(k, m.p.CallLines.Alerting)
	})
	return nil
}

// answerCall is ATA: the call that rings. V.250 §6.3.5.
func answerCall(r *run, _ call) error {
	c := r.m.callIn(callIncoming)
	if c == nil {
		return final("NO CARRIER")
	}
	r.m.connect(c)
	return nil
}

// connect makes a call that rings or waits the active one. The lock is held.
func (m *Modem) connect(c *voiceCall) {
	if c.state == callIncoming || c.state == callWaiting {
		close(c.answered)
		m.callLine(c, m.p.CallLines.Active)
	}
	c.state = callActive
}

// hangUp is AT+CHUP and ATH: they leave alone what is held and what waits.
// 3GPP TS 27.007 §6.5.
func hangUp(r *run, _ call) error {
	m := r.m
	if r.noHangUp {
		return nil
	}
	for _, states := range [][]int{{callActive}, {callDialling, callAlerting}, {callIncoming}} {
		if over := m.callsIn(states...); len(over) > 0 {
			for _, c := range over {
				m.divertRefused(c)
				m.endCall(c)
			}
			return nil
		}
	}
	return nil
}

// holdCalls is AT+CHLD. 3GPP TS 22.030 §6.5.5.1, 3GPP TS 27.007 §7.13.
func holdCalls(r *run, c call) error {
	m := r.m
	if c.op == opTest {
		ways := "0,1,1x,2,2x,3"
		if m.p.Transfer {
			ways += ",4"
		}
		r.info("+CHLD: (%s)", ways)
		return nil
	}
	args := splitArgs(c.args).text(0)
	if c.op != opSet || args == "" || len(args) > 2 {
		return cmeError(50)
	}
	var one *voiceCall
	if len(args) == 2 {
		i := slices.IndexFunc(m.calls, func(k *voiceCall) bool { return fmt.Sprint(k.index) == args[1:] })
		if i < 0 || args[0] != '1' && args[0] != '2' {
			return cmeError(22)
		}
		one = m.calls[i]
	}
	if r.noHangUp {
		return nil
	}
	active, held, waiting := m.callsIn(callActive), m.callsIn(callHeld), m.callsIn(callWaiting)
	switch {
	case args == "0" && len(waiting) > 0:
		m.endCall(waiting[0])
	case args == "0" && len(held) > 0:
		for _, k := range held {
			m.endCall(k)
		}
	case args == "1" && len(active)+len(held)+len(waiting) > 0:
		m.retrieve(append(waiting, held...))
		for _, k := range active {
			m.endCall(k)
		}
	case one != nil && args[0] == '1':
		m.endCall(one)
	case args == "2" && len(active)+len(held) > 0:
		for _, k := range active {
			k.state = callHeld
		}
		m.retrieve(append(waiting, held...))
	case one != nil && args[0] == '2' && one.state == callActive:
		for _, k := range active {
			if k.joined = k != one && len(active) > 2; k != one {
				k.state = callHeld
			}
		}
	case args == "4" && m.p.Transfer && len(active) == 1 && len(held) == 1:
		m.handOver(held[0], active[0])
	case args == "3" && len(active) > 0 && len(held) > 0:
		for _, k := range append(active, held...) {
			k.state, k.joined = callActive, true
		}
	default:
		return cmeError(3)
	}
	return nil
}

// retrieve makes the first of the calls active; with one of several that were
// joined come all of these. The lock is held.
func (m *Modem) retrieve(next []*voiceCall) {
	for i, k := range next {
		if i == 0 || k.joined && next[0].joined {
			m.connect(k)
		}
	}
}

// waitingCalls is AT+CCWA. 3GPP TS 27.007 §7.12.
func waitingCalls(r *run, c call) error {
	m := r.m
	switch c.op {
	case opRead:
		r.info("+CCWA: %d", m.set.ccwa)
		return nil
	case opTest:
		r.info("+CCWA: (0,1)")
		return nil
	}
	a := splitArgs(c.args)
	n, ok := a.number(0, m.set.ccwa)
	mode, ok2 := a.number(1, -1)
	if !ok || !ok2 || n < 0 || n > 1 || mode < -1 || mode > 2 {
		return cmeError(50)
	}
	m.set.ccwa = n
	switch mode {
	case 0, 1:
		m.set.callWaiting = mode == 1
	case 2:
		r.info("+CCWA: %d,1", bit(m.set.callWaiting))
	}
	return nil
}

func currentCalls(r *run, c call) error {
	if c.op != opExec {
		return nil
	}
	for _, k := range r.m.calls {
		line := fmt.Sprintf("+CLCC: %d,%d,%d,0,%d", k.index, bit(!k.outgoing), k.state, bit(k.joined))
		if !k.Withheld && !k.Unlisted {
			line += fmt.Sprintf(`,"%s",%d`, k.number, typeOfAddress(strings.HasPrefix(k.number, "+")))
		}
		r.info("%s", line)
	}
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
	case r.m.callIn(callActive) == nil:
		return cmeError(3)
	}
	r.m.pressed += key
	return nil
}
