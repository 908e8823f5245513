package store

import (
	"context"
	"errors"
	"slices"
	"time"
)

// purgedBy is who purges records whose time in the archive is over.
const purgedBy = "retention"

// PurgeArchived removes provisioned records for good that were archived before a time, with what only belongs to them: contacts, groups, actions and call plans before the
// administrators and service providers that they belong to. The work of a call is bounded; Next is not nil while there is more.
func (s *Store) PurgeArchived(ctx context.Context, before time.Time, _ []byte) (Deletion, error) {
	const most = 50
	at := s.Now()
	for _, purge := range []func() (int, error){
		func() (int, error) { return s.purgeLinks(ctx, before, most) },
		func() (int, error) { return purgeSome(ctx, s.ListEntries(), before, at, most) },
		func() (int, error) { return purgeSome(ctx, s.Contacts(), before, at, most) },
		func() (int, error) { return purgeSome(ctx, s.Groups(), before, at, most) },
		func() (int, error) { return purgeSome(ctx, s.Actions(), before, at, most) },
		func() (int, error) { return purgeSome(ctx, s.Subscribers(), before, at, most) },
		func() (int, error) { return purgeSome(ctx, s.Calendars(), before, at, most) },
		func() (int, error) { return s.purgePlans(ctx, before, at, most) },
		func() (int, error) { return purgeSome(ctx, s.Administrators(), before, at, most) },
		func() (int, error) { return purgeSome(ctx, s.Providers(), before, at, most) },
	} {
		n, err := purge()
		if err != nil {
			return Deletion{Deleted: n}, err
		}
		if n > 0 {
			return Deletion{Deleted: n, Next: []byte{1}}, nil
		}
	}
	return Deletion{}, nil
}

func purgeSome[T any](ctx context.Context, c Records[T], before, at time.Time, limit int) (n int, err error) {
	ids, err := c.ArchivedBefore(ctx, before, limit)
	for _, id := range ids {
		if err != nil {
			return n, err
		}
		err = c.Purge(ctx, id, at, purgedBy)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNotArchived) { // somebody was quicker
			err = nil
		}
		n++
	}
	return n, err
}

// purgePlans purges call plans that were archived before a time, with all their versions.
func (s *Store) purgePlans(ctx context.Context, before, at time.Time, limit int) (n int, err error) {
	var old []Plan
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		old = nil
		return r.Scan(tablePlans, nil, nil, false, func(k, v []byte) (bool, error) {
			if p, err := openPlan(k, v); err == nil && !p.ArchivedAt.IsZero() && p.ArchivedAt.Before(before) { // damage is told when the plan is read
				old = append(old, *p)
			}
			return len(old) < limit, nil
		})
	})
	for i := range old {
		if err != nil {
			return n, err
		}
		_, err = s.PurgePlan(ctx, old[i].Provider, old[i].Name, at, purgedBy)
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNotArchived) { // somebody was quicker
			err = nil
		}
		n++
	}
	return n, err
}

// DeleteMessages deletes messages of a service provider, of all when it is empty, that were accepted or received in a stretch of time, and begins where an
// earlier call ended. What may still happen to a message keeps it, as with ExpireMessages.
func (s *Store) DeleteMessages(ctx context.Context, provider string, since, until time.Time, from []byte) (Deletion, error) {
	if from == nil {
		q := Query{Since: since}
		from, _ = q.bounds()
	}
	return s.expire(ctx, tableMessages, from, func(k, v []byte) (done, old bool, err error) {
		m, err := openMessage(k, v)
		if err != nil {
			return false, false, err
		}
		if !createdBefore(m.ID, until.Add(idSlack)) {
			return true, false, nil
		}
		return false, (provider == "" || m.Tenant() == provider) && !m.CreatedAt.Before(since) && m.CreatedAt.Before(until) && m.settled(), nil
	}, dropEntries)
}

// dropEntries removes the index entries of a message.
func dropEntries(t *tx, k, v []byte) error {
	m, err := openMessage(k, v)
	if err != nil {
		return err
	}
	for _, e := range entries(m) {
		if err := t.Delete(e.table, e.key); err != nil {
			return err
		}
	}
	return nil
}

// Statuses of the log of messages, as Janua numbers them.
const (
	LogSent        = 0
	LogDelivered   = 1
	LogUnknown     = 2
	LogUnsupported = 3
	LogReceived    = 4
	LogNone        = -1 // it was never given to a network, and not refused, so it is not in the log
)

var logLabels = []string{LogSent: "SENT", LogDelivered: "SENT/DELIVERED", LogUnknown: "SENT/UNKNOWN", LogUnsupported: "UNSUPPORTED", LogReceived: "RECEIVED"}

// LogStatus returns the status of a message in the log and its label; LogNone and an empty label when it is not in the log.
func (m *Message) LogStatus() (status int, label string) {
	status = LogNone
	switch m.State {
	case Sending, Sent:
		status = LogSent
	case Delivered:
		status = LogDelivered
	case Unknown:
		status = LogUnknown
	case Error:
		if slices.ContainsFunc(m.Parts, func(p Part) bool { return !p.SentAt.IsZero() }) {
			status = LogUnknown // the network was used
		} else if m.refused() {
			status = LogUnsupported
		}
	case Debug:
		status = LogUnsupported
	case Received:
		status = LogReceived
	}
	if status != LogNone {
		label = logLabels[status]
	}
	return status, label
}
