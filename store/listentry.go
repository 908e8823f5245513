package store

// MaxListEntries is how many entries the lists of a service provider may have, archived ones included.
const MaxListEntries = 100_000

// ListEntry is one line of a deny list or an allow list for screening. Its Kind, Direction and Value have been checked by who adds it; package screen says what
// they mean.
type ListEntry struct {
	Meta
	Global     bool // for messages of every service provider; only entries of the default one may be
	Allow      bool // of an allow list; else of a deny list
	Direction  string
	Subscriber string // only for this subscriber of the service provider; empty: for all
	Kind       string
	Value      string
	Note       string // at most 255 characters
}

var listEntryKind = &kind[ListEntry]{
	name: "entry", table: tableListEntries, letter: 's', max: MaxListEntries,
	meta: func(e *ListEntry) *Meta { return &e.Meta }, append: appendListEntry, decode: decodeListEntry,
	indexes: []index[ListEntry]{{'n', "value", func(e *ListEntry) [][]byte { return [][]byte{e.key()} }}},
	orders:  []order[ListEntry]{{"value", 'A', func(b []byte, e *ListEntry) []byte { return appendText(b, e.Value) }}},
	words:   func(e *ListEntry) []string { return []string{e.Value, e.Note} },
}

const tableListEntries Table = "listentries"

// key tells one entry from another: the same value stands on a list once.
func (e *ListEntry) key() []byte {
	flags := byte(0)
	if e.Global {
		flags |= 1
	}
	if e.Allow {
		flags |= 2
	}
	b := appendName([]byte{flags}, e.Provider)
	for _, s := range []string{e.Subscriber, e.Direction, e.Kind, e.Value} {
		b = appendName(b, s)
	}
	return b
}

// ListEntries returns the collection of entries of lists.
func (s *Store) ListEntries() Records[ListEntry] { return Records[ListEntry]{s, listEntryKind} }

func (e *ListEntry) check(t *tx, was *ListEntry, wrong *Faults) error {
	if was == nil && e.Provider == "" {
		e.Provider = DefaultProvider
	}
	wrong.required("kind", e.Kind, 16)
	wrong.required("direction", e.Direction, 8)
	wrong.required("value", e.Value, 255)
	wrong.word("subscriber", e.Subscriber, 64)
	wrong.word("note", e.Note, 255)
	if e.Global && e.Provider != DefaultProvider {
		wrong.add("global", "format", "only the entries of the service provider %q can be for all", DefaultProvider)
	}
	if e.Global && e.Subscriber != "" {
		wrong.add("subscriber", "format", "an entry for all service providers names no subscriber")
	}
	if was == nil {
		if err := wrong.inProvider(t, &e.Meta); err != nil || len(wrong.Fields) > 0 {
			return err
		}
	}
	return listEntryKind.unique(t, e, wrong)
}

func (e *ListEntry) changed(*tx, *ListEntry) error { return nil }
func (e *ListEntry) removable() error              { return nil }
func (e *ListEntry) drop(*tx, int) (bool, error)   { return false, nil }
