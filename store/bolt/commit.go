package bolt

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"trunkline/store"
)

const (
	maxBatch = 1000
	// Records are made one after the other in pieces of memory of arenaBytes, and a new piece is taken when less than arenaLeast is left. What was committed
	// is read from there until it is in the database file.
	arenaBytes = 256 << 10
	arenaLeast = 4 << 10
	// A commit that takes longer than slowCommit on average is worth waiting slowPause for: writers that were answered by the last commit then
	// share the next one, instead of splitting into two groups that take turns.
	slowCommit = 4 * time.Millisecond
	slowPause  = time.Millisecond
)

// request is one Update on its way through the committer.
type request struct {
	fn    func(store.Tx) error
	state atomic.Uint32 // waiting, then running or abandoned
	done  chan struct{} // receives one value when err is set
	err   error
	panic any // what fn panicked with, to be passed on to the caller
}

const (
	waiting uint32 = iota
	running
	abandoned
)

// Update runs fn in the committer's next transaction. While it waits for its turn ctx is heard; after that the outcome is awaited.
func (db *DB) Update(ctx context.Context, fn func(store.Tx) error) error {
	if db.readOnly {
		return store.ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-db.failed:
		return store.ErrStopped
	default:
	}
	r, ok := db.used.Get().(*request)
	if !ok {
		r = &request{done: make(chan struct{}, 1)}
	}
	r.fn, r.err, r.panic = fn, nil, nil
	r.state.Store(waiting)
	select {
	case db.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-db.quit:
		return errClosed
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, abandoned) {
			return ctx.Err() // the committer still holds r, so it is not used again
		}
		<-r.done
	}
	err, p := r.err, r.panic
	r.fn = nil
	db.used.Put(r)
	if p != nil {
		panic(p)
	}
	return err
}

// committer is the one goroutine that writes.
func (db *DB) committer() {
	defer close(db.stopped)
	var average time.Duration
	batch := make([]*request, 0, maxBatch)
	for {
		batch = batch[:0]
		select {
		case r := <-db.requests:
			batch = append(batch, r)
		case c := <-db.copies:
			c <- db.detached()
			continue
		case <-db.quit:
			return
		}
		if average > slowCommit {
			time.Sleep(slowPause)
		} else {
			runtime.Gosched()
		}
	drain:
		for len(batch) < maxBatch {
			select {
			case r := <-db.requests:
				batch = append(batch, r)
			default:
				break drain
			}
		}
		n := 0
		for _, r := range batch {
			if r.state.CompareAndSwap(waiting, running) {
				batch[n] = r
				n++
			}
		}
		if took := db.run(batch[:n]); took > 0 {
			average += (took - average) / 8
		}
		clear(batch)
	}
}

// run commits a batch and answers it. A function that fails after it wrote something makes the transaction unusable: then those before it are run
// again and committed, it is run alone, and the rest follows. The result is the time that the last sync took, 0 when nothing was written.
func (db *DB) run(batch []*request) (took time.Duration) {
	for len(batch) > 0 {
		bad, d := db.try(batch)
		if d > 0 {
			took = d
		}
		if bad < 0 {
			return took
		}
		if bad > 0 {
			// They succeeded a moment ago; should one fail now, the recursion ends since the batch gets shorter.
			if d := db.run(batch[:bad]); d > 0 {
				took = d
			}
		}
		db.alone(batch[bad])
		batch = batch[bad+1:]
	}
	return took
}

// try runs all functions in one transaction and commits it. When one fails after writing, nothing is committed or answered, and its index is returned;
// else -1.
func (db *DB) try(batch []*request) (bad int, took time.Duration) {
	t, err := db.beginUpdate()
	if err != nil {
		answer(batch, err)
		return -1, 0
	}
	for i, r := range batch {
		before := t.writes
		r.err = db.call(r, t)
		if t.writes != before && (r.err != nil || r.panic != nil) {
			t.end()
			return i, 0
		}
	}
	if t.writes == 0 {
		t.end()
		answer(batch, nil)
		return -1, 0
	}
	begin := time.Now()
	err = db.finish(t)
	took = time.Since(begin)
	db.metrics.committed(len(batch), took)
	answer(batch, err)
	return -1, took
}

// alone runs one function in a transaction of its own.
func (db *DB) alone(r *request) {
	r.panic = nil
	t, err := db.beginUpdate()
	if err == nil {
		if err = db.call(r, t); err != nil || r.panic != nil || t.writes == 0 {
			t.end()
		} else {
			err = db.finish(t)
		}
	}
	r.err = err
	r.done <- struct{}{}
}

// answer tells everybody the outcome: err when the commit failed, else what the function itself returned.
func answer(batch []*request, err error) {
	for _, r := range batch {
		if err != nil {
			r.err = err
		}
		r.done <- struct{}{}
	}
}

// beginUpdate begins a transaction that writes. When the half of the log is well filled it goes on in the other one first.
func (db *DB) beginUpdate() (*tx, error) {
	select {
	case <-db.failed:
		return nil, store.ErrStopped
	default:
	}
	if j := db.wal; j != nil && j.at > halfBytes/2 && db.waitFold() == nil {
		db.startFold(j.sequence)
		j.turn()
	}
	t, err := db.begin()
	if err != nil {
		return nil, err
	}
	t.writable = true
	t.record = beginRecord(db.arena)
	return t, nil
}

func (t *tx) end() {
	t.done = true
	t.bolt.Rollback()
}

// call runs one function. Its panic belongs to its caller; a page that cannot be read stops the engine.
func (db *DB) call(r *request, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.panic = p
		}
	}()
	r.panic = nil
	return guarded(func() error { return r.fn(t) })
}

// finish commits. Unless the disk is full or cannot be written at all, a failure means that what the disk holds is unknown.
func (db *DB) finish(t *tx) error {
	t.end()
	err := classify(guarded(func() error { return db.makeDurable(t) }))
	if err == nil || isRefusal(err) {
		db.tellRefusal(err)
		return err
	}
	db.fail(err)
	return fmt.Errorf("%w: %w", store.ErrStopped, err)
}

// makeDurable writes what a transaction wrote to the log, or to the database file at once when it is too much for the log. Then everybody can see it.
func (db *DB) makeDurable(t *tx) error {
	if err := db.attach(); err != nil {
		return err
	}
	if db.refusal.Load() != nil {
		// The log has room, but it would only fill up. There may be room on the disk again.
		if err := db.foldNow(); err != nil {
			return err
		}
	}
	j := db.wal
	if !j.fits(len(t.record)) {
		return db.writeThrough(t)
	}
	if err := j.write(t.record); err != nil {
		return err
	}
	if err := db.sync(j.file); err != nil {
		return err
	}
	j.advance(len(t.record))
	db.arena = t.record[len(t.record):]
	if cap(db.arena) < arenaLeast {
		db.arena = make([]byte, 0, arenaBytes)
	}
	db.publish(func(s *state) { s.newer = s.newer.with(t.own) })
	return nil
}

// writeThrough brings everything to the database file, what t wrote included.
func (db *DB) writeThrough(t *tx) error {
	if err := db.waitFold(); err != nil {
		return err
	}
	j := db.wal
	all := db.state.Load().newer.with(t.own)
	db.passing.Lock()
	defer db.passing.Unlock()
	if err := db.fold(folded(j.sequence), all); err != nil {
		return err
	}
	db.publish(func(s *state) { s.newer, s.folds = nil, s.folds+1 })
	j.turn()
	return nil
}

// fail stops all writing.
func (db *DB) fail(err error) {
	db.failing.Do(func() {
		db.log.Error("a sync failed; nothing is written any more until a new start", "error", err)
		close(db.failed)
	})
}

// tellRefusal logs when writes begin to be refused and when they are taken again. Only the committer calls it.
func (db *DB) tellRefusal(err error) {
	switch refused := err != nil; {
	case refused && !db.refused:
		db.log.Error("the store cannot be written: what comes is refused until it can; nothing that was accepted is lost", "error", err)
	case !refused && db.refused:
		db.log.Info("the store can be written again")
	}
	db.refused = err != nil
}
