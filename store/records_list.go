package store

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"trunkline/callplan/phone"
)

// Which records a list has, by whether they are archived.
const (
	InUse       = 0 // those that are not, and whose owner is not
	ArchivedToo = 1 // all
	ArchivedOne = 2 // those that are
)

// Listing selects and orders records of one kind. Zero fields select all.
type Listing[T any] struct {
	Provider   string        // of this service provider
	Admin      *uint64       // owned by this administrator, 0: by nobody in particular; nil: by whoever
	Group      uint64        // contacts in this group
	Number     phone.Number  // contacts with a number on this line; needs Provider
	Search     string        // each word of it is the beginning of one of the record's
	Archived   int           // InUse, ArchivedToo or ArchivedOne
	Order      string        // "id", or an order of the kind such as "name", which needs Provider; empty: id
	Descending bool          // from the end
	Limit      int           // 1 to 1000; else 50
	Cursor     string        // Next of the page before; empty for the first
	Where      func(*T) bool // nil: all
	WhereKey   string        // stands for Where: a cursor belongs to one
}

// RecordPage is a piece of a list. It may hold fewer records than asked for, even none, and still have a next one: the work per page is bounded.
type RecordPage[T any] struct {
	Items []T
	Next  string // cursor of the next page; empty on the last
}

// How many records an index may name so that it is taken for a page: maxNamed, of which those of the page are read; maxSorted when all must be read to be sorted,
// and when it names more, the others are passed over along the order. When there are more still, they are met soon enough in an order that is kept.
const (
	maxSorted = 512
	maxNamed  = 4096
)

// List returns a page of records. ErrCursor when the cursor was not made by the same query; ErrInvalid when there is no such order. Damaged records are left out.
func (c Records[T]) List(ctx context.Context, q Listing[T]) (RecordPage[T], error) {
	var page RecordPage[T]
	l := &listing[T]{k: c.k, q: q, limit: pageLimit(q.Limit), wanted: words([]string{q.Search}), begin: time.Now()}
	if q.Order != "" && q.Order != "id" {
		i := slices.IndexFunc(c.k.orders, func(o order[T]) bool { return o.name == q.Order })
		if i < 0 {
			return page, fmt.Errorf("%w: %ss have no order %q", ErrInvalid, c.k.name, q.Order)
		}
		l.order = &c.k.orders[i]
	}
	behind, err := l.parseCursor()
	if err != nil {
		return page, err
	}
	err = c.s.view(ctx, func(r Reader, found *[]*Damage) error {
		l.r, l.found, l.live, l.only, l.page = r, found, map[uint64]bool{0: true}, nil, RecordPage[T]{}
		ids, ok, err := l.few()
		if err != nil {
			return err
		}
		switch {
		case !ok:
			return l.scan(behind)
		case l.order == nil:
			return l.named(ids, behind)
		case len(ids) <= maxSorted:
			return l.sorted(ids, behind)
		}
		l.only = ids
		return l.scan(behind)
	})
	return l.page, err
}

// listing makes one page.
type listing[T any] struct {
	k      *kind[T]
	q      Listing[T]
	order  *order[T] // nil: by id
	limit  int
	wanted []string
	begin  time.Time

	r     Reader
	found *[]*Damage
	live  map[uint64]bool // owners that are in use
	only  []uint64        // ids of the records that may be selected, in order; nil: all
	page  RecordPage[T]
}

// few returns the ids of all records that may be selected, when an index has them and they are few. Where going along an order meets them soon anyway, it
// does not look.
func (l *listing[T]) few() (ids []uint64, ok bool, err error) {
	table, prefix := tableIndex, []byte(nil)
	switch {
	case !l.q.Number.IsZero() && l.q.Provider != "":
		prefix = l.k.key('p', lineKey(l.q.Provider, l.q.Number))
	case l.q.Archived == ArchivedOne:
		prefix = l.k.key(byArchived)
	case len(l.wanted) > 0 && l.q.Provider != "" && l.k.words != nil:
		longest := slices.MaxFunc(l.wanted, func(a, b string) int { return len(a) - len(b) })
		prefix = append(l.k.prefix(byWord, l.q.Provider), longest...)
	case l.order == nil && len(l.wanted) == 0:
		return nil, false, nil
	case l.q.Group != 0:
		table, prefix = tableLinks, linkKey(linkMember, l.q.Group)
	case l.q.Admin != nil && l.k.owner != nil:
		prefix = l.k.key(byOwner, idKey(*l.q.Admin))
	case l.q.Provider != "":
		return nil, false, nil
	default:
		table = l.k.table
	}
	ok = true
	err = l.r.Scan(table, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		ids = append(ids, lastID(k))
		ok = len(ids) <= maxNamed
		return ok, nil
	})
	slices.Sort(ids)
	return slices.Compact(ids), ok, err
}

// position is where a record stands in the order: what a cursor holds.
func (l *listing[T]) position(v *T) []byte {
	var b []byte
	if l.order != nil {
		b = l.order.key(nil, v)
	}
	return append(b, idKey(l.k.meta(v).ID)...)
}

// sorted makes the page of records of which there are few.
func (l *listing[T]) sorted(ids []uint64, behind []byte) error {
	type placed struct {
		at []byte
		v  *T
	}
	var all []placed
	for _, id := range ids {
		v, err := l.load(id)
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		at := l.position(v)
		if c := bytes.Compare(at, behind); behind != nil && (l.q.Descending && c >= 0 || !l.q.Descending && c <= 0) {
			continue
		}
		all = append(all, placed{at, v})
	}
	slices.SortFunc(all, func(a, b placed) int {
		if l.q.Descending {
			a, b = b, a
		}
		return bytes.Compare(a.at, b.at)
	})
	for i, one := range all {
		if i == l.limit {
			l.page.Next = l.cursor(all[i-1].at)
			return nil
		}
		l.page.Items = append(l.page.Items, *one.v)
	}
	return nil
}

// named makes the page of records in order of their ids, which are known.
func (l *listing[T]) named(ids []uint64, behind []byte) error {
	if l.q.Descending {
		slices.Reverse(ids)
	}
	if behind != nil {
		last := lastID(behind)
		ids = slices.DeleteFunc(ids, func(id uint64) bool { return id == last || id < last != l.q.Descending })
	}
	for i, id := range ids {
		v, err := l.load(id)
		if err != nil {
			return err
		}
		if v != nil {
			l.page.Items = append(l.page.Items, *v)
		}
		if i+1 < len(ids) && l.full(i+1) {
			l.page.Next = l.cursor(idKey(id))
			return nil
		}
	}
	return nil
}

// full tells whether a page ends after so many records that were looked at.
func (l *listing[T]) full(steps int) bool {
	return len(l.page.Items) == l.limit || steps >= pageBudget || steps > l.limit && steps%pageStride == 0 && time.Since(l.begin) > pageTime
}

// scan makes the page by going along an order that is kept.
func (l *listing[T]) scan(behind []byte) error {
	table, prefix := tableIndex, []byte(nil)
	switch {
	case l.order != nil && l.q.Provider == "":
		return fmt.Errorf("%w: there are too many %ss for this order; name a service provider", ErrInvalid, l.k.name)
	case l.order != nil:
		prefix = l.k.prefix(l.order.letter, l.q.Provider)
	case l.q.Group != 0:
		table, prefix = tableLinks, linkKey(linkMember, l.q.Group)
	case l.q.Admin != nil && l.k.owner != nil:
		prefix = l.k.key(byOwner, idKey(*l.q.Admin))
	case l.q.Provider != "":
		prefix = l.k.prefix(byProvider, l.q.Provider)
	default:
		table = l.k.table
	}
	from, to := prefix, after(prefix)
	if behind != nil {
		at := append(bytes.Clone(prefix), behind...)
		if l.q.Descending {
			to = at
		} else {
			from = append(at, 0)
		}
	}
	steps := 0
	return l.r.Scan(table, from, to, l.q.Descending, func(k, _ []byte) (bool, error) {
		steps++
		id := lastID(k)
		if _, may := slices.BinarySearch(l.only, id); may || l.only == nil {
			v, err := l.load(id)
			if err != nil {
				return false, err
			}
			if v != nil {
				l.page.Items = append(l.page.Items, *v)
			}
		}
		if l.full(steps) {
			l.page.Next = l.cursor(k[len(prefix):])
			return false, nil
		}
		return true, nil
	})
}

// load returns a record when it is selected, else nil.
func (l *listing[T]) load(id uint64) (*T, error) {
	if l.q.Group != 0 { // asked first, since it costs less than the record
		if in, err := hasLink(l.r, linkMember, l.q.Group, id); err != nil || !in {
			return nil, err
		}
	}
	v, err := l.k.find(l.r, id)
	if d, bad := damaged(err); bad {
		*l.found = append(*l.found, d)
		return nil, nil
	}
	if err != nil || v == nil {
		return nil, err
	}
	ok, err := l.selects(v)
	if !ok || err != nil {
		return nil, err
	}
	return v, nil
}

func (l *listing[T]) selects(v *T) (bool, error) {
	m, q := l.k.meta(v), &l.q
	owner := uint64(0)
	if l.k.owner != nil {
		owner = l.k.owner(v)
	}
	switch {
	case q.Provider != "" && m.Provider != q.Provider,
		q.Admin != nil && owner != *q.Admin,
		q.Archived == InUse && !m.ArchivedAt.IsZero(),
		q.Archived == ArchivedOne && m.ArchivedAt.IsZero(),
		!q.Number.IsZero() && !l.k.onLine(v, q.Number),
		!l.k.begins(v, l.wanted),
		q.Where != nil && !q.Where(v):
		return false, nil
	}
	if q.Archived != InUse || l.k.table == tableActions {
		return true, nil
	}
	if _, known := l.live[owner]; !known {
		live, err := isLive(l.r, administratorKind, owner)
		if _, bad := damaged(err); err != nil && !bad {
			return false, err
		}
		l.live[owner] = live
	}
	return l.live[owner], nil
}

// onLine tells whether a record has a number on a line.
func (k *kind[T]) onLine(v *T, n phone.Number) bool {
	for _, i := range k.indexes {
		if i.letter == 'p' {
			want := appendName(nil, line(n))
			return slices.ContainsFunc(i.values(v), func(value []byte) bool { return bytes.HasSuffix(value, want) })
		}
	}
	return false
}

// cursor holds a version, the sum of the query, and the position behind which the next page begins.
func (l *listing[T]) cursor(at []byte) string {
	b := binary.BigEndian.AppendUint32([]byte{cursorVersion}, l.sum())
	return base64.RawURLEncoding.EncodeToString(append(b, at...))
}

func (l *listing[T]) parseCursor() ([]byte, error) {
	if l.q.Cursor == "" {
		return nil, nil
	}
	if len(l.q.Cursor) > 1024 {
		return nil, ErrCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(l.q.Cursor)
	if err != nil || len(b) < 1+4+8 || b[0] != cursorVersion || binary.BigEndian.Uint32(b[1:]) != l.sum() {
		return nil, ErrCursor
	}
	return b[5:], nil
}

// sum stands for everything that a cursor must not outlive; the limit may change between pages.
func (l *listing[T]) sum() uint32 {
	q := &l.q
	b := []byte{l.k.letter, byte(q.Archived), 0}
	if q.Descending {
		b[2] = 1
	}
	if q.Admin != nil {
		b = append(b, idKey(*q.Admin)...)
	}
	b = append(b, idKey(q.Group)...)
	b = appendName(b, q.Provider)
	b = appendName(b, numberName(q.Number))
	if l.order != nil {
		b = append(b, l.order.letter)
	}
	for _, w := range l.wanted {
		b = appendName(b, w)
	}
	return crc32.Checksum(append(b, q.WhereKey...), castagnoli)
}
