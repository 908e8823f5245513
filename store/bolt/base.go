package bolt

import (
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"trunkline/store"
)

// base is the database file as it was after some fold, under a read transaction that many transactions share, at the same time and after each other: to begin
// one, and to look for its tables, costs more than most of what is read. Pages that it can see are not used again while it is open, so that it is given up
// before anything is written to the file.
type base struct {
	bolt  *bbolt.Tx // of which only what is safe for concurrent use is used
	folds uint64    // the folds that had ended when it was opened; one that had not is in older of every state with as many
	users atomic.Int64

	mu   sync.Mutex
	idle []*tables // not in use, at most maxIdle
}

// maxIdle is how many sets of cursors wait for the next transactions.
const maxIdle = 16

// tables are those of a base that a transaction touched, with their cursors. They are used by one transaction at a time.
type tables struct {
	*base
	buckets []*bucket
}

// use takes part in a base; it fails when nobody does any more. leave must follow.
func (b *base) use() bool {
	for {
		n := b.users.Load()
		if n == 0 {
			return false
		}
		if b.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (b *base) leave() {
	if b.users.Add(-1) == 0 {
		b.bolt.Rollback()
	}
}

// tables returns a set of cursors for one transaction, which puts it back.
func (b *base) tables() *tables {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.idle); n > 0 {
		t := b.idle[n-1]
		b.idle = b.idle[:n-1]
		return t
	}
	return &tables{base: b}
}

// put ends the use of a set of cursors, and with it that of the base.
func (t *tables) put() {
	b := t.base
	b.mu.Lock()
	if len(b.idle) < maxIdle {
		b.idle = append(b.idle, t)
	}
	b.mu.Unlock()
	b.leave()
}

// of returns a table of the file, nil when there is none yet.
func (t *tables) of(table store.Table) *bucket {
	for _, b := range t.buckets {
		if b.table == table {
			return b.there()
		}
	}
	b := &bucket{table: table, Bucket: t.bolt.Bucket(tableBucket(table))}
	t.buckets = append(t.buckets, b)
	return b.there()
}

// begin returns a transaction that reads what is committed now.
func (db *DB) begin() (*tx, error) {
	for {
		b := db.shared.Load()
		if b == nil || !b.use() {
			var err error
			if b, err = db.openBase(); err != nil {
				return nil, err
			}
		}
		// The state is taken last: it has what any fold brought to the file before the base was opened. When a fold ended since, the base may lack what it brought.
		if s := db.state.Load(); s.folds == b.folds {
			return &tx{file: b.tables(), state: s}, nil
		}
		db.giveUp(b)
		b.leave()
	}
}

// openBase begins a read transaction of the database file, which others share from now on if that may be.
func (db *DB) openBase() (*base, error) {
	db.passing.RLock()
	defer db.passing.RUnlock()
	folds := db.state.Load().folds
	t, err := db.bolt.Begin(false)
	if err != nil {
		return nil, classify(err)
	}
	b := &base{bolt: t, folds: folds}
	b.users.Store(1)
	db.sharing.Lock()
	defer db.sharing.Unlock()
	// When the file outgrows the map, bbolt waits for the end of every transaction: then they must be short.
	if !db.unshared && t.Size() < int64(db.mapped/2) {
		b.users.Add(1)
		db.share(b)
	}
	return b, nil
}

// giveUp lets nobody begin to share a base; nil stands for any. It ends when those who do have left.
func (db *DB) giveUp(b *base) {
	db.sharing.Lock()
	defer db.sharing.Unlock()
	if b == nil || db.shared.Load() == b {
		db.share(nil)
	}
}

// share replaces the base that is shared. db.sharing is held.
func (db *DB) share(b *base) {
	if old := db.shared.Swap(b); old != nil {
		old.leave()
	}
}

// unshare is giveUp for good, before the file is closed.
func (db *DB) unshare() {
	db.sharing.Lock()
	defer db.sharing.Unlock()
	db.unshared = true
	db.share(nil)
}
