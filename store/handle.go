package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/callplan/phone"
)

// Classes of messages that may go to who asked not to be written to. A message of no class may not.
const (
	ClassAnswer    = "answer"    // the one answer to a word such as STOP or HELP
	ClassEmergency = "emergency" // danger to people; who may send such is decided above, and an event "message.emergency" tells who did
)

// Verdict is what screening said of a message.
type Verdict struct {
	Authorized bool
	Code       string // stable, e.g. "allowed", "denied", "no_allow_list"
	Text       string // for people
}

// ErrHandled says that what follows from a message was decided before.
var ErrHandled = errors.New("what follows from the message was decided already")

// Handling is what follows from a message that came in. It is stored as one: after a crash all of it happened, or none.
type Handling struct {
	ID      MessageID
	At      time.Time
	Verdict Verdict
	Text    *string // replaces the text, without what must not be kept, which is not in the octets of its parts then either; nil: it stays
	Action  string  // name of the action that it asked for
	Begin   *Run    // begins with it; its ID is the message's
	Change  *Run    // that waited for it; it must not have changed meanwhile
	OptOut  *OptOut // the sender asks not to be written to
	OptIn   bool    // the sender asks to be written to again
	Replies []Message
	Events  []Event
	Marks   []Mark // what its replies and its run count against the bounds on such
}

// Handle stores what follows from a message. ErrHandled when that was done before, and ErrRunChanged when the run of Change is not as it was: nothing is stored
// then. A *QuotaError when an account has no room for the replies. The replies are those that were accepted; their ids, times, state and parts are set by the caller.
func (s *Store) Handle(ctx context.Context, h Handling) (Message, error) {
	if err := s.prepareReplies(h.Replies); err != nil {
		return Message{}, err
	}
	return s.change(ctx, h.ID, func(t *tx, m *record) error {
		if m.Direction != In || !m.Unhandled {
			return fmt.Errorf("message %s: %w", m.ID, ErrHandled)
		}
		m.Unhandled, m.Verdict, m.Action = false, &h.Verdict, h.Action
		if h.Text != nil {
			m.Text = *h.Text
			for i := range m.Parts {
				m.Parts[i].TPDU = nil
			}
		}
		if err := t.save(m); err != nil {
			return err
		}
		if err := t.recordMessage(m.Message, h.At); err != nil {
			return err
		}
		if h.Begin != nil {
			h.Begin.ID = h.ID
			if err := t.addRun(h.Begin, h.At); err != nil {
				return err
			}
		}
		if h.Change != nil {
			if err := t.changeRun(h.Change, h.At); err != nil {
				return err
			}
		}
		if h.OptOut != nil {
			if err := t.optOut(h.OptOut); err != nil {
				return err
			}
		}
		if h.OptIn {
			if err := t.optIn(m.From, h.At, ""); err != nil {
				return err
			}
		}
		if err := t.mark(h.Marks); err != nil {
			return err
		}
		return t.follow(h.Replies, h.Events)
	})
}

// prepareReplies checks messages that are accepted with something else.
func (s *Store) prepareReplies(replies []Message) error {
	for i := range replies {
		if err := acceptable(&replies[i]); err != nil {
			return err
		}
	}
	s.assign(replies)
	return nil
}

// follow accepts messages and writes events.
func (t *tx) follow(replies []Message, events []Event) error {
	if t.s.options.Accounting != nil {
		if err := t.charge(replies); err != nil {
			return err
		}
	}
	for i := range replies {
		m := &replies[i]
		if err := t.Put(tableMessages, m.ID[:], sealMessage(m)); err != nil {
			return err
		}
		for _, e := range entries(m) {
			if err := t.Put(e.table, e.key, nil); err != nil {
				return err
			}
		}
		if err := t.changed(m, m.CreatedAt, nil); err != nil {
			return err
		}
	}
	for _, e := range events {
		if err := t.event(e); err != nil {
			return err
		}
	}
	return nil
}

// Unhandled returns at most limit messages of which nobody has decided yet what follows, the oldest first.
func (s *Store) Unhandled(ctx context.Context, limit int) ([]Message, error) {
	var all []Message
	prefix := []byte{byte(Received)}
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		return r.Scan(tableOpen, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
			m, err := readMessage(r, MessageID(k[1:]))
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			if errors.Is(err, ErrNotFound) {
				return true, nil // db check names the entry
			}
			if err == nil {
				all = append(all, *m)
			}
			return len(all) < limit, err
		})
	})
	return all, err
}

// OptedOut tells whether a number asked not to be written to, by anybody or through one trunk; "" asks only about anybody.
func (s *Store) OptedOut(ctx context.Context, n phone.Number, trunk string) (out bool, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		out, err = optedOut(r, s.instance.ID, n, trunk)
		return err
	})
	return out, err
}
