package store

import (
	"bytes"
	"context"
	"encoding/base64"
)

// PlanQuery selects plans; the zero value is the first of all that are not archived.
type PlanQuery struct {
	Provider string // empty: of every service provider
	Archived bool   // those that are archived instead of those that are not
	Limit    int    // 1 to 1000; else 50
	Cursor   string // Next of the page before; empty for the first
}

// PlanPage is a piece of a list of plans, in order of provider and name.
type PlanPage struct {
	Items []Plan
	Next  string // cursor of the next page; empty on the last
}

// PlanPage returns a page of plans. ErrCursor when the cursor was not made by the same query. Damaged records are left out.
func (s *Store) PlanPage(ctx context.Context, q PlanQuery) (PlanPage, error) {
	var from, to []byte
	if q.Provider != "" {
		from = appendName(nil, q.Provider)
		to = after(from)
	}
	if q.Cursor != "" {
		last, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		if err != nil || !bytes.HasPrefix(last, from) || !isPlanKey(last) {
			return PlanPage{}, ErrCursor
		}
		from = append(last, 0)
	}
	limit := pageLimit(q.Limit)
	var page PlanPage
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		page = PlanPage{}
		return r.Scan(tablePlans, from, to, false, func(k, v []byte) (bool, error) {
			p, err := openPlan(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			if p.ArchivedAt.IsZero() == q.Archived {
				return true, nil
			}
			if len(page.Items) == limit {
				last := &page.Items[limit-1]
				page.Next = base64.RawURLEncoding.EncodeToString(planKey(last.Provider, last.Name))
				return false, nil
			}
			page.Items = append(page.Items, *p)
			return true, nil
		})
	})
	return page, err
}

func isPlanKey(key []byte) bool {
	_, rest, ok := cutName(key)
	_, rest, ok2 := cutName(rest)
	return ok && ok2 && len(rest) == 0
}
