package sip

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is how many datagrams are taken or sent with one call of the kernel. A call costs about as much as reading and deciding a request does, so
// that under load taking them together pays; a single datagram is answered as soon as without it.
const batchSize = 32

// Falling asleep in the kernel and being woken costs more than the rest of an answer. So when the last datagrams came soon after there were none, the next
// ones are looked for several times before the thread sleeps; as soon as it slept for longer, it goes to sleep at once again.
const (
	mostLooks = 16
	shortWait = 20 * time.Microsecond
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// rawAddress is a struct sockaddr_in or sockaddr_in6 as the kernel writes it.
type rawAddress [unix.SizeofSockaddrInet6]byte

// batch reads and writes datagrams on one socket. Only one goroutine uses it.
//
// Calls of the kernel that return at once are made without telling the scheduler of the runtime, which would take what they last for waiting: it would watch
// them and find other work for the processor, which costs more than the calls. Only those that may sleep are told.
type batch struct {
	fd       uintptr
	in       [batchSize]mmsghdr
	from     [batchSize]rawAddress
	inBuf    [batchSize]unix.Iovec
	text     [batchSize][]byte
	received int // by the last receive
	looks    int // before the next sleep
	trains   trains
}

// newBatch returns a batch for datagrams of at most limit octets; what is longer is cut. The socket is a blocking one.
func newBatch(fd uintptr, limit int) *batch {
	b := &batch{fd: fd, trains: trains{fd: fd}}
	// As long as the limit is a multiple of a page, texts one behind the other would all fall into the same few lines of the processor's cache.
	const apart = 11 * 64
	all := make([]byte, batchSize*(limit+apart))
	for i := range batchSize {
		b.text[i] = all[i*(limit+apart):][:limit:limit]
		b.inBuf[i].Base = &b.text[i][0]
		b.inBuf[i].SetLen(limit)
		b.in[i].hdr = unix.Msghdr{Name: &b.from[i][0], Iov: &b.inBuf[i], Namelen: uint32(len(b.from[i]))}
		b.in[i].hdr.SetIovlen(1)
	}
	return b
}

// receive waits for at least one datagram, takes those that are there, and returns how many. It returns one of no octets after the socket was shut down.
func (b *batch) receive() (int, error) {
	for i := range b.received {
		b.in[i].hdr.Namelen = uint32(len(b.from[i]))
	}
	b.received = 0
	for range b.looks {
		if n, errno := callMessages(unix.RawSyscall6, unix.SYS_RECVMMSG, b.fd, b.in[:], unix.MSG_DONTWAIT); errno != unix.EAGAIN {
			return b.took(n, errno)
		}
	}
	asleep := time.Now()
	n, errno := callMessages(unix.Syscall6, unix.SYS_RECVMMSG, b.fd, b.in[:], unix.MSG_WAITFORONE)
	b.looks = 0
	if time.Since(asleep) < shortWait {
		b.looks = mostLooks
	}
	return b.took(n, errno)
}

func (b *batch) took(n int, errno syscall.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	b.received = n
	return n, nil
}

// systemCall is unix.Syscall6 or unix.RawSyscall6.
type systemCall func(number, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, errno syscall.Errno)

// callMessages is recvmmsg(2) or sendmmsg(2): it returns how many messages came or went.
func callMessages(call systemCall, number, fd uintptr, messages []mmsghdr, flags uintptr) (int, syscall.Errno) {
	for {
		n, _, errno := call(number, fd, uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), flags, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// datagram returns a datagram of the last receive with its source. whole is false when it was cut.
func (b *batch) datagram(i int) (text []byte, from netip.AddrPort, whole bool) {
	h := &b.in[i]
	return b.text[i][:h.n], b.from[i].addrPort(), h.hdr.Flags&unix.MSG_TRUNC == 0
}

// addrPort reads the address: the family in the byte order of the machine, port and address as on the wire.
func (a *rawAddress) addrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(a[2:4])
	if binary.NativeEndian.Uint16(a[:2]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(a[8:24])), port)
}

// answer keeps an answer to a datagram of the last receive for send; it is not changed before. A port of 0 is the one that it came from.
func (b *batch) answer(i int, text []byte, port int) {
	to := b.from[i]
	if port != 0 {
		binary.BigEndian.PutUint16(to[2:4], uint16(port))
	}
	b.trains.add(text, &to, b.in[i].hdr.Namelen)
}
