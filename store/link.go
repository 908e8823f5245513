package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// Links say which records belong together: a contact to a group, a group or an administrator to an action that it may trigger, a contact to an action whose
// results it is told. A link counts while all records that it names are in use, and goes when one of them is purged; one that is taken away itself is archived first.

// linkKind is one byte of the keys of links.
type linkKind byte

const (
	linkMember linkKind = 'm' // group, contact
	linkGroup  linkKind = 'g' // action, group
	linkAdmin  linkKind = 'a' // action, administrator
	linkNotify linkKind = 'n' // action, contact, group
)

const linkLetter = 'l' // of the entries of links in the table of indexes: from the later ids to the first

// link is a record that names two or three others.
type link struct {
	kind linkKind
	ids  []uint64
	At   time.Time
	By   string

	ArchivedAt time.Time // of one that is archived
	ArchivedBy string
}

func linkKey(kind linkKind, ids ...uint64) []byte {
	b := []byte{byte(kind)}
	for _, id := range ids {
		b = binary.BigEndian.AppendUint64(b, id)
	}
	return b
}

// reverseKey is under the second id, so that the links of a contact, a group or an administrator are found.
func (l *link) reverseKey() []byte {
	b := append([]byte{linkLetter}, linkKey(l.kind, l.ids[1:]...)...)
	return append(b, idKey(l.ids[0])...)
}

func reversePrefix(kind linkKind, ids ...uint64) []byte {
	return append([]byte{linkLetter}, linkKey(kind, ids...)...)
}

func openLink(key, value []byte) (*link, error) {
	if len(key) != 17 && len(key) != 25 {
		return nil, damage(tableLinks, key, "key is no link")
	}
	payload, err := unseal(tableLinks, key, value)
	if err != nil {
		return nil, err
	}
	l := &link{kind: linkKind(key[0])}
	for b := key[1:]; len(b) > 0; b = b[8:] {
		l.ids = append(l.ids, binary.BigEndian.Uint64(b))
	}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			l.At = f.time()
		case 2:
			l.By = f.string()
		case 3:
			l.ArchivedAt = f.time()
		case 4:
			l.ArchivedBy = f.string()
		}
	}
	if f.err != nil {
		return nil, damage(tableLinks, key, f.err.Error())
	}
	return l, nil
}

func hasLink(r Reader, kind linkKind, ids ...uint64) (bool, error) {
	v, err := r.Get(tableLinks, linkKey(kind, ids...))
	return v != nil, err
}

// addLink stores a link; fresh is false when it was there. One that was archived is forgotten.
func (t *tx) addLink(l *link) (fresh bool, err error) {
	key := linkKey(l.kind, l.ids...)
	if v, err := t.Get(tableLinks, key); err != nil || v != nil {
		return false, err
	}
	if err := t.dropLink(l.kind.archived(), l.ids...); err != nil {
		return false, err
	}
	return true, t.putLink(l)
}

// putLink writes a link and its entry in the table of indexes.
func (t *tx) putLink(l *link) error {
	key := linkKey(l.kind, l.ids...)
	frame := putString(putTime(newFrame(48), 1, l.At), 2, l.By)
	frame = putString(putTime(frame, 3, l.ArchivedAt), 4, l.ArchivedBy)
	if err := t.Put(tableLinks, key, seal(tableLinks, key, frame)); err != nil {
		return err
	}
	return t.Put(tableIndex, l.reverseKey(), nil)
}

func (t *tx) dropLink(kind linkKind, ids ...uint64) error {
	l := link{kind: kind, ids: ids}
	if err := t.Delete(tableLinks, linkKey(kind, ids...)); err != nil {
		return err
	}
	return t.Delete(tableIndex, l.reverseKey())
}

// linksFrom returns the ids behind the first ones of links, in order; at most limit sets of ids, from one that is not before from.
func linksFrom(r Reader, kind linkKind, limit int, ids ...uint64) (rest [][]uint64, err error) {
	prefix := linkKey(kind, ids...)
	err = r.Scan(tableLinks, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		rest = append(rest, readIDs(k[len(prefix):]))
		return len(rest) < limit, nil
	})
	return rest, err
}

// linksTo returns for links to ids the other ids of each: those behind, then the first.
func linksTo(r Reader, kind linkKind, limit int, ids ...uint64) (rest [][]uint64, err error) {
	prefix := reversePrefix(kind, ids...)
	err = r.Scan(tableIndex, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		rest = append(rest, readIDs(k[len(prefix):]))
		return len(rest) < limit, nil
	})
	return rest, err
}

func readIDs(b []byte) (ids []uint64) {
	for ; len(b) >= 8; b = b[8:] {
		ids = append(ids, binary.BigEndian.Uint64(b))
	}
	return ids
}

// dropFrom removes at most limit links of a kind that begin with ids, archived ones too, and says whether there are more.
func (t *tx) dropFrom(kind linkKind, limit int, ids ...uint64) (left bool, err error) {
	for _, k := range [...]linkKind{kind, kind.archived()} {
		all, err := linksFrom(t, k, limit, ids...)
		for _, rest := range all {
			if err == nil {
				err = t.dropLink(k, append(slices.Clone(ids), rest...)...)
			}
		}
		if err != nil || len(all) == limit {
			return true, err
		}
	}
	return false, nil
}

// dropTo removes at most limit links of a kind to a record, archived ones too, and says whether there are more.
func (t *tx) dropTo(kind linkKind, limit int, id uint64) (left bool, err error) {
	for _, k := range [...]linkKind{kind, kind.archived()} {
		all, err := linksTo(t, k, limit, id)
		for _, rest := range all {
			if err == nil {
				n := len(rest) - 1
				err = t.dropLink(k, append([]uint64{rest[n], id}, rest[:n]...)...)
			}
		}
		if err != nil || len(all) == limit {
			return true, err
		}
	}
	return false, nil
}

// dropAll removes links by several functions in turn, each at most limit, and says whether there are more.
func dropAll(limit int, each ...func(limit int) (bool, error)) (left bool, err error) {
	for _, fn := range each {
		if left, err = fn(limit); left || err != nil {
			return left, err
		}
	}
	return false, nil
}

// examineLink says whether a good link has its entry in the table of indexes and the records that it names.
func examineLink(r Reader, key, value []byte) (string, error) {
	l, err := openLink(key, value)
	if err != nil {
		return "", err
	}
	has, err := exists(r, entry{tableIndex, l.reverseKey()})
	if err != nil || !has {
		return "its entry in table index is missing", err
	}
	names := map[linkKind][]Table{linkMember: {tableGroups, tableContacts}, linkGroup: {tableActions, tableGroups}, linkAdmin: {tableActions, tableAdministrators},
		linkNotify: {tableActions, tableContacts, tableGroups}}[l.kind.live()]
	if len(names) != len(l.ids) {
		return "it is of an unknown kind", nil
	}
	for i, table := range names {
		if v, err := r.Get(table, idKey(l.ids[i])); err != nil || v == nil {
			return fmt.Sprintf("record %d of table %s does not exist", l.ids[i], table), err
		}
	}
	return "", nil
}

// examineReverse says whether the entry of a link in the table of indexes follows from it.
func examineReverse(r Reader, key []byte) (string, error) {
	ids := readIDs(key[2:])
	if len(key) < 18 || (len(key)-2)%8 != 0 {
		return "entry has an unknown form", nil
	}
	n := len(ids) - 1
	forward := linkKey(linkKind(key[1]), append([]uint64{ids[n]}, ids[:n]...)...)
	if v, err := r.Get(tableLinks, forward); err != nil || v == nil {
		return "its link does not exist", err
	}
	return "", nil
}

// linked runs fn in a transaction that adds or removes links of a record, and writes the event of that: the code is that of the record.
func linked[T any](ctx context.Context, s *Store, k *kind[T], id uint64, at time.Time, who, event string, fn func(t *tx, v *T) (changed int, err error)) error {
	return s.update(ctx, func(t *tx) error {
		v, err := k.read(t, id)
		if err != nil {
			return err
		}
		if !k.meta(v).ArchivedAt.IsZero() {
			return fmt.Errorf("%s %d: %w", k.name, id, ErrArchived)
		}
		n, err := fn(t, v)
		if err != nil || n == 0 {
			return err
		}
		return t.event(Event{Type: k.name + "." + event, At: at, Reference: -1, Code: recordCode(k.meta(v)), Account: who, Text: fmt.Sprintf("%d changed", n)})
	})
}

// isLive tells whether a record is there and in use. It reads no more of it than what says so.
func isLive[T any](r Reader, k *kind[T], id uint64) (bool, error) {
	key := idKey(id)
	value, err := r.Get(k.table, key)
	if err != nil || value == nil {
		return false, err
	}
	payload, err := unseal(k.table, key, value)
	if err != nil {
		return false, err
	}
	archived := false
	f := fields{rest: payload}
	for f.next() && f.num == 1 { // what every record has, which is written first
		archived = into(&f, decodeArchived)
	}
	if f.err != nil {
		return false, damage(k.table, key, f.err.Error())
	}
	return !archived, nil
}
