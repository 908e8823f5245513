package bolt

import (
	"bytes"
	"errors"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"trunkline/store"
)

// tx is a transaction. It reads what it wrote itself, over what is in the log, over what is in the database file, where every table is a bucket.
type tx struct {
	file  *tables // reads only
	state *state
	done  bool

	writable bool
	own      []pending // written, over what the state has
	record   []byte    // for the log
	writes   int       // Put and Delete calls
	expected int       // how many writes a table may get; a guess
}

// bucket is a table of the file with cursors that are used again, since a new one costs more than most look-ups.
type bucket struct {
	table store.Table
	*bbolt.Bucket
	get  *cursor // of Get and First; nil: not needed yet
	scan *cursor // of the next Scan; nil: not needed yet, or one walks with it

	looked          bool   // for what follows
	last, lastValue []byte // the greatest key, nil when there is none
}

var (
	errDone     = errors.New("transaction has ended")
	errReadOnly = errors.New("transaction cannot write")
)

func (b *bucket) there() *bucket {
	if b.Bucket == nil {
		return nil
	}
	return b
}

func (b *bucket) cursor() *cursor { return &cursor{blocks: b.Cursor()} }

// seek returns the first key that is not before another, nil when there is none, and its value.
func (b *bucket) seek(key []byte) (k, v []byte) {
	if b.get == nil {
		b.get = b.cursor()
	}
	return b.get.Seek(key)
}

// greatest returns the greatest key of a table; ok is false when it has to be looked for.
func (t *tx) greatest(table store.Table) (key, value []byte, ok bool) {
	if b := t.file.of(table); b != nil {
		if !b.looked {
			b.looked = true
			b.last, b.lastValue = b.cursor().Last()
		}
		key, value = b.last, b.lastValue
	}
	newer := t.state.newer.of(table).greatest()
	if p := t.pending(table); p != nil {
		newer = p.greatest()
	}
	for _, w := range []write{t.state.older.of(table).greatest(), newer} { // the newest last, so that it counts
		if w.key != "" && w.key >= text(key) {
			key, value = octets(w.key), w.value
		}
	}
	return key, value, value != nil
}

// trees returns what lies over the file, the newest first.
func (t *tx) trees(table store.Table) (trees [2]*layerTree) {
	if p := t.pending(table); p != nil {
		trees[0] = p.tree()
	} else {
		trees[0] = t.state.newer.of(table).tree()
	}
	trees[1] = t.state.older.of(table).tree()
	return trees
}

// pending returns what the transaction wrote to a table, nil when it wrote nothing.
func (t *tx) pending(table store.Table) *pending {
	for i := range t.own {
		if t.own[i].table == table {
			return &t.own[i]
		}
	}
	return nil
}

func (t *tx) Get(table store.Table, key []byte) ([]byte, error) {
	if t.done {
		return nil, errDone
	}
	for _, tree := range t.trees(table) {
		if tree != nil {
			if value, ok := tree.Get(text(key)); ok {
				return value, nil
			}
		}
	}
	if b := t.file.of(table); b != nil {
		if k, v := b.seek(key); bytes.Equal(k, key) {
			return v, nil
		}
	}
	return nil, nil
}

func (t *tx) First(table store.Table, prefix []byte) (key, value []byte, err error) {
	if t.done {
		return nil, nil, errDone
	}
	for _, tree := range t.trees(table) {
		if tree != nil && hasPrefix(tree, text(prefix)) { // perhaps it hides what the file has
			err = t.Scan(table, prefix, nil, false, func(k, v []byte) (bool, error) {
				if bytes.HasPrefix(k, prefix) {
					key, value = k, v
				}
				return false, nil
			})
			return key, value, err
		}
	}
	if b := t.file.of(table); b != nil {
		if k, v := b.seek(prefix); bytes.HasPrefix(k, prefix) {
			return k, v, nil
		}
	}
	return nil, nil, nil
}

func (t *tx) Put(table store.Table, key, value []byte) error {
	if err := t.writing(key); err != nil {
		return err
	}
	t.write(kindPut, table, key, value)
	return nil
}

func (t *tx) Delete(table store.Table, key []byte) error {
	if err := t.writing(key); errors.Is(err, bolterrors.ErrKeyRequired) {
		return nil
	} else if err != nil {
		return err
	}
	t.write(kindDelete, table, key, nil)
	return nil
}

// write takes a write into the record, and from there into what the table has: what is in the record never changes.
func (t *tx) write(kind byte, table store.Table, key, value []byte) {
	t.writes++
	t.record = appendWrite(t.record, kind, string(table), key, value)
	end := len(t.record)
	var kept []byte
	if kind == kindPut {
		kept = t.record[end-len(value) : end : end]
		end -= len(value) + uvarintSize(len(value))
	}
	p := t.pending(table)
	if p == nil {
		t.own = append(t.own, pending{table: table, under: t.state.newer.of(table), writes: make([]write, 0, t.expected)})
		p = &t.own[len(t.own)-1]
	}
	p.set(text(t.record[end-len(key):end]), kept)
}

func (t *tx) writing(key []byte) error {
	switch {
	case t.done:
		return errDone
	case !t.writable:
		return errReadOnly
	case len(key) == 0:
		return bolterrors.ErrKeyRequired
	case len(key) > bbolt.MaxKeySize:
		return bolterrors.ErrKeyTooLarge
	}
	return nil
}

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

func (t *tx) Scan(table store.Table, from, to []byte, reverse bool, fn func(k, v []byte) (bool, error)) error {
	if t.done {
		return errDone
	}
	if reverse && from == nil && to == nil { // mostly only the first key is wanted
		if k, v, ok := t.greatest(table); ok {
			if more, err := fn(k, v); !more || err != nil {
				return err
			}
			to = k
		}
	}
	m := merge{reverse: reverse}
	if b := t.file.of(table); b != nil {
		if m.file, b.scan = b.scan, nil; m.file == nil {
			m.file = b.cursor()
		}
		defer func() { b.scan = m.file }()
	}
	m.start(t.trees(table), from, to)
	for {
		k, v := m.next()
		if k == nil || !reverse && to != nil && bytes.Compare(k, to) >= 0 || reverse && from != nil && bytes.Compare(k, from) < 0 {
			return nil
		}
		if more, err := fn(k, v); !more || err != nil {
			return err
		}
	}
}
