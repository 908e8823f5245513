package bolt

import (
	"os"
	"syscall"
)

// Measured on ext4: syncing pages that were never written before takes 254 µs, since the file system has to journal where they are; syncing pages that
// were written once, as zeros, takes 154 µs. So a little room behind the end of the database is written ahead while few writers are at work. With
// many, one sync carries many updates and writing everything twice would cost more than it saves.
const (
	aheadBytes = 1 << 20   // how much is written at a time
	aheadLow   = 256 << 10 // when less than this is left
	aheadBatch = 32        // not after commits of more updates
)

var zeros [64 << 10]byte

// ahead writes zeros behind the last page in use. The committer calls it between two transactions, so nobody else writes, and nobody reads there.
func (db *DB) ahead() {
	if db.aheadOff {
		return
	}
	b, err := db.bolt.Begin(false)
	if err != nil {
		return
	}
	end := b.Size()
	b.Rollback()
	if db.zeroed >= end+aheadLow {
		return
	}
	if err := classify(db.zero(db.file, max(end, db.zeroed), end+aheadBytes)); err != nil {
		// It was only to save time. A failed sync is as bad here as anywhere.
		db.aheadOff = true
		if !isRefusal(err) {
			db.fail(err)
		}
		return
	}
	db.zeroed = end + aheadBytes
}

// writeZeros fills a part of a file with zeros, durably.
func writeZeros(f *os.File, from, to int64) error {
	for at := from; at < to; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), to-at)], at); err != nil {
			return err
		}
	}
	return syscall.Fdatasync(int(f.Fd()))
}
