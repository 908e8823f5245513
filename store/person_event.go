package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline/callplan/phone"
)

// eventSteps is how many events one call of PersonEvents looks at.
const eventSteps = 5000

// PersonEvents returns events about a person by number, for the service provider with a key, the oldest first: of his calls and messages, of contacts with the
// number that are there, and of his wish not to be written to. It looks at a bounded number of events behind one; next is behind which to go on, 0 when it came
// to the end.
func (s *Store) PersonEvents(ctx context.Context, provider string, n phone.Number, after uint64) (events []Event, next uint64, err error) {
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		events, next = nil, 0
		who, err := findSubject(r, provider, n)
		if err != nil || after == 1<<64-1 {
			return err
		}
		seen := 0
		return r.Scan(tableEvents, eventKey(after+1), nil, false, func(k, v []byte) (bool, error) {
			e, err := openEvent(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			if err != nil {
				return false, err
			}
			about, err := who.in(e)
			if about {
				events = append(events, *e)
			}
			if seen++; seen == eventSteps {
				next = e.Seq
			}
			return next == 0, err
		})
	})
	return events, next, err
}

// subject tells which events are about a person.
type subject struct {
	r        Reader
	provider string
	number   phone.Number
	contacts []string // codes of events about them
	last     MessageID
	mine     bool // what is known of last: events of one message stand together
}

func findSubject(r Reader, provider string, n phone.Number) (*subject, error) {
	who := &subject{r: r, provider: provider, number: n}
	prefix := contactKind.key('p', lineKey(provider, n))
	err := r.Scan(tableIndex, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		who.contacts = append(who.contacts, recordCode(&Meta{Provider: provider, ID: lastID(k)}))
		return len(who.contacts) < maxPage, nil
	})
	return who, err
}

// in tells whether an event is about the person.
func (w *subject) in(e *Event) (bool, error) {
	switch {
	case !e.Message.IsZero():
		return w.message(e.Message)
	case !e.Call.IsZero():
		if !w.names(e.Number) {
			return false, nil
		}
		c, err := readCDR(w.r, e.Call)
		if _, bad := damaged(err); bad || errors.Is(err, ErrNotFound) {
			return w.provider == DefaultProvider, nil
		}
		return err == nil && c.Provider == w.provider, err
	}
	return w.names(e.Number) || strings.HasPrefix(e.Type, contactKind.name+".") && slices.Contains(w.contacts, e.Code), nil
}

func (w *subject) names(n phone.Number) bool { return !n.IsZero() && n.SameLine(w.number) }

// message tells whether a message that is there went to the person or came from him.
func (w *subject) message(id MessageID) (bool, error) {
	if id == w.last {
		return w.mine, nil
	}
	m, err := readMessage(w.r, id)
	if _, bad := damaged(err); bad || errors.Is(err, ErrNotFound) {
		m, err = &Message{}, nil
	}
	if err == nil {
		w.last, w.mine = id, m.Tenant() == w.provider && (w.names(m.From) || w.names(m.To))
	}
	return w.mine, err
}

// eraseEvents takes the number of a person out of the events about him, and what was written in words about his messages, and returns how many it changed. It must
// run while his messages can still be told from others.
func (s *Store) eraseEvents(ctx context.Context, provider string, n phone.Number) (changed int, err error) {
	for after := uint64(0); ; {
		events, next, err := s.PersonEvents(ctx, provider, n, after)
		if err != nil {
			return changed, err
		}
		events = slices.DeleteFunc(events, func(e Event) bool { return !identifies(&e) })
		for some := range slices.Chunk(events, expireSlice) {
			err := s.update(ctx, func(t *tx) error {
				for _, e := range some {
					key := eventKey(e.Seq)
					if v, err := t.Get(tableEvents, key); err != nil || v == nil {
						if err != nil {
							return err
						}
						continue // its time was over
					}
					e.Number = phone.Number{}
					if e.Type == eventAlarm {
						e.Text = ""
					}
					if err := t.Put(tableEvents, key, seal(tableEvents, key, appendEvent(newFrame(64+len(e.Text)), &e))); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return changed, fmt.Errorf("erase from events: %w", err)
			}
			changed += len(some)
		}
		if next == 0 {
			return changed, nil
		}
		after = next
	}
}

// eventAlarm is the type of events that tell in words from which number too many wrong proofs came.
const eventAlarm = "action.alarm"

// identifies tells whether an event holds a number.
func identifies(e *Event) bool { return !e.Number.IsZero() || e.Type == eventAlarm && e.Text != "" }
