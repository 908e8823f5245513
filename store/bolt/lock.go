package bolt

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/store"
)

const lockPause = 20 * time.Millisecond

// lock takes the file's lock, shared for readers, or says after the timeout who has it.
func lock(f *os.File, shared bool, timeout time.Duration) error {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	deadline := time.Now().Add(timeout)
	for {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("lock: %w", err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w by %s", store.ErrLocked, holder(f))
		}
		time.Sleep(lockPause)
	}
}

// Free returns store.ErrLocked, with the process, when somebody has a file open as a database.
func Free(f *os.File) error {
	if err := lock(f, true, 0); err != nil {
		return err
	}
	return unix.Flock(int(f.Fd()), unix.LOCK_UN)
}

// holder names the process that has a lock on a file, as far as the kernel tells.
func holder(f *os.File) string {
	const unknown = "another process"
	info, err := f.Stat()
	if err != nil {
		return unknown
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return unknown
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return unknown
	}
	defer locks.Close()
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(uint64(stat.Dev)), unix.Minor(uint64(stat.Dev)), stat.Ino)
	for lines := bufio.NewScanner(locks); lines.Scan(); {
		// number: FLOCK ADVISORY WRITE pid major:minor:inode start end
		field := strings.Fields(lines.Text())
		if len(field) < 6 || field[1] != "FLOCK" || field[5] != file || field[4] == "0" {
			continue
		}
		name, err := os.ReadFile("/proc/" + field[4] + "/comm")
		if err != nil {
			return "process " + field[4]
		}
		return fmt.Sprintf("process %s (%s)", field[4], strings.TrimSpace(string(name)))
	}
	return unknown
}
