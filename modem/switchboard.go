package modem

import (
	"slices"
	"time"
)

// Times of a call's life.
const (
	callPoll    = 2 * time.Second         // between two looks at the list while a call is there
	callerWait  = 1500 * time.Millisecond // for the caller's number before the call is told
	causeWait   = 300 * time.Millisecond  // for the reason of an end
	ringGap     = 10 * time.Second        // without RING: the caller gave up, where no list tells
	endingLimit = 8 * time.Second         // after which a call is hung up once more, and then the radio cycled
	emptyLists  = 2                       // lists without a call that end it
)

// callLimits are how long a call may stay in a state without a sign of life. Active and held calls last.
var callLimits = map[CallState]time.Duration{
	CallIncoming: 90 * time.Second, CallWaiting: 180 * time.Second, CallAnswering: 10 * time.Second, CallDialling: 90 * time.Second,
	CallAlerting: 180 * time.Second, CallEnding: endingLimit,
}

// trackedCall is a call with what its supervision needs.
type trackedCall struct {
	Call
	index    int       // <id> of +CLCC, 0 when it was not listed yet
	sign     time.Time // RING, or change of state: what the limits count from
	told     bool      // CallCodeIncoming is out
	missing  int       // lists in a row that lacked it
	hungUp   int       // times it was hung up again
	ringing  time.Time // last RING, to count one that is printed twice only once
	endCause string    // what an indication said about its end
	endings  []string  // commands that end it, in state CallEnding
}

// switchboard keeps the calls of a modem. Only the owner of the dialogue changes it; the status is for everybody.
type switchboard struct {
	calls []*trackedCall
	last  uint64 // ID
}

func newSwitchboard() *switchboard { return &switchboard{} }

func (b *switchboard) count() int { return len(b.calls) }

// find returns the first call in one of the states, in their order; nil when there is none.
func (b *switchboard) find(states ...CallState) *trackedCall {
	for _, state := range states {
		for _, c := range b.calls {
			if c.State == state {
				return c
			}
		}
	}
	return nil
}

func (b *switchboard) add(c *trackedCall) *trackedCall {
	b.last++
	c.ID, c.Began, c.sign = b.last, time.Now(), time.Now()
	b.calls = append(b.calls, c)
	return c
}

func (b *switchboard) move(c *trackedCall, state CallState) {
	if c.State != state {
		c.State, c.sign = state, time.Now()
	}
}

// incoming returns the call that rings or waits, a new one when there is none yet.
func (b *switchboard) incoming(state CallState) *trackedCall {
	if c := b.find(state, CallIncoming, CallWaiting); c != nil {
		return c
	}
	return b.add(&trackedCall{Call: Call{State: state, Caller: CallerUnknown}})
}

// identify notes who calls.
func (c *trackedCall) identify(number string, withheld bool) {
	switch {
	case number != "":
		c.Number, c.Caller = number, CallerKnown
	case withheld && c.Caller == CallerUnknown:
		c.Caller = CallerWithheld
	}
}

// callSetup makes modems tell of calls, callers, waiting calls and USSD. 3GPP TS 27.007 §7.6, §7.11, §7.12, §7.15, §6.20.
var callSetup = []string{"+CLIP=1", "+CRC=0", "+CCWA=1", "+CVHU=0", "+CUSD=1"}

// prepareCalls runs what makes the modem tell of calls. Modems without voice refuse it, which is no loss.
func (s *session) prepareCalls() error {
	for _, text := range append(slices.Clone(callSetup), s.vendor.calls...) {
		if err := s.soft(text); err != nil {
			return err
		}
	}
	return s.findCalls()
}

// heard acts on a hint, and looks at the list.
func (s *session) heard(h callHint) error {
	b := s.m.calls
	switch h.kind {
	case hintRing:
		if b.find(CallAnswering, CallEnding) != nil {
			break // the tail of a call that is taken or refused already
		}
		c := b.incoming(CallIncoming)
		if time.Since(c.ringing) >= time.Second {
			c.Rings++
			c.ringing, c.sign = time.Now(), time.Now()
		}
	case hintCaller:
		if c := b.find(CallIncoming, CallWaiting); c != nil {
			c.identify(h.number, h.withheld)
		}
	case hintWaiting:
		if b.count() > 0 {
			b.incoming(CallWaiting).identify(h.number, h.withheld)
		}
	case hintEnd:
		for _, c := range b.calls {
			// With several calls the list must tell which one it was.
			if len(b.calls) == 1 {
				c.endCause, c.missing = h.cause, max(c.missing, emptyLists-1)
			}
		}
	case hintDigit:
		if c := b.find(CallActive); c != nil {
			s.m.tell(Event{Kind: EventDigit, Text: string(h.digit), Call: c.Call})
		}
		return nil
	}
	switch {
	case h.kind != hintEnd || len(b.calls) != 1:
	case s.noList():
		s.endedCall(b.calls[0], "", "indication")
	case h.cause == "":
		// A make's own line: the one of the standards, which tells why, follows it.
		s.pollIn(causeWait)
		return nil
	}
	return s.listCalls()
}

// callTime fires when the calls want to be looked after; never without calls.
func (s *session) callTime() <-chan time.Time {
	if s.m.calls.count() == 0 {
		if s.timer != nil {
			s.timer.Stop()
			s.timer = nil
		}
		return nil
	}
	if s.timer == nil {
		s.timer = time.NewTimer(callPoll)
	}
	return s.timer.C
}

// pollIn sets when the calls are looked after next.
func (s *session) pollIn(d time.Duration) {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = time.NewTimer(d)
}

// lookAfterCalls reads the list and sees to the deadlines.
func (s *session) lookAfterCalls() error {
	s.timer = nil
	if err := s.listCalls(); err != nil {
		return err
	}
	for _, c := range slices.Clone(s.m.calls.calls) {
		if err := s.checkCall(c); err != nil {
			return err
		}
	}
	return nil
}

// checkCall sees to the deadlines of one call.
func (s *session) checkCall(c *trackedCall) error {
	idle := time.Since(c.sign)
	if s.noList() && c.State == CallIncoming && c.Rings > 0 && idle > ringGap {
		s.endedCall(c, CauseRemote, "silence")
		return nil
	}
	limit, limited := callLimits[c.State]
	if !limited || idle <= limit {
		return nil
	}
	switch c.State {
	case CallIncoming, CallWaiting:
		if s.noList() || c.missing > 0 {
			s.endedCall(c, CauseRemote, "silence")
			return nil
		}
		c.Cause = CauseTimeout // the modem lists it although nobody calls
	case CallEnding:
		if c.hungUp++; c.hungUp > 1 {
			// Neither of two requests ended it: only the radio is left.
			if s.m.ladder.allow(stepRadio, time.Now()) {
				s.m.recover(stepRadio, errStuckCall)
				s.cycleRadio()
			}
			s.endedCall(c, c.Cause, "session")
			return nil
		}
	default:
		c.Cause = CauseTimeout
	}
	c.sign = time.Now()
	return s.endCall(c, c.Cause)
}

// listCalls reads the list of calls and makes the calls agree with it. Without calls it is not asked for.
func (s *session) listCalls() error {
	b := s.m.calls
	if b.count() == 0 {
		return nil
	}
	if !s.noList() {
		answer, err := s.ask("+CLCC")
		if fatal(err) {
			return err
		}
		if err == nil {
			s.compare(answer)
		} else if ce := err.(*CommandError); ce.CME != 14 && ce.CME != 515 {
			if s.unlisted++; s.noList() {
				s.m.limiter.warn("clcc", "modem does not list its calls: they are followed by its indications alone", "error", err)
			}
		}
	}
	s.announce()
	s.m.showCalls()
	return nil
}

// noList tells whether the list of calls is not to be had: calls are then followed by indications alone. One that was to be had before is given up
// only after several refusals, and asked for again every minute: a call whose end goes unseen would last for ever.
func (s *session) noList() bool { return s.unlisted > 0 && !s.listWorks || s.unlisted > 4 }

// findCalls looks once for calls that are there when a session begins.
func (s *session) findCalls() error {
	answer, err := s.ask("+CLCC")
	if fatal(err) {
		return err
	}
	if err == nil {
		s.compare(answer)
	}
	return s.listCalls()
}

// announce tells of incoming calls whose caller is known, or was waited for long enough.
func (s *session) announce() {
	wait := callPoll
	for _, c := range s.m.calls.calls {
		if c.told || c.Outgoing || c.State != CallIncoming && c.State != CallWaiting {
			continue
		}
		left := callerWait - time.Since(c.Began)
		if c.Caller == CallerUnknown && left > 0 {
			wait = min(wait, left)
			continue
		}
		c.told = true
		s.m.tellCall(CallCodeIncoming, c)
	}
	if s.m.calls.count() > 0 {
		s.pollIn(wait)
	}
}

// endedCall takes a call off the board and tells how it ended.
func (s *session) endedCall(c *trackedCall, cause, source string) {
	b := s.m.calls
	b.calls = slices.DeleteFunc(b.calls, func(o *trackedCall) bool { return o == c })
	wasRinging := !c.Outgoing && c.Answered.IsZero()
	for _, v := range []string{c.Cause, c.endCause, cause, CauseRemote} {
		if v != "" {
			c.Cause = v
			break
		}
	}
	c.State, c.Ended, c.Source = CallEnded, time.Now(), source
	code, outcome := CallCodeEnded, "answered"
	switch {
	case wasRinging && c.Cause == CauseRejected:
		outcome = "rejected"
	case wasRinging:
		code, outcome = CallCodeMissed, "missed"
		if !c.told {
			c.told = true
			s.m.tellCall(CallCodeIncoming, c)
		}
	case c.Answered.IsZero():
		outcome = "failed"
	}
	s.m.metrics.calls.WithLabelValues(outcome).Inc()
	s.m.tellCall(code, c)
}

// loseCalls ends what cannot be followed any more.
func (s *session) loseCalls() {
	for _, c := range slices.Clone(s.m.calls.calls) {
		s.endedCall(c, CauseLost, "session")
	}
}

// compare makes the calls agree with the list.
func (s *session) compare(answer []string) {
	b := s.m.calls
	s.listWorks, s.unlisted = true, 0
	listed := map[*trackedCall]bool{}
	for _, line := range answer {
		l, voice, ok := parseListed(line)
		if !ok {
			s.g.damaged("clcc", "list of calls is damaged")
		}
		if !voice {
			continue
		}
		c := b.match(l, listed)
		if c == nil {
			c = b.add(&trackedCall{Call: Call{Outgoing: l.outgoing, State: l.state, Caller: CallerUnknown}})
		}
		listed[c] = true
		c.index, c.missing = l.index, 0
		c.identify(l.number, false)
		s.follow(c, l.state)
	}
	for _, c := range slices.Clone(b.calls) {
		if listed[c] {
			continue
		}
		if c.missing++; c.missing >= emptyLists {
			source := "list"
			if c.endCause != "" {
				source = "indication"
			}
			s.endedCall(c, "", source)
		}
	}
}

// match finds the call that a line of the list is about: by its index, else one of the same direction that has none yet. A call that was
// answered does not ring again: then its index was given to another one.
func (b *switchboard) match(l listedCall, taken map[*trackedCall]bool) *trackedCall {
	for _, c := range b.calls {
		if !taken[c] && c.index == l.index && c.Outgoing == l.outgoing && (c.Answered.IsZero() || !l.rings()) {
			return c
		}
	}
	for _, c := range b.calls {
		if !taken[c] && c.index == 0 && c.Outgoing == l.outgoing {
			return c
		}
	}
	return nil
}

// follow moves a call to the state that the list gives. What was asked for stays until the list shows its result.
func (s *session) follow(c *trackedCall, state CallState) {
	switch {
	case c.State == CallEnding:
		return
	case c.State == CallAnswering && (state == CallIncoming || state == CallWaiting):
		return
	}
	s.m.calls.move(c, state)
	if state == CallActive && c.Answered.IsZero() {
		c.Answered = time.Now()
		if !c.Outgoing && !c.told {
			c.told = true
			s.m.tellCall(CallCodeIncoming, c)
		}
		s.m.tellCall(CallCodeAnswered, c)
	}
}

// tellCall tells what happened to a call. Who is told finds the status up to date.
func (m *Modem) tellCall(code string, c *trackedCall) {
	m.showCalls()
	m.log.Info("call", "what", code, "state", c.State, "outgoing", c.Outgoing, "rings", c.Rings, "cause", c.Cause)
	m.tell(Event{Kind: EventCall, Code: code, Call: c.Call})
}

// showCalls puts the calls on the status.
func (m *Modem) showCalls() {
	var now []Call
	for _, c := range m.calls.calls {
		now = append(now, c.Call)
	}
	m.board.update(func(st *Status) { st.Calls = now })
}
