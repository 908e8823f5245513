package store

import "context"

// Table names a key space. There are few and they are fixed; the tree in the package comment lists them.
type Table string

// Reader reads one consistent state.
type Reader interface {
	// Get returns the value of a key, nil when there is none. The slice is valid until the transaction ends.
	Get(t Table, key []byte) ([]byte, error)
	// First returns the first key that begins with prefix, and its value; nil when there is none. Both are valid until the transaction ends.
	First(t Table, prefix []byte) (key, value []byte, err error)
	// Scan calls fn for every key from ≤ k < to, in order or in reverse, until fn says stop; a nil bound is open.
	// Key and value are valid until fn returns. fn must not write to the table.
	Scan(t Table, from, to []byte, reverse bool, fn func(k, v []byte) (more bool, err error)) error
}

// Tx reads and writes; its writes become durable together when Update returns nil.
type Tx interface {
	Reader
	// Put sets the value of a key. Neither slice may change until Update returns. The key must not be empty.
	Put(t Table, key, value []byte) error
	// Delete removes a key; it is no error when there is none.
	Delete(t Table, key []byte) error
}

// Engine is an ordered key-value store with transactions. The functions given to it may run more than once and must have no effect but on the
// transaction and on variables that they set anew at each run.
type Engine interface {
	// View runs fn on a consistent state. It must be short: a long reader keeps old pages alive.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn and makes its writes durable before it returns nil. An error of fn is returned as it is and leaves no trace.
	// Concurrent updates are isolated from each other and may share one sync.
	Update(ctx context.Context, fn func(Tx) error) error
	// UpdateEach does what an Update for each function at the same time would: the result of fns[i] is errs[i], which it sets. They are independent of
	// each other, and a panic of one is its error. It spares callers who have many updates at hand a goroutine for each.
	UpdateEach(ctx context.Context, fns []func(Tx) error, errs []error)
	// Failed is closed when a sync failed: what the disk holds is unknown, and every later Update returns ErrStopped.
	Failed() <-chan struct{}
	Close() error
}
