// Package memory is a store engine that lives in memory and fails on command. It stands in for the disk in tests: a crash is simulated by taking a
// Snapshot of what was durable and opening a new engine from it.
package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"trunkline/store"
)

// Engine is an ordered key-value store in memory. Updates run one at a time; every View sees the state of one moment.
type Engine struct {
	write  sync.Mutex // held by the one Update that runs
	mu     sync.Mutex
	tables tables
	closed bool
	failed chan struct{}
	broken bool
	fault  *fault
	refuse func() error
	ops    int
}

type tables map[store.Table]*node

// New returns an empty engine.
func New() *Engine { return &Engine{tables: tables{}, failed: make(chan struct{})} }

var errClosed = errors.New("engine is closed")

// Snapshot is the durable content at one moment.
type Snapshot struct{ tables tables }

// Snapshot returns what would be found after a crash now.
func (e *Engine) Snapshot() Snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Snapshot{e.tables.clone()}
}

// Restore returns a new engine with the content of a snapshot, as after a crash and a new start.
func Restore(s Snapshot) *Engine {
	e := New()
	e.tables = s.tables.clone()
	return e
}

func (t tables) clone() tables {
	c := make(tables, len(t))
	for name, root := range t {
		c[name] = root
	}
	return c
}

// View runs fn on the state of this moment.
func (e *Engine) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return errClosed
	}
	r := &tx{e: e, tables: e.tables}
	e.mu.Unlock()
	defer func() { r.done = true }()
	return fn(r)
}

// Update runs fn on a copy that replaces the content when fn and the commit succeed.
func (e *Engine) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.write.Lock()
	defer e.write.Unlock()
	e.mu.Lock()
	if e.closed || e.broken {
		defer e.mu.Unlock()
		if e.broken {
			return store.ErrStopped
		}
		return errClosed
	}
	t := &tx{e: e, tables: e.tables.clone(), writable: true}
	e.mu.Unlock()
	defer func() { t.done = true }()
	if err := fn(t); err != nil {
		return err
	}
	return e.commit(t)
}

// UpdateEach runs one after the other.
func (e *Engine) UpdateEach(ctx context.Context, fns []func(store.Tx) error, errs []error) {
	for i, fn := range fns {
		errs[i] = e.Update(ctx, func(t store.Tx) (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("panic: %v", p)
				}
			}()
			return fn(t)
		})
	}
}

// Tables returns the names of all tables that were ever written.
func (e *Engine) Tables(context.Context) (all []store.Table, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.tables {
		all = append(all, name)
	}
	return all, nil
}

// Failed is closed after an injected failure of a sync.
func (e *Engine) Failed() <-chan struct{} { return e.failed }

// Close ends the engine; its content is gone unless a Snapshot was taken.
func (e *Engine) Close() error {
	e.write.Lock()
	defer e.write.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	return nil
}

type tx struct {
	e        *Engine
	tables   tables
	writable bool
	done     bool
	writes   int
}

var (
	errDone     = errors.New("transaction has ended")
	errReadOnly = errors.New("transaction cannot write")
	errEmptyKey = errors.New("key is empty")
)

func (t *tx) Get(table store.Table, key []byte) ([]byte, error) {
	if err := t.step(false); err != nil {
		return nil, err
	}
	if n := t.tables[table].find(key); n != nil {
		return n.value, nil
	}
	return nil, nil
}

func (t *tx) First(table store.Table, prefix []byte) (key, value []byte, err error) {
	if err := t.step(false); err != nil {
		return nil, nil, err
	}
	_, err = t.tables[table].scan(prefix, nil, false, func(k, v []byte) (bool, error) {
		if bytes.HasPrefix(k, prefix) {
			key, value = k, v
		}
		return false, nil
	})
	return key, value, err
}

func (t *tx) Scan(table store.Table, from, to []byte, reverse bool, fn func(k, v []byte) (bool, error)) error {
	if err := t.step(false); err != nil {
		return err
	}
	_, err := t.tables[table].scan(from, to, reverse, fn)
	return err
}

func (t *tx) Put(table store.Table, key, value []byte) error {
	if err := t.step(true); err != nil {
		return err
	}
	if len(key) == 0 {
		return errEmptyKey
	}
	v := bytes.Clone(value)
	if v == nil {
		v = []byte{}
	}
	t.writes++
	t.tables[table] = t.tables[table].put(bytes.Clone(key), v)
	return nil
}

func (t *tx) Delete(table store.Table, key []byte) error {
	if err := t.step(true); err != nil {
		return err
	}
	t.writes++
	t.tables[table] = t.tables[table].remove(key)
	return nil
}

func (t *tx) step(write bool) error {
	if t.done {
		return errDone
	}
	if write && !t.writable {
		return errReadOnly
	}
	if t.writable {
		return t.e.operation()
	}
	return nil
}
