package httpd

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poller waits for octets on many connections at once, with epoll(7): it tells once of what has come (EPOLLET), which saves a look at each connection
// in each round. Who reads less than there may be asks again. A goroutine that waits in it takes no thread: Go's own poller waits for the epoll
// instance, which is a file like others.
type poller struct {
	file   *os.File
	raw    syscall.RawConn
	events [512]unix.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true) // what makes os.NewFile give it to Go's poller
	}
	if err != nil {
		return nil, os.NewSyscallError("epoll", err)
	}
	p := &poller{file: os.NewFile(uintptr(fd), "epoll")}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

// control changes what is known of a connection.
func (p *poller) control(op, fd int) (err error) {
	failure := p.raw.Control(func(self uintptr) {
		err = unix.EpollCtl(int(self), op, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd)})
	})
	return errors.Join(failure, os.NewSyscallError("epoll_ctl", err))
}

// add waits for a connection from now on, remove no longer. A descriptor must be removed before it is closed.
func (p *poller) add(fd int) error { return p.control(unix.EPOLL_CTL_ADD, fd) }

// again tells once more of what is there.
func (p *poller) again(fd int) error { return p.control(unix.EPOLL_CTL_MOD, fd) }

func (p *poller) remove(fd int) error { return p.control(unix.EPOLL_CTL_DEL, fd) }

// wait returns what is ready as soon as something is, valid until the next call; nothing when the time of wake has come.
func (p *poller) wait() (ready []unix.EpollEvent, err error) {
	failure := p.raw.Read(func(self uintptr) bool {
		ready, err = p.look(self)
		return len(ready) > 0 || err != nil
	})
	if errors.Is(failure, os.ErrDeadlineExceeded) {
		return nil, nil
	}
	return ready, errors.Join(failure, err)
}

// now returns what is ready at this moment.
func (p *poller) now() (ready []unix.EpollEvent, err error) {
	failure := p.raw.Control(func(self uintptr) { ready, err = p.look(self) })
	return ready, errors.Join(failure, err)
}

func (p *poller) look(self uintptr) ([]unix.EpollEvent, error) {
	n, err := atOnce(unix.SYS_EPOLL_PWAIT, self, unsafe.Pointer(&p.events[0]), len(p.events))
	return p.events[:n], os.NewSyscallError("epoll_wait", err)
}

// atOnce makes a call of the kernel that never sleeps. The scheduler is not told: it would take the processor away from a goroutine whose calls, one after the
// other, last longer than a moment, and to give it back costs more than they do. n is 0 when err is not nil.
func atOnce(call, fd uintptr, p unsafe.Pointer, length int) (n int, err error) {
	for {
		n, _, errno := unix.RawSyscall6(call, fd, uintptr(p), uintptr(length), 0, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// readNow reads from a connection that does not block, writeNow writes to one: with the calls of sockets, which do less than those of all files.
func readNow(fd int, b []byte) (int, error) {
	return atOnce(unix.SYS_RECVFROM, uintptr(fd), unsafe.Pointer(unsafe.SliceData(b)), len(b))
}

func writeNow(fd int, b []byte) (int, error) {
	return atOnce(unix.SYS_SENDTO, uintptr(fd), unsafe.Pointer(unsafe.SliceData(b)), len(b))
}

// wake lets wait return at a time; never when it is zero.
func (p *poller) wake(at time.Time) { p.file.SetReadDeadline(at) }

func (p *poller) close() { p.file.Close() }
