package bolt

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"trunkline/store"
)

// Tables returns the names of all tables that were ever written, without what the engine keeps for itself.
func (db *DB) Tables(ctx context.Context) (all []store.Table, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := db.bolt.Begin(false)
	if err != nil {
		return nil, classify(err)
	}
	defer b.Rollback()
	err = guarded(func() error {
		return b.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			if !bytes.Equal(name, walBucket) { // the engine's own
				all = append(all, store.Table(name))
			}
			return nil
		})
	})
	return all, err
}
