package bolt

import (
	"errors"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// create makes an empty database file. It is complete before it gets its name, so that a power cut leaves a whole file or none.
func create(path string) error {
	temporary := path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	b, err := bbolt.Open(temporary, 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistArrayType})
	if err != nil {
		return err
	}
	err = b.Sync()
	if e := b.Close(); err == nil {
		err = e
	}
	if err == nil {
		// Link, unlike rename, never replaces a file that another process made meanwhile.
		if err = os.Link(temporary, path); errors.Is(err, os.ErrExist) {
			err = nil
		}
	}
	if e := os.Remove(temporary); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
