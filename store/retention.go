package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"
)

// expireSlice is how many records one transaction of ExpireMessages or ExpireDeliveries deletes at most.
const expireSlice = 500

// Deletion is what a call of ExpireMessages or ExpireDeliveries did.
type Deletion struct {
	Deleted int
	Next    []byte // where the next call goes on; nil: everything was looked at
}

// ExpireMessages deletes messages of one direction that were created before a time, with their index entries, and begins where an earlier call ended
// (nil: with the oldest). A message stays, however old, as long as anything can still happen to it: as long as it is not final, and a sent one
// while a report is awaited. The work of a call is bounded.
func (s *Store) ExpireMessages(ctx context.Context, d Direction, before time.Time, from []byte) (Deletion, error) {
	return s.expire(ctx, tableMessages, from, func(k, v []byte) (done, old bool, err error) {
		m, err := openMessage(k, v)
		if err != nil {
			return false, false, err
		}
		if !createdBefore(m.ID, before) {
			return true, false, nil // ids are in order of time
		}
		return false, m.Direction == d && m.CreatedAt.Before(before) && m.settled(), nil
	}, dropEntries)
}

// settled tells whether nothing more can happen to a message.
func (m *Message) settled() bool { return m.State.Final() || m.State == Sent && !pending(m) }

// createdBefore tells whether an id was made before a time; ids have milliseconds (RFC 9562 §5.7).
func createdBefore(id MessageID, at time.Time) bool {
	return int64(binary.BigEndian.Uint64(id[:8])>>16) <= at.UnixMilli()
}

// ExpireDeliveries deletes deliveries that ended before a time. Those that are pending stay.
func (s *Store) ExpireDeliveries(ctx context.Context, before time.Time, from []byte) (Deletion, error) {
	return s.expire(ctx, tableDeliveries, from, func(k, v []byte) (done, old bool, err error) {
		d, err := openDelivery(k, v)
		if err != nil {
			return false, false, err
		}
		return false, d.State != Pending && d.SettledAt.Before(before), nil
	}, nil)
}

// expire deletes the records of a slice of a table for which look says that they are old; drop deletes what belongs to one. What is old is found
// without writing, and looked at again by the transaction that deletes it. Damaged records are put aside.
func (s *Store) expire(ctx context.Context, table Table, from []byte, look func(k, v []byte) (done, old bool, err error), drop func(t *tx, k, v []byte) error) (Deletion, error) {
	var keys [][]byte
	var next []byte
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		keys, next = nil, nil
		steps := 0
		return r.Scan(table, from, nil, false, func(k, v []byte) (bool, error) {
			if steps++; steps > pageBudget || len(keys) == expireSlice {
				next = bytes.Clone(k)
				return false, nil
			}
			done, old, err := look(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			if old {
				keys = append(keys, bytes.Clone(k))
			}
			return !done, err
		})
	})
	if err != nil || len(keys) == 0 {
		return Deletion{Next: next}, err
	}
	deleted := 0
	err = s.update(ctx, func(t *tx) error {
		deleted = 0
		for _, k := range keys {
			v, err := t.Get(table, k)
			if err != nil {
				return err
			}
			if v == nil {
				continue
			}
			if _, old, err := look(k, v); err != nil || !old {
				continue // it was changed meanwhile
			}
			if drop != nil {
				if err := drop(t, k, bytes.Clone(v)); err != nil {
					return err
				}
			}
			if err := t.Delete(table, k); err != nil {
				return err
			}
			deleted++
		}
		return nil
	})
	return Deletion{Deleted: deleted, Next: next}, err
}
