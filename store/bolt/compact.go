package bolt

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"trunkline/store"
)

const (
	// compactBatch is how many bytes of records one transaction of a compaction writes.
	compactBatch = 4 << 20
	// compactLeast is the size below which no file is compacted by itself.
	compactLeast = 32 << 20
	// compactMargin is what must stay free on the disk beside the compacted file.
	compactMargin = 16 << 20
)

// Compaction says what Compact did.
type Compaction struct {
	Before, After int64 // size of the file in bytes
}

// Compact writes a database that nobody has open anew, without the pages that are free, and puts the new file in its place. The old one stays until the new
// one is synced; a crash leaves either. store.ErrLocked says who has it open, store.ErrFull that there is no room for both.
func Compact(path string, o Options) (c Compaction, err error) {
	o.ReadOnly, o.CompactAbove = false, 0
	db, err := Open(path, o)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.compact(path)
}

// compact does it for an open database, whose lock keeps others away. Afterwards db works on a file without a name.
func (db *DB) compact(path string) (c Compaction, err error) {
	b, err := db.bolt.Begin(false)
	if err != nil {
		return c, classify(err)
	}
	live := b.Size() - int64(db.bolt.Stats().FreePageN)*int64(db.bolt.Info().PageSize)
	b.Rollback()
	info, err := db.file.Stat()
	if err != nil {
		return c, err
	}
	c.Before = info.Size()
	if err := room(filepath.Dir(path), live+compactMargin); err != nil {
		return c, fmt.Errorf("compact %s: %w", path, err)
	}
	temporary := path + ".compact"
	defer os.Remove(temporary)
	if err := copyLive(temporary, db.bolt); err != nil {
		return c, fmt.Errorf("compact %s: %w", path, classify(err))
	}
	if c.After, err = likeIt(temporary, info); err != nil {
		return c, fmt.Errorf("compact %s: %w", path, err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return c, fmt.Errorf("compact %s: %w", path, err)
	}
	return c, syncDirectory(filepath.Dir(path))
}

// copyLive writes every record of a database to a new file, durably, and verifies its pages.
func copyLive(path string, from *bbolt.DB) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	to, err := bbolt.Open(path, 0o600, &bbolt.Options{NoSync: true, NoFreelistSync: true, FreelistType: bbolt.FreelistArrayType})
	if err != nil {
		return err
	}
	err = guarded(func() error { return bbolt.Compact(to, from, compactBatch) })
	if err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return verify(f)
}

// likeIt gives a new file the owner and mode of the one that it replaces, and returns its size.
func likeIt(path string, old os.FileInfo) (int64, error) {
	if err := os.Chmod(path, old.Mode().Perm()); err != nil {
		return 0, err
	}
	if owner, ok := old.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			return 0, err
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// room returns store.ErrFull when a directory's file system has less than some bytes free.
func room(directory string, bytes int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(directory, &s); err != nil {
		return err
	}
	if free := int64(s.Bavail) * int64(s.Bsize); free < bytes {
		return fmt.Errorf("%w: %s has %d MiB free, %d MiB are needed", store.ErrFull, directory, free>>20, bytes>>20)
	}
	return nil
}

// worthCompacting tells whether more than some percent of a file are free pages.
func (db *DB) worthCompacting(above int) bool {
	if db.folding != nil {
		return false
	}
	b, err := db.bolt.Begin(false)
	if err != nil {
		return false
	}
	size := b.Size()
	b.Rollback()
	free := int64(db.bolt.Stats().FreePageN) * int64(db.bolt.Info().PageSize)
	return above > 0 && size >= compactLeast && free*100 > size*int64(above)
}

// compacted opens the file at path anew when it is worth compacting, else it returns db. When that fails, db goes on: nothing is lost by it.
func (db *DB) compacted(path string, o Options) (*DB, error) {
	if o.ReadOnly || !db.worthCompacting(o.CompactAbove) {
		return db, nil
	}
	o.Logger.Info("the database has more free pages than it may keep; it is compacted", "file", path)
	c, err := db.compact(path)
	if err != nil {
		o.Logger.Warn("the database was not compacted; it goes on as it is", "file", path, "error", err)
	} else {
		o.Logger.Info("the database is compacted", "file", path, "before", slog.Int64Value(c.Before), "after", slog.Int64Value(c.After))
	}
	if same, e := named(db.file, path); e != nil || same {
		return db, e
	}
	o.CompactAbove = 0
	if err := db.Close(); err != nil {
		return nil, err
	}
	return Open(path, o)
}
