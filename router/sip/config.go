// Package sip is the backend of trunks that send texts to SIP addresses, as MESSAGE requests (RFC 3428) through a server. Call plans use them for destinations
// with "sip"; nothing else goes through them.
//
// Reading order: config.go, trunk.go (what an answer means), request.go, exchange.go (retransmission), digest.go.
package sip

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Transports, Config.Transport.
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls"
)

// Config is one section [sip_trunk.NAME]: a SIP server that takes messages. Server and From are needed.
type Config struct {
	Server       string        `toml:"server"`        // HOST or HOST:PORT of the SIP server through which all goes
	Transport    string        `toml:"transport"`     // "udp" (what is longer than 1300 octets goes by TCP), "tcp" or "tls"; empty: "udp"
	CAFile       string        `toml:"ca_file"`       // PEM file with who vouches for the server; empty: whom the system trusts
	From         string        `toml:"from"`          // SIP address of the sender
	Username     string        `toml:"username"`      // account; empty: the server asks for none
	PasswordFile string        `toml:"password_file"` // file with its password, readable by the daemon only
	Timeout      time.Duration `toml:"timeout"`       // an answer must come within; 0: 32s
}

// usualTimeout is timer F of RFC 3261 §17.1.2.2: 64 times T1.
const usualTimeout = 32 * time.Second

// Bounds on an answer's time.
const (
	leastTimeout = time.Second
	mostTimeout  = 3 * time.Minute
)

func (c Config) withDefaults() Config {
	if c.Transport == "" {
		c.Transport = UDP
	}
	if c.Timeout == 0 {
		c.Timeout = usualTimeout
	}
	return c
}

// address returns the server's host and HOST:PORT. The usual port is 5060, with TLS 5061 (RFC 3261 §19.1.2).
func (c Config) address() (host, address string, err error) {
	host, port, err := net.SplitHostPort(c.Server)
	if err != nil {
		host, port = strings.Trim(c.Server, "[]"), "5060"
		if c.Transport == TLS {
			port = "5061"
		}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || host == "" || len(host) > 253 || strings.ContainsAny(host, " /@<>[]\t\r\n") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return "", "", fmt.Errorf("%q is no HOST or HOST:PORT, e.g. \"sip.example.org\" or \"[2001:db8::1]:5070\"", clip(c.Server))
	}
	return host, net.JoinHostPort(host, port), nil
}

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if _, _, err := c.address(); err != nil {
		wrong("server: %w", err)
	}
	if c.Transport != "" && c.Transport != UDP && c.Transport != TCP && c.Transport != TLS {
		wrong("transport: %q is none of udp, tcp, tls", clip(c.Transport))
	}
	if err := checkAddress(c.From); err != nil {
		wrong("from: %w", err)
	}
	if (c.Username == "") != (c.PasswordFile == "") {
		wrong("password_file: an account needs both username and password_file")
	}
	if len(c.Username) > 255 || strings.ContainsFunc(c.Username, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '"' || r == '\\' }) {
		wrong("username: must be one line of at most 255 bytes without quotes and backslashes")
	}
	if c.CAFile != "" && c.Transport != TLS {
		wrong("ca_file: is for transport \"tls\"")
	}
	if c.Timeout != 0 && (c.Timeout < leastTimeout || c.Timeout > mostTimeout) {
		wrong("timeout: %s is not between %s and %s", c.Timeout, leastTimeout, mostTimeout)
	}
	for key, path := range map[string]string{"password_file": c.PasswordFile, "ca_file": c.CAFile} {
		if path != "" && !filepath.IsAbs(path) {
			wrong("%s: %q is not absolute", key, path)
		}
	}
	return errs
}

// checkAddress tells what is wrong with a SIP address: "sip:" or "sips:", user@host, no white space, quotes or angle brackets, so that it can stand in a head.
func checkAddress(s string) error {
	scheme, rest, _ := strings.Cut(s, ":")
	user, host, ok := strings.Cut(rest, "@")
	if scheme != "sip" && scheme != "sips" || !ok || user == "" || host == "" || len(s) > 255 ||
		strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r >= 0x7f || strings.ContainsRune("<>\"\\^`{|}", r) }) {
		return fmt.Errorf("%q is no SIP address, e.g. \"sip:gateway@example.org\"", clip(s))
	}
	return nil
}

// maxSecret is the longest password, in bytes.
const maxSecret = 4096

// password reads the password anew, so that it can be changed while the daemon runs.
func (c Config) password() (string, error) {
	info, err := os.Stat(c.PasswordFile)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o037 != 0 && info.Mode()&fs.ModeType == 0 {
		return "", fmt.Errorf("%s has mode %04o, others may read it: chmod 0600 it", c.PasswordFile, info.Mode().Perm())
	}
	if info.Size() > maxSecret {
		return "", errors.New("it is too long for a password")
	}
	b, err := os.ReadFile(c.PasswordFile)
	return strings.TrimRight(string(b), "\r\n"), err
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:61] + "..."
	}
	return s
}
