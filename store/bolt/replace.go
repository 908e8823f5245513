package bolt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"trunkline/store"
)

// Replace puts a finished database file, on the same file system, in the place of another one, in one step that a crash cannot tear. The old file, if there
// is one, stays under the name aside, which must not exist. store.ErrLocked says who has the old one open. The new file gets owner and mode of the old one,
// else the owner of the directory.
func Replace(path, by, aside string) error {
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := ownedAsDirectory(by, filepath.Dir(path)); err != nil {
			return err
		}
		if err := os.Link(by, path); err != nil { // never over a file that was made meanwhile
			return fmt.Errorf("replace %s: %w", path, err)
		}
		return errors.Join(os.Remove(by), syncDirectory(filepath.Dir(path)))
	case err != nil:
		return fmt.Errorf("replace %s: %w", path, classify(err))
	}
	defer old.Close() // and with it the lock
	if err := lock(old, false, 0); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	if same, err := named(old, path); err != nil || !same {
		return fmt.Errorf("replace %s: %w", path, errors.Join(store.ErrLocked, err))
	}
	info, err := old.Stat()
	if err != nil {
		return err
	}
	if _, err := likeIt(by, info); err != nil {
		return fmt.Errorf("replace %s: %w", path, err)
	}
	if err := os.Link(path, aside); err != nil {
		return fmt.Errorf("keep %s aside: %w", path, err)
	}
	// The log that a crash left belongs to the old file; the new one needs none.
	if err := os.Link(walPath(path), walPath(aside)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("keep %s aside: %w", walPath(path), err), os.Remove(aside))
	}
	if err := os.Rename(by, path); err != nil {
		return errors.Join(fmt.Errorf("replace %s: %w", path, err), os.Remove(aside))
	}
	if err := os.Remove(walPath(path)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func ownedAsDirectory(path, directory string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(directory)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return os.Chown(path, int(owner.Uid), int(owner.Gid))
}

// named tells whether path still names an open file: another process may have replaced it while its lock was awaited.
func named(f *os.File, path string) (bool, error) {
	open, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return os.SameFile(open, there), nil
}
