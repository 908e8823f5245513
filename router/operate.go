package router

import (
	"context"

	"trunkline/store"
)

// What people decide about messages; by is the account that does, and stands in the event that tells of it. Errors are store.ErrNotFound,
// store.ErrInvalid or a *store.TransitionError that says why not.

// Resend sends the parts again of which nobody knows whether the network has them.
func (r *Router) Resend(ctx context.Context, id store.MessageID, by string) (store.Message, error) {
	return r.went(r.store.Resend(ctx, id, by, r.store.Now()))
}

// Release lets a message go that is held.
func (r *Router) Release(ctx context.Context, id store.MessageID, by string) (store.Message, error) {
	return r.went(r.store.Confirm(ctx, id, by, r.store.Now()))
}

// Resolve says what became of a message of which nobody knows: Sent, Delivered or Error.
func (r *Router) Resolve(ctx context.Context, id store.MessageID, to store.State, by string) (store.Message, error) {
	return r.store.Resolve(ctx, id, to, by, r.store.Now())
}

// went tells the lanes that a message may wait now.
func (r *Router) went(m store.Message, err error) (store.Message, error) {
	if err == nil && m.State == store.Waiting {
		r.nudgeAll(m.Pin)
	}
	return m, err
}
