package sip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Buffers of a UDP socket, so that a burst is answered late rather than lost.
const socketBuffer = 1 << 20

// socket is one UDP socket. Who reads from it waits in the kernel, on a thread of its own, and not in the poller of the runtime as all else does: under
// load the poller costs more than the reading.
type socket struct {
	file   *os.File
	raw    syscall.RawConn
	at     netip.AddrPort
	closed atomic.Bool
}

// listenUDP opens one socket of an address; several may share it, and the kernel spreads the sources over them.
func listenUDP(a netip.AddrPort, shared bool) (*socket, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failure error
		err := c.Control(func(fd uintptr) {
			if shared {
				failure = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			}
		})
		return errors.Join(err, failure)
	}}
	network := "udp4"
	if a.Addr().Is6() {
		network = "udp6"
	}
	p, err := lc.ListenPacket(context.Background(), network, a.String())
	if err != nil {
		return nil, fmt.Errorf("listen for SIP (sip.listen): %w", err)
	}
	c := p.(*net.UDPConn)
	s, err := blocking(c)
	if err := errors.Join(err, c.SetReadBuffer(socketBuffer), c.SetWriteBuffer(socketBuffer), c.Close()); err != nil {
		if s != nil {
			s.Close()
		}
		return nil, fmt.Errorf("listen for SIP on %s: %w", a, err)
	}
	return s, nil
}

// blocking returns the same socket apart from the poller. c is to be closed then.
func blocking(c *net.UDPConn) (*socket, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	if e := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); e != nil || err != nil {
		return nil, errors.Join(e, err)
	}
	err = unix.SetNonblock(fd, false) // before the file is made, which would go to the poller otherwise
	s := &socket{file: os.NewFile(uintptr(fd), "SIP socket"), at: c.LocalAddr().(*net.UDPAddr).AddrPort()}
	if err == nil {
		s.raw, err = s.file.SyscallConn()
	}
	if err != nil {
		return nil, errors.Join(err, s.file.Close())
	}
	return s, nil
}

// Close closes the socket. Who waits in it comes back at once.
func (s *socket) Close() error {
	s.closed.Store(true)
	// ENOTCONN is told nevertheless: the kernel means the peer that the socket does not have.
	s.raw.Control(func(fd uintptr) { unix.Shutdown(int(fd), unix.SHUT_RD) })
	return s.file.Close()
}

// serveUDP answers datagrams until the socket is closed. One goroutine reads, decides and answers: what takes two microseconds is not worth a hand-over.
func (s *Server) serveUDP(ctx context.Context, c *socket) error {
	err := c.raw.Control(func(fd uintptr) { s.answerOn(ctx, c, newBatch(fd, s.config.MessageLimit)) }) // the number stays that of the socket until it returns
	return unlessClosed(err)
}

func (s *Server) answerOn(ctx context.Context, c *socket, b *batch) {
	w := new(worker)
	for {
		n, err := b.receive()
		if c.closed.Load() {
			return
		}
		if err != nil {
			// What a datagram sent earlier met, such as a port that nobody listens on, is told here. It concerns no other source.
			s.log.Debug("read of a SIP socket failed", "address", c.at.String(), "err", err)
			if !errors.Is(err, syscall.ECONNREFUSED) && !pause(ctx, time.Millisecond) {
				return
			}
			continue
		}
		now := s.now()
		for i := range n {
			text, from, whole := b.datagram(i)
			w.out = b.trains.room()
			if out, port := s.datagram(w, text, from, whole, now); len(out) > 0 {
				b.answer(i, out, port)
			}
		}
		if failed, err := b.trains.send(); err != nil {
			s.metrics.failures.Add(float64(failed))
			s.log.Debug("answers could not be sent", "count", failed, "err", err)
		}
	}
}

// datagram answers one datagram. port is where the answer goes, 0 for the one that the request came from.
func (s *Server) datagram(w *worker, text []byte, from netip.AddrPort, whole bool, now time.Time) (out []byte, port int) {
	text = skipEmpty(text)
	if len(text) == 0 {
		return nil, 0 // keeps a binding of a NAT alive
	}
	out = s.respond(w, text, whole, from, now)
	if via := &w.message.via; len(out) > 0 && !s.config.Symmetric && !via.rport && via.host != "" { // RFC 3261 §18.2.2
		port = int(placeOf("", via.port).at.Port())
	}
	return out, port
}

// pause waits, and tells whether there is more to do.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
