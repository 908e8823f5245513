package sip

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is how many datagrams are taken or sent with one call of the kernel. A call costs about as much as reading and deciding a request does, so
// that under load taking them together pays; a single datagram is answered as soon as without it.
const batchSize = 32

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// rawAddress is a struct sockaddr_in or sockaddr_in6 as the kernel writes it.
type rawAddress [unix.SizeofSockaddrInet6]byte

// batch reads and writes datagrams on one socket. Only one goroutine uses it.
type batch struct {
	raw      syscall.RawConn
	in, out  [batchSize]mmsghdr
	from, to [batchSize]rawAddress
	inBuf    [batchSize]unix.Iovec
	outBuf   [batchSize]unix.Iovec
	text     [][]byte
	answers  [batchSize][]byte
	received int // by the last receive
	sending  int // answers that wait
	sent     int // of those, by the call that is under way
	errno    syscall.Errno

	receiveCall, sendCall func(fd uintptr) bool // what raw calls, made once so that nothing is allocated for a datagram
}

// newBatch returns a batch for datagrams of at most limit octets; what is longer is cut.
func newBatch(s *socket, limit int) *batch {
	b := &batch{raw: s.raw, text: make([][]byte, batchSize)}
	b.receiveCall, b.sendCall = b.callReceive, b.callSend
	// As long as the limit is a multiple of a page, texts one behind the other would all fall into the same few lines of the processor's cache.
	const apart = 11 * 64
	all := make([]byte, batchSize*(limit+apart))
	for i := range batchSize {
		b.text[i] = all[i*(limit+apart):][:limit:limit]
		b.inBuf[i].Base = &b.text[i][0]
		b.inBuf[i].SetLen(limit)
		b.in[i].hdr = unix.Msghdr{Name: &b.from[i][0], Iov: &b.inBuf[i], Namelen: uint32(len(b.from[i]))}
		b.in[i].hdr.SetIovlen(1)
		b.out[i].hdr = unix.Msghdr{Name: &b.to[i][0], Iov: &b.outBuf[i]}
		b.out[i].hdr.SetIovlen(1)
	}
	return b
}

// receive waits for at least one datagram, takes those that are there, and returns how many. When the socket was closed it returns os.ErrClosed.
func (b *batch) receive() (int, error) {
	for i := range b.received {
		b.in[i].hdr.Namelen = uint32(len(b.from[i]))
	}
	b.received = 0
	if err := b.raw.Read(b.receiveCall); err != nil {
		return 0, err
	}
	if b.errno != 0 {
		return 0, b.errno
	}
	return b.received, nil
}

// callReceive always returns true: the socket blocks, so that there is nothing to come back for.
func (b *batch) callReceive(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in[0])), batchSize, unix.MSG_WAITFORONE, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if b.errno = errno; errno == 0 {
			b.received = int(n)
		}
		return true
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

// answer keeps an answer to a datagram of the last receive for send. A port of 0 is the one that it came from.
func (b *batch) answer(i int, text []byte, port int) {
	k := b.sending
	b.answers[k] = append(b.answers[k][:0], text...)
	b.to[k] = b.from[i]
	if port != 0 {
		binary.BigEndian.PutUint16(b.to[k][2:4], uint16(port))
	}
	b.out[k].hdr.Namelen = b.in[i].hdr.Namelen
	b.outBuf[k].Base = &b.answers[k][0]
	b.outBuf[k].SetLen(len(text))
	b.sending++
}

// send sends the answers and returns how many of them could not be sent, with why the last of those could not.
func (b *batch) send() (failed int, err error) {
	for b.sent = 0; b.sent < b.sending; {
		if err := b.raw.Write(b.sendCall); err != nil {
			failed += b.sending - b.sent
			b.sending = 0
			return failed, err
		}
		if b.errno != 0 { // it concerns the first of the rest; that one is given up
			failed++
			b.sent++
			err = b.errno
		}
	}
	b.sending = 0
	return failed, err
}

// callSend sends some of the answers, or says in errno why the first of them cannot be sent.
func (b *batch) callSend(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.out[b.sent])), uintptr(b.sending-b.sent), 0, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if b.errno = errno; errno == 0 {
			b.sent += int(n)
		}
		return true
	}
}
