package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"time"
)

// Bad is something that came in and could not be decoded. It is kept as it was, so that nothing is lost.
type Bad struct {
	Trunk, Slot string
	Raw         string // as the modem printed it
	Field       string // where decoding stopped, by the decoder's name
	Offset      int    // octet at which it stopped, -1 when unknown
	Reason      string
	At          time.Time
}

// Quarantine keeps something that could not be decoded and writes the event "sms.undecodable". What is there already is not kept twice.
func (s *Store) Quarantine(ctx context.Context, b Bad) error {
	if err := s.admit(RoomOut, ErrOut); err != nil {
		return err
	}
	digest := digestOf("undecodable", b.Raw)
	key := append(appendTime(nil, b.At), digest[:8]...)
	value := seal(tableQuarantine, key, appendBad(newFrame(128+len(b.Raw)), &b))
	err := s.add(ctx, func(t *tx) error {
		seen, err := t.digest(digest, b.At)
		if err != nil || seen != nil {
			return err
		}
		if err := t.putDigest(digest, nil, &digestRecord{Until: b.At.Add(s.options.DigestKeep)}); err != nil {
			return err
		}
		if err := t.Put(tableQuarantine, key, value); err != nil {
			return err
		}
		return t.event(Event{Type: "sms.undecodable", At: b.At, Reference: -1, Trunk: b.Trunk, Code: b.Field, Text: b.Reason})
	})
	if err == nil {
		s.metrics.received.WithLabelValues("undecodable").Inc()
	}
	return err
}

// BadPage is a page of what could not be decoded, newest first. Next is the cursor of the next page, empty on the last.
type BadPage struct {
	Items []Bad
	Next  string
}

// Quarantined returns what could not be decoded, newest first, limit (1 to 1000, else 50) at a time. ErrCursor when the cursor is none.
func (s *Store) Quarantined(ctx context.Context, limit int, cursor string) (BadPage, error) {
	limit = pageLimit(limit)
	var to []byte
	if cursor != "" {
		var err error
		if to, err = base64.RawURLEncoding.DecodeString(cursor); err != nil || len(to) != timeBytes+8 {
			return BadPage{}, ErrCursor
		}
	}
	var page BadPage
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		page = BadPage{}
		return r.Scan(tableQuarantine, nil, to, true, func(k, v []byte) (bool, error) {
			b, err := openBad(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			page.Items = append(page.Items, *b)
			if len(page.Items) == limit {
				page.Next = base64.RawURLEncoding.EncodeToString(k)
				return false, nil
			}
			return true, nil
		})
	})
	return page, err
}

func openBad(key, value []byte) (*Bad, error) {
	payload, err := unseal(tableQuarantine, key, value)
	if err != nil {
		return nil, err
	}
	b, err := decodeBad(payload)
	if err != nil {
		return nil, damage(tableQuarantine, key, err.Error())
	}
	return b, nil
}

// quarantine puts a damaged record aside in a transaction of its own, when it is there and damaged still.
func (s *Store) quarantine(ctx context.Context, d *Damage) error {
	if d.Table == tableMeta || d.Table == tableDamaged {
		return nil
	}
	at := s.Now()
	var events int
	var done []*Damage
	err := s.engine.Update(ctx, func(e Tx) error {
		t := &tx{Tx: e, s: s}
		value, err := t.Get(d.Table, d.Key)
		if err == nil && value != nil && inspect(d.Table, d.Key, value) != nil {
			err = t.putAside(d, at)
		}
		events, done = t.events, t.damaged
		return err
	})
	if err == nil {
		s.written(events, done)
	}
	return err
}

// putAside copies a damaged record to the table of damaged ones, takes it out of its own together with every index entry, and writes the event
// "store.damaged". An event is replaced by one that says so, to keep the numbers without gaps. An idempotency key stays, to refuse its request.
func (t *tx) putAside(d *Damage, at time.Time) error {
	value, err := t.Get(d.Table, d.Key)
	if err != nil || value == nil {
		return err
	}
	key := append(append([]byte(d.Table), 0), d.Key...)
	if old, err := t.Get(tableDamaged, key); err != nil || old != nil && d.Table == tableKeys {
		return err
	}
	frame := appendDamaged(newFrame(64+len(d.Key)+len(value)), &damagedRecord{string(d.Table), d.Key, bytes.Clone(value), d.Reason})
	if err := t.Put(tableDamaged, key, seal(tableDamaged, key, frame)); err != nil {
		return err
	}
	e := Event{Type: "store.damaged", At: at, Reference: -1, Code: string(d.Table), Text: fmt.Sprintf("record %s: %s", hexKey(d.Key), d.Reason)}
	switch {
	case d.Table == tableKeys:
	case d.Table == tableEvents && len(d.Key) == 8:
		err = t.Put(tableEvents, d.Key, seal(tableEvents, d.Key, appendEvent(newFrame(128), &e)))
	case d.Table == tableMessages && len(d.Key) == idBytes:
		e.Message = MessageID(d.Key)
		if err = t.Delete(d.Table, d.Key); err == nil {
			err = t.dropEntries(e.Message)
		}
	case d.Table == tableDeliveries && len(d.Key) == idBytes+8:
		if err = t.Delete(d.Table, d.Key); err == nil {
			err = t.dropDeliveryEntries(d.Key, at)
		}
	default:
		if err = t.Delete(d.Table, d.Key); err == nil {
			err = t.dropDeadlines(d.Table, d.Key)
		}
	}
	if err != nil {
		return err
	}
	t.damaged = append(t.damaged, d)
	return t.event(e)
}

// dropDeadlines removes the deadlines of a record that can no longer say when it is forgotten. It looks at the whole index, which is slow and rare.
func (t *tx) dropDeadlines(table Table, key []byte) error {
	kind, ok := keptFor[table]
	if !ok {
		return nil
	}
	var drop [][]byte
	err := t.Scan(tableDeadlines, nil, nil, false, func(k, _ []byte) (bool, error) {
		if len(k) > timeBytes && k[timeBytes] == kind && bytes.Equal(k[timeBytes+1:], key) {
			drop = append(drop, bytes.Clone(k))
		}
		return true, nil
	})
	for _, k := range drop {
		if err == nil {
			err = t.Delete(tableDeadlines, k)
		}
	}
	return err
}

// dropEntries removes every index entry of a message that can no longer say which it has. It looks at whole indexes, which is slow and rare.
func (t *tx) dropEntries(id MessageID) error {
	var drop []entry
	numbers, tags := lookupSpan(lookupNumber, id), lookupSpan(lookupTag, id)
	for _, in := range []struct {
		table    Table
		from, to []byte
	}{{tableQueue, nil, nil}, {tableOpen, nil, nil}, {tableRefs, nil, nil}, {tableDeadlines, nil, nil}, {tableLookup, numbers, after(numbers)}, {tableLookup, tags, after(tags)}} {
		table := in.table
		err := t.Scan(table, in.from, in.to, false, func(k, _ []byte) (bool, error) {
			if owner, ok := messageOf(entry{table, k}); ok && owner == id {
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
	}
	return nil
}
