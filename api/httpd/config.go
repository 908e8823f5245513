package httpd

import (
	"fmt"
	"net"
	"net/netip"
	"os/user"
	"strconv"
	"time"
)

// Config is the section [api].
type Config struct {
	Socket                string        `toml:"socket"`                  // path of the unix socket; empty: none
	SocketMode            string        `toml:"socket_mode"`             // who may connect, in octal
	SocketGroup           string        `toml:"socket_group"`            // group that the socket belongs to; empty: the daemon's own
	Listen                string        `toml:"listen"`                  // TCP address, e.g. "127.0.0.1:8470"; opened once there is a token or an administrator who can log in; empty: none
	TLSCert               string        `toml:"tls_cert"`                // file of the certificate with its chain, in PEM; needed for any address but those of this machine; a reload reads it anew
	TLSKey                string        `toml:"tls_key"`                 // file of its key, in PEM, or a credential of systemd
	Metrics               string        `toml:"metrics"`                 // TCP address for Prometheus; empty: only on the socket
	BodyLimit             int64         `toml:"body_limit"`              // longest body of a request, in bytes
	HeaderLimit           int           `toml:"header_limit"`            // longest head of a request, in bytes
	HeaderTimeout         time.Duration `toml:"header_timeout"`          // a head must have come within
	BodyTimeout           time.Duration `toml:"body_timeout"`            // a whole request must have come within
	WriteTimeout          time.Duration `toml:"write_timeout"`           // an answer, or one event of a stream, must be taken within
	IdleTimeout           time.Duration `toml:"idle_timeout"`            // a connection without a request is closed after
	Heartbeat             time.Duration `toml:"heartbeat"`               // a quiet event stream says that it lives every
	ConnectionsPerUID     int           `toml:"connections_per_uid"`     // on the socket; 0: any number
	ConnectionsPerAddress int           `toml:"connections_per_address"` // over TCP; 0: any number
	StopTimeout           time.Duration `toml:"stop_timeout"`            // requests may take so long to end when the daemon stops
}

// Default returns what is right for most.
func Default() Config {
	return Config{Socket: "/run/trunkline/api.sock", SocketMode: "0660", Metrics: "127.0.0.1:9470", BodyLimit: 1 << 20, HeaderLimit: 16 << 10,
		HeaderTimeout: 5 * time.Second, BodyTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		Heartbeat: 15 * time.Second, ConnectionsPerUID: 64, ConnectionsPerAddress: 256, StopTimeout: 5 * time.Second}
}

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if len(c.Socket) > maxSocketPath {
		wrong("socket: the path has %d bytes, the kernel takes at most %d", len(c.Socket), maxSocketPath)
	}
	if _, err := c.socketMode(); err != nil {
		wrong("socket_mode: %v", err)
	}
	if _, err := c.socketGroup(); err != nil {
		wrong("socket_group: %v", err)
	}
	errs = append(errs, c.validateTCP()...)
	if c.Metrics != "" {
		if err := checkAddress(c.Metrics); err != nil {
			wrong("metrics: %v", err)
		}
	}
	if c.BodyLimit < 1<<10 || c.BodyLimit > 1<<30 {
		wrong("body_limit: %d is not between 1024 and %d", c.BodyLimit, 1<<30)
	}
	if c.HeaderLimit < 1<<10 || c.HeaderLimit > 1<<20 {
		wrong("header_limit: %d is not between 1024 and %d", c.HeaderLimit, 1<<20)
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{{"header_timeout", c.HeaderTimeout}, {"body_timeout", c.BodyTimeout}, {"write_timeout", c.WriteTimeout}, {"idle_timeout", c.IdleTimeout},
		{"heartbeat", c.Heartbeat}, {"stop_timeout", c.StopTimeout}} {
		if d.value <= 0 {
			wrong("%s: %s must be above zero, e.g. \"5s\"", d.key, d.value)
		}
	}
	if c.ConnectionsPerUID < 0 {
		wrong("connections_per_uid: %d is below zero; 0 is any number", c.ConnectionsPerUID)
	}
	if c.ConnectionsPerAddress < 0 {
		wrong("connections_per_address: %d is below zero; 0 is any number", c.ConnectionsPerAddress)
	}
	return errs
}

// validateTCP checks what the TCP listener needs.
func (c Config) validateTCP() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	switch {
	case c.TLSCert != "" && c.TLSKey == "":
		wrong("tls_key: a certificate needs its key")
	case c.TLSCert == "" && c.TLSKey != "":
		wrong("tls_cert: a key needs its certificate")
	}
	if c.Listen == "" {
		if c.TLSCert != "" && c.TLSKey != "" {
			wrong("tls_cert: is of no use without listen")
		}
		return errs
	}
	if err := checkAddress(c.Listen); err != nil {
		return append(errs, fmt.Errorf("listen: %w", err))
	}
	if host, _, _ := net.SplitHostPort(c.Listen); c.TLSCert == "" && !ownAddress(host) {
		wrong("listen: %q can be reached from outside, and what is sent would be in the clear; set tls_cert and tls_key, or listen on 127.0.0.1", c.Listen)
	}
	return errs
}

// ownAddress tells whether a host is this machine as only this machine itself reaches it.
func ownAddress(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// checkAddress tells whether s is HOST:PORT.
func checkAddress(s string) error {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT, e.g. \"127.0.0.1:9470\"", s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("port %q of %q is not between 0 and 65535", port, s)
	}
	return nil
}

// socketMode returns the permission bits of the socket.
func (c Config) socketMode() (uint32, error) {
	mode, err := strconv.ParseUint(c.SocketMode, 8, 32)
	if err != nil || mode > 0o777 || mode&0o600 != 0o600 {
		return 0, fmt.Errorf("%q is no octal mode that lets the daemon itself read and write, e.g. \"0660\"", c.SocketMode)
	}
	return uint32(mode), nil
}

// socketGroup returns the id of the socket's group, -1 when it stays as it is.
func (c Config) socketGroup() (int, error) {
	if c.SocketGroup == "" {
		return -1, nil
	}
	if gid, err := strconv.ParseUint(c.SocketGroup, 10, 31); err == nil {
		return int(gid), nil
	}
	g, err := user.LookupGroup(c.SocketGroup)
	if err != nil {
		return 0, fmt.Errorf("there is no group %q on this machine", c.SocketGroup)
	}
	return strconv.Atoi(g.Gid)
}
