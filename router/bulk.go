package router

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

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

// Bulk submits messages to one recipient each, every one in a transaction of its own, so that a wrong number does not keep the others from being sent. With
// an idempotency key each has its own, which is the key and its place ("import/3" for the third): a call that broke off is repeated as a whole, and makes
// what it lacked and nothing twice. The results are in order. The error is that of the store, or of ctx; then the results are those up to it.
func (r *Router) Bulk(ctx context.Context, key string, submissions []Submission) ([]Bulk, error) {
	if key != "" && len(bulkKey(key, len(submissions))) > maxKey {
		return nil, fmt.Errorf("%w: idempotency key of %d bytes has no room for the places of %d messages: at most %d in all", store.ErrInvalid, len(key), len(submissions), maxKey)
	}
	all := make([]Bulk, 0, len(submissions))
	for i, s := range submissions {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		if key != "" {
			s.IdempotencyRoute, s.IdempotencyKey, s.IdempotencyHash = BulkRoute, bulkKey(key, i+1), s.hash()
		}
		one, err := r.bulk(ctx, s)
		if err != nil {
			return all, err
		}
		all = append(all, one)
	}
	return all, nil
}

// bulk submits one message. The error ends the whole.
func (r *Router) bulk(ctx context.Context, s Submission) (one Bulk, err error) {
	if len(s.To) > 1 || len(s.Groups) > 0 {
		s.Wrong = append(s.Wrong, FieldError{Field: "to", Code: "too_many", Message: "names more than one recipient: each message of a list has one"})
	}
	a, err := r.Submit(ctx, s)
	var wrong *ValidationError
	var quota *store.QuotaError
	switch {
	case err == nil && len(a.Messages) == 1:
		return Bulk{Message: a.Messages[0], Replayed: a.Replayed}, nil
	case err == nil:
		return Bulk{Err: store.ErrNotFound, Replayed: true}, nil // its message is forgotten already
	case errors.As(err, &wrong), errors.As(err, &quota), errors.Is(err, store.ErrKeyReused):
		return Bulk{Err: err}, nil
	}
	return one, err
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
