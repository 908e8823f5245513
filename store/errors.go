package store

import (
	"errors"
	"fmt"
)

var (
	// ErrNotFound says that no record has this id.
	ErrNotFound = errors.New("not found")
	// ErrExists says that the name is taken, perhaps by an archived record.
	ErrExists = errors.New("it exists already")
	// ErrStopped says that an earlier sync failed, so that nothing more is written by this process.
	ErrStopped = errors.New("store stopped after a failed sync")
	// ErrFull says that the disk has no room; nothing was written and the file is good.
	ErrFull = errors.New("no space left for the store")
	// ErrReadOnly says that the store's file or file system cannot be written.
	ErrReadOnly = errors.New("store is read-only")
	// ErrLocked says that another process has the store open.
	ErrLocked = errors.New("store is in use")
	// ErrKeyReused says that an idempotency key came again with another request.
	ErrKeyReused = errors.New("idempotency key was used for another request")
	// ErrCursor says that a cursor was not made by this query.
	ErrCursor = errors.New("cursor does not belong to this query")
	// ErrAttempt says that the part has no attempt in the phase that the step needs.
	ErrAttempt = errors.New("part has no open attempt")
	// ErrInvalid says that a record offered to the store breaks a rule that its caller has to keep.
	ErrInvalid = errors.New("invalid record")
	// ErrNewer says that a later version of the program wrote the store.
	ErrNewer = errors.New("store was written by a newer version")
)

// TransitionError says why a message cannot go from one state to another.
type TransitionError struct {
	ID       MessageID
	From, To State
	Reason   string
}

func (e *TransitionError) Error() string {
	return fmt.Sprintf("message %s is %s and cannot become %s: %s", e.ID, e.From, e.To, e.Reason)
}

// Damage names a record that does not carry what was written. It is kept aside under Quarantine and never served.
type Damage struct {
	Table  Table
	Key    []byte
	Reason string
}

func (d *Damage) Error() string {
	return fmt.Sprintf("record %x in table %s is damaged: %s", d.Key, d.Table, d.Reason)
}
