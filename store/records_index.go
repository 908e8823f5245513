package store

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/gosimple/unidecode"
)

// Keys of the table of indexes begin with the letter of the kind and of the index, and end with the id; so one index is one range, and equal values are in
// order of ids.

func (k *kind[T]) key(letter byte, parts ...[]byte) []byte {
	b := append(make([]byte, 0, 48), k.letter, letter)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// prefix is where the entries of a service provider begin in an index that is by service provider.
func (k *kind[T]) prefix(letter byte, provider string) []byte {
	return appendName(k.key(letter), provider)
}

// entries returns the index entries that a record must have, in order. They follow from the record alone.
func (k *kind[T]) entries(v *T) []entry {
	m := k.meta(v)
	var all []entry
	put := func(key []byte) {
		all = append(all, entry{tableIndex, append(key, idKey(m.ID)...)})
	}
	put(k.prefix(byProvider, m.Provider))
	put(k.key(byUUID, m.UUID[:]))
	if !m.ArchivedAt.IsZero() {
		put(appendTime(k.key(byArchived), m.ArchivedAt))
	}
	if k.owner != nil {
		put(k.key(byOwner, idKey(k.owner(v))))
	}
	for _, o := range k.orders {
		put(o.key(k.prefix(o.letter, m.Provider), v))
	}
	for _, i := range k.indexes {
		for _, value := range i.values(v) {
			put(k.key(i.letter, value))
		}
	}
	if k.words != nil {
		for _, w := range words(k.words(v)) {
			put(appendText(k.prefix(byWord, m.Provider), w))
		}
	}
	slices.SortFunc(all, entry.compare)
	return slices.CompactFunc(all, func(a, b entry) bool { return a.compare(b) == 0 })
}

// unique says which values of a record belong to another one.
func (k *kind[T]) unique(r Reader, v *T, wrong *Faults) error {
	id := k.meta(v).ID
	for _, i := range k.indexes {
		if i.field == "" {
			continue
		}
		for _, value := range i.values(v) {
			other, err := k.taken(r, k.key(i.letter, value), id)
			if err != nil {
				return err
			}
			if other != nil {
				wrong.taken(i.field, k.meta(other))
			}
		}
	}
	return nil
}

// taken returns the record other than id that has an index entry with exactly a value, nil when none has.
func (k *kind[T]) taken(r Reader, prefix []byte, id uint64) (other *T, err error) {
	err = r.Scan(tableIndex, prefix, after(prefix), false, func(key, _ []byte) (bool, error) {
		if o := lastID(key); len(key) == len(prefix)+8 && o != id {
			other, err = k.read(r, o)
			return false, err
		}
		return true, nil
	})
	return other, err
}

const maxSortBytes = 64 // of a text in the key of an order

// appendText appends a text so that the order of octets is that of texts, and none is the beginning of another.
func appendText(b []byte, s string) []byte {
	if len(s) > maxSortBytes {
		s = s[:maxSortBytes]
	}
	return append(append(b, s...), 0)
}

// fold makes a text comparable as people compare: without case and accents.
func fold(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			s = unidecode.Unidecode(s)
			break
		}
	}
	return strings.TrimSpace(strings.ReplaceAll(strings.ToLower(s), "\x00", ""))
}

const (
	maxWords     = 24 // of a record
	maxWordBytes = 32
)

// words returns the words of texts, folded, each once.
func words(texts []string) []string {
	var all []string
	for _, s := range texts {
		for _, w := range strings.FieldsFunc(fold(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if w = w[:min(len(w), maxWordBytes)]; !slices.Contains(all, w) && len(all) < maxWords {
				all = append(all, w)
			}
		}
	}
	return all
}

// begins tells whether each of some words is the beginning of one of a record's.
func (k *kind[T]) begins(v *T, wanted []string) bool {
	if len(wanted) == 0 {
		return true
	}
	if k.words == nil {
		return false
	}
	has := words(k.words(v))
	for _, w := range wanted {
		if !slices.ContainsFunc(has, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return true
}

// provisioned is what the examination of the store needs to know of a kind of provisioned record.
type provisioned interface {
	is(Table) bool
	named(letter byte) bool
	inspect(key, value []byte) error
	missing(r Reader, key, value []byte) (string, error)
	follows(r Reader, key []byte) (string, error)
}

// provisionedKinds returns every kind of provisioned record.
func provisionedKinds() []provisioned {
	return []provisioned{providerKind, administratorKind, contactKind, groupKind, actionKind, listEntryKind, subscriberKind, calendarKind}
}

func (k *kind[T]) is(t Table) bool        { return k.table == t }
func (k *kind[T]) named(letter byte) bool { return k.letter == letter }

func (k *kind[T]) inspect(key, value []byte) error {
	_, err := k.open(key, value)
	return err
}

// missing says which index entry of a good record is not there.
func (k *kind[T]) missing(r Reader, key, value []byte) (string, error) {
	v, err := k.open(key, value)
	if err != nil {
		return "", err
	}
	for _, e := range k.entries(v) {
		has, err := exists(r, e)
		if err != nil {
			return "", err
		}
		if !has {
			return fmt.Sprintf("entry %s in table %s is missing", hexKey(e.key), e.table), nil
		}
	}
	return "", nil
}

// follows says whether an index entry follows from its record.
func (k *kind[T]) follows(r Reader, key []byte) (string, error) {
	v, err := k.find(r, lastID(key))
	if _, bad := damaged(err); bad {
		return "", nil // the record itself is reported
	}
	if err != nil {
		return "", err
	}
	if v == nil {
		return fmt.Sprintf("%s %d does not exist", k.name, lastID(key)), nil
	}
	if !slices.ContainsFunc(k.entries(v), func(e entry) bool { return bytes.Equal(e.key, key) }) {
		return fmt.Sprintf("does not follow from %s %d", k.name, lastID(key)), nil
	}
	return "", nil
}

// examineIndex says whether an entry of the table of indexes follows from its record or link.
func examineIndex(r Reader, key, value []byte) (string, error) {
	switch {
	case len(value) > 0:
		return fmt.Sprintf("an index entry has a value of %d bytes", len(value)), nil
	case len(key) < 10:
		return "entry has an unknown form", nil
	case key[0] == linkLetter:
		return examineReverse(r, key)
	}
	for _, k := range provisionedKinds() {
		if k.named(key[0]) {
			return k.follows(r, key)
		}
	}
	return "entry is of an unknown kind", nil
}
