package store

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"time"

	"trunkline/callplan/phone"
)

// CDRQuery selects records. Every zero field selects all.
type CDRQuery struct {
	Kind         CDRKind
	Direction    Direction
	Provider     string
	Subscriber   string
	Trunk        string
	Number       phone.Number // of the other side, on the same line
	Plan         string       // that decided
	Outcome      string
	Lasting      bool      // only calls that have not ended
	Since, Until time.Time // begun not before, and before
	Limit        int       // 1 to 1000; else 50
	Cursor       string    // Next of the page before; empty for the first
	Ascending    bool      // oldest first; else newest first
}

// CDRPage is a piece of a list. It may hold fewer than asked for, even none, and still have a next one: the work per page is bounded.
type CDRPage struct {
	Items []CDR
	Next  string // cursor of the next page; empty on the last
}

// CDRs returns a page of records in the order in which they began. ErrCursor when the cursor was not made by the same query. Damaged records are left out.
func (s *Store) CDRs(ctx context.Context, q CDRQuery) (CDRPage, error) {
	limit := pageLimit(q.Limit)
	from, to := (&Query{Since: q.Since, Until: q.Until}).bounds()
	if q.Cursor != "" {
		b, err := base64.RawURLEncoding.Strict().DecodeString(q.Cursor[:min(len(q.Cursor), 64)])
		if err != nil || len(b) != 4+idBytes || binary.BigEndian.Uint32(b) != q.sum() {
			return CDRPage{}, ErrCursor
		}
		if q.Ascending {
			from = append(b[4:], 0)
		} else {
			to = b[4:]
		}
	}
	table := tableCDRs
	if q.Lasting {
		table = tableOpenCDRs
	}
	var page CDRPage
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		page = CDRPage{}
		steps, begin := 0, time.Now()
		return r.Scan(table, from, to, !q.Ascending, func(k, v []byte) (more bool, err error) {
			steps++
			if q.Lasting {
				if v, err = r.Get(tableCDRs, k); err != nil || v == nil {
					return err == nil, err
				}
			}
			c, err := openCDR(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
			} else if q.selects(c) {
				page.Items = append(page.Items, *c)
			}
			full := len(page.Items) == limit || steps >= pageBudget || steps > limit && steps%pageStride == 0 && time.Since(begin) > pageTime
			if full && len(k) == idBytes {
				page.Next = base64.RawURLEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, q.sum()), k...))
				return false, nil
			}
			return true, nil
		})
	})
	return page, err
}

func (q *CDRQuery) selects(c *CDR) bool {
	return (q.Kind == 0 || c.Kind == q.Kind) &&
		(q.Direction == 0 || c.Direction == q.Direction) &&
		(q.Provider == "" || c.Provider == q.Provider) &&
		(q.Subscriber == "" || c.Subscriber == q.Subscriber) &&
		(q.Trunk == "" || c.Trunk == q.Trunk) &&
		(q.Number.IsZero() || c.Number.SameLine(q.Number)) &&
		(q.Plan == "" || c.Decision != nil && c.Decision.Plan == q.Plan) &&
		(q.Outcome == "" || c.Outcome == q.Outcome) &&
		(q.Since.IsZero() || !c.StartedAt.Before(q.Since)) &&
		(q.Until.IsZero() || c.StartedAt.Before(q.Until))
}

// sum stands for everything that a cursor must not outlive; the limit may change between pages.
func (q *CDRQuery) sum() uint32 {
	b := []byte{'c', byte(q.Kind), byte(q.Direction), 0, 0}
	if q.Ascending {
		b[3] = 1
	}
	if q.Lasting {
		b[4] = 1
	}
	for _, s := range []string{q.Provider, q.Subscriber, q.Trunk, numberName(q.Number), q.Plan, q.Outcome} {
		b = appendName(b, s)
	}
	return crc32.Checksum(appendTime(appendTime(b, q.Since), q.Until), castagnoli)
}
