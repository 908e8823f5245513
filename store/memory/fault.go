package memory

import "trunkline/store"

// Moment tells where in an operation a fault strikes.
type Moment uint8

const (
	// Before the operation: it returns the error and has no effect.
	Before Moment = iota
	// AtCommit: the commit is durable or not at all, as Applied says, and the caller gets the error. The engine is broken afterwards, as after a failed
	// sync: only a Snapshot helps.
	AtCommit
	// AfterCommit: the commit is durable, but the caller gets the error, as when the program dies before it can use the answer.
	AfterCommit
)

type fault struct {
	at      int
	moment  Moment
	applied bool
	err     error
}

// Operations returns how many operations ran so far: each Get, Scan, Put and Delete of an Update is one, and each commit.
func (e *Engine) Operations() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ops
}

// FailAt makes operation n fail with err, counted from 1 since the engine was made. A fault at a commit needs the number of a commit to strike: for
// AtCommit and AfterCommit it strikes at the first commit from operation n on. applied tells whether a commit hit by AtCommit is durable.
func (e *Engine) FailAt(n int, moment Moment, applied bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fault = &fault{n, moment, applied, err}
}

// RefuseBy asks fn before each commit: its error refuses the commit as a whole, like a disk without room, and leaves the engine good. nil takes it away.
// fn must not use the engine.
func (e *Engine) RefuseBy(fn func() error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse = fn
}

// operation counts one operation and returns the fault that strikes it.
func (e *Engine) operation() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ops++
	if f := e.fault; f != nil && f.moment == Before && e.ops == f.at {
		return f.err
	}
	return nil
}

func (e *Engine) commit(t *tx) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ops++
	if e.refuse != nil {
		if err := e.refuse(); err != nil {
			return err
		}
	}
	f := e.fault
	if f == nil || e.ops < f.at || f.moment == Before && e.ops > f.at {
		e.tables = t.tables
		return nil
	}
	e.fault = nil
	switch f.moment {
	case AtCommit:
		if f.applied {
			e.tables = t.tables
		}
		e.breakDown()
	case AfterCommit:
		e.tables = t.tables
	}
	return f.err
}

func (e *Engine) breakDown() {
	if !e.broken {
		e.broken = true
		close(e.failed)
	}
}

var _ store.Engine = (*Engine)(nil)
