package modem

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// uucpLocks is where serial programs have always left their locks.
const uucpLocks = "/var/lock"

// uucpLock is a lock file LCK..NAME with the pid of its holder in it. The nil value holds nothing.
type uucpLock struct {
	path string
	once sync.Once
}

// lockDevice takes the lock of a device in dir. A lock whose holder is dead is taken over. Where the directory cannot be written
// there is no lock; flock and exclusive use of the port still keep others out.
func lockDevice(dir, device string, log *slog.Logger) (*uucpLock, error) {
	path := lockPath(dir, device)
	if path == "" {
		return nil, nil
	}
	for range 2 {
		err := writeLock(path)
		if err == nil {
			return &uucpLock{path: path}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			log.Debug("no lock file", "path", path, "error", err)
			return nil, nil
		}
		pid, alive := lockHolder(path)
		if alive {
			return nil, fmt.Errorf("%s is locked by pid %d", path, pid)
		}
		log.Info("stale lock taken over", "path", path, "pid", pid)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.Debug("stale lock cannot be removed", "path", path, "error", err)
			return nil, nil
		}
	}
	return nil, fmt.Errorf("%s: another program took the lock", path)
}

// lockPath returns where the lock of a device is in dir; "" for pseudo terminals: their numbers are reused at once, so a lock
// would outlive what it locks.
func lockPath(dir, device string) string {
	node := realPath(device)
	if strings.HasPrefix(node, "/dev/pts/") {
		return ""
	}
	return filepath.Join(dir, "LCK.."+filepath.Base(node))
}

// writeLock makes the file with the pid in it at once: written beside, then linked.
func writeLock(path string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "LTMP..")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = fmt.Fprintf(tmp, "%10d\n", os.Getpid())
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Link(tmp.Name(), path)
}

// lockHolder reads a lock file: ten decimal characters, or four octets of a binary pid in the oldest form.
func lockHolder(path string) (pid int, alive bool) {
	b, err := os.ReadFile(path)
	if err != nil {
		// Unreadable is not proof of death, but vanished is.
		return 0, !errors.Is(err, fs.ErrNotExist)
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil && len(b) == 4 {
		pid, err = int(b[0])|int(b[1])<<8|int(b[2])<<16|int(b[3])<<24, nil
	}
	if err != nil || pid <= 0 {
		return 0, false
	}
	if pid == os.Getpid() {
		return pid, true
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return pid, false
	}
	err = process.Signal(syscall.Signal(0))
	return pid, err == nil || errors.Is(err, fs.ErrPermission)
}

func (l *uucpLock) release() {
	if l != nil {
		l.once.Do(func() { os.Remove(l.path) })
	}
}
