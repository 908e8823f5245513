package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"time"
)

// Claim asks for the next message that a trunk should send.
type Claim struct {
	Trunk string
	SIM   string // identity of the SIM in it; references count per SIM
	At    time.Time
	// Prepare sets the TPDU of every part that has none. It has no other effect and may run more than once; its error says that the message
	// cannot be sent at all. nil: nothing is prepared.
	Prepare func(m *Message) error
}

// claimBudget bounds how many messages one Claim passes over because they expired, cannot be sent or are damaged.
const claimBudget = 64

// Claim takes the next due message of a trunk: the highest priority first, then the one due first, then the oldest. Its state becomes Sending and an
// attempt is open for its first part that waits. ok is false when nothing is due. Messages whose time passed become Expired on the way, those
// that Prepare refuses become Error with code "unsendable".
func (s *Store) Claim(ctx context.Context, c Claim) (m Message, ok bool, err error) {
	if at, some, err := s.Due(ctx, c.Trunk); err != nil || !some || at.After(c.At) {
		return Message{}, false, err
	}
	var claimed *record
	err = s.update(ctx, func(t *tx) error {
		claimed = nil
		for range claimBudget {
			key, err := t.candidate(c.Trunk, c.At)
			if err != nil || key == nil {
				return err
			}
			m, err := t.load(MessageID(key[len(key)-idBytes:]))
			if d, ok := damaged(err); ok {
				if err := t.putAside(d, c.At); err != nil {
					return err
				}
				continue
			}
			if errors.Is(err, ErrNotFound) {
				if err := t.Delete(tableQueue, bytes.Clone(key)); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
			if taken, err := t.take(m, c); err != nil {
				return err
			} else if taken {
				claimed = m
				return nil
			}
		}
		return nil
	})
	if err != nil || claimed == nil {
		return Message{}, false, err
	}
	s.metrics.claimed.Inc()
	return *claimed.Message, true, nil
}

// take makes a due message the trunk's, unless it expired or cannot be sent.
func (t *tx) take(m *record, c Claim) (bool, error) {
	if !m.ExpiresAt.IsZero() && !c.At.Before(m.ExpiresAt) {
		return false, t.expire(m, c.At)
	}
	was := *m.Message
	was.Parts = slices.Clone(m.Parts)
	if err := m.become(Sending); err != nil {
		return false, err
	}
	m.Trunk = c.Trunk
	if len(m.Parts) > 1 && m.Concat == 0 {
		if err := t.reference(m.Message); err != nil {
			return false, err
		}
	}
	if c.Prepare != nil {
		if err := c.Prepare(m.Message); err != nil {
			*m.Message = was
			m.Failure = &Failure{Code: "unsendable", Text: err.Error()}
			if err := m.become(Error); err != nil {
				return false, err
			}
			m.drop(Canceled)
			return false, t.finish(m, c.At, nil)
		}
	}
	part := m.next()
	if part == nil {
		m.Failure = &Failure{Code: "unsendable", Text: "no part of it waits to be sent"}
		if err := m.become(Error); err != nil {
			return false, err
		}
		return false, t.finish(m, c.At, nil)
	}
	part.open(c.Trunk, c.SIM, c.At)
	m.NotBefore = time.Time{}
	return true, t.finish(m, c.At, part)
}

// expire ends a waiting message whose time passed; parts that were sent stay what they are.
func (t *tx) expire(m *record, at time.Time) error {
	if err := m.become(Expired); err != nil {
		return err
	}
	m.Failure = &Failure{Code: "expired", Text: "its time passed before it was sent"}
	m.drop(Expired)
	return t.finish(m, at, nil)
}

// reference gives a message of several parts the reference by which the phone joins them: from 1 to 255, counted per recipient, so that two
// messages to one phone differ. A few recipients may share one of the 65536 counters, which does no harm.
func (t *tx) reference(m *Message) error {
	key := binary.BigEndian.AppendUint16([]byte("concat/"), uint16(crc32.ChecksumIEEE([]byte(line(m.To)))))
	value, err := t.Get(tableMeta, key)
	if err != nil {
		return err
	}
	next := uint64(1)
	if payload, err := unseal(tableMeta, key, value); err == nil {
		if u, n := binary.Uvarint(payload); n > 0 {
			next = u%255 + 1
		}
	}
	m.Concat = uint8(next)
	return t.Put(tableMeta, key, seal(tableMeta, key, binary.AppendUvarint(newFrame(2), next)))
}

// candidate returns the queue key of the next due message of a trunk, nil when there is none. It is valid until the next write.
func (t *tx) candidate(trunk string, at time.Time) ([]byte, error) {
	var best []byte
	err := eachHead(t, trunk, func(h head) bool {
		if !h.timed || !h.at.After(at) {
			if best == nil || bytes.Compare(h.order(), queueOrder(best)) < 0 {
				best = h.key
			}
			return false
		}
		return true
	})
	return best, err
}

// Due returns when Claim can next succeed for a trunk; ok is false when nothing waits for it. The zero time means at once.
func (s *Store) Due(ctx context.Context, trunk string) (at time.Time, ok bool, err error) {
	err = s.engine.View(ctx, func(r Reader) error {
		at, ok = time.Time{}, false
		return eachHead(r, trunk, func(h head) bool {
			due := h.at
			if !h.timed {
				due = time.Time{}
			}
			if !ok || due.Before(at) {
				at, ok = due, true
			}
			return true
		})
	})
	return at, ok, err
}

// head is the first entry of one lane, priority and kind (at once, or timed) of the queue.
type head struct {
	key   []byte
	timed bool
	at    time.Time
}

// order returns what entries of different lanes are compared by: priority, time, id.
func (h head) order() []byte { return queueOrder(h.key) }

// queueOrder drops the lane and the mark of timed entries from a queue key, so that a message due an hour ago comes before one accepted just now.
func queueOrder(key []byte) []byte {
	k := key[1+int(key[0]):]
	return append([]byte{k[0]}, k[2:]...)
}

// eachHead calls fn for the heads of a trunk's two lanes, in each lane from the highest priority down, until it returns false; a lane that fn
// left is not looked at below the priority it was left at, the other one is.
func eachHead(r Reader, trunk string, fn func(head) bool) error {
	lanes := []string{trunk}
	if trunk != "" {
		lanes = append(lanes, "")
	}
	for _, lane := range lanes {
		prefix := appendName(nil, lane)
		from, end := prefix, after(prefix)
		stop := -1 // priority byte at which fn said stop
		for {
			var h head
			err := r.Scan(tableQueue, from, end, false, func(k, _ []byte) (bool, error) {
				if len(k) == len(prefix)+2+timeBytes+idBytes {
					rest := k[len(prefix):]
					h = head{key: bytes.Clone(k), timed: rest[1] == 1, at: readTime(rest[2:])}
				}
				return false, nil
			})
			if err != nil {
				return err
			}
			if h.key == nil {
				break
			}
			priority := int(h.key[len(prefix)])
			if stop >= 0 && priority != stop {
				break
			}
			if !fn(h) {
				stop = priority
			}
			if from = after(h.key[:len(prefix)+2]); from == nil {
				break
			}
		}
	}
	return nil
}

// Mark records that the part whose attempt is open goes out now. It is durable before Mark returns: from here on nobody can tell whether the
// network has the part until the answer is known. ErrAttempt when there is no attempt that is only claimed.
func (s *Store) Mark(ctx context.Context, id MessageID, seq int, at time.Time) error {
	_, err := s.change(ctx, id, func(t *tx, m *record) error {
		p := m.part(seq)
		if p == nil || p.attempt() == nil || p.attempt().Phase != Claimed {
			return ErrAttempt
		}
		p.attempt().Phase = Committing
		return t.save(m)
	})
	return err
}
