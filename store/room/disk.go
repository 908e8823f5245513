package room

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Usage is how full a file system is, in bytes, as ordinary processes see it.
type Usage struct {
	Size int64
	Free int64 // what may still be written
}

// Percent returns how much is used, rounded down; 0 of a file system without a size.
func (u Usage) Percent() int {
	if u.Size <= 0 {
		return 0
	}
	return int((u.Size - u.Free) * 100 / u.Size)
}

// Disk is where the store and its reserve are.
type Disk interface {
	Usage() (Usage, error)
	// Reserved returns the size of the reserve, 0 when there is none.
	Reserved() (int64, error)
	// Reserve takes so many bytes, all or none.
	Reserve(size int64) error
	// Free gives the reserve back. It is no error when there is none.
	Free() error
}

// files is the file system of a database, and the file beside it that is the reserve.
type files struct{ directory, reserve string }

// Beside returns the file system that a database file is on. The reserve is a file of the same name that ends in .reserve.
func Beside(database string) Disk {
	return files{filepath.Dir(database), database + ".reserve"}
}

func (f files) Usage() (Usage, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(f.directory, &s); err != nil {
		return Usage{}, fmt.Errorf("ask for the room on %s: %w", f.directory, err)
	}
	block := uint64(s.Frsize)
	if block == 0 {
		block = uint64(s.Bsize)
	}
	// What only root may use counts neither as used nor as free, as df counts.
	return Usage{Size: int64((s.Blocks - s.Bfree + s.Bavail) * block), Free: int64(s.Bavail * block)}, nil
}

func (f files) Reserved() (int64, error) {
	info, err := os.Stat(f.reserve)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Reserve really takes the blocks: a file of the right length alone would take none.
func (f files) Reserve(size int64) error {
	file, err := os.OpenFile(f.reserve, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = unix.Fallocate(int(file.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) {
		_, err = io.CopyN(file, zeros{}, size)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(f.reserve))
	}
	return nil
}

func (f files) Free() error {
	if err := os.Remove(f.reserve); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	// File systems with a journal give freed blocks out again after its next commit.
	d, err := os.Open(f.directory)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
