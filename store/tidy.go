package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"time"
)

// tidySlice bounds what one call of Tidy does of each kind of work.
const tidySlice = 128

// Tidy does a slice of what is due at a time: messages whose time passed become Expired, sets of segments that stayed incomplete are given up, status
// reports are no longer awaited, and what has been kept long enough is forgotten. more says that another call would find work at once.
func (s *Store) Tidy(ctx context.Context, at time.Time) (more bool, err error) {
	due, err := s.dueWork(ctx, at)
	if err != nil || !due {
		return false, err
	}
	ids := &idPool{}
	err = s.update(ctx, func(t *tx) error {
		ids.rewind()
		deadlines, err := t.tidyDeadlines(at, ids)
		if err != nil {
			return err
		}
		events, err := t.tidyEvents(at, at.Add(-s.options.EventsKeep))
		if err != nil {
			return err
		}
		bad, err := t.tidyBad(at.Add(-s.options.EventsKeep))
		more = deadlines || events || bad
		return err
	})
	return more && err == nil, err
}

// dueWork tells without writing whether there is anything to do.
func (s *Store) dueWork(ctx context.Context, at time.Time) (due bool, err error) {
	err = s.engine.View(ctx, func(r Reader) error {
		due = false
		stop := func(_, _ []byte) (bool, error) {
			due = true
			return false, nil
		}
		if err := r.Scan(tableDeadlines, nil, deadlineKeyOf(at, 0xFF), false, stop); err != nil || due {
			return err
		}
		if err := r.Scan(tableQuarantine, nil, appendTime(nil, at.Add(-s.options.EventsKeep)), false, stop); err != nil || due {
			return err
		}
		last, err := lastEvent(r)
		if err != nil || last == 0 {
			return err
		}
		if last, err = eventFloor(r, last); err != nil {
			return err
		}
		return r.Scan(tableEvents, nil, eventKey(last), false, func(k, v []byte) (bool, error) {
			e, err := openEvent(k, v)
			due = err != nil || e.At.Before(at.Add(-s.options.EventsKeep))
			return false, nil
		})
	})
	return due, err
}

func (t *tx) tidyDeadlines(at time.Time, ids *idPool) (more bool, err error) {
	var due [][]byte
	err = t.Scan(tableDeadlines, nil, deadlineKeyOf(at, 0xFF), false, func(k, _ []byte) (bool, error) {
		if len(due) == tidySlice {
			more = true
			return false, nil
		}
		due = append(due, bytes.Clone(k))
		return true, nil
	})
	if err != nil {
		return false, err
	}
	for _, k := range due {
		if len(k) > timeBytes {
			if err := t.meet(k[timeBytes], k[timeBytes+1:], at, ids); err != nil {
				return false, err
			}
		}
		if err := t.Delete(tableDeadlines, k); err != nil {
			return false, err
		}
	}
	return more, nil
}

// meet does what a deadline asks for. What it was about may be gone, or may have another deadline now.
func (t *tx) meet(kind byte, key []byte, at time.Time, ids *idPool) error {
	switch kind {
	case deadlineExpire, deadlineAwait, deadlineUnclear:
		if len(key) < idBytes {
			return nil
		}
		m, err := t.load(MessageID(key[:idBytes]))
		if d, ok := damaged(err); ok {
			return t.putAside(d, at)
		}
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind == deadlineExpire {
			if m.State != Waiting || m.ExpiresAt.IsZero() || m.ExpiresAt.After(at) {
				return nil
			}
			return t.expire(m, at)
		}
		if kind == deadlineUnclear {
			if len(key) == idBytes {
				return nil
			}
			return t.lapse(m, m.part(int(key[idBytes])), at)
		}
		return t.unreported(m, at)
	case deadlineUsage:
		return t.Delete(tableUsage, key)
	case deadlineSet:
		return t.flushSet(key, at, ids)
	case deadlineReport:
		return t.Delete(tableReports, key)
	case deadlineKey:
		value, err := t.Get(tableKeys, key)
		if err != nil || value == nil {
			return err
		}
		if k, err := openKeyRecord(key, value); err == nil && k.Until.After(at) {
			return nil
		}
		return t.Delete(tableKeys, key)
	case deadlineDigest:
		value, err := t.Get(tableDigests, key)
		if err != nil || value == nil {
			return err
		}
		if d, err := openDigest(key, value); err == nil && d.Until.After(at) {
			return nil
		}
		return t.Delete(tableDigests, key)
	}
	return nil
}

// unreported ends the wait for status reports that did not come. When none is awaited any more, Sent is the last that is known of the message, and
// the event "report.missing" says so.
func (t *tx) unreported(m *record, at time.Time) error {
	over, awaited := 0, 0
	for i := range m.Parts {
		p := &m.Parts[i]
		switch {
		case p.AwaitUntil.IsZero():
		case p.AwaitUntil.After(at):
			awaited++
		default:
			p.AwaitUntil = time.Time{}
			over++
		}
	}
	if err := t.save(m); err != nil || over == 0 || awaited > 0 || m.State != Sent {
		return err
	}
	return t.event(Event{Type: "report.missing", At: at, Message: m.ID, State: m.State, Reference: -1, Trunk: m.Trunk, Code: "no_report",
		Text: "no status report came in its time"})
}

// tidyEvents forgets events from before a time. The newest one stays, since the next number follows from it, and so does what an active endpoint of
// webhooks has still to get.
func (t *tx) tidyEvents(at, before time.Time) (more bool, err error) {
	last, err := lastEvent(t)
	if err != nil || last == 0 {
		return false, err
	}
	if last, err = eventFloor(t, last); err != nil {
		return false, err
	}
	var old [][]byte
	var bad *Damage
	err = t.Scan(tableEvents, nil, eventKey(last), false, func(k, v []byte) (bool, error) {
		e, err := openEvent(k, v)
		if d, ok := damaged(err); ok {
			bad, more = d, true // it is replaced by an event of today
			return false, nil
		}
		if !e.At.Before(before) {
			return false, nil
		}
		if len(old) == tidySlice {
			more = true
			return false, nil
		}
		old = append(old, bytes.Clone(k))
		return true, nil
	})
	if err != nil {
		return false, err
	}
	for _, k := range old {
		if err := t.Delete(tableEvents, k); err != nil {
			return false, err
		}
	}
	if bad != nil {
		err = t.putAside(bad, at)
	}
	return more, err
}

func (t *tx) tidyBad(before time.Time) (more bool, err error) {
	var old [][]byte
	err = t.Scan(tableQuarantine, nil, appendTime(nil, before), false, func(k, _ []byte) (bool, error) {
		if len(old) == tidySlice {
			more = true
			return false, nil
		}
		old = append(old, bytes.Clone(k))
		return true, nil
	})
	if err != nil {
		return false, err
	}
	for _, k := range old {
		if err := t.Delete(tableQuarantine, k); err != nil {
			return false, err
		}
	}
	return more, nil
}

// FirstEvent returns the number of the oldest event that is kept, 0 when there is none. A follower that is behind it has missed something.
func (s *Store) FirstEvent(ctx context.Context) (first uint64, err error) {
	err = s.engine.View(ctx, func(r Reader) error {
		first, err = firstEvent(r)
		return err
	})
	return first, err
}

func firstEvent(r Reader) (first uint64, err error) {
	err = r.Scan(tableEvents, nil, nil, false, func(k, _ []byte) (bool, error) {
		if len(k) == 8 {
			first = binary.BigEndian.Uint64(k)
		}
		return false, nil
	})
	return first, err
}
