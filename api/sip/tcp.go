package sip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// listenTCP opens the listener of an address.
func listenTCP(a netip.AddrPort) (net.Listener, error) {
	network := "tcp4"
	if a.Addr().Is6() {
		network = "tcp6"
	}
	l, err := net.Listen(network, a.String())
	if err != nil {
		return nil, fmt.Errorf("listen for SIP (sip.listen): %w", err)
	}
	return l, nil
}

// serveTCP takes connections until the listener is closed, and waits for them.
func (s *Server) serveTCP(ctx context.Context, l net.Listener) error {
	var open sync.WaitGroup
	defer open.Wait()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			s.log.Debug("accept on a SIP listener failed", "address", l.Addr().String(), "err", err)
			if !pause(ctx, 50*time.Millisecond) { // out of descriptors: others must end first
				return nil
			}
			continue
		}
		from := addrPort(c.RemoteAddr())
		if s.table.Find(from.Addr()) == nil || !s.admit() {
			s.metrics.refused.Inc()
			c.Close()
			continue
		}
		open.Go(func() {
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			defer c.Close()
			defer s.dismiss() // first, so that whoever comes again at once finds a place
			s.stream(c, from)
		})
	}
}

// admit counts a connection in, unless there are too many.
func (s *Server) admit() bool {
	if s.open.Add(1) > int64(s.config.Connections) {
		s.open.Add(-1)
		return false
	}
	s.metrics.connections.Inc()
	return true
}

func (s *Server) dismiss() {
	s.open.Add(-1)
	s.metrics.connections.Dec()
}

// stream answers the requests of one connection until it ends, is idle, or cannot be told apart any more.
func (s *Server) stream(c net.Conn, from netip.AddrPort) {
	w := new(worker)
	buf := make([]byte, 0, 4096)
	for {
		request, rest, err := s.next(c, buf)
		if err != nil {
			return
		}
		out := s.respond(w, rest[:min(request.head+request.body, len(rest))], !request.cut, from, s.now())
		if len(out) > 0 {
			c.SetWriteDeadline(time.Now().Add(s.config.RequestTimeout))
			if _, err := c.Write(out); err != nil {
				s.metrics.failures.Inc()
				return
			}
		}
		if request.last {
			// The peer is given the chance to read the answer before the connection is gone.
			if t, ok := c.(*net.TCPConn); ok && t.CloseWrite() == nil {
				c.SetReadDeadline(time.Now().Add(time.Second))
				io.Copy(io.Discard, io.LimitReader(c, 1<<20))
			}
			return
		}
		buf = append(rest[:0], rest[request.head+request.body:]...)
	}
}

// framed is where a request lies in a buffer: its head from the beginning, its body behind it.
type framed struct {
	head, body int
	cut        bool // longer than the limit: only its head is there
	last       bool // where the next one begins is not known
}

// next reads from a connection until buf holds a whole request, and returns it with the buffer, which may have grown.
func (s *Server) next(c net.Conn, buf []byte) (framed, []byte, error) {
	begun := false
	c.SetReadDeadline(time.Now().Add(s.config.IdleTimeout))
	for {
		buf = append(buf[:0], skipEmpty(buf)...)
		if len(buf) > 0 && !begun { // from here on it must come quickly
			begun = true
			c.SetReadDeadline(time.Now().Add(s.config.RequestTimeout))
		}
		if f, done := frame(buf, s.config.MessageLimit); done {
			return f, buf, nil
		}
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*cap(buf), s.config.MessageLimit+1024))
			copy(grown, buf)
			buf = grown
		}
		n, err := c.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && n == 0 {
			return framed{}, buf, err
		}
	}
}

// frame finds the first request in b; done is false when more must be read. RFC 3261 §18.3: on a stream Content-Length tells where it ends. Without
// one that can be read the request is answered and the connection ends.
func frame(b []byte, limit int) (f framed, done bool) {
	head := headEnd(b)
	if head < 0 || head > limit {
		if len(b) <= limit {
			return f, false
		}
		return framed{head: limit, cut: true, last: true}, true
	}
	length := contentLength(b[:head])
	switch {
	case length < 0:
		return framed{head: head, last: true}, true
	case head+length > limit:
		return framed{head: head, body: length, cut: true, last: true}, true
	case head+length > len(b):
		return f, false
	}
	return framed{head: head, body: length}, true
}

// addrPort returns the address of a TCP peer.
func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort()
	}
	return netip.AddrPort{}
}
