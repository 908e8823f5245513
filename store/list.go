package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"time"

	"trunkline/callplan/phone"
)

// Query selects messages. Every zero field selects all.
type Query struct {
	Direction    Direction
	State        State
	Trunk        string // carries or carried it, or was asked for
	Tag          string
	Provider     string       // service provider that it belongs to
	Account      string       // who submitted it
	Number       phone.Number // the other party, on the same line
	Since, Until time.Time    // accepted or received not before, and before
	Limit        int          // 1 to 1000; else 50
	Cursor       string       // Next of the page before; empty for the first
	Ascending    bool         // oldest first; else newest first
}

// Page is a piece of a list. It may hold fewer messages than asked for, even none, and still have a next one: the work per page is bounded.
type Page struct {
	Items []Message
	Next  string // cursor of the next page; empty on the last
}

const (
	defaultPage = 50
	maxPage     = 1000
	pageBudget  = 10_000           // messages looked at per page
	pageTime    = time.Millisecond // after which a page that has looked at more messages than it may have ends
	pageStride  = 64               // messages looked at between two looks at the clock
	idSlack     = time.Minute      // between the time in an id and the time of its message
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
	from, to := q.bounds()
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
		begin := time.Now()
		look := func(k, v []byte) (bool, error) {
			steps++
			if q.mayBe(v) {
				m, err := openMessage(k, v)
				if d, ok := damaged(err); ok {
					*found = append(*found, d)
				} else if q.selects(m) {
					page.Items = append(page.Items, *m)
				}
			}
			full := len(page.Items) == limit || steps >= pageBudget || steps > limit && steps%pageStride == 0 && time.Since(begin) > pageTime
			if full && len(k) == idBytes {
				page.Next = q.cursor(MessageID(k))
				return false, nil
			}
			return true, nil
		}
		if by, value, ok := q.lookup(); ok {
			return eachFound(r, by, value, from, to, q.Ascending, look)
		}
		if ids, ok, err := q.few(r); err != nil || ok {
			return eachOf(r, ids, from, to, q.Ascending, look)
		}
		return r.Scan(tableMessages, from, to, !q.Ascending, look)
	})
	if err != nil {
		return Page{}, err
	}
	return page, nil
}

// bounds returns the range of keys in which messages of the time asked for are.
func (q *Query) bounds() (from, to []byte) {
	bound := func(t time.Time) []byte {
		b := binary.BigEndian.AppendUint64(nil, uint64(max(0, t.UnixMilli()))<<16) // UUID of version 7: 48 bits of milliseconds. RFC 9562 §5.7
		return append(b, make([]byte, idBytes-len(b))...)
	}
	if !q.Since.IsZero() {
		from = bound(q.Since.Add(-idSlack))
	}
	if !q.Until.IsZero() {
		to = bound(q.Until.Add(idSlack))
	}
	return from, to
}

// few returns the ids of all messages in the state asked for, in order, when an index has them and they are not many. Some may be in another state.
func (q *Query) few(r Reader) (ids []MessageID, ok bool, err error) {
	var prefix []byte
	table := tableOpen
	switch q.State {
	case Waiting:
		table = tableQueue
	case Held, Sending, Unknown:
		prefix = []byte{byte(q.State)}
	default:
		return nil, false, nil
	}
	ok = true
	err = r.Scan(table, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		if id, is := messageOf(entry{table, k}); is {
			ids = append(ids, id)
		}
		ok = len(ids) <= maxFew
		return ok, nil
	})
	slices.SortFunc(ids, func(a, b MessageID) int { return bytes.Compare(a[:], b[:]) })
	return ids, ok, err
}

// maxFew is how many messages in one state are sorted for a page; when there are more, they are found soon enough by looking at all.
const maxFew = 4096

// eachOf calls fn like a scan of the table of messages would, for some of them only.
func eachOf(r Reader, ids []MessageID, from, to []byte, ascending bool, fn func(k, v []byte) (bool, error)) error {
	if !ascending {
		slices.Reverse(ids)
	}
	for _, id := range ids {
		if from != nil && bytes.Compare(id[:], from) < 0 || to != nil && bytes.Compare(id[:], to) >= 0 {
			continue
		}
		v, err := r.Get(tableMessages, id[:])
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		if more, err := fn(id[:], v); err != nil || !more {
			return err
		}
	}
	return nil
}

// mayBe tells without checking or decoding all of a record whether it may be selected. What it does not understand may be: damage is found when the record is
// opened.
func (q *Query) mayBe(v []byte) bool {
	if len(v) < frameBytes+4 {
		return true
	}
	p := v[frameBytes:]
	const direction, state = 1 << 3, 2 << 3 // tags of the first two fields, which are small numbers and never missing
	if p[0] != direction || p[1] > 127 || p[2] != state || p[3] > 127 {
		return true
	}
	if q.Direction != 0 && Direction(p[1]) != q.Direction || q.State != 0 && State(p[3]) != q.State {
		return false
	}
	if q.Trunk == "" && q.Account == "" && q.Provider == "" {
		return true
	}
	account, trunk, provider := q.Account == "", q.Trunk == "", q.Provider == "" || q.Provider == DefaultProvider
	f := fields{rest: p[4:]}
	for f.next() {
		switch f.num {
		case messageAccount:
			account = account || string(f.v) == q.Account
		case messagePin, messageTrunk:
			trunk = trunk || string(f.v) == q.Trunk
		case messageProvider:
			provider = provider || string(f.v) == q.Provider
		}
		if f.num > messageTrunk && !(account && trunk) {
			return false // fields are in order up to there
		}
	}
	return account && trunk && provider || f.err != nil
}

func (q *Query) selects(m *Message) bool {
	return (q.Direction == 0 || m.Direction == q.Direction) &&
		(q.State == 0 || m.State == q.State) &&
		(q.Trunk == "" || m.Trunk == q.Trunk || m.Pin == q.Trunk) &&
		(q.Tag == "" || m.Tag == q.Tag) &&
		(q.Provider == "" || m.Tenant() == q.Provider) &&
		(q.Account == "" || m.Account == q.Account) &&
		(q.Number.IsZero() || m.party().SameLine(q.Number)) &&
		(q.Since.IsZero() || !m.CreatedAt.Before(q.Since)) &&
		(q.Until.IsZero() || m.CreatedAt.Before(q.Until))
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
	b = appendName(appendName(appendName(b, q.Trunk), q.Provider), q.Account)
	b = appendName(b, numberName(q.Number))
	b = appendTime(appendTime(b, q.Since), q.Until)
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
