package emulator

import (
	"os"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// terminal is a pseudo terminal without echo and line editing. The host's side
// is kept open here too, so that a host which closes or dies ends nothing.
type terminal struct {
	master *os.File
	slave  *os.File
	path   string
	link   string
}

func openTerminal(link string) (*terminal, error) {
	ptmx, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	t := &terminal{slave: slave, path: slave.Name(), link: link}
	if t.master, err = pollable(ptmx); err != nil {
		slave.Close()
		return nil, err
	}
	if err = makeRaw(slave); err == nil && link != "" {
		err = relink(t.path, link)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *terminal) close() {
	t.master.Close()
	t.slave.Close()
	if at, err := os.Readlink(t.link); err == nil && at == t.path {
		os.Remove(t.link)
	}
}

// pollable reopens a descriptor for the runtime's poller: reads then cost no
// thread, know deadlines and end when the file is closed.
func pollable(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// relink points a symbolic link at path, replacing what an earlier run left.
func relink(path, link string) error {
	next := link + ".new"
	os.Remove(next)
	if err := os.Symlink(path, next); err != nil {
		return err
	}
	return os.Rename(next, link)
}

// makeRaw turns off all processing of the terminal.
func makeRaw(f *os.File) error {
	fd := int(f.Fd())
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag = 0
	t.Oflag = 0
	t.Lflag = 0
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8 | unix.CREAD | unix.CLOCAL
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}
