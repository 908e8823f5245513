package modem

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// CallState is where a call stands.
type CallState string

// The states of a call.
const (
	CallIncoming  CallState = "incoming"  // it rings here
	CallWaiting   CallState = "waiting"   // it comes in while another one is there
	CallAnswering CallState = "answering" // Answer was called, the network has not confirmed
	CallDialling  CallState = "dialling"  // Dial was called, the other side does not ring yet
	CallAlerting  CallState = "alerting"  // the other side rings
	CallActive    CallState = "active"
	CallHeld      CallState = "held"
	CallEnding    CallState = "ending" // it was hung up, the network has not confirmed
	CallEnded     CallState = "ended"
)

// Caller tells what is known of the other side of an incoming call.
type Caller string

// What can be known of a caller.
const (
	CallerUnknown  Caller = "unknown"  // not told, or not yet
	CallerKnown    Caller = "known"    // Call.Number is it
	CallerWithheld Caller = "withheld" // does not want to be known
)

// A Call is one call, past or present. The zero value is none.
type Call struct {
	ID       uint64 // counts up within one Modem, from 1
	Outgoing bool
	State    CallState
	Caller   Caller // of incoming calls; CallerKnown for outgoing ones
	Number   string // of the other side: digits, perhaps with * and #, + in front when it is international; "" when unknown
	Rings    int    // RING lines so far

	Began    time.Time // first sign of it
	Answered time.Time // when it became active; zero when it never did
	Ended    time.Time // zero while it is there
	Cause    string    // why it ended, one of the causes
	Source   string    // what told the end: "list", "indication", "silence", "request", "session"
}

// What happened to a call, Event.Code.
const (
	CallCodeIncoming = "incoming" // it rings, and as much is known of the caller as will be soon
	CallCodeDialled  = "dialled"  // it was placed from here
	CallCodeAnswered = "answered" // it became active
	CallCodeMissed   = "missed"   // it rang and was neither answered nor rejected
	CallCodeEnded    = "ended"    // every other end
)

// callOutcomes are the label values of the calls metric.
var callOutcomes = []string{"answered", "missed", "rejected", "failed"}

var (
	// ErrNoCall means that there is no call that the request fits.
	ErrNoCall = errors.New("there is no such call")
	// ErrCallBusy means that another call is in the way.
	ErrCallBusy = errors.New("another call is there already")
)

const (
	answerLimit = 20 * time.Second // for ATA
	dialLimit   = 60 * time.Second // for ATD: some makes answer it only when the call stands
	hangUpLimit = 20 * time.Second
)

// Answer takes the call that rings, or the one that waits: the active one is then held. It returns when the modem has taken the request;
// EventCall tells when the call stands. ErrNoCall when nothing rings or waits.
func (m *Modem) Answer(ctx context.Context) error {
	return m.queue(ctx, m.urgent, func(s *session) error {
		return s.answer(s.m.calls.find(CallIncoming, CallWaiting))
	})
}

// answer takes a call that rings or waits.
func (s *session) answer(c *trackedCall) error {
	if c == nil {
		return ErrNoCall
	}
	before, text := c.State, "A"
	if before == CallWaiting {
		text = "+CHLD=2"
	}
	s.m.calls.move(c, CallAnswering)
	_, err := s.run(&exchange{text: text, limit: answerLimit})
	if ce, ok := errors.AsType[*CommandError](err); ok {
		// The caller may have given up in this moment: the list tells.
		s.m.calls.move(c, before)
		err = fmt.Errorf("answer: %w", ce)
	}
	return errors.Join(err, s.listCalls())
}

// Reject refuses the call that rings or waits; the caller hears busy. ErrNoCall when there is none.
func (m *Modem) Reject(ctx context.Context) error {
	return m.queue(ctx, m.urgent, func(s *session) error {
		c := s.m.calls.find(CallIncoming, CallWaiting)
		if c == nil {
			return ErrNoCall
		}
		return s.endCall(c, CauseRejected)
	})
}

// HangUp ends the call that is there, whatever its state but waiting: the active one before others, one that is held at last. ErrNoCall when
// there is none.
func (m *Modem) HangUp(ctx context.Context) error {
	return m.queue(ctx, m.urgent, func(s *session) error {
		c := s.m.calls.find(CallActive, CallDialling, CallAlerting, CallAnswering, CallIncoming, CallEnding, CallHeld)
		if c == nil {
			return ErrNoCall
		}
		cause := CauseLocal
		if c.State == CallIncoming {
			cause = CauseRejected
		}
		return s.endCall(c, cause)
	})
}

// Swap holds the active call and takes back the one that is held; with one call it does what there is to do of that. ErrNoCall when
// there is none, ErrCallBusy when another one waits: Answer or Reject decide about it first.
func (m *Modem) Swap(ctx context.Context) error {
	return m.queue(ctx, m.urgent, func(s *session) error {
		switch {
		case s.m.calls.find(CallActive, CallHeld) == nil:
			return ErrNoCall
		case s.m.calls.find(CallWaiting) != nil:
			return ErrCallBusy
		}
		_, err := s.run(&exchange{text: "+CHLD=2", limit: answerLimit})
		return errors.Join(err, s.listCalls())
	})
}

// Dial places a voice call and returns its ID as soon as the modem took the request; notices tell how it goes on. number is digits, * and #,
// perhaps with + in front. ErrCallBusy when a call is there.
func (m *Modem) Dial(ctx context.Context, number string) (id uint64, err error) {
	if err := checkDialled(number); err != nil {
		return 0, err
	}
	err = m.do(ctx, func(s *session) (err error) {
		if s.m.calls.count() > 0 {
			return ErrCallBusy
		}
		id, err = s.dial(number)
		return err
	})
	return id, err
}

func checkDialled(number string) error {
	if d := strings.TrimPrefix(number, "+"); d == "" || len(d) > 20 || strings.Trim(d, "0123456789*#") != "" {
		return fmt.Errorf("%w: a number has 1 to 20 digits, * or #, perhaps with + in front", ErrInvalid)
	}
	return nil
}

// dial places a call, whatever others there are.
func (s *session) dial(number string) (id uint64, err error) {
	c := s.m.calls.add(&trackedCall{Call: Call{Outgoing: true, State: CallDialling, Caller: CallerKnown, Number: number}})
	s.m.tellCall(CallCodeDialled, c)
	_, err = s.run(&exchange{text: "D" + number + ";", shown: "D…;", limit: dialLimit})
	if ce, ok := errors.AsType[*CommandError](err); ok {
		cause := CauseFailed
		for _, row := range callRows {
			if row.cause != "" && row.word == strings.ToUpper(ce.Result) {
				cause = row.cause
			}
		}
		if cause == CauseRemote {
			cause = CauseFailed
		}
		s.endedCall(c, cause, "request")
		return c.ID, fmt.Errorf("dial: %w", err)
	}
	return c.ID, errors.Join(err, s.listCalls())
}

// SendDTMF presses keys, 1 to 32 of 0-9, *, #, A-D, in the active call. ErrNoCall when none is active.
func (m *Modem) SendDTMF(ctx context.Context, digits string) error {
	digits = strings.ToUpper(digits)
	if digits == "" || len(digits) > 32 || strings.Trim(digits, keys) != "" {
		return fmt.Errorf("%w: keys are 1 to 32 of 0-9, *, #, A-D", ErrInvalid)
	}
	return m.queue(ctx, m.urgent, func(s *session) error {
		c := s.m.calls.find(CallActive)
		if c == nil {
			return ErrNoCall
		}
		for i := range len(digits) {
			if err := s.press(c, digits[i]); err != nil {
				return fmt.Errorf("key %d of %d: %w", i+1, len(digits), err)
			}
		}
		return nil
	})
}

// press sends one key in the form that the modem takes.
func (s *session) press(c *trackedCall, key byte) (err error) {
	forms := []string{fmt.Sprintf("+VTS=%c", key), fmt.Sprintf(`+VTS="%c"`, key)}
	if s.vendor.name == "huawei" {
		forms = append([]string{fmt.Sprintf("^DTMF=%d,%c", max(c.index, 1), key)}, forms...)
	}
	for _, form := range forms {
		if _, err = s.ask(form); err == nil || fatal(err) {
			return err
		}
	}
	return err
}

// endCall ends a call with the first command that the modem takes.
func (s *session) endCall(c *trackedCall, cause string) (err error) {
	c.Cause = cause
	if c.State != CallEnding {
		c.endings = c.waysToEnd()
	}
	s.m.calls.move(c, CallEnding)
	for _, text := range c.endings {
		if _, err = s.run(&exchange{text: text, limit: hangUpLimit}); err == nil || fatal(err) {
			break
		}
	}
	return errors.Join(err, s.listCalls())
}

// waysToEnd are the commands that end a call in its state. AT+CHUP leaves alone what waits and what is held. 3GPP TS 27.007 §6.5, §7.13.
func (c *trackedCall) waysToEnd() []string {
	switch {
	case c.State == CallWaiting:
		return []string{"+CHLD=0"}
	case c.State == CallHeld && c.index > 0:
		return []string{fmt.Sprintf("+CHLD=1%d", c.index), "+CHLD=0"}
	case c.State == CallHeld:
		return []string{"+CHLD=0"}
	}
	return []string{"+CHUP", "H"}
}
