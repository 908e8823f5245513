package router

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"trunkline/store"
)

// Submission is what a caller wants sent, not yet checked.
type Submission struct {
	Account  string   // who asks, e.g. "uid:1000"
	Provider string   // service provider that the messages belong to; empty: the default one
	To       []string // one message each
	Groups   []string // names of groups of the account's administrator, or store.EveryContact: one message for each number in them
	Text     string
	Trunk    string // only through this trunk; empty: any
	Tag      string // the caller's own word, at most 128 bytes
	Priority *int   // 0 to 9; nil: 5, or 9 of an emergency
	Flash    bool
	ValidFor time.Duration // 0: for ever here, the network's default there
	SendAt   time.Time     // zero: now

	OnAmbiguous string // name of a store.Ambiguity; empty: as the trunk is set
	Class       string // why it may go to who asked not to be written to, one of the store's Class constants; empty: it may not

	IdempotencyKey   string   // empty: none
	IdempotencyHash  [32]byte // of the request, so that the key is not reused for another
	IdempotencyRoute string   // keys of one route are others than those of another; empty: POST /v1/messages

	// Wrong is what the caller found wrong while it read the request. Then nothing is stored, and the error tells that together with what Submit finds in
	// the other fields.
	Wrong []FieldError

	members int // how many of To come from Groups
}

// tenant returns the service provider that the messages belong to.
func (s *Submission) tenant() string { return cmp.Or(s.Provider, store.DefaultProvider) }

// Accepted is what Submit made of a Submission; it is on disk.
type Accepted struct {
	Messages []store.Message
	Replayed bool // the same request had been accepted before
	Skipped  []Skipped
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field   string // as in the request, e.g. "to[1]"
	Code    string // stable, e.g. "invalid", "required", "too_long", "unknown"
	Message string
}

// ValidationError names every wrong field of a request. Nothing was stored.
type ValidationError struct{ Fields []FieldError }

func (e *ValidationError) Error() string {
	var all []string
	for _, f := range e.Fields {
		all = append(all, fmt.Sprintf("%s: %s", f.Field, f.Message))
	}
	return strings.Join(all, "; ")
}
