package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Floor is what a restored store must stay above, since another copy of it went on after the backup: zero when nothing is known of that.
type Floor struct {
	Epoch uint64 // of the copy that is replaced
	Event uint64 // number of its newest event
}

// Fenced says what Fence did.
type Fenced struct {
	Held    int    // messages that wait for somebody to confirm them
	Unknown int    // of these: with a part that may have gone out
	Epoch   uint64 // of the store from now on
}

// eventRestored is the type of the event about a restore, in front of which numbers may be missing.
const eventRestored = "store.restored"

// codeRestored marks messages that a restore holds.
const codeRestored = "restored"

// Fence makes a copy from the past safe to go on with. What it says is still to be sent may have been sent since, so that everything Waiting or Sending
// becomes Held until Confirm; a part whose answer was awaited is Unknown, and nothing that is Unknown is sent again by itself. The epoch rises. The event
// "store.restored" has a number above all that were given before. It is called once, before the first Claim; after a crash in the middle, again.
func (s *Store) Fence(ctx context.Context, at time.Time, floor Floor) (Fenced, error) {
	var all Fenced
	for _, from := range []func(*tx, MessageID) ([]MessageID, error){queued, opened(Sending), opened(Unknown)} {
		var last MessageID
		for {
			var ids []MessageID
			var some Fenced
			err := s.update(ctx, func(t *tx) (err error) {
				some = Fenced{}
				if ids, err = from(t, last); err != nil {
					return err
				}
				for _, id := range ids {
					if err := t.fence(id, at, &some); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return all, fmt.Errorf("hold what may have been sent since the backup: %w", err)
			}
			all.Held += some.Held
			all.Unknown += some.Unknown
			if len(ids) == 0 {
				break
			}
			last = ids[len(ids)-1]
		}
	}
	next := Instance{ID: s.instance.ID, Epoch: max(s.instance.Epoch, floor.Epoch) + 1}
	err := s.update(ctx, func(t *tx) error {
		if err := t.Put(tableMeta, keyInstance, seal(tableMeta, keyInstance, appendInstance(newFrame(32), next))); err != nil {
			return err
		}
		newest, err := lastEvent(t)
		if err != nil {
			return err
		}
		t.last, t.known = max(newest, floor.Event), true
		return t.event(Event{Type: eventRestored, At: at, Reference: -1, Text: fmt.Sprintf("epoch %d; %d messages are held until they are confirmed", next.Epoch, all.Held)})
	})
	if err != nil {
		return all, fmt.Errorf("raise the epoch: %w", err)
	}
	s.instance, all.Epoch = next, next.Epoch
	return all, nil
}

// queued returns a slice of the messages that wait. Those that Fence held are not among them any more.
func queued(t *tx, _ MessageID) (ids []MessageID, err error) {
	var lost [][]byte
	err = t.Scan(tableQueue, nil, nil, false, func(k, _ []byte) (bool, error) {
		if id, ok := messageOf(entry{tableQueue, k}); ok {
			ids = append(ids, id)
		} else {
			lost = append(lost, bytes.Clone(k))
		}
		return len(ids) < recoverSlice, nil
	})
	for _, k := range lost {
		if err == nil {
			err = t.Delete(tableQueue, k)
		}
	}
	return ids, err
}

// opened returns what lists a slice of the messages in a state, behind an id.
func opened(s State) func(*tx, MessageID) ([]MessageID, error) {
	return func(t *tx, last MessageID) (ids []MessageID, err error) {
		prefix := []byte{byte(s)}
		err = t.Scan(tableOpen, append(openKey(s, last), 0), after(prefix), false, func(k, _ []byte) (bool, error) {
			if id, ok := messageOf(entry{tableOpen, k}); ok {
				ids = append(ids, id)
			}
			return len(ids) < recoverSlice, nil
		})
		return ids, err
	}
}

// fence holds one message.
func (t *tx) fence(id MessageID, at time.Time, count *Fenced) error {
	m, err := t.load(id)
	if d, ok := damaged(err); ok {
		return t.putAside(d, at)
	}
	if errors.Is(err, ErrNotFound) {
		return t.dropEntries(id)
	}
	if err != nil {
		return err
	}
	unknown := false
	for i := range m.Parts {
		p := &m.Parts[i]
		if a := p.attempt(); a != nil {
			p.State = Unknown
			if a.Phase == Claimed {
				p.State = Waiting
				if err := t.uncount(m.Message, a); err != nil {
					return err
				}
			}
			p.end(at, &Failure{Code: codeRestored, Text: "a copy from before its answer was restored"})
		}
		if p.State == Unknown {
			unknown = true
			if a := p.last(); a != nil {
				a.Until = time.Time{}
			}
		}
	}
	if m.State == Unknown {
		return t.save(m)
	}
	m.Failure = &Failure{Code: codeRestored, Text: "it may have been sent after the backup that was restored; confirm it to send it"}
	if err := m.become(Held); err != nil {
		return err
	}
	count.Held++
	if unknown {
		count.Unknown++
	}
	return t.finish(m, at, nil)
}

// ConfirmRestored does what Confirm does for every message that Fence held, and returns how many. Those that somebody else held stay so.
func (s *Store) ConfirmRestored(ctx context.Context, by string, at time.Time) (int, error) {
	n := 0
	var last MessageID
	for {
		var ids []MessageID
		some := 0
		err := s.update(ctx, func(t *tx) (err error) {
			some = 0
			if ids, err = opened(Held)(t, last); err != nil {
				return err
			}
			for _, id := range ids {
				m, err := t.load(id)
				if d, ok := damaged(err); ok {
					if err := t.putAside(d, at); err != nil {
						return err
					}
					continue
				}
				if errors.Is(err, ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if m.Failure == nil || m.Failure.Code != codeRestored {
					continue
				}
				if err := t.decide(m, by, "release", at, confirm); err != nil {
					return err
				}
				some++
			}
			return nil
		})
		n += some
		if err != nil || len(ids) == 0 {
			return n, err
		}
		last = ids[len(ids)-1]
	}
}
