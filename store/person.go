package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/callplan/phone"
)

// erasedParty stands where a number was that had to be forgotten.
const erasedParty = "erased"

// Erased says what Erase did.
type Erased struct {
	Contacts int // purged
	Messages int // blanked: their states and times stay, text, octets and number are gone
	Calls    int // records without the number
	Events   int // that named the number
	Left     int // messages to which something may still happen; erase again when that is over
}

// Erase forgets a person by number, for a service provider: its contacts are purged, and text, octets and number of its messages are blanked, and the
// number in records of calls and in events. Messages that wait are withdrawn. Whether it asked not to be written to is not forgotten: only digits that cannot be turned back are kept for that, and from now on nothing is
// written to it. When it is cut short, it is done again.
func (s *Store) Erase(ctx context.Context, provider string, n phone.Number, at time.Time, who string) (e Erased, err error) {
	if n.IsZero() || n.Kind() == phone.Alphanumeric {
		return e, fmt.Errorf("%w: %s is no number of a person", ErrInvalid, n)
	}
	if err := s.EraseOptOut(ctx, n, at, who); err != nil {
		return e, err
	}
	contacts := Listing[Contact]{Provider: provider, Number: n, Archived: ArchivedToo, Limit: maxPage}
	for {
		page, err := s.Contacts().List(ctx, contacts)
		if err != nil {
			return e, err
		}
		for i := range page.Items {
			id := page.Items[i].ID
			if _, err := s.Contacts().Archive(ctx, id, at, who); err != nil && !errors.Is(err, ErrNotFound) {
				return e, err
			}
			if err := s.Contacts().Purge(ctx, id, at, who); err != nil && !errors.Is(err, ErrNotFound) {
				return e, err
			}
			e.Contacts++
		}
		if contacts.Cursor = page.Next; contacts.Cursor == "" {
			break
		}
	}
	if e.Events, err = s.eraseEvents(ctx, provider, n); err != nil {
		return e, err
	}
	q := Query{Provider: provider, Number: n, Limit: 200, Ascending: true}
	for {
		page, err := s.Messages(ctx, q)
		if err != nil {
			return e, err
		}
		for i := range page.Items {
			blanked, err := s.blank(ctx, page.Items[i].ID, at)
			if err != nil {
				return e, err
			}
			if blanked {
				e.Messages++
			} else {
				e.Left++
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	calls := CDRQuery{Provider: provider, Number: n, Limit: 200, Ascending: true}
	for {
		page, err := s.CDRs(ctx, calls)
		if err != nil {
			return e, err
		}
		for i := range page.Items {
			if _, err := s.ChangeCall(ctx, page.Items[i].ID, func(c *CDR) (Event, error) {
				if c.Ended() {
					c.Number, c.Events = phone.Number{}, nil
				}
				return Event{}, nil
			}); err != nil && !errors.Is(err, ErrNotFound) {
				return e, err
			}
			e.Calls++
		}
		if calls.Cursor = page.Next; calls.Cursor == "" {
			break
		}
	}
	return e, s.update(ctx, func(t *tx) error {
		return t.event(Event{Type: "person.erased", At: at, Reference: -1, Code: provider, Account: who, Text: fmt.Sprintf("%d contacts, %d messages, %d calls, %d events; %d left", e.Contacts, e.Messages, e.Calls, e.Events, e.Left)})
	})
}

// blank removes what a message says and to whom, when nothing more can happen to it; one that waits is withdrawn first.
func (s *Store) blank(ctx context.Context, id MessageID, at time.Time) (done bool, err error) {
	m, err := s.Message(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return true, nil
	}
	if err == nil && (m.State == Waiting || m.State == Held) {
		var refused *TransitionError
		if _, err = s.Cancel(ctx, id, at); errors.As(err, &refused) {
			return false, nil
		}
	}
	if err != nil {
		return false, err
	}
	_, err = s.change(ctx, id, func(t *tx, m *record) error {
		if done = m.settled(); !done {
			return nil
		}
		m.Text, m.Data, m.Subject, m.Tag = "", nil, "", ""
		if m.Direction == In {
			m.From = phone.FromAddress(erasedParty, true)
		} else {
			m.To = phone.FromAddress(erasedParty, true)
		}
		for i := range m.Parts {
			m.Parts[i].TPDU = nil
		}
		return t.save(m)
	})
	return done, err
}
