package store

import (
	"cmp"
	"time"
)

// recordMessage writes the record of a message, when messages are recorded at all and it is one that came in, or that nothing more is done about by itself. A later change
// writes it anew: the record has the id of the message.
func (t *tx) recordMessage(m *Message, at time.Time) error {
	if !t.s.options.MessageCDRs || m.State != Sent && m.State != Unknown && !m.State.Final() {
		return nil
	}
	c := CDR{ID: CDRID(m.ID), Kind: CDRMessage, Direction: m.Direction, Provider: m.Tenant(), Trunk: cmp.Or(m.Trunk, m.Pin), StartedAt: m.CreatedAt, EndedAt: at, Outcome: m.State.String(),
		Account: m.Account, Message: m.ID, Number: m.To, Line: m.From}
	c.Note(m.CreatedAt, "accepted", "")
	if m.Direction == In {
		c.Number, c.Line = m.From, m.To
		c.StartedAt, c.EndedAt = m.ReceivedAt, m.ReceivedAt
		c.Events = nil
		c.Note(m.ReceivedAt, "received", "")
	}
	if !m.SentAt.IsZero() {
		c.Note(m.SentAt, "sent", "")
	}
	if m.Failure != nil {
		c.Cause = m.Failure.Code
	}
	if m.State != Sent && m.State != Received {
		c.Note(at, m.State.String(), c.Cause)
	}
	if r := m.Routing; r != nil {
		c.Decision = &CallDecision{Action: r.Action, Plan: r.Plan, Version: r.Version, Rule: r.Rule, Label: r.Label, Draw: -1}
	}
	if v := m.Verdict; v != nil {
		c.Screening = []string{v.Code}
	}
	s, err := subscriberOf(t, c.Number)
	if _, bad := damaged(err); err != nil && !bad {
		return err
	}
	if s != nil && s.Provider == c.Provider {
		c.Subscriber = s.Name
	}
	return t.putCDR(&c)
}
