package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// A quota is checked twice: when messages are accepted, for all that an account has sent or has waiting in the window, and when a trunk claims one,
// since the window may be another by then, or the quota smaller. Parts that were never sent are given back.

// CodeQuota is the code of messages that are refused since a quota has no room for them.
const CodeQuota = "quota_reached"

// assign sets the rows in which messages that are accepted are counted. It reads nothing.
func (s *Store) assign(messages []Message) {
	if s.options.Accounting == nil {
		return
	}
	for i := range messages {
		m := &messages[i]
		if m.State.Final() {
			continue
		}
		if w, ok := s.options.Accounting.Account(m.Account, m.quotaTime()); ok {
			m.Charge = usageKey(subjectAccount+m.Account, w)
		}
	}
}

// quotaTime is when a message that is accepted counts: when it is to be sent.
func (m *Message) quotaTime() time.Time {
	if m.SendAt.After(m.CreatedAt) {
		return m.SendAt
	}
	return m.CreatedAt
}

// charge counts the parts of messages that are accepted; the error is a *QuotaError when one window has no room for all that go into it.
func (t *tx) charge(messages []Message) error {
	for from := 0; from < len(messages); {
		m := &messages[from]
		parts, to := 0, from
		for ; to < len(messages) && bytes.Equal(messages[to].Charge, m.Charge); to++ {
			parts += len(messages[to].Parts)
		}
		from = to
		if m.Charge == nil {
			continue
		}
		w, _ := t.s.options.Accounting.Account(m.Account, m.quotaTime())
		used, err := t.addUsage(m.Charge, parts, w.End)
		if err != nil {
			return err
		}
		if w.Limit != Unlimited && used > w.Limit {
			return &QuotaError{Account: m.Account, Window: w, Used: used - parts, Wanted: parts, At: m.CreatedAt}
		}
	}
	return nil
}

// chargeAgain counts a message that is claimed in the window of now. refused is true when the quota is used up: then the message is in Error.
func (t *tx) chargeAgain(m *record, at time.Time) (refused bool, err error) {
	if t.s.options.Accounting == nil {
		return false, nil
	}
	w, ok := t.s.options.Accounting.Account(m.Account, at)
	if !ok {
		return false, nil
	}
	key, parts := usageKey(subjectAccount+m.Account, w), m.unsent()
	same := bytes.Equal(key, m.Charge)
	u, err := readUsage(t, key)
	if err != nil {
		return false, err
	}
	wanted := u.parts
	if !same {
		wanted += parts
	}
	if w.Limit != Unlimited && wanted > w.Limit {
		e := &QuotaError{Account: m.Account, Window: w, Used: wanted - parts, Wanted: parts, At: at}
		if err := t.tell(e, at); err != nil {
			return true, err
		}
		m.Refuse(CodeQuota, e.Error())
		return true, t.fail(m, at, m.Failure)
	}
	if same {
		return false, nil
	}
	if m.Charge != nil {
		if err := t.subUsage(m.Charge, parts); err != nil {
			return false, err
		}
	}
	m.Charge = key
	_, err = t.addUsage(key, parts, w.End)
	return false, err
}

// refund gives the parts of a message back that were never sent, when it has just come to its end.
func (t *tx) refund(r *record) error {
	if len(r.Charge) == 0 || r.state.Final() || !r.State.Final() {
		return nil
	}
	unsent := 0
	for i := range r.Parts {
		if p := &r.Parts[i]; p.SentAt.IsZero() && p.State != Unknown && !p.unclear() {
			unsent++
		}
	}
	if unsent == 0 {
		return nil
	}
	return t.subUsage(r.Charge, unsent)
}

// tell writes the event that a quota was reached, once per window.
func (t *tx) tell(e *QuotaError, at time.Time) error {
	key := usageKey(subjectAccount+e.Account, e.Window)
	u, err := readUsage(t, key)
	if err != nil || u.told {
		return err
	}
	fresh := u == usage{}
	u.told = true
	if err := t.putUsage(key, u, e.End, fresh); err != nil {
		return err
	}
	return t.event(Event{Type: "quota.reached", At: at, Reference: -1, Account: e.Account, Text: e.Error()})
}

// refused sees to it that a refusal is told; what the transaction that refused wrote is gone.
func (s *Store) refused(ctx context.Context, err error, at time.Time) {
	var e *QuotaError
	if !errors.As(err, &e) {
		return
	}
	s.metrics.refused.Inc()
	known := false
	key := usageKey(subjectAccount+e.Account, e.Window)
	if s.engine.View(ctx, func(r Reader) error {
		u, err := readUsage(r, key)
		known = u.told
		return err
	}) == nil && known {
		return
	}
	if err := s.update(ctx, func(t *tx) error { return t.tell(e, at) }); err != nil {
		s.log.Warn("that a quota was reached could not be told", "account", e.Account, "err", err)
	}
}

// Used returns how many parts were counted for an account in the window of a time; ok is false when it has no quota.
func (s *Store) Used(ctx context.Context, account string, at time.Time) (parts int, w Window, ok bool, err error) {
	if s.options.Accounting == nil {
		return 0, w, false, nil
	}
	if w, ok = s.options.Accounting.Account(account, at); !ok {
		return 0, w, false, nil
	}
	parts, err = s.counted(ctx, usageKey(subjectAccount+account, w))
	return parts, w, true, err
}

// UsedBy returns how many parts were counted for a trunk in each of its windows at a time, for messages of a priority.
func (s *Store) UsedBy(ctx context.Context, trunk string, priority uint8, at time.Time) (parts []int, all []Window, err error) {
	if s.options.Accounting == nil {
		return nil, nil, nil
	}
	for _, w := range s.options.Accounting.Trunk(trunk, priority, at) {
		n, err := s.counted(ctx, usageKey(subjectTrunk+trunk, w))
		if err != nil {
			return nil, nil, fmt.Errorf("usage of trunk %s: %w", trunk, err)
		}
		parts, all = append(parts, n), append(all, w)
	}
	return parts, all, nil
}

func (s *Store) counted(ctx context.Context, key []byte) (parts int, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		u, err := readUsage(r, key)
		parts = u.parts
		return err
	})
	return parts, err
}
