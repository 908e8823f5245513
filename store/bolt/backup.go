package bolt

import (
	"context"
	"io"

	"trunkline/store"
)

// Backup writes a whole database file with the state of this moment to w and returns its size; writing goes on meanwhile. As long as it runs, pages that
// become free are not used again, so that the file grows by what is written; ctx bounds that. The error is that of w, or about reading.
func (db *DB) Backup(ctx context.Context, w io.Writer) (int64, error) {
	b, err := db.bolt.Begin(false)
	if err != nil {
		return 0, classify(err)
	}
	defer b.Rollback()
	var n int64
	err = guarded(func() error {
		n, err = b.WriteTo(bounded{ctx, w})
		return err
	})
	return n, err
}

// bounded is a writer that fails when its context has ended.
type bounded struct {
	ctx context.Context
	w   io.Writer
}

func (b bounded) Write(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.w.Write(p)
}

var _ store.Copier = (*DB)(nil)
