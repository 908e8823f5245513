package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// tx is one run of a transaction: the engine's, with records instead of octets. What it counts is valid for this run only.
type tx struct {
	Tx
	s       *Store
	last    uint64 // number of the newest event, once it is known
	known   bool
	events  int
	damaged []*Damage
	names   bool // of service providers changed
}

// lastEvent returns the number of the newest event, 0 when there is none.
func lastEvent(r Reader) (last uint64, err error) {
	err = r.Scan(tableEvents, nil, nil, true, func(k, _ []byte) (bool, error) {
		if len(k) == 8 {
			last = binary.BigEndian.Uint64(k)
		}
		return false, nil
	})
	return last, err
}

// event writes the next event.
func (t *tx) event(e Event) error {
	if !t.known {
		last, err := lastEvent(t)
		if err != nil {
			return err
		}
		t.last, t.known = last, true
	}
	t.last++
	t.events++
	key := eventKey(t.last)
	return t.Put(tableEvents, key, seal(tableEvents, key, appendEvent(newFrame(64+len(e.Text)), &e)))
}

// changed writes the event of a message whose state changed.
func (t *tx) changed(m *Message, at time.Time, part *Part) error {
	e := Event{Type: prefixMessage + m.State.String(), At: at, Message: m.ID, State: m.State, Reference: -1, Trunk: m.Trunk}
	if part != nil {
		e.Part, e.Reference = part.Seq, part.Reference
	}
	if m.Failure != nil {
		e.Code, e.Text = m.Failure.Code, m.Failure.Text
	}
	if err := t.recordMessage(m, at); err != nil {
		return err
	}
	return t.event(e)
}

// changedPart writes the event of a part whose state changed while that of its message did not.
func (t *tx) changedPart(m *Message, at time.Time, part *Part, failure *Failure) error {
	e := Event{Type: prefixPart + part.State.String(), At: at, Message: m.ID, State: part.State, Part: part.Seq, Reference: part.Reference, Trunk: part.Trunk}
	if failure != nil {
		e.Code, e.Text = failure.Code, failure.Text
	}
	return t.event(e)
}

// record is a message that a transaction changes, with the index entries that it had.
type record struct {
	*Message
	before []entry
	state  State
	sent   int // parts that are counted of it
}

func readMessage(r Reader, id MessageID) (*Message, error) {
	value, err := r.Get(tableMessages, id[:])
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("message %s: %w", id, ErrNotFound)
	}
	return openMessage(id[:], value)
}

// openMessage reads the value of a key of the table of messages.
func openMessage(key, value []byte) (*Message, error) {
	if len(key) != idBytes {
		return nil, damage(tableMessages, key, "key is no message id")
	}
	payload, err := unseal(tableMessages, key, value)
	if err != nil {
		return nil, err
	}
	m, err := decodeMessage(MessageID(key), payload)
	if err != nil {
		return nil, damage(tableMessages, key, err.Error())
	}
	return m, nil
}

// load returns a message to be changed; save writes it.
func (t *tx) load(id MessageID) (*record, error) {
	m, err := readMessage(t, id)
	if err != nil {
		return nil, err
	}
	return &record{Message: m, before: entries(m), state: m.State, sent: m.sentParts()}, nil
}

func sealMessage(m *Message) []byte {
	size := 160 + len(m.Text) + len(m.Data)
	for i := range m.Parts {
		size += 48 + len(m.Parts[i].TPDU) + 96*len(m.Parts[i].Attempts)
	}
	return seal(tableMessages, m.ID[:], appendMessage(newFrame(size), m))
}

// save writes a changed message and brings its index entries up to date.
func (t *tx) save(r *record) error {
	now := entries(r.Message)
	was := r.before
	for len(was) > 0 || len(now) > 0 {
		c := 0
		switch {
		case len(was) == 0:
			c = 1
		case len(now) == 0:
			c = -1
		default:
			c = was[0].compare(now[0])
		}
		var err error
		switch {
		case c == 0:
			was, now = was[1:], now[1:]
		case c < 0:
			err = t.Delete(was[0].table, was[0].key)
			was = was[1:]
		default:
			err = t.Put(now[0].table, now[0].key, nil)
			now = now[1:]
		}
		if err != nil {
			return err
		}
	}
	if err := t.refund(r); err != nil {
		return err
	}
	if n := r.sentParts(); n != r.sent {
		if err := t.countSent(r.Message, n-r.sent); err != nil {
			return err
		}
		r.sent = n
	}
	r.before, r.state = entries(r.Message), r.State
	return t.Put(tableMessages, r.ID[:], sealMessage(r.Message))
}

// become changes the state of a message when the table of transitions allows it.
func (m *Message) become(s State) error {
	if err := Transition(m.ID, m.State, s); err != nil {
		return err
	}
	m.State = s
	return nil
}

// part returns the part with a sequence number, nil when there is none.
func (m *Message) part(seq int) *Part {
	for i := range m.Parts {
		if m.Parts[i].Seq == seq {
			return &m.Parts[i]
		}
	}
	return nil
}

// next returns the first part that waits to be sent, nil when there is none.
func (m *Message) next() *Part {
	for i := range m.Parts {
		if m.Parts[i].State == Waiting {
			return &m.Parts[i]
		}
	}
	return nil
}

// drop gives the parts that wait a final state.
func (m *Message) drop(s State) {
	for i := range m.Parts {
		if m.Parts[i].State == Waiting {
			m.Parts[i].State = s
		}
	}
}

// attempt returns the attempt of a part that has not ended, nil when there is none.
func (p *Part) attempt() *Attempt {
	if n := len(p.Attempts); n > 0 && p.Attempts[n-1].Phase != Ended {
		return &p.Attempts[n-1]
	}
	return nil
}

// open begins an attempt; the oldest are forgotten when there are too many.
func (p *Part) open(trunk, sim string, at time.Time, a Ambiguity) {
	number := 1
	if n := len(p.Attempts); n > 0 {
		number = p.Attempts[n-1].Number + 1
	}
	p.State, p.Trunk, p.SIM = Sending, trunk, sim
	p.Attempts = append(p.Attempts, Attempt{Number: number, Trunk: trunk, SIM: sim, Phase: Claimed, StartedAt: at, Before: -1,
		OnAmbiguous: max(a, StayUnknown)})
	if extra := len(p.Attempts) - MaxAttempts; extra > 0 {
		p.Attempts = append([]Attempt(nil), p.Attempts[extra:]...)
	}
}

// end closes the open attempt.
func (p *Part) end(at time.Time, failure *Failure) {
	if a := p.attempt(); a != nil {
		a.Phase, a.EndedAt, a.Failure = Ended, at, failure
	}
}

// damaged tells whether an error is damage of one record, which the caller may step over.
func damaged(err error) (*Damage, bool) {
	if err == nil {
		return nil, false
	}
	var d *Damage
	ok := errors.As(err, &d)
	return d, ok
}
