package store

import (
	"context"
	"fmt"
	"time"
)

// What people decide about messages. Each step is an event that names who did it.

// Resend sends the parts again of which nobody knows whether the network has them: their message is Unknown, or evidence is awaited still. They may
// reach the recipient twice. A *TransitionError when there is no such part.
func (s *Store) Resend(ctx context.Context, id MessageID, by string, at time.Time) (Message, error) {
	return s.decide(ctx, id, by, "resend", at, func(t *tx, m *record) error {
		if m.State.Final() {
			return Transition(m.ID, m.State, Waiting)
		}
		parts := m.doubtful()
		if len(parts) == 0 {
			return &TransitionError{ID: m.ID, From: m.State, To: Waiting, Reason: "only what may or may not have been sent can be sent again; submit it anew"}
		}
		for _, p := range parts {
			p.end(at, p.last().Failure)
			p.again()
		}
		m.Failure, m.NotBefore, m.ExpiresAt = &Failure{Code: "resent", Text: "sent again by " + by}, time.Time{}, m.stillValid(at)
		return nil
	})
}

// Resolve says what became of the parts of which nobody knows: Sent, Delivered or Error. Of a message that is Sent it says that it was Delivered, or
// was not (Error). With Error the message ends: parts of it that wait are Canceled, and one that a trunk is sending now is not tried again. A
// *TransitionError when that cannot be.
func (s *Store) Resolve(ctx context.Context, id MessageID, to State, by string, at time.Time) (Message, error) {
	return s.decide(ctx, id, by, "settle", at, func(t *tx, m *record) error {
		if to != Sent && to != Delivered && to != Error {
			return fmt.Errorf("%w: a message cannot be settled as %s", ErrInvalid, to)
		}
		parts := m.doubtful()
		if m.State == Sent && to != Sent {
			for i := range m.Parts {
				if m.Parts[i].State == Sent {
					parts = append(parts, &m.Parts[i])
				}
			}
		}
		if len(parts) == 0 {
			return Transition(m.ID, m.State, to)
		}
		for _, p := range parts {
			p.end(at, p.last().Failure)
			p.last().Until = time.Time{}
			p.State, p.Evidence = to, EvidenceOperator
			if to != Error && p.SentAt.IsZero() {
				p.SentAt = p.last().StartedAt
			}
			switch to {
			case Delivered:
				p.DeliveredAt, p.AwaitUntil = at, time.Time{}
			case Error:
				p.AwaitUntil = time.Time{}
			}
		}
		if to == Error {
			m.Failure = &Failure{Code: "operator", Text: "settled as failed by " + by}
		}
		return nil
	})
}

// Confirm lets a message go that is Held.
func (s *Store) Confirm(ctx context.Context, id MessageID, by string, at time.Time) (Message, error) {
	return s.decide(ctx, id, by, "release", at, confirm)
}

// confirm makes the parts of a message that is Held wait.
func confirm(_ *tx, m *record) error {
	if m.State != Held {
		if m.State == Waiting {
			return Transition(m.ID, m.State, Waiting)
		}
		return &TransitionError{ID: m.ID, From: m.State, To: Waiting, Reason: "only what is held can be released"}
	}
	for i := range m.Parts {
		if m.Parts[i].State == Held {
			m.Parts[i].State = Waiting
		}
	}
	if m.Failure != nil && m.Failure.Code == codeRestored {
		m.Failure = nil
	}
	return nil
}

// doubtful returns the parts of which nobody knows whether the network has them.
func (m *Message) doubtful() (parts []*Part) {
	for i := range m.Parts {
		if p := &m.Parts[i]; p.State == Unknown && p.last() != nil || p.unclear() {
			parts = append(parts, p)
		}
	}
	return parts
}

// stillValid returns when a message expires that somebody sends again: as before, unless that time has passed.
func (m *Message) stillValid(at time.Time) time.Time {
	if m.ExpiresAt.IsZero() || at.Before(m.ExpiresAt) {
		return m.ExpiresAt
	}
	return time.Time{}
}

// decide changes parts of a message as somebody said, moves the message on and writes the event "message."+verb.
func (s *Store) decide(ctx context.Context, id MessageID, by, verb string, at time.Time, fn func(*tx, *record) error) (Message, error) {
	return s.change(ctx, id, func(t *tx, m *record) error { return t.decide(m, by, verb, at, fn) })
}

func (t *tx) decide(m *record, by, verb string, at time.Time, fn func(*tx, *record) error) error {
	if m.Direction != Out {
		return fmt.Errorf("%w: message %s came in", ErrInvalid, m.ID)
	}
	if err := fn(t, m); err != nil {
		return err
	}
	if err := t.event(Event{Type: prefixMessage + verb, At: at, Message: m.ID, Reference: -1, Trunk: m.Trunk, Account: by, Code: verb, Text: "by " + by}); err != nil {
		return err
	}
	to := m.outcome()
	if m.busy() || to == m.State {
		return t.save(m)
	}
	return t.enter(m, to, at, nil)
}
