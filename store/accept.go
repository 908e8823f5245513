package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Acceptance is what is accepted together, or not at all.
type Acceptance struct {
	Messages []Message // to be sent: ids, times, state and parts are set by the caller
	Refused  []Message // not to be sent, but to be seen: in Error, with a Verdict that says why; no quota and no key counts them
	Key      *Key      // nil: none
}

// Key makes a repeated request recognisable.
type Key struct {
	Scope, Key string   // whose key it is and for what; at most 255 bytes each
	Hash       [32]byte // of the whole request
	At         time.Time
}

// Accepted is what became of an Acceptance.
type Accepted struct {
	Messages []Message // on replay as they were when they were accepted
	Replayed bool      // the same request was accepted before; nothing was written
}

// AcceptOutcome is what Accept returns.
type AcceptOutcome struct {
	Accepted
	Err error
}

// Accept stores messages, their index entries, one event each and the record of the idempotency key in one transaction; when it returns they are on
// disk. When the key was used for the same request within its window, the messages of that time are returned; for another one, ErrKeyReused.
// ErrInvalid names what the caller did wrong. ErrFull says that the disk has no room, or not enough left for new messages; a *QuotaError
// that an account has no room left.
func (s *Store) Accept(ctx context.Context, a Acceptance) (Accepted, error) {
	out := s.AcceptEach(ctx, []Acceptance{a})[0]
	return out.Accepted, out.Err
}

// AcceptEach does what an Accept for each of all at the same time would; the results are in their order.
func (s *Store) AcceptEach(ctx context.Context, all []Acceptance) []AcceptOutcome {
	out := make([]AcceptOutcome, len(all))
	accepting := make([]accepting, len(all))
	fns, errs, at := make([]func(*tx) error, 0, len(all)), make([]error, len(all)), make([]int, 0, len(all))
	for i := range all {
		a := &accepting[i]
		if out[i].Err = a.prepare(s, &all[i]); out[i].Err == nil {
			fns, at = append(fns, a.run), append(at, i)
		}
	}
	s.addEach(ctx, fns, errs[:len(fns)])
	for n, i := range at {
		a := &accepting[i]
		switch out[i].Err = errs[n]; {
		case errs[n] != nil:
			if s.options.Accounting != nil && len(all[i].Messages) > 0 {
				s.refused(ctx, errs[n], all[i].Messages[0].CreatedAt)
			}
		case a.out.Replayed:
			out[i].Accepted = a.out
			s.metrics.replayed.Inc()
		default:
			out[i].Accepted = a.out
			s.metrics.accepted.Add(float64(len(a.out.Messages)))
		}
	}
	return out
}

// accepting is an Acceptance on its way into the store.
type accepting struct {
	*Acceptance
	s               *Store
	keyID, keyValue []byte
	known           keyRecord
	values          [][]byte
	indexes         [][]entry
	value           [1][]byte // of one message, which is most
	index           [1][]entry
	out             Accepted // of the last run
}

// prepare makes all that can be made outside of the transaction.
func (a *accepting) prepare(s *Store, from *Acceptance) error {
	a.Acceptance, a.s = from, s
	for i := range a.Messages {
		if err := acceptable(&a.Messages[i]); err != nil {
			return err
		}
	}
	for i := range a.Refused {
		m := &a.Refused[i]
		if err := acceptable(m); err != nil {
			return err
		}
		if m.State != Error || !m.refused() {
			return fmt.Errorf("%w: message %s is %s and not refused", ErrInvalid, m.ID, m.State)
		}
	}
	s.assign(a.Messages)
	if a.Key != nil {
		if a.Key.Key == "" || len(a.Key.Key) > maxNameBytes || len(a.Key.Scope) > maxNameBytes {
			return fmt.Errorf("%w: idempotency key of %d bytes in scope of %d bytes", ErrInvalid, len(a.Key.Key), len(a.Key.Scope))
		}
		a.known = keyRecord{Hash: a.Key.Hash, Until: a.Key.At.Add(s.options.IdempotencyKeep)}
		for i := range a.Messages {
			a.known.Messages = append(a.known.Messages, acceptedRef{a.Messages[i].ID, a.Messages[i].State})
		}
		a.keyID = append(appendName(nil, a.Key.Scope), a.Key.Key...)
		a.keyValue = seal(tableKeys, a.keyID, appendKey(newFrame(64+24*len(a.Messages)), &a.known))
	}
	if a.values, a.indexes = a.value[:], a.index[:]; len(a.Messages) != 1 {
		a.values, a.indexes = make([][]byte, len(a.Messages)), make([][]entry, len(a.Messages))
	}
	for i := range a.Messages {
		a.values[i], a.indexes[i] = sealMessage(&a.Messages[i]), entries(&a.Messages[i])
	}
	return nil
}

// run is the transaction.
func (a *accepting) run(t *tx) error {
	a.out = Accepted{Messages: a.Messages}
	if a.Key != nil {
		replay, err := t.replay(a.keyID, a.Key)
		if err != nil {
			return err
		}
		if replay != nil {
			a.out = Accepted{Messages: replay, Replayed: true}
			return nil
		}
	}
	if err := a.s.admit(RoomLow, ErrLow); err != nil {
		return err
	}
	if a.Key != nil {
		if err := t.Put(tableKeys, a.keyID, a.keyValue); err != nil {
			return err
		}
		if err := t.Put(tableDeadlines, deadlineKeyOf(a.known.Until, deadlineKey, a.keyID), nil); err != nil {
			return err
		}
	}
	if a.s.options.Accounting != nil {
		if err := t.charge(a.Messages); err != nil {
			return err
		}
	}
	for i := range a.Messages {
		if err := t.acceptOne(&a.Messages[i], a.values[i], a.indexes[i]); err != nil {
			return err
		}
	}
	for i := range a.Refused {
		m := &a.Refused[i]
		if err := t.acceptOne(m, sealMessage(m), entries(m)); err != nil {
			return err
		}
	}
	return nil
}

// acceptOne writes a message that is new, with its index entries and its events: one more tells of an emergency, and who sends it.
func (t *tx) acceptOne(m *Message, value []byte, index []entry) error {
	if err := t.Put(tableMessages, m.ID[:], value); err != nil {
		return err
	}
	for _, e := range index {
		if err := t.Put(e.table, e.key, nil); err != nil {
			return err
		}
	}
	if m.Class == ClassEmergency && !m.refused() {
		if err := t.event(Event{Type: "message.emergency", At: m.CreatedAt, Message: m.ID, State: m.State, Reference: -1, Account: m.Account, Text: "an emergency is sent, whoever asked not to be written to"}); err != nil {
			return err
		}
	}
	return t.changed(m, m.CreatedAt, nil)
}

func acceptable(m *Message) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: message %s: %s", ErrInvalid, m.ID, fmt.Sprintf(format, args...))
	}
	switch {
	case m.ID.IsZero():
		return bad("has no id")
	case m.Direction != Out:
		return bad("does not go out")
	case m.State != Waiting && m.State != Held && m.State != Debug && m.State != Error:
		return bad("cannot be accepted as %s", m.State)
	case m.State == Error && m.Failure == nil:
		return bad("is in error without a reason")
	case len(m.Parts) == 0 || len(m.Parts) > 255:
		return bad("has %d parts", len(m.Parts))
	case m.Priority > priorityHighest:
		return bad("has priority %d", m.Priority)
	case len(m.Pin) > maxNameBytes:
		return bad("names a trunk of %d bytes", len(m.Pin))
	case m.CreatedAt.IsZero():
		return bad("has no time of creation")
	}
	for i := range m.Parts {
		if p := &m.Parts[i]; p.Seq != i+1 || p.Reference != -1 || p.Status != -1 {
			return bad("part %d is not as before its first try", i+1)
		}
	}
	return nil
}

// replay returns the messages of a key that was used before, nil when it is new. A key beyond its window counts as new even before Tidy comes.
// A damaged record stays where it is and refuses its key until then: whether the request was accepted is unknown, and twice is worse than not yet.
func (t *tx) replay(keyID []byte, k *Key) ([]Message, error) {
	value, err := t.Get(tableKeys, keyID)
	if err != nil || value == nil {
		return nil, err
	}
	old, err := openKeyRecord(keyID, value)
	if err != nil {
		return nil, err
	}
	if !k.At.Before(old.Until) {
		return nil, t.Delete(tableDeadlines, deadlineKeyOf(old.Until, deadlineKey, keyID))
	}
	if !bytes.Equal(old.Hash[:], k.Hash[:]) {
		return nil, ErrKeyReused
	}
	messages := make([]Message, 0, len(old.Messages))
	for _, ref := range old.Messages {
		m, err := readMessage(t, ref.ID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		messages = append(messages, asAccepted(m, ref.State))
	}
	return messages, nil
}

func openKeyRecord(key, value []byte) (*keyRecord, error) {
	payload, err := unseal(tableKeys, key, value)
	if err != nil {
		return nil, err
	}
	k, err := decodeKey(payload)
	if err != nil {
		return nil, damage(tableKeys, key, err.Error())
	}
	return k, nil
}

// asAccepted takes back what happened to a message since it was accepted.
func asAccepted(m *Message, state State) Message {
	out := *m
	out.State, out.Trunk, out.Concat, out.Failure, out.Verdict = state, "", 0, nil, nil
	out.NotBefore, out.SentAt, out.DeliveredAt = time.Time{}, time.Time{}, time.Time{}
	out.Parts = make([]Part, len(m.Parts))
	part := Waiting
	switch state {
	case Debug:
		part = Debug
	case Error:
		part, out.Failure = Canceled, m.Failure
	}
	for i := range m.Parts {
		out.Parts[i] = Part{Seq: m.Parts[i].Seq, State: part, Reference: -1, Status: -1}
	}
	return out
}

// Message returns one message, or ErrNotFound.
func (s *Store) Message(ctx context.Context, id MessageID) (Message, error) {
	var m *Message
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		m, err = readMessage(r, id)
		return err
	})
	if err != nil {
		return Message{}, err
	}
	return *m, nil
}

// Cancel withdraws a message that waits or is held. A *TransitionError says why it cannot be withdrawn any more.
func (s *Store) Cancel(ctx context.Context, id MessageID, at time.Time) (Message, error) {
	return s.change(ctx, id, func(t *tx, m *record) error {
		if err := m.become(Canceled); err != nil {
			return err
		}
		m.drop(Canceled)
		return t.finish(m, at, nil)
	})
}

// change runs fn on one message and returns what became of it.
func (s *Store) change(ctx context.Context, id MessageID, fn func(*tx, *record) error) (Message, error) {
	var m *record
	err := s.update(ctx, func(t *tx) (err error) {
		if m, err = t.load(id); err != nil {
			return err
		}
		return fn(t, m)
	})
	if err != nil {
		return Message{}, err
	}
	return *m.Message, nil
}

// finish saves a message and writes the event of its change of state.
func (t *tx) finish(m *record, at time.Time, part *Part) error {
	if err := t.save(m); err != nil {
		return err
	}
	return t.changed(m.Message, at, part)
}
