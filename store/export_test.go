package store

import "context"

// Step is a migration, for tests that need one that does not exist.
type Step struct {
	Version uint64
	Name    string
	Do      func(Tx) error
}

// Migrate applies steps instead of the real ones.
func Migrate(ctx context.Context, e Engine, steps ...Step) (Instance, error) {
	var all []migration
	for _, s := range steps {
		all = append(all, migration{s.Version, s.Name, s.Do})
	}
	return migrate(ctx, e, all)
}
