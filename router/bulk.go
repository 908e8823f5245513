package router

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"trunkline/store"
)

// Bulk is what Bulk made of one submission: a message, or why there is none.
type Bulk struct {
	Message  store.Message
	Replayed bool // it was accepted at an earlier call
	Err      error
}

// BulkRoute is the route that idempotency keys of Bulk belong to, so that they are others than those of single submissions.
const BulkRoute = "POST /v1/messages/bulk"

// bulkPiece is how many messages of a Bulk are on their way at once.
const bulkPiece = 250

// Bulk submits messages to one recipient each, every one in a transaction of its own, so that a wrong number does not keep the others from being sent. With
// an idempotency key each has its own, which is the key and its place ("import/3" for the third): a call that broke off is repeated as a whole, and makes
// what it lacked and nothing twice. The results are in order. The error is the first of the store, or that of ctx; then some results at the end may be missing,
// which were not tried, and none is there when nothing was accepted.
func (r *Router) Bulk(ctx context.Context, key string, submissions []Submission) ([]Bulk, error) {
	if key != "" && len(bulkKey(key, len(submissions))) > maxKey {
		return nil, fmt.Errorf("%w: idempotency key of %d bytes has no room for the places of %d messages: at most %d in all", store.ErrInvalid, len(key), len(submissions), maxKey)
	}
	all := make([]Bulk, 0, len(submissions))
	accepted := false
	for piece := range slices.Chunk(submissions, bulkPiece) {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		piece = slices.Clone(piece)
		for i := range piece {
			s := &piece[i]
			if key != "" {
				s.IdempotencyRoute, s.IdempotencyKey, s.IdempotencyHash = BulkRoute, bulkKey(key, len(all)+i+1), s.hash()
			}
			if len(s.To) > 1 || len(s.Groups) > 0 {
				s.Wrong = append(slices.Clip(s.Wrong), FieldError{Field: "to", Code: "too_many", Message: "names more than one recipient: each message of a list has one"})
			}
		}
		var failure error
		for _, one := range r.SubmitEach(ctx, piece) {
			b, err := bulkOf(one)
			accepted = accepted || b.Err == nil
			if failure == nil {
				failure = err
			}
			all = append(all, b)
		}
		if failure != nil {
			if !accepted {
				all = nil
			}
			return all, failure
		}
	}
	return all, nil
}

// bulkOf is what became of one message; the error is one that ends the whole.
func bulkOf(one Outcome) (Bulk, error) {
	var wrong *ValidationError
	var quota *store.QuotaError
	switch {
	case one.Err == nil && len(one.Accepted.Messages) == 1:
		return Bulk{Message: one.Accepted.Messages[0], Replayed: one.Accepted.Replayed}, nil
	case one.Err == nil:
		return Bulk{Err: store.ErrNotFound, Replayed: true}, nil // its message is forgotten already
	case errors.As(one.Err, &wrong), errors.As(one.Err, &quota), errors.Is(one.Err, store.ErrKeyReused):
		return Bulk{Err: one.Err}, nil
	}
	return Bulk{Err: one.Err}, one.Err
}

// maxKey is the longest idempotency key, in bytes.
const maxKey = 255

func bulkKey(key string, place int) string { return fmt.Sprintf("%s/%d", key, place) }

// hash tells two submissions under one key apart.
func (s *Submission) hash() [32]byte {
	priority := usualPriority
	if s.Priority != nil {
		priority = *s.Priority
	}
	h := fmt.Appendf(nil, "%q %q %q %q %v %d %d %d %q", s.To, s.Text, s.Trunk, s.Tag, s.Flash, s.ValidFor, s.SendAt.UnixNano(), priority, s.OnAmbiguous)
	if s.Class != "" {
		h = fmt.Appendf(h, " %q", s.Class)
	}
	return sha256.Sum256(h)
}
