package sip

import (
	"encoding/binary"
	"net"
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
	received int
	sending  int // answers that wait
	errno    syscall.Errno
}

// newBatch returns a batch for datagrams of at most limit octets; what is longer is cut.
func newBatch(c *net.UDPConn, limit int) (*batch, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &batch{raw: raw, text: make([][]byte, batchSize)}
	all := make([]byte, batchSize*limit)
	for i := range batchSize {
		b.text[i] = all[i*limit : (i+1)*limit : (i+1)*limit]
		b.inBuf[i].Base = &b.text[i][0]
		b.inBuf[i].SetLen(limit)
		b.in[i].hdr = unix.Msghdr{Name: &b.from[i][0], Iov: &b.inBuf[i]}
		b.in[i].hdr.SetIovlen(1)
		b.out[i].hdr = unix.Msghdr{Name: &b.to[i][0], Iov: &b.outBuf[i]}
		b.out[i].hdr.SetIovlen(1)
	}
	return b, nil
}

// receive waits for at least one datagram and returns how many there are.
func (b *batch) receive() (int, error) {
	for i := range b.in {
		b.in[i].hdr.Namelen = uint32(len(b.from[i]))
	}
	if err := b.raw.Read(b.tryReceive); err != nil {
		return 0, err
	}
	if b.errno != 0 {
		return 0, b.errno
	}
	return b.received, nil
}

// tryReceive returns false when there is nothing yet.
func (b *batch) tryReceive(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		b.received, b.errno = int(n), errno
		return errno != unix.EAGAIN
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

// send sends the answers and returns how many of them could not be sent.
func (b *batch) send() (failed int, err error) {
	total := b.sending
	b.sending = 0
	for done := 0; done < total; {
		n := 0
		var errno syscall.Errno
		if err := b.raw.Write(func(fd uintptr) bool {
			r, _, e := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.out[done])), uintptr(total-done), unix.MSG_DONTWAIT, 0, 0)
			n, errno = int(r), e
			return e != unix.EAGAIN && e != unix.EINTR
		}); err != nil {
			return failed + total - done, err
		}
		if errno != 0 { // it concerns the first of the rest; that one is given up
			failed++
			err, n = errno, 1
		}
		done += n
	}
	return failed, err
}
