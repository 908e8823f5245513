package httpd

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Certificate is what the TCP listener proves itself with, exchanged while it listens. It is safe for concurrent use.
type Certificate struct {
	pair atomic.Pointer[tls.Certificate]
}

// LoadCertificate reads the files of a configuration; nil when it names none.
func LoadCertificate(c Config) (*tls.Certificate, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", c.TLSCert, c.TLSKey, err)
	}
	if pair.Leaf != nil && time.Now().After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("certificate %s: it ended on %s", c.TLSCert, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &pair, nil
}

// Use has new connections shown a certificate. Those that are open stay.
func (c *Certificate) Use(pair *tls.Certificate) { c.pair.Store(pair) }

// config is TLS 1.2 and 1.3, with ciphers that encrypt and authenticate in one (RFC 9325 §4.2).
func (c *Certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.pair.Load(), nil }}
}

// ListenTCP opens the TCP address. Without a certificate only an address of this machine itself is opened, whatever the configured name stands for.
func ListenTCP(c Config) (net.Listener, error) {
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the API (api.listen): %w", err)
	}
	if at, ok := l.Addr().(*net.TCPAddr); c.TLSCert == "" && (!ok || !at.IP.IsLoopback()) {
		l.Close()
		return nil, fmt.Errorf("listen for the API (api.listen): %s can be reached from outside, and what is sent would be in the clear; set api.tls_cert and api.tls_key", l.Addr())
	}
	return l, nil
}

// ServeTCP answers over TCP until ctx ends, with TLS when there is a certificate: every route, for who shows a token or a session. Heads, times and connections are
// limited as on the socket.
func (s *Server) ServeTCP(ctx context.Context, l net.Listener, cert *Certificate) error {
	t := &tcpListener{Listener: l, header: s.config.HeaderLimit, each: s.config.ConnectionsPerAddress, write: s.config.WriteTimeout, metrics: s.metrics, open: map[netip.Addr]int{}}
	if cert != nil && cert.pair.Load() != nil {
		t.tls = cert.config()
	}
	return s.serve(ctx, t, s.mux)
}

// tcpListener accepts connections, a bounded number of each address and of all.
type tcpListener struct {
	net.Listener
	tls     *tls.Config // nil: in the clear
	header  int         // longest head of a request
	each    int         // connections of an address, or of the network of an IPv6 address; 0: any number
	write   time.Duration
	metrics *metrics

	mu   sync.Mutex
	open map[netip.Addr]int
	all  int
}

// Accept returns the next connection that is not refused, always a *conn. Of TLS nothing was spoken yet: that is done when the first request is read, and within its
// time.
func (l *tcpListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addressOf(c)
		if !l.take(from) {
			l.metrics.refused.Inc()
			c.Close()
			continue
		}
		out := &conn{Conn: c, guard: guard{limit: l.header}, release: sync.OnceFunc(func() { l.give(from) })}
		if l.tls != nil {
			c.SetWriteDeadline(time.Now().Add(l.write)) // for the handshake; a request sets its own
			out.Conn, out.secure = tls.Server(c, l.tls), true
		}
		return out, nil
	}
}

// addressOf returns what connections are counted for: an address, of IPv6 the network of 64 bits in which one user has all.
func addressOf(c net.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	from := at.Addr().Unmap().WithZone("")
	if from.Is6() {
		if p, err := from.Prefix(64); err == nil {
			from = p.Addr()
		}
	}
	return from
}

func (l *tcpListener) take(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= tcpConnections || l.each > 0 && l.open[from] >= l.each {
		return false
	}
	l.all++
	l.open[from]++
	return true
}

func (l *tcpListener) give(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.open[from]--; l.open[from] <= 0 {
		delete(l.open, from)
	}
}
