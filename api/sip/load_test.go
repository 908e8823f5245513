package sip

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// load asks a server on loopback as fast as it answers. While answers are due it never sleeps.
type load struct {
	fd      int
	out, in [64]mmsghdr
	answers [64][2048]byte
	outBuf  unix.Iovec
	inBuf   [64]unix.Iovec
}

// newLoad opens a socket for a server. Every request is text.
func newLoad(b *testing.B, port int, text []byte) *load {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		b.Cleanup(func() { unix.Close(fd) })
		err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20), unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}))
	}
	if err != nil {
		b.Fatal(err)
	}
	l := &load{fd: fd}
	l.outBuf.Base = &text[0]
	l.outBuf.SetLen(len(text))
	for i := range l.in {
		l.inBuf[i].Base = &l.answers[i][0]
		l.inBuf[i].SetLen(len(l.answers[i]))
		l.in[i].hdr.Iov, l.out[i].hdr.Iov = &l.inBuf[i], &l.outBuf
		l.in[i].hdr.SetIovlen(1)
		l.out[i].hdr.SetIovlen(1)
	}
	return l
}

// text returns what came at an index of the last answers.
func (l *load) text(i int) string { return string(l.answers[i][:l.in[i].n]) }

// ask sends n requests and takes their answers. So many requests are under way until the last ones are sent. What is not answered for long was lost on the
// way, by a server with a small buffer, and is asked again.
func (l *load) ask(underWay, n int) error {
	for sent, got, silent := 0, 0, 0; got < n; {
		for want := min(underWay-(sent-got), n-sent); want > 0; {
			k, err := l.call(unix.SYS_SENDMMSG, &l.out[0], min(want, len(l.out)))
			if err != nil {
				return err
			}
			sent, want = sent+k, want-k
		}
		for began := time.Now(); ; {
			k, err := l.call(unix.SYS_RECVMMSG, &l.in[0], len(l.in))
			if got += k; err == nil {
				silent = 0
				break
			}
			if err != unix.EAGAIN || silent == 50 {
				return fmt.Errorf("after %d of %d answers: %w", got, n, err)
			}
			if time.Since(began) > 200*time.Millisecond {
				sent = got
				silent++
				break
			}
		}
	}
	return nil
}

func (l *load) call(number uintptr, first *mmsghdr, n int) (int, error) {
	k, _, errno := unix.Syscall6(number, uintptr(l.fd), uintptr(unsafe.Pointer(first)), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(k), nil
}

// processors returns a processor for servers and another one for the load.
func processors(b *testing.B) (servers, loads int) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		b.Fatal(err)
	}
	var found []int
	for i := range 1024 {
		if all.IsSet(i) {
			found = append(found, i)
		}
	}
	if len(found) < 2 {
		b.Skip("takes two processors: one for the servers, one for who asks them")
	}
	return found[1], found[0]
}

// pin binds a thread, 0 for the one that calls, to a processor and returns what undoes it.
func pin(b *testing.B, thread, processor int) (undo func()) {
	var before, only unix.CPUSet
	only.Set(processor)
	if err := errors.Join(unix.SchedGetaffinity(thread, &before), unix.SchedSetaffinity(thread, &only)); err != nil {
		b.Fatal(err)
	}
	return func() { unix.SchedSetaffinity(thread, &before) }
}

// pinAll binds all threads of a process and of its children to a processor.
func pinAll(b *testing.B, pid, processor int) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(tasks) == 0 {
		b.Fatalf("process %d: %v", pid, err)
	}
	for _, t := range tasks {
		thread, err := strconv.Atoi(filepath.Base(t))
		if err != nil {
			b.Fatal(err)
		}
		pin(b, thread, processor)
	}
	for _, c := range childrenOf(b, pid) {
		pinAll(b, c, processor)
	}
}

// childrenOf returns the processes that a process has started.
func childrenOf(b *testing.B, pid int) (out []int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, child := range strings.Fields(string(text)) {
		n, err := strconv.Atoi(child)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}
