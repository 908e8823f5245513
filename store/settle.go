package store

import (
	"context"
	"fmt"
	"time"
)

// Outcome is how an attempt ended.
type Outcome struct {
	ID        MessageID
	Seq       int
	At        time.Time
	State     State // Sent, Error, Unknown, or Waiting when nothing was sent and it is to be tried again
	Reference int   // TP-MR when Sent, -1 when the network gave none
	SIM       string
	Failure   *Failure  // why it is not Sent
	RetryAt   time.Time // when Waiting: not before
}

// Settle ends an attempt. While parts wait after Sent or Unknown, the attempt of the next part is opened and the message stays Sending. After Waiting
// the message is in the queue again, after Error it is in Error and its other parts are Canceled. With the last part the message becomes Sent,
// Unknown when the fate of any part is, or what status reports that came early make of it.
//
// For a part that is Unknown already, Sent and Waiting are later evidence: that the network took it, or that nothing was sent.
func (s *Store) Settle(ctx context.Context, o Outcome) (Message, error) {
	m, err := s.change(ctx, o.ID, func(t *tx, m *record) error { return t.settle(m, o) })
	if err == nil {
		s.metrics.settled.WithLabelValues(o.State.String()).Inc()
	}
	return m, err
}

func (t *tx) settle(m *record, o Outcome) error {
	p := m.part(o.Seq)
	late := p != nil && p.attempt() == nil && p.State == Unknown && (o.State == Sent || o.State == Waiting)
	if p == nil || p.attempt() == nil && !late {
		return fmt.Errorf("part %d: %w", o.Seq, ErrAttempt)
	}
	if o.SIM != "" {
		p.SIM = o.SIM
		if a := p.attempt(); a != nil {
			a.SIM = o.SIM
		}
	}
	began := o.At
	if n := len(p.Attempts); n > 0 {
		began = p.Attempts[n-1].StartedAt
	}
	p.end(o.At, o.Failure)
	switch o.State {
	case Sent:
		p.State, p.SentAt, p.Reference = Sent, o.At, -1
		if o.Reference >= 0 && o.Reference <= 255 {
			p.Reference, p.AwaitUntil = o.Reference, o.At.Add(t.s.options.ReportWindow)
			if err := t.early(m.Message, p, began, o.At); err != nil {
				return err
			}
		}
	case Unknown:
		p.State, m.Failure = Unknown, o.Failure
	case Waiting:
		p.State, m.Failure, m.NotBefore = Waiting, o.Failure, o.RetryAt
	case Error:
		p.State, m.Failure = Error, o.Failure
		m.drop(Canceled)
	default:
		return fmt.Errorf("%w: an attempt cannot end as %s", ErrInvalid, o.State)
	}
	if late {
		return t.review(m, o, p)
	}
	return t.proceed(m, o, p)
}

// proceed moves the message on after an attempt for one of its parts ended.
func (t *tx) proceed(m *record, o Outcome, p *Part) error {
	if o.State == Sent || o.State == Unknown {
		if next := m.next(); next != nil {
			next.open(p.Trunk, p.SIM, o.At)
			return t.finishPart(m, o.At, p, o.Failure)
		}
	}
	to := o.State
	if to != Waiting && to != Error {
		to = m.outcome()
	}
	return t.enter(m, to, o.At, p)
}

// review does the same after evidence about a part that was Unknown: it matters to the message when that is Unknown too.
func (t *tx) review(m *record, o Outcome, p *Part) error {
	to := m.outcome()
	if o.State == Waiting {
		to = Waiting
	}
	if m.State != Unknown || to == Unknown {
		return t.finishPart(m, o.At, p, o.Failure)
	}
	return t.enter(m, to, o.At, p)
}

// enter gives a message its next state because of a part.
func (t *tx) enter(m *record, to State, at time.Time, p *Part) error {
	if err := m.become(to); err != nil {
		return err
	}
	m.stamp(at)
	if to == Waiting && m.lane() == "" {
		m.Trunk = ""
	}
	return t.finish(m, at, p)
}

// finishPart saves a message of which only a part changed.
func (t *tx) finishPart(m *record, at time.Time, p *Part, failure *Failure) error {
	if err := t.save(m); err != nil {
		return err
	}
	return t.changedPart(m.Message, at, p, failure)
}

// outcome returns the state that follows from the states of the parts once none of them waits or is being sent.
func (m *Message) outcome() State {
	delivered := true
	to := Sent
	for i := range m.Parts {
		switch m.Parts[i].State {
		case Error:
			return Error
		case Unknown:
			to, delivered = Unknown, false
		case Delivered:
		default:
			delivered = false
		}
	}
	if delivered {
		return Delivered
	}
	return to
}

// stamp sets the times that go with the state.
func (m *Message) stamp(at time.Time) {
	switch m.State {
	case Sent, Delivered:
		if m.SentAt.IsZero() {
			m.SentAt = at
		}
		m.Failure = nil
	}
	if m.State == Delivered {
		for i := range m.Parts {
			if d := m.Parts[i].DeliveredAt; d.After(m.DeliveredAt) {
				m.DeliveredAt = d
			}
		}
	}
}
