package modem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Transferred is how a call was passed on.
type Transferred string

// The ways of passing a call on. 3GPP TS 22.030 §6.5.5.1.
const (
	// TransferHanded: the network connects both sides, and the modem is free. It needs the service ECT of the network, 3GPP TS 22.091.
	TransferHanded Transferred = "handed"
	// TransferJoined: both sides and the modem are in one conversation, which lasts until a call is ended here or both others have.
	TransferJoined Transferred = "joined"
)

// ErrNoTransfer means that the modem can neither hand a call over nor join two.
var ErrNoTransfer = errors.New("the modem cannot transfer calls")

// ErrNotAnswered means that the number that a call was to be passed on to did not answer in its time.
var ErrNotAnswered = errors.New("the other number did not answer")

// transferLook is the time between two looks at how the calls stand.
const transferLook = 200 * time.Millisecond

// AnswerCall is Answer for one call. ErrNoCall when it does not ring or wait any more.
func (m *Modem) AnswerCall(ctx context.Context, id uint64) error {
	return m.queue(ctx, m.urgent, func(s *session) error {
		c := s.m.calls.byID(id)
		if c != nil && c.State != CallIncoming && c.State != CallWaiting {
			c = nil
		}
		return s.answer(c)
	})
}

// EndCall ends one call: one that rings or waits is refused. ErrNoCall when it is not there any more.
func (m *Modem) EndCall(ctx context.Context, id uint64) error {
	return m.queue(ctx, m.urgent, func(s *session) error {
		c := s.m.calls.byID(id)
		if c == nil {
			return ErrNoCall
		}
		cause := CauseLocal
		if c.State == CallIncoming || c.State == CallWaiting {
			cause = CauseRejected
		}
		return s.endCall(c, cause)
	})
}

// Transfer passes a call that rings or is active on to a number: it is answered and held, the number is called, and when that answers within wait, the
// network is asked to connect both. second is the call to the number. What the modem cannot do at all (ErrNoTransfer) is found out before the call is
// answered. After any other error the first call may be there, held or active, and the second has been ended.
func (m *Modem) Transfer(ctx context.Context, id uint64, number string, wait time.Duration) (how Transferred, second uint64, err error) {
	if err := checkDialled(number); err != nil {
		return "", 0, err
	}
	var ways []string
	var state CallState
	err = m.queue(ctx, m.urgent, func(s *session) error {
		c := s.m.calls.byID(id)
		switch {
		case c == nil:
			return ErrNoCall
		case s.m.calls.count() > 1:
			return ErrCallBusy
		}
		state = c.State
		ways, err = s.holdWays()
		return err
	})
	if err != nil {
		return "", 0, err
	}
	if !slices.Contains(ways, "4") && !slices.Contains(ways, "3") {
		return "", 0, ErrNoTransfer
	}
	if state == CallIncoming {
		if err := m.AnswerCall(ctx, id); err != nil {
			return "", 0, err
		}
	}
	if err := m.untilCall(ctx, id, answerLimit, CallActive); err != nil {
		return "", 0, fmt.Errorf("answer: %w", err)
	}
	err = m.queue(ctx, m.urgent, func(s *session) (err error) {
		second, err = s.dial(number)
		return err
	})
	if err == nil {
		err = m.untilCall(ctx, second, wait, CallActive)
	}
	if err == nil {
		how, err = m.join(ctx, id, second, ways)
	}
	if err != nil {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangUpLimit)
		defer cancel()
		if e := m.EndCall(cleanup, second); e != nil && !errors.Is(e, ErrNoCall) {
			err = errors.Join(err, e)
		}
		return "", second, fmt.Errorf("transfer: %w", err)
	}
	return how, second, nil
}

// join connects two calls with the first of the ways that works.
func (m *Modem) join(ctx context.Context, first, second uint64, ways []string) (how Transferred, err error) {
	err = m.queue(ctx, m.urgent, func(s *session) (err error) {
		a, b := s.m.calls.byID(first), s.m.calls.byID(second)
		if a == nil || b == nil {
			return ErrNoCall
		}
		if slices.Contains(ways, "4") {
			if _, err = s.run(&exchange{text: "+CHLD=4", limit: answerLimit}); err == nil {
				a.Cause, b.Cause, how = CauseHanded, CauseHanded, TransferHanded
				return s.listCalls()
			}
			if fatal(err) {
				return err
			}
		}
		if slices.Contains(ways, "3") {
			if _, err = s.run(&exchange{text: "+CHLD=3", limit: answerLimit}); err == nil {
				how = TransferJoined
				return s.listCalls()
			}
		}
		return err
	})
	return how, err
}

// holdWays returns what AT+CHLD can do, e.g. 0, 1, 1x; none when the modem does not know the command. 3GPP TS 27.007 §7.13.
func (s *session) holdWays() ([]string, error) {
	answer, err := s.ask("+CHLD=?")
	if err != nil {
		if fatal(err) {
			return nil, err
		}
		return nil, nil
	}
	var ways []string
	for _, line := range answer {
		ways = append(ways, strings.Split(strings.Trim(valueOf(line), "() "), ",")...)
	}
	for i := range ways {
		ways[i] = strings.TrimSpace(ways[i])
	}
	return ways, nil
}

// untilCall waits until a call is in a state. ErrNoCall when it ends before, ErrNotAnswered when it takes too long.
func (m *Modem) untilCall(ctx context.Context, id uint64, limit time.Duration, state CallState) error {
	over := time.NewTimer(limit)
	defer over.Stop()
	tick := time.NewTicker(transferLook)
	defer tick.Stop()
	for {
		calls := m.Status().Calls
		at := slices.IndexFunc(calls, func(c Call) bool { return c.ID == id })
		switch {
		case at < 0:
			return ErrNoCall
		case calls[at].State == state:
			return nil
		}
		select {
		case <-tick.C:
		case <-over.C:
			return ErrNotAnswered
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// byID returns a call, nil when it is not there any more.
func (b *switchboard) byID(id uint64) *trackedCall {
	for _, c := range b.calls {
		if c.ID == id {
			return c
		}
	}
	return nil
}
