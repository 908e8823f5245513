package sip

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Bounds of a train. Each datagram must fit into one packet on any path that IPv6 takes, and all together into the largest packet of IP.
const (
	trainDatagram = 1200
	trainOctets   = 60_000
)

// trains are answers that wait to be sent. Those of one length to one address make a train: it goes through the layers of the kernel as one packet and becomes
// datagrams again at their end, often in the network card (UDP_SEGMENT of udp(7)). Under load, when answers go to few switches, that saves most of what
// sending costs; who receives the datagrams sees no difference. The zero value, with fd set, is ready. It is used at one place in memory.
type trains struct {
	fd       uintptr
	answers  [batchSize][]byte // all that wait
	waiting  int
	all      [batchSize]train
	messages [batchSize]mmsghdr // one for each train
	n        int                // trains that wait
	single   bool               // trains do not go, every answer goes for itself
}

type train struct {
	to      rawAddress
	length  int // of each answer
	count   int
	texts   [batchSize]unix.Iovec
	control segments
}

// segments is the control message UDP_SEGMENT.
type segments struct {
	unix.Cmsghdr
	length uint16
	_      [6]byte // alignment
}

// room is where the next answer may be written.
func (t *trains) room() []byte { return t.answers[t.waiting][:0] }

// add takes one answer, which is not changed before it was sent. It may be in room.
func (t *trains) add(text []byte, to *rawAddress, toLength uint32) {
	t.answers[t.waiting] = text
	t.waiting++
	one := t.find(len(text), to)
	if one == nil {
		one = &t.all[t.n]
		one.to, one.length, one.count = *to, len(text), 0
		t.messages[t.n].hdr = unix.Msghdr{Name: &one.to[0], Namelen: toLength, Iov: &one.texts[0]}
		t.n++
	}
	one.texts[one.count].Base = &text[0]
	one.texts[one.count].SetLen(len(text))
	one.count++
}

// find returns the train that an answer can join, nil when there is none.
func (t *trains) find(length int, to *rawAddress) *train {
	if t.single || length > trainDatagram {
		return nil
	}
	for i := range t.n {
		if one := &t.all[i]; one.length == length && (one.count+1)*length <= trainOctets && one.to == *to {
			return one
		}
	}
	return nil
}

// send sends all answers and returns how many of them could not be sent, with why the last of those could not.
func (t *trains) send() (failed int, err error) {
	for i := range t.n {
		one, h := &t.all[i], &t.messages[i].hdr
		h.SetIovlen(one.count)
		if one.count > 1 {
			one.control = segments{Cmsghdr: unix.Cmsghdr{Level: unix.SOL_UDP, Type: unix.UDP_SEGMENT}, length: uint16(one.length)}
			one.control.SetLen(unix.CmsgLen(2))
			h.Control = (*byte)(unsafe.Pointer(&one.control))
			h.SetControllen(unix.CmsgSpace(2))
		}
	}
	for i := 0; i < t.n; {
		n, errno := t.call(t.messages[i:t.n])
		switch {
		case errno == 0:
			i += n
			continue
		case t.all[i].count == 1:
			failed++
			err = errno
		default:
			lost, why := t.apart(i)
			failed += lost
			if why != nil {
				err = why
			} else {
				t.single = true // an old kernel, or a card that cannot do it
			}
		}
		i++ // what went wrong concerns the first of the rest
	}
	t.n, t.waiting = 0, 0
	return failed, err
}

// apart sends the answers of a train one by one. failed and err are as in send.
func (t *trains) apart(i int) (failed int, err error) {
	one, h := &t.all[i], &t.messages[i].hdr
	h.Control = nil
	h.SetControllen(0)
	h.SetIovlen(1)
	for k := range one.count {
		h.Iov = &one.texts[k]
		if _, errno := t.call(t.messages[i : i+1]); errno != 0 {
			failed++
			err = errno
		}
	}
	return failed, err
}

// call sends some of the messages and returns how many, or why the first of them cannot be sent.
func (t *trains) call(messages []mmsghdr) (int, syscall.Errno) {
	n, errno := callMessages(unix.RawSyscall6, unix.SYS_SENDMMSG, t.fd, messages, unix.MSG_DONTWAIT)
	if errno == unix.EAGAIN { // the buffer of the socket is full
		n, errno = callMessages(unix.Syscall6, unix.SYS_SENDMMSG, t.fd, messages, 0)
	}
	return n, errno
}
