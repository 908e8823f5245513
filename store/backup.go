package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"time"
)

// Copier is what an engine offers that can be copied while it is written to.
type Copier interface {
	Backup(ctx context.Context, w io.Writer) (int64, error)
}

// Backup is a copy that was made.
type Backup struct {
	Bytes  int64
	SHA256 [sha256.Size]byte
	Took   time.Duration
}

// ErrBackup says that a backup is being made already, or that this engine has none.
var ErrBackup = errors.New("no backup can be made now")

// Backup writes a copy of the whole store, as it is at this moment, to w. It has everything that was stored before it began. One runs at a time; while it
// does, the file grows by what is written.
func (s *Store) Backup(ctx context.Context, w io.Writer) (Backup, error) {
	c, ok := s.engine.(Copier)
	if !ok || !s.copying.TryLock() {
		return Backup{}, ErrBackup
	}
	defer s.copying.Unlock()
	begin := time.Now()
	sum := sha256.New()
	n, err := c.Backup(ctx, io.MultiWriter(w, sum))
	b := Backup{Bytes: n, SHA256: [sha256.Size]byte(sum.Sum(nil)), Took: time.Since(begin)}
	if err != nil {
		s.metrics.backupFailed.Inc()
		return b, err
	}
	s.metrics.backups.Inc()
	s.metrics.backupAt.SetToCurrentTime()
	return b, nil
}
