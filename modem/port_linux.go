package modem

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tty is a serial port of Linux. Reads and writes go through the poller of the runtime: both have deadlines, and Close
// releases a blocked one.
type tty struct {
	*os.File
	lock *uucpLock
	pts  bool
}

var baudFlags = map[int]uint32{9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600,
	115200: unix.B115200, 230400: unix.B230400, 460800: unix.B460800, 921600: unix.B921600}

// openPath opens, locks and sets up the port at path. It may hang. Errors are *SetupError.
func openPath(path string, baud int, log *slog.Logger) (_ Port, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &SetupError{Reason: ReasonMissing, Err: err, Hint: portsHint(herePorts())}
	case err != nil:
		return nil, openError(path, err)
	case info.Mode()&fs.ModeCharDevice == 0:
		return nil, &SetupError{Reason: ReasonNotATTY, Err: fmt.Errorf("%s is no character device", path), Hint: portsHint(herePorts())}
	}
	lock, err := lockDevice(uucpLocks, path, log)
	if err != nil {
		return nil, busyError(path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		lock.release()
		return nil, openError(path, err)
	}
	t := &tty{File: f, lock: lock, pts: strings.HasPrefix(realPath(path), "/dev/pts/")}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	if err := t.control(func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		return nil, busyError(path, fmt.Errorf("flock %s: %w", path, err))
	}
	if err := t.control(func(fd int) error { return setRaw(fd, baud) }); err != nil {
		if errors.Is(err, unix.ENOTTY) {
			return nil, &SetupError{Reason: ReasonNotATTY, Err: fmt.Errorf("%s: %w", path, err), Hint: portsHint(herePorts())}
		}
		return nil, openError(path, err)
	}
	// The other end of a pseudo terminal keeps it open, and with it this flag even when this program is killed.
	if !t.pts {
		t.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCEXCL, 0) })
		// Whoever came before without locking, or as root, reads half of what the modem says.
		if pid, _ := holder(path); pid != 0 {
			return nil, busyError(path, fmt.Errorf("%s is open elsewhere", path))
		}
	}
	return t, nil
}

func (t *tty) control(f func(fd int) error) error {
	conn, err := t.SyscallConn()
	if err != nil {
		return err
	}
	var ferr error
	if err := conn.Control(func(fd uintptr) { ferr = f(int(fd)) }); err != nil {
		return err
	}
	return ferr
}

// setRaw sets a line without any processing or flow control, modem control lines ignored, and lets DTR be when it is closed.
func setRaw(fd, baud int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	speed := baudFlags[baud]
	t.Iflag, t.Oflag, t.Lflag = unix.IGNBRK|unix.IGNPAR, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | speed
	t.Ispeed, t.Ospeed = speed, speed
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return err
	}
	// What waited from before belongs to nobody.
	return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIOFLUSH)
}

// Close drops what was not written, since waiting for a dead device to take it can last half a minute, and releases the
// locks.
func (t *tty) Close() error {
	done := make(chan error, 1)
	go func() {
		t.control(func(fd int) error {
			if !t.pts {
				unix.IoctlSetInt(fd, unix.TIOCNXCL, 0)
			}
			return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIOFLUSH)
		})
		err := t.File.Close()
		t.lock.release()
		done <- err
	}()
	limit := time.NewTimer(openLimit)
	defer limit.Stop()
	select {
	case err := <-done:
		return err
	case <-limit.C:
		return fmt.Errorf("close %s: no return within %v", t.Name(), openLimit)
	}
}

// usable tells, without opening it, why a port could not be opened; nil when nothing speaks against it. Errors are *SetupError.
func usable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return openError(path, err)
	case info.Mode()&fs.ModeCharDevice == 0:
		return &SetupError{Reason: ReasonNotATTY, Err: fmt.Errorf("%s is no character device", path), Hint: portsHint(herePorts())}
	}
	if err := unix.Access(path, unix.R_OK|unix.W_OK); err != nil {
		return openError(path, err)
	}
	if pid, _ := holder(path); pid != 0 {
		return busyError(path, fmt.Errorf("%s is open elsewhere", path))
	}
	if lock := lockPath(uucpLocks, path); lock != "" {
		if pid, alive := lockHolder(lock); alive && pid != os.Getpid() {
			return busyError(path, fmt.Errorf("%s is locked by pid %d", lock, pid))
		}
	}
	return nil
}

func openError(path string, err error) error {
	e := &SetupError{Reason: ReasonOpen, Err: err, Hint: "see the kernel log (dmesg) for this port"}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ENXIO):
		e.Reason, e.Hint = ReasonMissing, portsHint(herePorts())
	case errors.Is(err, fs.ErrPermission):
		e.Reason, e.Hint = ReasonPermission, permissionHint(path)
	case errors.Is(err, syscall.EBUSY):
		return busyError(path, err)
	}
	return e
}

func permissionHint(path string) string {
	group := "dialout"
	if g := groupOf(path); g != "" {
		group = g
	}
	return fmt.Sprintf("let the user of this program open it: add it to the group %s (usermod -aG %s USER) and start again", group, group)
}
