package store

import (
	"context"
	"fmt"
	"slices"
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
	Evidence  string    // how it is known when it is not the answer in time: one of the Evidence constants
}

// Settle ends an attempt. While parts wait after Sent or Unknown, the attempt of the next part is opened and the message stays Sending. After Waiting
// the message is in the queue again, after Error it is in Error and its other parts are Canceled. When another part failed meanwhile, as by a report
// or because somebody said so, nothing more is opened or tried again, and the message is in Error. With the last part the message becomes Sent,
// Unknown when the fate of any part is, or what status reports that came early make of it. Unknown begins the time in which evidence is awaited
// (Options.UnknownAfter): until it ends the part stays Sending with an attempt that is Unclear, and so does the message.
//
// For a part that is Unclear or Unknown already, Sent and Waiting are later evidence: that the network took it, or that nothing was sent.
func (s *Store) Settle(ctx context.Context, o Outcome) (Message, error) {
	m, err := s.change(ctx, o.ID, func(t *tx, m *record) error { return t.settle(m, o) })
	if err == nil {
		s.metrics.settled.WithLabelValues(o.State.String()).Inc()
	}
	return m, err
}

func (t *tx) settle(m *record, o Outcome) error {
	p := m.part(o.Seq)
	if p == nil {
		return fmt.Errorf("part %d: %w", o.Seq, ErrAttempt)
	}
	late := (p.unclear() || p.attempt() == nil && p.State == Unknown) && (o.State == Sent || o.State == Waiting)
	if a := p.attempt(); !late && (a == nil || a.Phase == Unclear) {
		return fmt.Errorf("part %d: %w", o.Seq, ErrAttempt)
	}
	if o.SIM != "" {
		p.SIM = o.SIM
		if a := p.attempt(); a != nil {
			a.SIM = o.SIM
		}
	}
	began := p.last().StartedAt
	if o.State == Waiting && (late || p.last().Phase == Claimed) { // nothing was sent
		if err := t.uncount(m.Message, p.last()); err != nil {
			return err
		}
	}
	if o.State != Unknown {
		p.end(o.At, o.Failure)
		p.last().Until = time.Time{}
		p.Evidence = o.Evidence
	}
	switch o.State {
	case Sent:
		p.State, p.SentAt, p.Reference, p.AwaitUntil = Sent, o.At, -1, time.Time{}
		if late {
			p.SentAt = began
		}
		if o.Reference >= 0 && o.Reference <= 255 {
			p.Reference, p.AwaitUntil = o.Reference, o.At.Add(t.s.options.ReportWindow)
			if err := t.early(m.Message, p, p.Reference, began, o.At); err != nil {
				return err
			}
		}
	case Unknown:
		if err := t.doubt(m, p, o.At, o.Failure); err != nil {
			return err
		}
	case Waiting:
		p.State, p.AwaitUntil = Waiting, time.Time{}
		if m.failed() { // another part failed for good meanwhile: the rest is not tried again
			p.State = Canceled
			break
		}
		m.Failure, m.NotBefore = o.Failure, o.RetryAt
	case Error:
		p.State, m.Failure = Error, o.Failure
	default:
		return fmt.Errorf("%w: an attempt cannot end as %s", ErrInvalid, o.State)
	}
	if late {
		return t.review(m, o.At, p, o.Failure)
	}
	return t.proceed(m, o, p)
}

// proceed moves the message on after an attempt for one of its parts ended.
func (t *tx) proceed(m *record, o Outcome, p *Part) error {
	if o.State == Sent || o.State == Unknown {
		if next := m.next(); next != nil && !m.failed() {
			next.open(p.Trunk, p.SIM, o.At, p.last().OnAmbiguous)
			if err := t.count(m.Message, next.last()); err != nil {
				return err
			}
			return t.finishPart(m, o.At, p, o.Failure)
		}
	}
	to := o.State
	if to != Error && p.State != Waiting {
		to = m.outcome()
	}
	if to == Sending { // evidence about a part is awaited
		return t.finishPart(m, o.At, p, o.Failure)
	}
	return t.enter(m, to, o.At, p)
}

// review moves the message on after something became known about a part that no trunk is at work on.
func (t *tx) review(m *record, at time.Time, p *Part, failure *Failure) error {
	to := m.outcome()
	if p.State == Error && failure != nil && m.State == Sending {
		m.Failure = failure // whatever becomes of the part that a trunk is at work on
	}
	if m.busy() || to == m.State || Transition(m.ID, m.State, to) != nil {
		return t.finishPart(m, at, p, failure)
	}
	if failure != nil {
		m.Failure = failure
	}
	return t.enter(m, to, at, p)
}

// enter gives a message its next state because of a part. Of a message in Error nothing is sent any more.
func (t *tx) enter(m *record, to State, at time.Time, p *Part) error {
	if err := m.become(to); err != nil {
		return err
	}
	if to == Error {
		m.drop(Canceled)
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

// failed tells whether a part is in Error: the message cannot be delivered any more, whatever becomes of the others.
func (m *Message) failed() bool {
	return slices.ContainsFunc(m.Parts, func(p Part) bool { return p.State == Error })
}

// outcome returns the state that follows from the states of the parts once no trunk is at work on them.
func (m *Message) outcome() State {
	to := Delivered
	rank := func(s State) int { return slices.Index(ranking, s) }
	for i := range m.Parts {
		if s := m.Parts[i].State; rank(s) > rank(to) {
			to = s
		}
	}
	return to
}

// ranking orders the states of parts by what they make of the message: the last one counts.
var ranking = []State{Delivered, Sent, Unknown, Waiting, Sending, Error}

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
