package store

import (
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
	// Prepare sets the TPDU of every part that has none, and may set Validity. It has no other effect and may run more than once; its error says
	// that the message cannot be sent at all. nil: nothing is prepared.
	Prepare func(m *Message) error
	// Lanes are where to look: names of trunks, PreferredLane of some, PlannedLane, and "" for what any trunk may carry. nil: the trunk's own and "".
	Lanes []string
	// After is whom the trunk served last at each priority: the next account in turn is served now. "" at first.
	After Turns
	// Likely says that a message is due, as far as the caller knows: then none is looked for before the transaction begins.
	Likely bool
	// OnAmbiguous is the trunk's answer to AsTrunk; AsTrunk is StayUnknown.
	OnAmbiguous Ambiguity
}

func (c *Claim) lanes() []string {
	if c.Lanes != nil {
		return c.Lanes
	}
	return usualLanes(c.Trunk)
}

func usualLanes(trunk string) []string {
	return []string{trunk, PlannedLane(trunk), PreferredLane(trunk), ""}
}

// Turns names an account for each priority.
type Turns [priorityHighest + 1]string

// claimBudget bounds how many messages one Claim passes over because they expired, cannot be sent or are damaged.
const claimBudget = 64

// Claim takes the next due message of a trunk: the highest priority first, then the account whose turn it is, and of that the one due first, then the
// oldest. Its state becomes Sending and an attempt is open for its first part that waits. ok is false when nothing is due. Messages whose time
// passed become Expired on the way, those that Prepare refuses, whose account has no quota left or whose recipient opted out become Error.
//
// Parts are counted for the trunk in the same transaction. A message whose parts would exceed a limit stays where it is, and so does everything
// behind it that the limit is for; when nothing else is due, the error is a *LimitError that says until when.
func (s *Store) Claim(ctx context.Context, c Claim) (m Message, ok bool, err error) {
	if !c.Likely {
		some := false
		err = s.engine.View(ctx, func(r Reader) error {
			key, err := candidate(r, &c, priorityHighest)
			some = key != nil
			return err
		})
		if err != nil || !some {
			return Message{}, false, err
		}
	}
	var claimed *record
	var limited *LimitError
	err = s.update(ctx, func(t *tx) error {
		claimed, limited = nil, nil
		highest := priorityHighest
		for range claimBudget {
			key, err := candidate(t, &c, highest)
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
				if err := t.Delete(tableQueue, key); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
			taken, limit, err := t.take(m, &c, limited)
			switch {
			case err != nil:
				return err
			case taken:
				claimed = m
				return nil
			case limit != nil:
				limited = limited.join(limit)
				if highest = int(min(m.Priority, priorityHighest)) - 1; highest < 0 {
					return nil
				}
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return Message{}, false, err
	case claimed != nil:
		s.metrics.claimed.Inc()
		return *claimed.Message, true, nil
	case limited != nil:
		return Message{}, false, limited
	}
	return Message{}, false, nil
}

// take makes a due message the trunk's, unless it expired, cannot be sent or would exceed a limit. known is the limit that others met already.
func (t *tx) take(m *record, c *Claim, known *LimitError) (taken bool, limit *LimitError, err error) {
	if !m.ExpiresAt.IsZero() && !c.At.Before(m.ExpiresAt) {
		return false, nil, t.expire(m, c.At)
	}
	if m.Class == "" {
		if out, err := optedOut(t, t.s.instance.ID, m.To, c.Trunk); err != nil {
			return false, nil, err
		} else if out {
			m.Refuse("opted_out", "the recipient asked not to be written to")
			return false, nil, t.fail(m, c.At, m.Failure)
		}
	}
	if limit, err = t.within(m.Message, c, known); err != nil || limit != nil {
		return false, limit, err
	}
	if refused, err := t.chargeAgain(m, c.At); err != nil || refused {
		return false, nil, err
	}
	was := *m.Message
	was.Parts = slices.Clone(m.Parts)
	if err := m.become(Sending); err != nil {
		return false, nil, err
	}
	m.Trunk = c.Trunk
	if len(m.Parts) > 1 && m.Concat == 0 {
		if err := t.reference(m.Message); err != nil {
			return false, nil, err
		}
	}
	if c.Prepare != nil {
		if err := c.Prepare(m.Message); err != nil {
			*m.Message = was
			return false, nil, t.fail(m, c.At, &Failure{Code: "unsendable", Text: err.Error()})
		}
	}
	part := m.next()
	if part == nil {
		return false, nil, t.fail(m, c.At, &Failure{Code: "unsendable", Text: "no part of it waits to be sent"})
	}
	policy := m.OnAmbiguous
	if policy == AsTrunk {
		policy = c.OnAmbiguous
	}
	part.open(c.Trunk, c.SIM, c.At, policy)
	m.NotBefore = time.Time{}
	if err := t.count(m.Message, part.last()); err != nil {
		return false, nil, err
	}
	return true, nil, t.finish(m, c.At, part)
}

// fail ends a message that cannot be sent.
func (t *tx) fail(m *record, at time.Time, failure *Failure) error {
	if err := m.become(Error); err != nil {
		return err
	}
	m.Failure = failure
	m.drop(Canceled)
	return t.finish(m, at, nil)
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

// Mark records that the part whose attempt is open goes out now. It is durable before Mark returns: from here on nobody can tell whether the
// network has the part until the answer is known. ErrAttempt when there is no attempt that is only claimed.
func (s *Store) Mark(ctx context.Context, id MessageID, seq int, at time.Time) error {
	return s.MarkAfter(ctx, id, seq, -1, at)
}

// MarkAfter is Mark for a line that is known to have given the reference before last: 0 to 255, -1 when that is not known. It is kept as evidence in
// case that the answer is lost.
func (s *Store) MarkAfter(ctx context.Context, id MessageID, seq, before int, at time.Time) error {
	_, err := s.change(ctx, id, func(t *tx, m *record) error {
		p := m.part(seq)
		if p == nil || p.attempt() == nil || p.attempt().Phase != Claimed {
			return ErrAttempt
		}
		p.attempt().Phase, p.attempt().Before = Committing, before
		if err := t.voidGuesses(m, p.SIM, before); err != nil {
			return err
		}
		return t.save(m)
	})
	return err
}
