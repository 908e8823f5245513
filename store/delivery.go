package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// DeliveryState tells how far the delivery of one event to one endpoint is.
type DeliveryState uint8

const (
	Pending   DeliveryState = 1 // it was tried in vain, or waits for an earlier event of its message
	Arrived   DeliveryState = 2 // the endpoint took it
	DeadEnded DeliveryState = 3 // it was given up
)

func (s DeliveryState) String() string {
	switch s {
	case Pending:
		return "pending"
	case Arrived:
		return "delivered"
	case DeadEnded:
		return "dead"
	}
	return ""
}

// ParseDeliveryState reads the name of a state.
func ParseDeliveryState(name string) (DeliveryState, error) {
	for _, s := range []DeliveryState{Pending, Arrived, DeadEnded} {
		if s.String() == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%q is no state of a delivery", name)
}

// Delivery is one event on its way to one endpoint. There is none for an event that was not tried yet.
type Delivery struct {
	Webhook   WebhookID
	Event     Event // as it happened
	State     DeliveryState
	CreatedAt time.Time     // first taken up, or asked for again
	NextAt    time.Time     // next try of a pending one; zero: an earlier event of its message goes first
	SettledAt time.Time     // delivered or given up
	Tries     int           // all there were
	Log       []DeliveryTry // the last MaxTries of them, oldest first
}

// MaxTries is how many tries of one delivery are kept, and MaxAnswer how many octets of an answer.
const (
	MaxTries  = 12
	MaxAnswer = 1024
)

// DeliveryTry is one request to an endpoint.
type DeliveryTry struct {
	At     time.Time
	Took   time.Duration
	Status int    // of the answer; 0: there was none
	Error  string // why it is no success; empty: it is
	Answer []byte // its beginning, at most MaxAnswer octets
}

// DeliveryOutcome is how a try ended.
type DeliveryOutcome struct {
	Webhook WebhookID
	Event   Event
	Try     DeliveryTry
	State   DeliveryState
	RetryAt time.Time // when Pending
	Pause   *Pause    // the endpoint is paused too; nil: it is not
}

func deliveryKey(id WebhookID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, idBytes+8), id[:]...), seq)
}

// undeliveredPrefix begins the keys of what is pending for one message; of all that is about none, when the id is zero.
func undeliveredPrefix(id WebhookID, m MessageID) []byte {
	return append(append(make([]byte, 0, 2*idBytes+8), id[:]...), m[:]...)
}

// indexes returns the index entries that follow from a delivery.
func (d *Delivery) indexes() []entry {
	if d.State != Pending {
		return nil
	}
	all := []entry{{tableUndelivered, binary.BigEndian.AppendUint64(undeliveredPrefix(d.Webhook, d.Event.Message), d.Event.Seq)}}
	if !d.NextAt.IsZero() {
		key := appendTime(append(make([]byte, 0, idBytes+16), d.Webhook[:]...), d.NextAt)
		all = append(all, entry{tableRetries, binary.BigEndian.AppendUint64(key, d.Event.Seq)})
	}
	return all
}

// SettleDelivery writes how a try ended, in one transaction with what follows from it: the next event of the message may go, the endpoint is well or
// failing or paused, an event "webhook.dead" or "webhook.paused" is written. ErrNotFound when the endpoint was purged meanwhile.
func (s *Store) SettleDelivery(ctx context.Context, o DeliveryOutcome) error {
	return s.update(ctx, func(t *tx) error {
		w, err := readWebhook(t, o.Webhook)
		if err != nil {
			return err
		}
		was, err := t.delivery(o.Webhook, o.Event.Seq, o.Try.At)
		if err != nil {
			return err
		}
		now := Delivery{Webhook: o.Webhook, Event: o.Event, CreatedAt: o.Try.At}
		if was != nil {
			now = *was
			if was.State != Pending { // it was delivered or given up before: this is another round
				now.CreatedAt, now.SettledAt = o.Try.At, time.Time{}
			}
		}
		now.State, now.NextAt = o.State, time.Time{}
		now.Tries++
		now.Log = append(now.Log, o.Try)
		now.Log = now.Log[max(0, len(now.Log)-MaxTries):]
		if o.State == Pending {
			now.NextAt = o.RetryAt
		} else {
			now.SettledAt = o.Try.At.Add(o.Try.Took)
		}
		if err := t.putDelivery(was, &now); err != nil {
			return err
		}
		at := o.Try.At.Add(o.Try.Took)
		if err := t.arrange(o.Webhook, o.Event.Message, at); err != nil {
			return err
		}
		if err := t.health(o.Webhook, o.State == Arrived, o.Try.At); err != nil {
			return err
		}
		// News about endpoints that are not delivered make no further news, or two dead endpoints would feed each other.
		if o.State == DeadEnded && !strings.HasPrefix(o.Event.Type, "webhook.") {
			text := fmt.Sprintf("event %d (%s) was given up after %d tries; last: %s", o.Event.Seq, o.Event.Type, now.Tries, o.Try.Error)
			err = t.event(Event{Type: "webhook.dead", At: at, Message: o.Event.Message, Reference: -1, Code: w.ID.String(), Text: text})
		}
		if err == nil && o.Pause != nil {
			err = t.pause(w, *o.Pause)
		}
		return err
	})
}

// health notes since when an endpoint fails.
func (t *tx) health(id WebhookID, well bool, at time.Time) error {
	c, err := readCursor(t, id)
	if err != nil || well == c.FailingSince.IsZero() {
		return err
	}
	c.FailingSince = time.Time{}
	if !well {
		c.FailingSince = at
	}
	return t.putCursor(id, c)
}

// HoldDelivery puts an event behind an earlier one of its message that is pending. held is false, and nothing is written, when there is none.
func (s *Store) HoldDelivery(ctx context.Context, id WebhookID, e Event, at time.Time) (held bool, err error) {
	if e.Message.IsZero() {
		return false, nil
	}
	look := func(r Reader) error {
		prefix := undeliveredPrefix(id, e.Message)
		held = false
		return r.Scan(tableUndelivered, prefix, binary.BigEndian.AppendUint64(prefix, e.Seq), false, func(_, _ []byte) (bool, error) {
			held = true
			return false, nil
		})
	}
	if err := s.engine.View(ctx, look); err != nil || !held {
		return false, err
	}
	err = s.update(ctx, func(t *tx) error {
		if err := look(t); err != nil || !held {
			return err
		}
		was, err := t.delivery(id, e.Seq, at)
		if err != nil {
			return err
		}
		return t.putDelivery(was, &Delivery{Webhook: id, Event: e, State: Pending, CreatedAt: at})
	})
	return held, err
}

// ReplayDelivery has an event delivered once more, now. It may be one that the endpoint never had. ErrNotFound when neither the delivery nor the
// event is kept any more.
func (s *Store) ReplayDelivery(ctx context.Context, id WebhookID, seq uint64, at time.Time) (Delivery, error) {
	var d *Delivery
	err := s.update(ctx, func(t *tx) (err error) {
		d, err = t.replayOne(id, seq, at)
		return err
	})
	if err != nil {
		return Delivery{}, err
	}
	return *d, nil
}

func (t *tx) replayOne(id WebhookID, seq uint64, at time.Time) (*Delivery, error) {
	w, err := readWebhook(t, id)
	if err != nil {
		return nil, err
	}
	if !w.ArchivedAt.IsZero() {
		return nil, fmt.Errorf("webhook %s: %w", id, ErrArchived)
	}
	was, err := t.delivery(id, seq, at)
	if err != nil {
		return nil, err
	}
	now := Delivery{Webhook: id}
	if was != nil {
		now = *was
	} else {
		value, err := t.Get(tableEvents, eventKey(seq))
		if err != nil {
			return nil, err
		}
		if value == nil {
			return nil, fmt.Errorf("event %d: %w", seq, ErrNotFound)
		}
		e, err := openEvent(eventKey(seq), value)
		if err != nil {
			return nil, err
		}
		now.Event = *e
	}
	now.State, now.CreatedAt, now.NextAt, now.SettledAt = Pending, at, at, time.Time{}
	if err := t.putDelivery(was, &now); err != nil {
		return nil, err
	}
	if err := t.arrange(id, now.Event.Message, at); err != nil {
		return nil, err
	}
	return t.delivery(id, seq, at)
}

// ReplayDead has everything that was given up delivered once more, and returns how much that is.
func (s *Store) ReplayDead(ctx context.Context, id WebhookID, at time.Time) (n int, err error) {
	for from := deliveryKey(id, 0); from != nil; {
		var dead []uint64
		var next []byte
		err := s.view(ctx, func(r Reader, found *[]*Damage) error {
			dead, next = nil, nil
			steps := 0
			return r.Scan(tableDeliveries, from, after(id[:]), false, func(k, v []byte) (bool, error) {
				if steps++; steps > pageBudget || len(dead) == purgeSlice {
					next = bytes.Clone(k)
					return false, nil
				}
				d, err := openDelivery(k, v)
				if bad, ok := damaged(err); ok {
					*found = append(*found, bad)
				} else if d.State == DeadEnded {
					dead = append(dead, d.Event.Seq)
				}
				return true, nil
			})
		})
		if err == nil && len(dead) > 0 {
			err = s.update(ctx, func(t *tx) error {
				for _, seq := range dead {
					if _, err := t.replayOne(id, seq, at); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err != nil {
			return n, err
		}
		n, from = n+len(dead), next
	}
	return n, nil
}

// HurryDeliveries makes what an endpoint failed to take since a time due at once.
func (s *Store) HurryDeliveries(ctx context.Context, id WebhookID, since, at time.Time) error {
	for from := appendTime(bytes.Clone(id[:]), at.Add(1)); from != nil; {
		var late []uint64
		var next []byte
		err := s.view(ctx, func(r Reader, found *[]*Damage) error {
			late, next = nil, nil
			steps := 0
			return r.Scan(tableRetries, from, after(id[:]), false, func(k, _ []byte) (bool, error) {
				if steps++; steps > pageBudget || len(late) == purgeSlice {
					next = bytes.Clone(k)
					return false, nil
				}
				d, err := readDelivery(r, id, binary.BigEndian.Uint64(k[len(k)-8:]))
				if bad, ok := damaged(err); ok {
					*found = append(*found, bad)
				} else if err == nil && len(d.Log) > 0 && !d.Log[len(d.Log)-1].At.Before(since) {
					late = append(late, d.Event.Seq)
				}
				return true, nil
			})
		})
		if err == nil && len(late) > 0 {
			err = s.update(ctx, func(t *tx) error {
				for _, seq := range late {
					was, err := t.delivery(id, seq, at)
					if err != nil {
						return err
					}
					if was == nil || !was.NextAt.After(at) {
						continue
					}
					now := *was
					now.NextAt = at
					if err := t.putDelivery(was, &now); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

// arrange lets the first pending delivery of a message go, and holds the second one, which is all that one change can ask for.
func (t *tx) arrange(id WebhookID, m MessageID, at time.Time) error {
	if m.IsZero() {
		return nil
	}
	var seqs []uint64
	prefix := undeliveredPrefix(id, m)
	err := t.Scan(tableUndelivered, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		seqs = append(seqs, binary.BigEndian.Uint64(k[len(k)-8:]))
		return len(seqs) < 2, nil
	})
	if err != nil {
		return err
	}
	for i, seq := range seqs {
		was, err := t.delivery(id, seq, at)
		if err != nil {
			return err
		}
		if was == nil || was.NextAt.IsZero() == (i > 0) {
			continue
		}
		now := *was
		if now.NextAt = at; i > 0 {
			now.NextAt = time.Time{}
		}
		if err := t.putDelivery(was, &now); err != nil {
			return err
		}
	}
	return nil
}

// putDelivery writes a delivery and brings its index entries up to date; was is what is stored, nil when nothing is.
func (t *tx) putDelivery(was, now *Delivery) error {
	if was != nil {
		for _, e := range was.indexes() {
			if err := t.Delete(e.table, e.key); err != nil {
				return err
			}
		}
	}
	for _, e := range now.indexes() {
		if err := t.Put(e.table, e.key, nil); err != nil {
			return err
		}
	}
	key := deliveryKey(now.Webhook, now.Event.Seq)
	return t.Put(tableDeliveries, key, seal(tableDeliveries, key, appendDelivery(newFrame(256), now)))
}

// delivery returns what is stored, nil when nothing is. A damaged record counts as nothing and is put aside.
func (t *tx) delivery(id WebhookID, seq uint64, at time.Time) (*Delivery, error) {
	d, err := readDelivery(t, id, seq)
	if bad, ok := damaged(err); ok {
		return nil, t.putAside(bad, at)
	}
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return d, err
}

func readDelivery(r Reader, id WebhookID, seq uint64) (*Delivery, error) {
	key := deliveryKey(id, seq)
	value, err := r.Get(tableDeliveries, key)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("delivery of event %d to webhook %s: %w", seq, id, ErrNotFound)
	}
	return openDelivery(key, value)
}

func openDelivery(key, value []byte) (*Delivery, error) {
	if len(key) != idBytes+8 {
		return nil, damage(tableDeliveries, key, "key is no id and number of an event")
	}
	payload, err := unseal(tableDeliveries, key, value)
	if err != nil {
		return nil, err
	}
	d, err := decodeDelivery(WebhookID(key[:idBytes]), binary.BigEndian.Uint64(key[idBytes:]), payload)
	if err != nil {
		return nil, damage(tableDeliveries, key, err.Error())
	}
	return d, nil
}

// dropDeliveryEntries removes every index entry of a delivery that can no longer say which it has, and lets the next one of its message go.
func (t *tx) dropDeliveryEntries(key []byte, at time.Time) error {
	var drop []entry
	id, seq := key[:idBytes], key[idBytes:]
	for _, table := range []Table{tableUndelivered, tableRetries} {
		err := t.Scan(table, id, after(id), false, func(k, _ []byte) (bool, error) {
			if bytes.HasSuffix(k, seq) {
				drop = append(drop, entry{table, bytes.Clone(k)})
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	for _, e := range drop {
		if err := t.Delete(e.table, e.key); err != nil {
			return err
		}
		if e.table == tableUndelivered && len(e.key) == 2*idBytes+8 {
			if err := t.arrange(WebhookID(id), MessageID(e.key[idBytes:2*idBytes]), at); err != nil {
				return err
			}
		}
	}
	return nil
}
