package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"time"
)

// Delivery returns the delivery of one event to one endpoint, or ErrNotFound.
func (s *Store) Delivery(ctx context.Context, id WebhookID, seq uint64) (Delivery, error) {
	var d *Delivery
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		d, err = readDelivery(r, id, seq)
		return err
	})
	if err != nil {
		return Delivery{}, err
	}
	return *d, nil
}

// DueDeliveries returns what is to be tried again at a time, the longest due first, at most limit. next is when the first of the others is due; zero:
// there is none.
func (s *Store) DueDeliveries(ctx context.Context, id WebhookID, at time.Time, limit int) (due []Delivery, next time.Time, err error) {
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		due, next = nil, time.Time{}
		return r.Scan(tableRetries, id[:], after(id[:]), false, func(k, _ []byte) (bool, error) {
			if len(k) != idBytes+timeBytes+8 {
				return true, nil
			}
			if t := readTime(k[idBytes:]); t.After(at) || len(due) == limit {
				next = t
				return false, nil
			}
			d, err := readDelivery(r, id, binary.BigEndian.Uint64(k[len(k)-8:]))
			if bad, ok := damaged(err); ok {
				*found = append(*found, bad)
				return true, nil
			}
			if err == nil {
				due = append(due, *d)
			}
			return true, err
		})
	})
	return due, next, err
}

// LastDelivery returns the highest number of an event for which an endpoint has a delivery, 0 when it has none.
func (s *Store) LastDelivery(ctx context.Context, id WebhookID) (seq uint64, err error) {
	err = s.engine.View(ctx, func(r Reader) error {
		seq = 0
		return r.Scan(tableDeliveries, id[:], after(id[:]), true, func(k, _ []byte) (bool, error) {
			if len(k) == idBytes+8 {
				seq = binary.BigEndian.Uint64(k[idBytes:])
			}
			return false, nil
		})
	})
	return seq, err
}

// PendingDeliveries returns how many deliveries to an endpoint are pending.
func (s *Store) PendingDeliveries(ctx context.Context, id WebhookID) (n int, err error) {
	err = s.engine.View(ctx, func(r Reader) error {
		n = 0
		return r.Scan(tableUndelivered, id[:], after(id[:]), false, func(_, _ []byte) (bool, error) { n++; return true, nil })
	})
	return n, err
}

// DeliveryQuery selects deliveries to one endpoint.
type DeliveryQuery struct {
	Webhook WebhookID
	State   DeliveryState // 0: any
	Limit   int           // 1 to 1000; else 50
	Cursor  string        // Next of the page before; empty for the first
}

// DeliveryPage is a piece of a list. It may hold fewer than asked for and still have a next one: the work per page is bounded.
type DeliveryPage struct {
	Items []Delivery
	Next  string // cursor of the next page; empty on the last
}

// Deliveries returns a page of deliveries, the newest event first. ErrCursor when the cursor was not made by the same query.
func (s *Store) Deliveries(ctx context.Context, q DeliveryQuery) (DeliveryPage, error) {
	limit := pageLimit(q.Limit)
	sum := crc32.Checksum(append(append([]byte(nil), q.Webhook[:]...), byte(q.State)), castagnoli)
	to := after(q.Webhook[:])
	if q.Cursor != "" {
		b, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor[:min(len(q.Cursor), 64)])
		if err != nil || len(b) != 12 || binary.BigEndian.Uint32(b) != sum {
			return DeliveryPage{}, ErrCursor
		}
		to = deliveryKey(q.Webhook, binary.BigEndian.Uint64(b[4:]))
	}
	var page DeliveryPage
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		page = DeliveryPage{}
		steps := 0
		return r.Scan(tableDeliveries, q.Webhook[:], to, true, func(k, v []byte) (bool, error) {
			steps++
			d, err := openDelivery(k, v)
			if bad, ok := damaged(err); ok {
				*found = append(*found, bad)
			} else if q.State == 0 || d.State == q.State {
				page.Items = append(page.Items, *d)
			}
			if (len(page.Items) == limit || steps == pageBudget) && len(k) == idBytes+8 {
				page.Next = base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, sum), k[idBytes:]...))
				return false, nil
			}
			return true, nil
		})
	})
	return page, err
}

// EventsSince returns the number of the last event from before a time, 0 when there is none: a follower that begins behind it sees everything
// since. It bisects, so the clock must not have gone back far.
func (s *Store) EventsSince(ctx context.Context, at time.Time) (after uint64, err error) {
	first, err := s.FirstEvent(ctx)
	if err != nil || first == 0 {
		return 0, err
	}
	last, err := s.LastEvent(ctx)
	if err != nil {
		return 0, err
	}
	low, high := first, last+1 // the first event that is not before the time is in this range
	for low < high {
		mid := low + (high-low)/2
		events, err := s.Events(ctx, mid-1, 1)
		if err != nil {
			return 0, err
		}
		if len(events) > 0 && events[0].At.Before(at) {
			low = max(mid, events[0].Seq) + 1
		} else {
			high = mid
		}
	}
	return low - 1, nil
}
