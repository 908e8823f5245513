package bolt

import (
	"bytes"
	"errors"
	"time"

	"go.etcd.io/bbolt"
)

// Before there were blocks each table was a bucket of its own name with a key for each record.

var errOlderForm = errors.New("an earlier version wrote it: start the gateway on it once, which brings it to today's form; then it can be read by itself")

// convert brings such a file to blocks, a piece of a table in each transaction. It goes on where a crash stopped it: what has been copied of a table is there, and the
// old bucket goes with the last piece.
func (db *DB) convert() error {
	begin := time.Now()
	old, err := db.oldTable()
	if old == nil || err != nil {
		return err
	}
	if db.readOnly {
		return errOlderForm
	}
	db.log.Info("an earlier version wrote the database; it is brought to today's form, which happens once", "file", db.path)
	for old != nil && err == nil {
		if err = guarded(func() error {
			return db.bolt.Update(func(t *bbolt.Tx) error { return convertSome(t, old, compactBatch) })
		}); err == nil {
			old, err = db.oldTable()
		}
	}
	if err == nil {
		db.log.Info("the database has today's form", "file", db.path, "duration", time.Since(begin))
	}
	return classify(err)
}

// lastOld is the table that is converted last: as long as its bucket is there, the file has the old form.
const lastOld = "meta"

// oldTable returns the name of a bucket that is to be converted, nil when there is none.
func (db *DB) oldTable() (name []byte, err error) {
	err = db.bolt.View(func(t *bbolt.Tx) error {
		if t.Bucket([]byte(lastOld)) == nil {
			return nil
		}
		name = []byte(lastOld)
		return t.ForEach(func(n []byte, _ *bbolt.Bucket) error {
			if n[0] != tableMark && !bytes.Equal(n, walBucket) && string(n) != lastOld {
				name = bytes.Clone(n)
			}
			return nil
		})
	})
	return name, classify(err)
}

// convertSome copies what comes next of an old table, up to some octets.
func convertSome(t *bbolt.Tx, name []byte, limit int) error {
	from := t.Bucket(name)
	to, err := t.CreateBucketIfNotExists(append([]byte{tableMark}, name...))
	if err != nil {
		return err
	}
	c := from.Cursor()
	key, value := c.First()
	if last, _ := (&cursor{blocks: to.Cursor()}).Last(); last != nil {
		if key, value = c.Seek(last); string(key) == string(last) {
			key, value = c.Next()
		}
	}
	var some []write
	for size := 0; key != nil && size < limit; key, value = c.Next() {
		some = append(some, write{key: text(key), value: value})
		size += len(key) + len(value)
	}
	to.FillPercent = 0.9
	if err := change(to, some); err != nil || key != nil {
		return err
	}
	return t.DeleteBucket(name)
}
