package modem

import (
	"context"
	"errors"
	"time"
)

// refused notes that a message was not taken, so that the session looks after the cause before it takes further requests. The sender has
// its answer before that.
func (s *session) refused(err error) {
	ce, ok := errors.AsType[*CommandError](err)
	if !ok {
		return
	}
	switch {
	case ce.CMS == 322: // memory full
		s.m.put(Notice{Kind: NoticeStored, Length: -1, Index: -1})
	case ce.CMS == 302 || ce.CME == 3: // not allowed: perhaps it is not in the state that it was set to
		s.mend = func(context.Context) error { return s.remindOfSettings() }
	case ce.CMS == 330: // no service centre
		s.mend = s.serviceCentre
	case unserved(ce):
		s.refusals++
		s.mend = s.unserved
	}
}

// unserved tells the errors of a modem that is registered where it gets no service: requested facility not implemented, no network
// service, time-out of the network, unknown.
func unserved(ce *CommandError) bool {
	switch ce.CMS {
	case 69, 331, 332, 500:
		return true
	}
	return ce.CME == 30
}

// unserved helps against refusals in a row: after the second another way is tried, after every third the radio is switched off and
// on, but not under a call.
func (s *session) unserved(context.Context) error {
	if s.refusals == 2 {
		_, err := s.otherService(errRefused)
		return err
	}
	if s.refusals%3 == 0 && s.m.calls.count() == 0 && s.m.ladder.allow(stepRadio, time.Now()) {
		s.m.recover(stepRadio, errRefused)
		s.cycleRadio()
	}
	return nil
}

// remindOfSettings sets what messages depend on again.
func (s *session) remindOfSettings() error {
	if err := s.soft("+CMGF=0"); err != nil {
		return err
	}
	_, err := s.checkRouting()
	return err
}
