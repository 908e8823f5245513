package httpd

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

// tcpConnections is how many connections a TCP listener holds at once: more than clients have, so that a flood of silent ones, which end after
// header_timeout, leaves room for others; and few enough for memory and files.
const tcpConnections = 12_000

// ServeOther answers on a TCP listener with the handler of another package, within this server's limits on heads, time and connections, until ctx ends.
// Accounts are not known there: who may ask is the handler's affair.
func (s *Server) ServeOther(ctx context.Context, l net.Listener, h http.Handler) error {
	return s.serve(ctx, s.bounded(l), h)
}

func (s *Server) bounded(l net.Listener) *bounded {
	return &bounded{Listener: l, limit: tcpConnections, metrics: s.metrics}
}

// bounded closes connections over a limit at once.
type bounded struct {
	net.Listener
	limit   int64
	open    atomic.Int64
	metrics *metrics
}

// Accept returns the next connection within the limit.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b.open.Add(1) > b.limit {
			b.open.Add(-1)
			b.metrics.refused.Inc()
			c.Close()
			continue
		}
		return &counted{Conn: c, release: sync.OnceFunc(func() { b.open.Add(-1) })}, nil
	}
}

// counted gives its place back when it is closed.
type counted struct {
	net.Conn
	release func()
}

func (c *counted) Close() error {
	c.release()
	return c.Conn.Close()
}

// guarded lets only strict HTTP pass, with heads of at most header octets.
type guarded struct {
	*bounded
	header int
}

// Accept returns the next connection, always a *conn.
func (g *guarded) Accept() (net.Conn, error) {
	c, err := g.bounded.Accept()
	if err != nil {
		return nil, err
	}
	one := c.(*counted)
	return &conn{Conn: one.Conn, guard: guard{limit: g.header}, release: one.release}, nil
}
