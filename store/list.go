package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

	"trunkline/callplan/phone"
)

// Query selects messages. Every zero field selects all.
type Query struct {
	Direction Direction
	State     State
	Trunk     string // carries or carried it, or was asked for
	Tag       string
	Number    phone.Number // the other party, on the same line
	Limit     int          // 1 to 1000; else 50
	Cursor    string       // Next of the page before; empty for the first
	Ascending bool         // oldest first; else newest first
}

// Page is a piece of a list. It may hold fewer messages than asked for, even none, and still have a next one: the work per page is bounded.
type Page struct {
	Items []Message
	Next  string // cursor of the next page; empty on the last
}

const (
	defaultPage = 50
	maxPage     = 1000
	pageBudget  = 10_000 // messages looked at per page
)

func pageLimit(n int) int {
	if n < 1 || n > maxPage {
		return defaultPage
	}
	return n
}

// Messages returns a page of messages in order of their ids, which is the order of time. ErrCursor when the cursor was not made by the same query.
// Damaged records are left out.
func (s *Store) Messages(ctx context.Context, q Query) (Page, error) {
	limit := pageLimit(q.Limit)
	var from, to []byte
	if q.Cursor != "" {
		id, err := q.parseCursor()
		if err != nil {
			return Page{}, err
		}
		if q.Ascending {
			from = append(id[:], 0)
		} else {
			to = id[:]
		}
	}
	var page Page
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		page = Page{}
		steps := 0
		return r.Scan(tableMessages, from, to, !q.Ascending, func(k, v []byte) (bool, error) {
			steps++
			m, err := openMessage(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
			} else if q.selects(m) {
				page.Items = append(page.Items, *m)
			}
			if (len(page.Items) == limit || steps == pageBudget) && len(k) == idBytes {
				page.Next = q.cursor(MessageID(k))
				return false, nil
			}
			return true, nil
		})
	})
	if err != nil {
		return Page{}, err
	}
	return page, nil
}

func (q *Query) selects(m *Message) bool {
	party := m.To
	if m.Direction == In {
		party = m.From
	}
	return (q.Direction == 0 || m.Direction == q.Direction) &&
		(q.State == 0 || m.State == q.State) &&
		(q.Trunk == "" || m.Trunk == q.Trunk || m.Pin == q.Trunk) &&
		(q.Tag == "" || m.Tag == q.Tag) &&
		(q.Number.IsZero() || party.SameLine(q.Number))
}

const (
	cursorVersion = 1
	cursorBytes   = 1 + 4 + idBytes
)

// cursor returns the position behind a message: version, sum of the query, id.
func (q *Query) cursor(id MessageID) string {
	b := binary.BigEndian.AppendUint32([]byte{cursorVersion}, q.sum())
	return base64.RawURLEncoding.EncodeToString(append(b, id[:]...))
}

func (q *Query) parseCursor() (MessageID, error) {
	if len(q.Cursor) > 64 {
		return MessageID{}, ErrCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor)
	if err != nil || len(b) != cursorBytes || b[0] != cursorVersion || binary.BigEndian.Uint32(b[1:]) != q.sum() {
		return MessageID{}, ErrCursor
	}
	return MessageID(b[5:]), nil
}

// sum stands for everything that a cursor must not outlive; the limit may change between pages.
func (q *Query) sum() uint32 {
	b := []byte{byte(q.Direction), byte(q.State), 0}
	if q.Ascending {
		b[2] = 1
	}
	b = appendName(b, q.Trunk)
	b = appendName(b, numberName(q.Number))
	b = append(b, q.Tag...)
	return crc32.Checksum(b, castagnoli)
}

// Counts returns how many messages are in each state that is not final: Waiting, Held, Sending and Unknown exactly, and under Sent those of which a
// status report is awaited.
func (s *Store) Counts(ctx context.Context) (map[State]int, error) {
	var counts map[State]int
	err := s.engine.View(ctx, func(r Reader) error {
		counts = map[State]int{Held: 0, Waiting: 0, Sending: 0, Unknown: 0, Sent: 0}
		err := r.Scan(tableQueue, nil, nil, false, func(_, _ []byte) (bool, error) {
			counts[Waiting]++
			return true, nil
		})
		if err != nil {
			return err
		}
		busy := map[MessageID]bool{}
		err = r.Scan(tableOpen, nil, nil, false, func(k, _ []byte) (bool, error) {
			if id, ok := messageOf(entry{tableOpen, k}); ok && k[0] != unclearMark {
				counts[State(k[0])]++
				busy[id] = true
			}
			return true, nil
		})
		if err != nil {
			return err
		}
		return r.Scan(tableRefs, nil, nil, false, func(k, _ []byte) (bool, error) {
			if id, ok := messageOf(entry{tableRefs, k}); ok && !busy[id] {
				counts[Sent]++
				busy[id] = true
			}
			return true, nil
		})
	})
	return counts, err
}
