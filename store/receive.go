package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// Arrival is something that a modem took from the network.
type Arrival struct {
	Trunk, SIM string
	Slot       string // where it lies in the modem, e.g. SIM and memory and index; empty when it lies nowhere
	Raw        []byte // the PDU with its SMSC, as octets
	At         time.Time
	Message    Message  // decoded: direction In, state Received, a fresh id
	Segment    *Segment // it is a part of a longer message
	Silent     bool     // type 0: not to be shown; only the event "sms.silent" is written
}

// Segment names the set that a part belongs to.
type Segment struct {
	Key        []byte // identity of the set: sender, SIM, reference and total
	Sender     string // whose sets are counted together
	Total, Seq int
}

// Receipt tells what became of an Arrival; when Receive returned it, the modem may delete its copy.
type Receipt struct {
	Known    bool      // it was stored before from the same slot; nothing was written
	Messages []Message // that became complete by it
}

// Receive stores what came in, in one transaction with its event. The same PDU in the same slot of the same SIM, within the window, is known; in another
// slot, or in one that was released meanwhile, it is stored with DuplicateOf set. On another SIM it is another message: a delivered PDU does not name its
// recipient, so that one text to two numbers looks the same on both. A segment is kept until its set is complete.
func (s *Store) Receive(ctx context.Context, a Arrival) (Receipt, error) {
	if err := s.admit(RoomOut, ErrOut); err != nil {
		return Receipt{}, err
	}
	digest := digestOf("arrival", a.SIM, string(a.Raw))
	ids := &idPool{}
	var out Receipt
	outcome := ""
	err := s.add(ctx, func(t *tx) error {
		out = Receipt{}
		seen, err := t.digest(digest, a.At)
		if err != nil {
			return err
		}
		next := &digestRecord{Until: a.At.Add(s.options.DigestKeep)}
		if seen != nil {
			if a.Slot != "" && slices.Contains(seen.Slots, a.Slot) {
				out.Known, outcome = true, "known"
				if seen.Until.Sub(a.At) > s.options.DigestKeep/2 {
					return nil
				}
				// It lies in its slot for long: remember it on.
				next.Message, next.Slots = seen.Message, seen.Slots
				return t.putDigest(digest, seen, next)
			}
			next.Message, next.Slots = seen.Message, seen.Slots
		}
		if a.Slot != "" {
			next.Slots = append(slices.Clone(next.Slots), a.Slot)
		}
		switch {
		case a.Silent:
			outcome = "silent"
			err = t.event(Event{Type: "sms.silent", At: a.At, Reference: -1, Trunk: a.Trunk})
		case a.Segment != nil && s.options.Assembler != nil:
			outcome = "segment"
			out.Messages, err = t.segment(&a, ids)
		default:
			outcome = "message"
			m := a.Message
			m.DuplicateOf = next.Message
			if next.Message.IsZero() {
				next.Message = m.ID
			} else {
				outcome = "duplicate"
			}
			out.Messages = []Message{m}
			err = t.received(&m)
		}
		if err != nil {
			return err
		}
		return t.putDigest(digest, seen, next)
	})
	if err != nil {
		return Receipt{}, err
	}
	s.metrics.received.WithLabelValues(outcome).Inc()
	return out, nil
}

// received writes a message that came in, and its event.
func (t *tx) received(m *Message) error {
	if err := Transition(m.ID, 0, m.State); err != nil {
		return err
	}
	m.Unhandled = t.s.options.Screened
	if err := t.Put(tableMessages, m.ID[:], sealMessage(m)); err != nil {
		return err
	}
	for _, e := range entries(m) {
		if err := t.Put(e.table, e.key, nil); err != nil {
			return err
		}
	}
	return t.changed(m, m.ReceivedAt, nil)
}

// Release says that what lay in a slot of a SIM was deleted, so that the same PDU in it later is another copy.
func (s *Store) Release(ctx context.Context, sim, slot string, raw []byte) error {
	digest := digestOf("arrival", sim, string(raw))
	return s.update(ctx, func(t *tx) error {
		seen, err := t.digest(digest, time.Time{})
		if err != nil || seen == nil || !slices.Contains(seen.Slots, slot) {
			return err
		}
		next := *seen
		next.Slots = slices.DeleteFunc(slices.Clone(seen.Slots), func(s string) bool { return s == slot })
		return t.putDigest(digest, seen, &next)
	})
}

// idPool hands out the same fresh ids at every run of a transaction.
type idPool struct {
	ids  []MessageID
	used int
}

func (p *idPool) rewind() { p.used = 0 }

func (p *idPool) next() MessageID {
	if p.used == len(p.ids) {
		p.ids = append(p.ids, NewMessageID())
	}
	p.used++
	return p.ids[p.used-1]
}

// digestOf returns the SHA-256 of a kind of thing and what identifies it; every word after its length.
func digestOf(words ...string) []byte {
	h := sha256.New()
	for _, w := range words {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(w)))
		h.Write(n[:])
		h.Write([]byte(w))
	}
	return h.Sum(nil)
}

// digest returns what is known of a digest at a time, nil when nothing is. A damaged record counts as nothing and is put aside.
func (t *tx) digest(key []byte, at time.Time) (*digestRecord, error) {
	value, err := t.Get(tableDigests, key)
	if err != nil || value == nil {
		return nil, err
	}
	d, err := openDigest(key, value)
	if bad, ok := damaged(err); ok {
		return nil, t.putAside(bad, at)
	}
	if err != nil {
		return nil, err
	}
	if !at.IsZero() && !at.Before(d.Until) {
		return nil, t.Delete(tableDeadlines, deadlineKeyOf(d.Until, deadlineDigest, key)) // Tidy was not here yet
	}
	return d, nil
}

// putDigest writes a digest and moves its deadline.
func (t *tx) putDigest(key []byte, was, now *digestRecord) error {
	if was == nil || !was.Until.Equal(now.Until) {
		if was != nil {
			if err := t.Delete(tableDeadlines, deadlineKeyOf(was.Until, deadlineDigest, key)); err != nil {
				return err
			}
		}
		if err := t.Put(tableDeadlines, deadlineKeyOf(now.Until, deadlineDigest, key), nil); err != nil {
			return err
		}
	}
	return t.Put(tableDigests, key, seal(tableDigests, key, appendDigest(newFrame(96), now)))
}

func openDigest(key, value []byte) (*digestRecord, error) {
	payload, err := unseal(tableDigests, key, value)
	if err != nil {
		return nil, err
	}
	d, err := decodeDigest(payload)
	if err != nil {
		return nil, damage(tableDigests, key, err.Error())
	}
	return d, nil
}
