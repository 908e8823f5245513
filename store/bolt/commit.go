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

// committer is the one goroutine that writes.
func (db *DB) committer() {
	defer close(db.stopped)
	var average time.Duration
	before := 0 // requests in the batch before
	batch := make([]*request, 0, maxBatch)
	take := func(g *group) {
		for i := range g.requests {
			batch = append(batch, &g.requests[i])
		}
	}
	drain := func() {
		for len(batch) < maxBatch {
			select {
			case g := <-db.requests:
				take(g)
			default:
				return
			}
		}
	}
	for {
		batch = batch[:0]
		select {
		case g := <-db.requests:
			take(g)
		case c := <-db.copies:
			c <- db.detached()
			continue
		case <-db.quit:
			return
		}
		runtime.Gosched()
		drain()
		if average > slowCommit && len(batch) < before {
			time.Sleep(slowPause)
			drain()
		}
		before = len(batch)
		n := 0
		for _, r := range batch {
			if r.state.CompareAndSwap(waiting, running) {
				batch[n] = r
				n++
			}
		}
		for rest := batch[:n]; len(rest) > 0; {
			piece := rest[:min(len(rest), maxBatch)]
			rest = rest[len(piece):]
			if took := db.run(piece); took > 0 {
				average += (took - average) / 8
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
	t, err := db.beginUpdate()
	if err != nil {
		answer(batch, err)
		return -1, 0
	}
	t.expected = len(batch)
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
	r.answer()
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

// beginUpdate begins a transaction that writes. When the half of the log is well filled it goes on in the other one first, as soon as that is free.
func (db *DB) beginUpdate() (*tx, error) {
	select {
	case <-db.failed:
		return nil, store.ErrStopped
	default:
	}
	if j := db.wal; j != nil && j.at > halfBytes/2 && (db.folded() || j.at > halfBytes*7/8 && db.waitFold() == nil) {
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
	if cap(db.arena) < max(arenaLeast, 2*len(t.record)) {
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
	if err := db.fold(upTo(j.sequence), all); err != nil {
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
