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
			if n <= aheadBatch {
				db.ahead()
			}
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
	t, err := db.begin()
	if err != nil {
		answer(batch, err)
		return -1, 0
	}
	for i, r := range batch {
		before := t.writes
		r.err = db.call(r, t)
		if t.writes != before && (r.err != nil || r.panic != nil) {
			t.rollback()
			return i, 0
		}
	}
	if t.writes == 0 {
		t.rollback()
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
	t, err := db.begin()
	if err == nil {
		if err = db.call(r, t); err != nil || r.panic != nil || t.writes == 0 {
			t.rollback()
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

func (db *DB) begin() (*tx, error) {
	select {
	case <-db.failed:
		return nil, store.ErrStopped
	default:
	}
	b, err := db.bolt.Begin(true)
	if err != nil {
		return nil, classify(err)
	}
	return &tx{bolt: b}, nil
}

func (t *tx) rollback() {
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
	t.done = true
	err := classify(guarded(func() error { return db.commit(t.bolt) }))
	if err == nil || isRefusal(err) {
		db.tellRefusal(err)
		return err
	}
	db.fail(err)
	return fmt.Errorf("%w: %w", store.ErrStopped, err)
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
