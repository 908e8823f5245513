package bolt

import "os"

// listFrom is how much of a file must be in use or free, in bytes, for its free list to be written at the end: less is scanned in no time.
const listFrom = 16 << 20

// keepFreelist writes down which pages are free, so that the next start need not look at every page to find out; the commit after that start takes it away
// again. It changes nothing else, and when it fails nothing is lost but that time.
func (db *DB) keepFreelist() {
	if m, err := db.newestMeta(); db.readOnly || err != nil || int64(m.pages*m.pageSize) < db.listFrom || m.freelist != noFreelist {
		return
	}
	select {
	case <-db.failed:
		return
	default:
	}
	db.giveUp(nil)
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

// newestMeta returns what the file says about its newest state.
func (db *DB) newestMeta() (meta, error) {
	head := make([]byte, 2*os.Getpagesize())
	n, _ := db.file.ReadAt(head, 0)
	return newestMeta(head[:n])
}
