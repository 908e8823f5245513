package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Parts that were given to a network are counted by the month in which their message was accepted, by its account and its service provider. The count changes in
// the transaction in which a message goes out, or turns out not to have gone, so that accepting costs nothing; what is deleted from the log stays counted.

// sentMonth is a month of the calendar, in UTC.
type sentMonth struct {
	year  int
	month time.Month
}

func monthOf(t time.Time) sentMonth {
	t = t.UTC()
	return sentMonth{t.Year(), t.Month()}
}

// next returns the month after.
func (m sentMonth) next() sentMonth { return monthOf(m.begin().AddDate(0, 1, 0)) }

func (m sentMonth) begin() time.Time { return time.Date(m.year, m.month, 1, 0, 0, 0, 0, time.UTC) }

func (m sentMonth) key() []byte {
	return append(binary.BigEndian.AppendUint16(make([]byte, 0, 48), uint16(m.year)), byte(m.month))
}

// sentRow is what a row of the table of counts is about.
type sentRow struct {
	sentMonth
	account, provider string
}

func (m *Message) sentRow() sentRow { return sentRow{monthOf(m.CreatedAt), m.Account, m.Tenant()} }

func (r sentRow) key() []byte {
	return appendName(appendName(r.sentMonth.key(), r.account), r.provider)
}

func parseSentKey(key []byte) (row sentRow, ok bool) {
	if len(key) < 3 || key[2] < 1 || key[2] > 12 {
		return row, false
	}
	row.sentMonth = sentMonth{int(binary.BigEndian.Uint16(key)), time.Month(key[2])}
	var rest []byte
	if row.account, rest, ok = cutName(key[3:]); !ok {
		return row, false
	}
	row.provider, rest, ok = cutName(rest)
	return row, ok && len(rest) == 0
}

// openSent reads a row: the parts, as a number of variable length.
func openSent(key, value []byte) (row sentRow, parts int, err error) {
	row, ok := parseSentKey(key)
	if !ok {
		return row, 0, damage(tableSent, key, "key is no month, account and service provider")
	}
	payload, err := unseal(tableSent, key, value)
	if err != nil {
		return row, 0, err
	}
	u, n := binary.Uvarint(payload)
	if n <= 0 || n != len(payload) || u > 1<<40 {
		return row, 0, damage(tableSent, key, "counts nothing")
	}
	return row, int(u), nil
}

// sentParts returns how many parts of a message are counted: all of them from when the first is given to a network, unless it turns out that none was.
func (m *Message) sentParts() int {
	if m.Direction != Out {
		return 0
	}
	switch status, _ := m.LogStatus(); status {
	case LogSent, LogDelivered, LogUnknown:
		return len(m.Parts)
	}
	return 0
}

// countSent adds to the count of a message's row.
func (t *tx) countSent(m *Message, parts int) error {
	key := m.sentRow().key()
	value, err := t.Get(tableSent, key)
	if err != nil {
		return err
	}
	if value != nil {
		_, n, err := openSent(key, value)
		if err != nil {
			return err
		}
		parts += n
	}
	return t.putSent(key, parts)
}

func (t *tx) putSent(key []byte, parts int) error {
	return t.Put(tableSent, key, seal(tableSent, key, binary.AppendUvarint(newFrame(8), uint64(max(parts, 0)))))
}

// Sent returns how many parts were given to a network in each of some months from the one of a time: of messages that an account had accepted then, or all when it
// is empty, for the service provider with a key, or any. Messages that are deleted by now are counted too. Damaged rows are left out.
func (s *Store) Sent(ctx context.Context, account, provider string, from time.Time, months int) ([]int, error) {
	var parts []int
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		parts = make([]int, months)
		m := monthOf(from)
		for i := range parts {
			prefix := m.key()
			if account != "" {
				prefix = appendName(prefix, account)
			}
			err := r.Scan(tableSent, prefix, after(prefix), false, func(k, v []byte) (bool, error) {
				row, n, err := openSent(k, v)
				if d, ok := damaged(err); ok {
					*found = append(*found, d)
					return true, nil
				}
				if err == nil && (provider == "" || row.provider == provider) {
					parts[i] += n
				}
				return true, err
			})
			if err != nil {
				return err
			}
			m = m.next()
		}
		return nil
	})
	return parts, err
}

// ExpireSent deletes counts of months that ended before a time and before the oldest message in the log, and begins where an earlier call ended (nil: with the
// oldest). The work of a call is bounded.
func (s *Store) ExpireSent(ctx context.Context, before time.Time, from []byte) (Deletion, error) {
	err := s.view(ctx, func(r Reader, _ *[]*Damage) error {
		return r.Scan(tableMessages, nil, nil, false, func(k, _ []byte) (bool, error) {
			if len(k) == idBytes && !createdBefore(MessageID(k), before.Add(idSlack)) {
				return false, nil
			}
			if len(k) == idBytes {
				before = time.UnixMilli(int64(binary.BigEndian.Uint64(k) >> 16)).Add(-idSlack)
			}
			return false, nil
		})
	})
	if err != nil {
		return Deletion{}, err
	}
	return s.expire(ctx, tableSent, from, func(k, v []byte) (done, old bool, err error) {
		row, _, err := openSent(k, v)
		old = err == nil && !row.next().begin().After(before)
		return err == nil && !old, old, err // the oldest come first
	}, nil)
}

// sentTally counts parts anew from messages.
type sentTally map[string]int

func (y sentTally) add(key, value []byte) {
	m, err := openMessage(key, value)
	if err != nil {
		return // told when the message is looked at
	}
	if n := m.sentParts(); n > 0 {
		y[string(m.sentRow().key())] += n
	}
}

// countOlder writes the counts of messages that were sent before there were any. Running it again changes nothing.
func countOlder(ctx context.Context, e Engine) error {
	tally := sentTally{}
	for from := []byte{}; from != nil; {
		here, next := sentTally{}, []byte(nil)
		err := e.View(ctx, func(r Reader) error {
			clear(here)
			next = nil
			seen := 0
			return r.Scan(tableMessages, from, nil, false, func(k, v []byte) (bool, error) {
				if seen++; seen > checkSlice {
					next = bytes.Clone(k)
					return false, nil
				}
				here.add(k, v)
				return true, nil
			})
		})
		if err != nil {
			return err
		}
		for key, n := range here {
			tally[key] += n
		}
		from = next
	}
	return e.Update(ctx, func(x Tx) error {
		t := &tx{Tx: x}
		for key, n := range tally {
			if err := t.putSent([]byte(key), n); err != nil {
				return err
			}
		}
		return nil
	})
}

// missingSent says for which rows less is counted than was sent by messages that are in the log. What was counted of the messages may have changed meanwhile, so
// where it seems to be too little it is counted again, together with the row.
func missingSent(ctx context.Context, e Engine, tally sentTally) (wrong []Damage, err error) {
	for key, seen := range tally {
		err := e.View(ctx, func(r Reader) error {
			counted, err := sentAt(r, []byte(key))
			if err != nil || counted >= seen {
				return err
			}
			row, _ := parseSentKey([]byte(key))
			from, to := (&Query{Since: row.begin(), Until: row.next().begin()}).bounds()
			there := sentTally{}
			err = r.Scan(tableMessages, from, to, false, func(k, v []byte) (bool, error) {
				there.add(k, v)
				return true, nil
			})
			if there[key] > counted {
				wrong = append(wrong, *damage(tableSent, []byte(key), fmt.Sprintf("%d parts are counted, and %d are in the log", counted, there[key])))
			}
			return err
		})
		if err != nil {
			return wrong, err
		}
	}
	return wrong, nil
}

// sentAt returns the count of a row; one that is damaged, which is told elsewhere, has all that there may be.
func sentAt(r Reader, key []byte) (int, error) {
	value, err := r.Get(tableSent, key)
	if err != nil || value == nil {
		return 0, err
	}
	_, n, err := openSent(key, value)
	if _, bad := damaged(err); bad {
		return math.MaxInt, nil
	}
	return n, err
}
