package bolt

import "os"

// listFrom is the size of a file, in bytes, from which on the free list is written at the end: a smaller one is scanned in no time.
const listFrom = 16 << 20

// keepFreelist writes down which pages are free, so that the next start need not look at every page to find out; the commit after that start takes it away
// again. It changes nothing else, and when it fails nothing is lost but that time.
func (db *DB) keepFreelist() {
	if info, err := db.file.Stat(); db.readOnly || err != nil || info.Size() < db.listFrom || db.hasFreelist() {
		return
	}
	select {
	case <-db.failed:
		return
	default:
	}
	db.bolt.NoFreelistSync = false
	t, err := db.bolt.Begin(true)
	if err == nil {
		err = db.commit(t)
	}
	if err != nil {
		if t != nil {
			t.Rollback()
		}
		db.log.Warn("the list of free pages was not written; the next start looks for them", "file", db.path, "error", err)
	}
}

// hasFreelist tells whether the newest state of the file has its free list written down.
func (db *DB) hasFreelist() bool {
	head := make([]byte, 2*os.Getpagesize())
	n, _ := db.file.ReadAt(head, 0)
	m, err := newestMeta(head[:n])
	return err == nil && m.freelist != noFreelist
}
