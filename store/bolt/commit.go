package bolt

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"trunkline/store"
)

const (
	maxBatch = 1000
	// Records are made one after the other in pieces of memory of arenaBytes, and a new piece is taken when less than arenaLeast, or room for two like the last one,
	// is left. What was committed is read from there until it is in the database file.
	arenaBytes = 1 << 20
	arenaLeast = 4 << 10
	// A commit that takes longer than slowCommit on average is worth waiting slowPause for, when fewer have come than the last one answered: writers that it answered
	// then share the next one, instead of splitting into two groups that take turns.
	slowCommit = 4 * time.Millisecond
	slowPause  = time.Millisecond
)

// request is one update on its way through the committer.
type request struct {
	fn    func(store.Tx) error
	group *group
	state atomic.Uint32 // waiting, then running or abandoned
	err   error
	panic any // what fn panicked with
}

const (
	waiting uint32 = iota
	running
	abandoned
)

// group is what one caller wants updated, each request by itself.
type group struct {
	requests []request
	left     atomic.Int32  // requests without an outcome
	done     chan struct{} // receives one value when none is left
}

// Update runs fn in the committer's next transaction. While it waits for its turn ctx is heard; after that the outcome is awaited.
func (db *DB) Update(ctx context.Context, fn func(store.Tx) error) error {
	g := db.group(1)
	g.requests[0].fn = fn
	whole := db.submit(ctx, g)
	err, p := g.requests[0].err, g.requests[0].panic
	db.giveBack(g, whole)
	if p != nil {
		panic(p)
	}
	return err
}

// UpdateEach runs each of fns in the committer's next transactions.
func (db *DB) UpdateEach(ctx context.Context, fns []func(store.Tx) error, errs []error) {
	if len(fns) == 0 {
		return
	}
	g := db.group(len(fns))
	for i, fn := range fns {
		g.requests[i].fn = fn
	}
	whole := db.submit(ctx, g)
	for i := range g.requests {
		r := &g.requests[i]
		if errs[i] = r.err; r.panic != nil {
			errs[i] = fmt.Errorf("panic: %v", r.panic)
		}
	}
	db.giveBack(g, whole)
}

// group returns a group of n requests without functions.
func (db *DB) group(n int) *group {
	g, ok := db.used.Get().(*group)
	if !ok || cap(g.requests) < n {
		g = &group{requests: make([]request, n), done: make(chan struct{}, 1)}
	}
	g.requests = g.requests[:n]
	g.left.Store(int32(n))
	for i := range g.requests {
		r := &g.requests[i]
		r.group, r.err, r.panic = g, nil, nil
		r.state.Store(waiting)
	}
	return g
}

// giveBack lets a group be used again, unless the committer may still look at it.
func (db *DB) giveBack(g *group, whole bool) {
	for i := range g.requests {
		g.requests[i].fn = nil
	}
	if whole && len(g.requests) <= maxBatch {
		db.used.Put(g)
	}
}

// submit gives a group to the committer and waits until each of its requests has its outcome. whole is false when some were given up before their turn:
// the committer will come across them.
func (db *DB) submit(ctx context.Context, g *group) (whole bool) {
	refuse := func(err error) bool {
		for i := range g.requests {
			g.requests[i].err = err
		}
		return true
	}
	if db.readOnly {
		return refuse(store.ErrReadOnly)
	}
	if err := ctx.Err(); err != nil {
		return refuse(err)
	}
	select {
	case <-db.failed:
		return refuse(store.ErrStopped)
	default:
	}
	select {
	case db.requests <- g:
	case <-ctx.Done():
		return refuse(ctx.Err())
	case <-db.quit:
		return refuse(errClosed)
	}
	select {
	case <-g.done:
		return true
	case <-ctx.Done():
	}
	whole = true
	for i := range g.requests {
		if r := &g.requests[i]; r.state.CompareAndSwap(waiting, abandoned) {
			whole, r.err = false, ctx.Err()
			r.answer()
		}
	}
	<-g.done
	return whole
}

// answer ends a request whose outcome is set.
func (r *request) answer() {
	if g := r.group; g.left.Add(-1) == 0 {
		g.done <- struct{}{}
	}
}

// commit is a transaction that the functions of a batch have written, on its way to the disk.
type commit struct {
	*tx
	batch  []*request
	newer  layers // what everybody reads when it is there
	padded []byte // its record, as it lies in the log
	end    int64  // of the record, in the half of the log
	err    error
	took   time.Duration
}

// committer is the one goroutine that runs updates. While one commit is on its way to the disk, the functions of the next are run over it already; they are
// answered when theirs is there too. Whatever else touches the log or the database file waits until nothing is on its way.
func (db *DB) committer() {
	defer close(db.stopped)
	go db.writer()
	defer close(db.commits)
	for {
		var batch []*request
		select {
		case g := <-db.requests:
			batch = claim(nil, g)
		case c := <-db.copies:
			db.land()
			c <- db.detached()
			continue
		case <-db.quit:
			db.land()
			return
		}
		select {
		case c := <-db.landed:
			db.note(c)
		default:
		}
		runtime.Gosched()
		for batch = db.drain(batch); len(batch) > maxBatch; batch = batch[maxBatch:] {
			db.run(slices.Clip(batch[:maxBatch]), false)
		}
		db.run(batch, true)
	}
}

// writer brings one commit after the other to the disk.
func (db *DB) writer() {
	for c := range db.commits {
		begin := time.Now()
		c.err = db.wal.write(c.padded, len(c.record))
		if c.err == nil {
			c.err = db.sync(db.wal.file)
		}
		c.err = db.outcome(c.err)
		c.took = time.Since(begin)
		if c.err == nil {
			db.wal.advance(len(c.padded))
			db.publish(func(s *state) { s.newer = c.newer })
			db.metrics.committed(len(c.batch), c.took)
		}
		answer(c.batch, c.err)
		db.landed <- c
	}
}

// claim adds those of a group to a batch that were not given up.
func claim(batch []*request, g *group) []*request {
	for i := range g.requests {
		if r := &g.requests[i]; r.state.CompareAndSwap(waiting, running) {
			batch = append(batch, r)
		}
	}
	return batch
}

// drain adds what waits to a batch.
func (db *DB) drain(batch []*request) []*request {
	for len(batch) < maxBatch {
		select {
		case g := <-db.requests:
			batch = claim(batch, g)
		default:
			return batch
		}
	}
	return batch
}

// land waits until nothing is on its way to the disk.
func (db *DB) land() {
	if db.flying != nil {
		db.note(<-db.landed)
	}
}

// note takes notice of the end of a commit.
func (db *DB) note(c *commit) {
	db.flying, db.before = nil, len(c.batch)
	db.average += (c.took - db.average) / 8
}

// run commits a batch, to which more may be added meanwhile if that is wished. A function that fails after it wrote something makes the transaction unusable:
// then those before it are run again and committed, it is run alone, and the rest follows.
func (db *DB) run(batch []*request, more bool) {
	for len(batch) > 0 {
		all, bad := db.try(batch, more)
		if bad < 0 {
			return
		}
		// They succeeded a moment ago; should one fail now, the recursion ends since the batch gets shorter.
		db.run(slices.Clip(all[:bad]), false)
		db.alone(all[bad])
		batch = all[bad+1:]
	}
}

// try runs all functions in one transaction and lets it be committed. When one fails after writing, nothing is committed or answered, and its index is returned;
// else -1. all are those of the batch and what was added.
func (db *DB) try(batch []*request, more bool) (all []*request, bad int) {
	t, err := db.beginUpdate()
	if err != nil {
		answer(batch, err)
		return batch, -1
	}
	t.expected = len(batch)
	paused := !more
	for done := 0; ; {
		for ; done < len(batch); done++ {
			r := batch[done]
			before := t.writes
			r.err = db.call(r, t)
			if t.writes != before && (r.err != nil || r.panic != nil) {
				t.end()
				return batch, done
			}
		}
		switch {
		case db.flying != nil:
			requests := db.requests
			if !more || len(batch) >= maxBatch {
				requests = nil
			}
			select {
			case g := <-requests:
				batch = claim(batch, g)
			case c := <-db.landed:
				if db.note(c); c.err != nil { // and so what this transaction was built on is not there
					t.end()
					return db.try(batch, more)
				}
				if more {
					batch = db.drain(batch)
				}
			}
		case !paused && db.average > slowCommit && len(batch) < db.before:
			paused = true
			time.Sleep(slowPause)
			batch = db.drain(batch)
		default:
			t.end()
			if t.writes == 0 {
				answer(batch, nil)
			} else {
				db.launch(t, batch)
			}
			return batch, -1
		}
	}
}

// alone runs and commits one function in a transaction of its own.
func (db *DB) alone(r *request) {
	db.land()
	r.panic = nil
	t, err := db.beginUpdate()
	if err != nil {
		answer([]*request{r}, err)
		return
	}
	r.err = db.call(r, t)
	t.end()
	if r.err != nil || r.panic != nil || t.writes == 0 {
		r.answer()
		return
	}
	db.launch(t, []*request{r})
}

// answer tells everybody the outcome: err when the commit failed, else what the function itself returned.
func answer(batch []*request, err error) {
	for _, r := range batch {
		if err != nil {
			r.err = err
		}
		r.answer()
	}
}

// launch sends a transaction that has ended on its way to the log, or brings it to the database file at once when it is too much for the log. Nothing else
// is on its way.
func (db *DB) launch(t *tx, batch []*request) {
	c := &commit{tx: t, batch: batch, newer: t.state.newer.with(t.own)}
	begin, through := time.Now(), false
	err := guarded(func() error {
		err := db.attach()
		if err == nil && db.refusal.Load() != nil {
			// The log has room, but it would only fill up. There may be room on the disk again.
			err = db.foldNow()
		}
		if through = err == nil && !db.wal.fits(len(t.record)); through {
			err = db.writeThrough(c.newer)
		}
		return err
	})
	if err != nil || through {
		if err = db.outcome(err); err == nil {
			db.metrics.committed(len(batch), time.Since(begin))
		}
		answer(batch, err)
		return
	}
	c.padded = padded(t.record)
	db.arena = c.padded[len(c.padded):]
	if cap(db.arena) < max(arenaLeast, 2*len(c.padded)) {
		db.arena = sectors(arenaBytes / sector)[:0]
	}
	c.end = db.wal.at + int64(len(c.padded))
	db.flying = c
	db.commits <- c
}

// beginUpdate begins a transaction that writes, over what is on its way. When the half of the log is well filled it goes on in the other one first, as soon as
// that is free.
func (db *DB) beginUpdate() (*tx, error) {
	turns := false
	if filled := db.filled(); filled > halfBytes/2 {
		if turns = db.folded() || filled > halfBytes*7/8 && db.waitFold() == nil; turns {
			db.land()
		}
	}
	select {
	case <-db.failed:
		return nil, store.ErrStopped
	default:
	}
	if turns {
		db.startFold(db.wal.sequence)
		db.wal.turn()
	}
	t, err := db.begin()
	if err != nil {
		return nil, err
	}
	if db.flying != nil {
		s := *t.state
		s.newer = db.flying.newer
		t.state = &s
	}
	t.writable = true
	t.record = beginRecord(db.arena)
	return t, nil
}

func (t *tx) end() {
	t.done = true
	t.file.put()
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

// outcome takes notice of how a commit ended. Unless the disk is full or cannot be written at all, a failure means that what the disk holds is unknown.
func (db *DB) outcome(err error) error {
	err = classify(err)
	if err == nil || isRefusal(err) {
		db.tellRefusal(err)
		return err
	}
	db.fail(err)
	return fmt.Errorf("%w: %w", store.ErrStopped, err)
}

// writeThrough brings everything to the database file.
func (db *DB) writeThrough(all layers) error {
	if err := db.waitFold(); err != nil {
		return err
	}
	db.passing.Lock()
	defer db.passing.Unlock()
	if err := db.fold(upTo(db.wal.sequence), all); err != nil {
		return err
	}
	db.publish(func(s *state) { s.newer, s.folds = nil, s.folds+1 })
	db.wal.turn()
	return nil
}

// filled returns how far the half of the log that is written will be filled when nothing is on its way.
func (db *DB) filled() int64 {
	switch {
	case db.flying != nil:
		return db.flying.end
	case db.wal != nil:
		return db.wal.at
	}
	return 0
}

// fail stops all writing.
func (db *DB) fail(err error) {
	db.failing.Do(func() {
		db.log.Error("a sync failed; nothing is written any more until a new start", "error", err)
		close(db.failed)
	})
}

// tellRefusal logs when writes begin to be refused and when they are taken again. Only one goroutine calls it at a time.
func (db *DB) tellRefusal(err error) {
	switch refused := err != nil; {
	case refused && !db.refused:
		db.log.Error("the store cannot be written: what comes is refused until it can; nothing that was accepted is lost", "error", err)
	case !refused && db.refused:
		db.log.Info("the store can be written again")
	}
	db.refused = err != nil
}
