package router

import (
	"context"
	"errors"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// What was refused is kept beside what was sent, so that the log tells what somebody tried, and why nothing came of it. The caller gets an error all the same.

// refusal is a recipient that a submission names and nothing is sent to.
type refusal struct {
	FieldError
	to phone.Number
}

// maxRefused is how many refused messages of one account are kept in an hour: who is refused has no quota that would bound him.
const maxRefused = 1000

// keeps counts one more refused message of an account and tells whether it is kept.
func (r *Router) keeps(account string, now time.Time) bool {
	return r.refusals.allow(nil, guardKey(guardRefused, account), maxRefused, time.Hour, now)
}

// refusedSkipped are the contacts of a group that were left out, as refusals.
func refusedSkipped(skipped []Skipped) []refusal {
	all := make([]refusal, len(skipped))
	for i, s := range skipped {
		all[i] = refusal{FieldError{Code: s.Code, Message: s.Text}, s.To}
	}
	return all
}

// refusedMessages makes the messages that are kept of refusals, each number once. There are none when the text is one that could not be sent to anybody.
func (r *Router) refusedMessages(s *Submission, refused []refusal, now time.Time) (all []store.Message) {
	if len(refused) == 0 {
		return nil
	}
	parts := r.parts(s.Text, func(_, _, _ string, _ ...any) {})
	seen := map[phone.Number]bool{}
	for _, one := range refused {
		if parts == 0 || seen[one.to] || !r.keeps(s.Account, now) {
			continue
		}
		seen[one.to] = true
		m := store.Message{ID: store.NewMessageID(), Direction: store.Out, To: one.to, Text: s.Text, Account: s.Account, Provider: s.Provider, Class: s.Class,
			Priority: usualPriority, Flash: s.Flash, CreatedAt: now, Parts: make([]store.Part, parts)}
		if len(s.Tag) <= maxTag {
			m.Tag = s.Tag
		}
		for p := range m.Parts {
			m.Parts[p] = store.Part{Seq: p + 1, Reference: -1, Status: -1}
		}
		all = append(all, refuse(m, one.Code, one.Message))
	}
	return all
}

// refusedByQuota makes the messages that are kept of those that a quota has no room for.
func (r *Router) refusedByQuota(messages []store.Message, quota *store.QuotaError) (all []store.Message) {
	for _, m := range messages {
		if m.State == store.Waiting && r.keeps(m.Account, m.CreatedAt) {
			all = append(all, refuse(m, store.CodeQuota, quota.Error()))
		}
	}
	return all
}

// refuse returns a message that was not stored yet as one that is never sent.
func refuse(m store.Message, code, text string) store.Message {
	m.State, m.Prefer, m.Routing, m.Charge = store.Error, "", nil, nil
	m.Refuse(code, text)
	for p := range m.Parts {
		m.Parts[p].State = store.Canceled
	}
	return m
}

// keep stores refused messages. The request is answered with why they were refused, whether that succeeds or not.
func (r *Router) keep(ctx context.Context, refused []store.Message) {
	if len(refused) > 0 {
		_, err := r.store.Accept(context.WithoutCancel(ctx), store.Acceptance{Refused: refused})
		r.kept(len(refused), err)
	}
}

// kept tells when refused messages could not be stored.
func (r *Router) kept(messages int, err error) {
	if err != nil && !errors.Is(err, store.ErrStopped) {
		r.log.Warn("messages that were refused are not in the log", "messages", messages, "err", err)
	}
}
