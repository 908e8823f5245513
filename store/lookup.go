package store

import (
	"bytes"
	"context"

	"trunkline/callplan/phone"
)

// tableLookup finds messages by what people ask for. Its keys begin with the span of time that a message belongs to: so those of new messages lie side by side, and
// few pages are written for them, while a look over years passes few spans.
const tableLookup Table = "lookup"

// What messages are found by.
const (
	lookupNumber byte = 'n' // the line of the other party
	lookupTag    byte = 't'
)

// spanBytes is the length of a span of time: the first 20 bits of an id, in which about three days pass (UUID of version 7: 48 bits of milliseconds. RFC 9562 §5.7).
const spanBytes = 3

// spanOf returns the span of an id, whose first spanBytes must be there.
func spanOf(id []byte) int { return int(id[0])<<12 | int(id[1])<<4 | int(id[2])>>4 }

const lastSpan = 1<<20 - 1

// lookupSpan begins the keys of all messages of the span of one.
func lookupSpan(by byte, id MessageID) []byte {
	return lookupPrefix(by, spanOf(id[:]), "")[:1+spanBytes]
}

// lookupPrefix begins the keys of the messages of a span that are found by a value.
func lookupPrefix(by byte, span int, value string) []byte {
	return appendLookupPrefix(make([]byte, 0, 1+spanBytes+1+len(value)+idBytes), by, span, value)
}

func appendLookupPrefix(b []byte, by byte, span int, value string) []byte {
	return appendName(append(b, by, byte(span>>12), byte(span>>4), byte(span<<4)), value)
}

func appendLookupKey(b []byte, by byte, value string, id MessageID) []byte {
	return append(appendLookupPrefix(b, by, spanOf(id[:]), value), id[:]...)
}

// party returns the number of the other side.
func (m *Message) party() phone.Number {
	if m.Direction == In {
		return m.From
	}
	return m.To
}

// lookups adds the entries by which a message is found, whatever becomes of it.
func (l *entryList) lookups(m *Message) {
	if n := m.party(); !n.IsZero() {
		l.add(tableLookup, appendLookupKey(l.room, lookupNumber, line(n), m.ID))
	}
	if m.Tag != "" {
		l.add(tableLookup, appendLookupKey(l.room, lookupTag, m.Tag, m.ID))
	}
}

// lookup says by what the messages that a query selects are found; ok is false when by nothing.
func (q *Query) lookup() (by byte, value string, ok bool) {
	switch {
	case !q.Number.IsZero():
		return lookupNumber, line(q.Number), true
	case q.Tag != "":
		return lookupTag, q.Tag, true
	}
	return 0, "", false
}

// eachFound calls fn, as a scan of the table of messages would, for those with from ≤ id < to that are found by a value; nil bounds are open.
func eachFound(r Reader, by byte, value string, from, to []byte, ascending bool, fn func(k, v []byte) (bool, error)) error {
	first, last := 0, lastSpan
	if from != nil {
		first = spanOf(from)
	}
	if to != nil {
		last = spanOf(to)
	}
	for first <= last {
		span := last
		if ascending {
			span = first
		}
		prefix := lookupPrefix(by, span, value)
		next := -1 // the span in which to go on
		visit := func(k, _ []byte) (bool, error) {
			id, found := bytes.CutPrefix(k, prefix)
			switch {
			case !found && len(k) > spanBytes && k[0] == by: // behind what is looked for: where there is anything next
				next = spanOf(k[1:])
				return false, nil
			case !found || ascending && to != nil && bytes.Compare(id, to) >= 0 || !ascending && from != nil && bytes.Compare(id, from) < 0:
				return false, nil
			case len(id) != idBytes:
				return true, nil // Check tells
			}
			v, err := r.Get(tableMessages, id)
			if err != nil || v == nil {
				return true, err
			}
			return fn(id, v)
		}
		begin, end := prefix, after(prefix)
		if from != nil && span == spanOf(from) {
			begin = append(bytes.Clone(prefix), from...)
		}
		if to != nil && span == spanOf(to) {
			end = append(bytes.Clone(prefix), to...)
		}
		var err error
		if ascending {
			err = r.Scan(tableLookup, begin, nil, false, visit)
		} else {
			err = r.Scan(tableLookup, nil, end, true, visit)
		}
		if err != nil || next < 0 {
			return err
		}
		if ascending {
			first = max(next, span+1)
		} else {
			last = min(next, span-1)
		}
	}
	return nil
}

// findOlder writes the entries of messages that were written before there were any, in transactions of a slice each.
func findOlder(ctx context.Context, e Engine) error {
	const slice = 2000
	for from := []byte{}; from != nil; {
		var all []entry
		var next []byte
		err := e.View(ctx, func(r Reader) error {
			all, next = nil, nil
			seen := 0
			return r.Scan(tableMessages, from, nil, false, func(k, v []byte) (bool, error) {
				if seen++; seen > slice {
					next = bytes.Clone(k)
					return false, nil
				}
				m, err := openMessage(k, v)
				if _, bad := damaged(err); bad {
					return true, nil // put aside when it is read next
				}
				if err == nil {
					found := entryList{all: all}
					found.lookups(m)
					all = found.all
				}
				return true, err
			})
		})
		if err != nil {
			return err
		}
		err = e.Update(ctx, func(t Tx) error {
			for _, l := range all {
				if err := t.Put(l.table, l.key, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}
