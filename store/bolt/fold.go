package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"trunkline/store"
)

// foldPause is the time between two tries to write to a disk that is full or cannot be written.
const foldPause = time.Second

// state is what everybody reads: newer over older over the database file. What is older is on its way there.
type state struct {
	newer, older layers
	folds        uint64 // how many folds have ended; what a fold wrote is in the file before older goes
}

// publish changes what everybody reads.
func (db *DB) publish(change func(*state)) {
	db.changing.Lock()
	defer db.changing.Unlock()
	s := *db.state.Load()
	change(&s)
	db.state.Store(&s)
}

// startFold lets everything that is committed so far, up to a record of the log, go to the database file while the other half of the log is written.
func (db *DB) startFold(last uint64) {
	db.publish(func(s *state) { s.newer, s.older = nil, s.newer })
	db.foldBehind(upTo(last))
}

// foldBehind brings what is older to the database file. It tries again for as long as the disk takes nothing, and meanwhile updates are refused: what is in
// the log is safe there.
func (db *DB) foldBehind(mark func(*bbolt.Bucket) error) {
	older, done := db.state.Load().older, make(chan struct{})
	db.folding = done
	go func() {
		defer close(done)
		for {
			err := db.fold(mark, older)
			if err == nil {
				db.publish(func(s *state) { s.older = nil; s.folds++ })
				db.refusal.Store(nil)
				return
			}
			if !isRefusal(err) {
				db.fail(err)
				return
			}
			db.refusal.Store(&err)
			select {
			case db.refusing <- struct{}{}:
			default:
			}
			select {
			case <-time.After(foldPause):
			case <-db.again:
			case <-db.quit:
				return
			}
		}
	}()
}

// folded tells whether nothing is on its way to the database file.
func (db *DB) folded() bool {
	select {
	case <-db.folding:
		return db.waitFold() == nil
	default:
		return db.folding == nil
	}
}

// waitFold waits until nothing is on its way to the database file, or returns why that cannot be now. What a fold that failed was to bring there is in the log
// only, and must stay there.
func (db *DB) waitFold() error {
	for db.folding != nil {
		select {
		case <-db.folding:
			select {
			case <-db.failed:
				return store.ErrStopped
			default:
				db.folding = nil
			}
		case <-db.refusing:
			if err := db.refusal.Load(); err != nil {
				return *err
			}
		}
	}
	return nil
}

// foldNow lets a fold that waits try again at once, and returns why it still cannot be.
func (db *DB) foldNow() error {
	select {
	case <-db.refusing: // of an earlier try
	default:
	}
	select {
	case db.again <- struct{}{}:
	case <-db.folding:
	}
	return db.waitFold()
}

// upTo tells the database file that it has everything up to a record of the log.
func upTo(last uint64) func(*bbolt.Bucket) error {
	return func(b *bbolt.Bucket) error { return b.Put(walFolded, sealMark(walFolded, last)) }
}

// fold writes layers to the database file, the oldest first, durably. mark says in the same transaction what that means for the log.
func (db *DB) fold(mark func(wal *bbolt.Bucket) error, all ...layers) error {
	begin := time.Now()
	db.giveUp(nil)
	err := guarded(func() error {
		t, err := db.bolt.Begin(true)
		if err != nil {
			return err
		}
		defer t.Rollback()
		for _, l := range all {
			for _, layer := range l {
				if err := foldTable(t, layer); err != nil {
					return err
				}
			}
		}
		b, err := t.CreateBucketIfNotExists(walBucket)
		if err == nil {
			err = mark(b)
		}
		if err != nil {
			return err
		}
		return db.commit(t)
	})
	if err == nil {
		db.metrics.fold.Observe(time.Since(begin).Seconds())
	}
	return classify(err)
}

// foldTable writes a layer to the blocks of its table.
func foldTable(t *bbolt.Tx, l layer) error {
	b, err := t.CreateBucketIfNotExists(tableBucket(l.table))
	if err != nil {
		return err
	}
	// Records are mostly appended: full pages leave little room to be wasted.
	b.FillPercent = 0.9
	return change(b, l.inOrder())
}

// change writes to the blocks of a table; writes are in order. All new blocks are made before any is written, since what is read lasts until then.
func change(b *bbolt.Bucket, writes []write) error {
	type replacement struct{ key, value []byte } // no value: the block goes
	var all []replacement
	r := run{keys: make([][]byte, 0, len(writes)), values: make([][]byte, 0, len(writes))}
	for c := b.Cursor(); len(writes) > 0; {
		key, old := nearest(c, octets(writes[0].key))
		n := len(writes)
		if next, _ := c.Next(); key != nil && next != nil {
			n = 1
			for n < len(writes) && writes[n].key < text(next) {
				n++
			}
		}
		r = run{keys: r.keys[:0], values: r.values[:0]}
		changed := r.merge(old, writes[:n])
		writes = writes[n:]
		if !changed {
			continue
		}
		keeps := key != nil && len(r.keys) > 0 && bytes.Compare(key, r.keys[0]) <= 0
		if key != nil && !keeps {
			all = append(all, replacement{key: key}) // first, for a new one may have the same key
		}
		at := len(all)
		r.blocks(func(first []byte, b block) { all = append(all, replacement{first, b}) })
		if keeps {
			all[at].key = key
		}
	}
	for _, r := range all {
		err := error(nil)
		if r.value == nil {
			err = b.Delete(r.key)
		} else {
			err = b.Put(r.key, r.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// attach makes a log for a database file that has none.
func (db *DB) attach() error {
	if db.wal != nil && db.wal.id != 0 {
		return nil
	}
	if err := db.waitFold(); err != nil {
		return err
	}
	if db.wal == nil {
		f, err := createWAL(walPath(db.path))
		if err != nil {
			return classify(fmt.Errorf("make the write-ahead log: %w", err))
		}
		db.wal = &wal{file: f}
	}
	id := rand.Uint64() | 1
	err := db.fold(func(b *bbolt.Bucket) error {
		return errors.Join(b.Put(walID, sealMark(walID, id)), b.Put(walFolded, sealMark(walFolded, 0)), b.Put(walHalf, sealMark(walHalf, halfBytes)))
	})
	if err == nil {
		*db.wal = wal{file: db.wal.file, id: id}
	}
	return err
}

// sealMark returns a number with the checksum that tells a damaged one.
func sealMark(key []byte, n uint64) []byte {
	b := order.AppendUint64(nil, n)
	return order.AppendUint32(b, crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, b))
}

func openMark(key, value []byte) (n uint64, ok bool) {
	if len(value) != 12 {
		return 0, false
	}
	n = order.Uint64(value)
	return n, bytes.Equal(value, sealMark(key, n))
}

// detach brings everything to the database file, which then needs its log no more.
func (db *DB) detach() error {
	s := db.state.Load()
	if err := db.fold(forgetWAL, s.older, s.newer); err != nil {
		return err
	}
	db.publish(func(s *state) { s.newer, s.older, s.folds = nil, nil, s.folds+1 })
	if db.wal != nil {
		*db.wal = wal{file: db.wal.file}
	}
	return nil
}

// endWAL lets the database file be alone. When the disk takes nothing, the log stays for the next start.
func (db *DB) endWAL() error {
	defer db.wal.file.Close()
	err := db.detach()
	if isRefusal(err) {
		db.log.Warn("the disk cannot be written, so what was written last stays in the write-ahead log until the next start", "wal", walPath(db.path), "error", err)
		return nil
	}
	if err == nil {
		err = os.Remove(walPath(db.path))
	}
	return err
}

// takeOver brings what a crash left in the log to the database file. On a disk that takes nothing it is read from the log until that ends.
func (db *DB) takeOver() error {
	left, has, err := db.recover()
	if err != nil || !has {
		return err
	}
	if db.readOnly {
		db.publish(func(s *state) { s.older = left })
		return nil
	}
	if err = db.fold(forgetWAL, left); isRefusal(err) {
		db.publish(func(s *state) { s.older = left })
		db.foldBehind(forgetWAL)
		return nil
	}
	if err == nil {
		err = os.Remove(walPath(db.path))
	}
	return err
}

func forgetWAL(b *bbolt.Bucket) error {
	return errors.Join(b.Delete(walID), b.Delete(walFolded), b.Delete(walHalf))
}

// recover reads the log that a crash left, if there is one.
func (db *DB) recover() (left layers, has bool, err error) {
	var id, folded uint64
	half := uint64(formerHalf)
	err = db.bolt.View(func(t *bbolt.Tx) error {
		b := t.Bucket(walBucket)
		if b == nil {
			return nil
		}
		if first, _ := b.Cursor().First(); first == nil {
			return nil // it was closed, or copied, as a whole
		}
		has = true
		var ok1, ok2 bool
		id, ok1 = openMark(walID, b.Get(walID))
		folded, ok2 = openMark(walFolded, b.Get(walFolded))
		ok3 := true
		if mark := b.Get(walHalf); mark != nil {
			half, ok3 = openMark(walHalf, mark)
		}
		if !ok1 || !ok2 || !ok3 {
			return errors.New("what it says about its write-ahead log is damaged; restore a backup")
		}
		return nil
	})
	if err != nil || !has {
		return nil, false, err
	}
	path := walPath(db.path)
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, false, fmt.Errorf("its write-ahead log %s is missing, and with it what was written last; put it back, or make an empty file of that name to go on without", path)
	case err != nil:
		return nil, false, fmt.Errorf("read its write-ahead log: %w", err)
	case len(content) == 0:
		db.log.Warn("the write-ahead log is empty: what was written last is given up, as was asked for by making it empty", "wal", path)
		return nil, true, nil
	case uint64(len(content)) != 2*half: // it has all its octets before it has its name
		return nil, false, fmt.Errorf("its write-ahead log %s is damaged: it has %d bytes of %d; %s", path, len(content), 2*half, withoutWAL)
	}
	entries, err := readWAL(content, int(half), id, folded)
	if err != nil {
		return nil, false, fmt.Errorf("its write-ahead log %s is damaged: %w; %s", path, err, withoutWAL)
	}
	var all replayed
	for _, e := range entries {
		if err := all.replay(e.payload); err != nil {
			return nil, false, fmt.Errorf("its write-ahead log %s, record %d at octet %d: %w; %s", path, e.sequence, e.offset, err, withoutWAL)
		}
	}
	if at, torn := tornRecord(content, id, folded+uint64(len(entries))); torn {
		db.log.Warn("the write-ahead log ends in a record that is cut short, as a crash leaves one: nobody was told that it is on disk", "wal", path, "octet", at)
	}
	return left.with(all), true, nil
}

// withoutWAL is what can be done about a log that is damaged.
const withoutWAL = "restore a backup, or make the write-ahead log an empty file to go on without what was written last"
