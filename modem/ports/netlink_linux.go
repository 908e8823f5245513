package ports

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// kernelGroup is the multicast group that the kernel sends device events to; udev's own messages use another.
const kernelGroup = 1

// events reads the device events of the kernel. It needs no rights. Close ends a blocked Next.
type events struct {
	file *os.File
	buf  [eventOctets + 1]byte
}

// openEvents fails where netlink is not to be had: in some containers, and when a unit forbids the address family.
func openEvents() (*events, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// A hub with twenty sticks sends hundreds of events at once; what is lost is found by the rescan.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: kernelGroup}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("bind", err)
	}
	return &events{file: os.NewFile(uintptr(fd), "uevents")}, nil
}

// Next waits for an event. ok is false for a message that is none, or that did not come from the kernel.
func (e *events) Next() (ev Event, ok bool, err error) {
	conn, err := e.file.SyscallConn()
	if err != nil {
		return ev, false, err
	}
	var n int
	var from unix.Sockaddr
	var rerr error
	if err := conn.Read(func(fd uintptr) bool {
		n, from, rerr = unix.Recvfrom(int(fd), e.buf[:], 0)
		return !errors.Is(rerr, unix.EAGAIN)
	}); err != nil {
		return ev, false, err
	}
	switch {
	case errors.Is(rerr, unix.ENOBUFS), errors.Is(rerr, unix.EINTR):
		// Events were lost: look as if there had been one.
		return Event{Action: "change", Subsystem: "tty"}, true, nil
	case rerr != nil:
		return ev, false, os.NewSyscallError("recvfrom", rerr)
	}
	if nl, is := from.(*unix.SockaddrNetlink); !is || nl.Pid != 0 {
		return ev, false, nil
	}
	ev, ok = ParseEvent(e.buf[:n])
	return ev, ok, nil
}

// Close ends it.
func (e *events) Close() error { return e.file.Close() }
