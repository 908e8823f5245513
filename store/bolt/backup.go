package bolt

import (
	"context"
	"fmt"
	"io"

	"go.etcd.io/bbolt"

	"trunkline/store"
)

// Backup writes a whole database file with the state of this moment to w and returns its size; writing goes on meanwhile. As long as it runs, pages that
// become free are not used again, so that the file grows by what is written; ctx bounds that. The error is that of w, or about reading.
func (db *DB) Backup(ctx context.Context, w io.Writer) (int64, error) {
	b, err := db.whole(ctx)
	if err != nil {
		return 0, err
	}
	defer b.Rollback()
	var n int64
	err = guarded(func() error {
		n, err = b.WriteTo(bounded{ctx, w})
		return err
	})
	return n, err
}

// reading is a read transaction of the database file, or why there is none.
type reading struct {
	*bbolt.Tx
	err error
}

// whole begins a read transaction of a database file that has everything committed so far and needs no log.
func (db *DB) whole(ctx context.Context) (*bbolt.Tx, error) {
	if db.readOnly {
		if len(db.state.Load().older) > 0 {
			return nil, fmt.Errorf("what was written last is in %s only: open the database once for writing", walPath(db.path))
		}
		b, err := db.bolt.Begin(false)
		return b, classify(err)
	}
	answer := make(chan reading, 1)
	select {
	case db.copies <- answer:
		r := <-answer
		return r.Tx, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-db.quit:
		return nil, errClosed
	}
}

// detached is whole in the committer. The log is attached again at the next commit.
func (db *DB) detached() reading {
	select {
	case <-db.failed:
		return reading{err: store.ErrStopped}
	default:
	}
	err := db.waitFold()
	if err == nil {
		err = db.detach()
	}
	if err != nil {
		if !isRefusal(err) {
			db.fail(err)
		}
		return reading{err: err}
	}
	b, err := db.bolt.Begin(false)
	return reading{b, classify(err)}
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
