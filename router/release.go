package router

import "context"

// ReleaseRestored lets all messages go that a restore of the store holds, and returns how many; by is the account
// that does.
func (r *Router) ReleaseRestored(ctx context.Context, by string) (int, error) {
	n, err := r.store.ConfirmRestored(ctx, by, r.store.Now())
	if n > 0 {
		r.nudgeAll("")
	}
	return n, err
}
