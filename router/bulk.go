package router

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"trunkline/store"
)

// Bulk is what Bulk made of one recipient: a message, or why there is none.
type Bulk struct {
	To       string
	Message  store.Message
	Replayed bool // it was accepted at an earlier call
	Err      error
}

// Bulk submits one message to each recipient of a submission of any length, each in a transaction of its own, so that a wrong number does not keep the
// others from being sent. With an idempotency key each recipient has its own, which is the key and its place ("import/3" for the third): a call that
// broke off is repeated as a whole, and makes what it lacked and nothing twice. The results are in order. The error is that of the store, or of ctx;
// then the results are those up to it.
func (r *Router) Bulk(ctx context.Context, s Submission) ([]Bulk, error) {
	to, key := s.To, s.IdempotencyKey
	priority := usualPriority
	if s.Priority != nil {
		priority = *s.Priority
	}
	all := make([]Bulk, 0, len(to))
	for i, number := range to {
		if err := ctx.Err(); err != nil {
			return all, err
		}
		s.To = to[i : i+1]
		if key != "" {
			s.IdempotencyKey = fmt.Sprintf("%s/%d", key, i+1)
			if len(s.IdempotencyKey) > maxKey {
				return all, fmt.Errorf("idempotency key of %d bytes has no room for the places of %d recipients: at most %d in all", len(key), len(to), maxKey)
			}
			s.IdempotencyHash = sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %v %d %d %d %q", number, s.Text, s.Trunk, s.Tag, s.Flash, s.ValidFor, s.SendAt.UnixNano(), priority, s.OnAmbiguous))
		}
		one := Bulk{To: number}
		a, err := r.Submit(ctx, s)
		var wrong *ValidationError
		var quota *store.QuotaError
		switch {
		case err == nil && len(a.Messages) == 1:
			one.Message, one.Replayed = a.Messages[0], a.Replayed
		case err == nil:
			one.Err, one.Replayed = store.ErrNotFound, true // its message is forgotten already
		case errors.As(err, &wrong), errors.As(err, &quota), errors.Is(err, store.ErrKeyReused):
			one.Err = err
		default:
			return all, err
		}
		all = append(all, one)
	}
	return all, nil
}

// maxKey is the longest idempotency key, in bytes.
const maxKey = 255
