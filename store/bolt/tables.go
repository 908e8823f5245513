package bolt

import (
	"bytes"
	"context"
	"slices"

	"go.etcd.io/bbolt"

	"trunkline/store"
)

// Tables returns the names of all tables that were ever written.
func (db *DB) Tables(ctx context.Context) (all []store.Table, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, err := db.begin()
	if err != nil {
		return nil, err
	}
	defer t.end()
	err = guarded(func() error {
		return t.file.bolt.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			switch {
			case name[0] == tableMark:
				all = append(all, store.Table(name[1:]))
			case !bytes.Equal(name, walBucket):
				all = append(all, store.Table(name)) // of a file that is not ours
			}
			return nil
		})
	})
	for _, l := range []layers{t.state.older, t.state.newer} {
		for i := range l {
			if !slices.Contains(all, l[i].table) {
				all = append(all, l[i].table)
			}
		}
	}
	return all, err
}
