// Package smtp is the backend of trunks that send mails through a server, as an account there.
package smtp

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Ways of encrypting, Config.TLS.
const (
	StartTLS = "starttls" // begins in clear and must go over to TLS before anything is told
	TLS      = "tls"      // TLS from the first octet
	NoTLS    = "none"     // in clear; only to this machine when there is a password
)

// Config is one section [smtp.NAME]: an account at a server for outgoing mail. Host and From are needed.
type Config struct {
	Host         string        `toml:"host"`          // name of the server
	Port         int           `toml:"port"`          // 0: 587, or 465 with tls, or 25 with none
	TLS          string        `toml:"tls"`           // "starttls" (TLS before anything is told), "tls" (from the first octet) or "none"; empty: "starttls"
	CAFile       string        `toml:"ca_file"`       // PEM file with who vouches for the server; empty: whom the system trusts
	Username     string        `toml:"username"`      // account; empty: none is needed
	PasswordFile string        `toml:"password_file"` // file with its password, readable by the daemon only
	From         string        `toml:"from"`          // address of the sender
	FromName     string        `toml:"from_name"`     // name of the sender; empty: none
	Hello        string        `toml:"hello"`         // name by which this machine introduces itself; empty: its own
	Timeout      time.Duration `toml:"timeout"`       // a mail must be taken within; 0: 30s
}

func (c Config) withDefaults() Config {
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	if c.Port == 0 {
		c.Port = map[string]int{StartTLS: 587, TLS: 465, NoTLS: 25}[c.TLS]
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	return c
}

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.Host == "" || strings.ContainsAny(c.Host, " /\r\n\t") || len(c.Host) > 253 {
		wrong("host: %q is not the name of a server, e.g. \"mail.example.org\"", clip(c.Host))
	}
	if c.TLS != "" && c.TLS != StartTLS && c.TLS != TLS && c.TLS != NoTLS {
		wrong("tls: %q is none of starttls, tls, none", clip(c.TLS))
	}
	if c.Port < 0 || c.Port > 65535 {
		wrong("port: %d is not between 1 and 65535", c.Port)
	}
	if a, err := mail.ParseAddress(c.From); err != nil || a.Address != c.From || a.Name != "" {
		wrong("from: %q is no address of mail, e.g. \"gateway@example.org\"", clip(c.From))
	}
	if strings.ContainsAny(c.FromName, "\r\n\x00") || len(c.FromName) > 255 {
		wrong("from_name: must be one line of at most 255 bytes")
	}
	if strings.ContainsAny(c.Hello, " \r\n\x00") {
		wrong("hello: %q is not the name of a machine", clip(c.Hello))
	}
	if (c.Username == "") != (c.PasswordFile == "") {
		wrong("password_file: an account needs both username and password_file")
	}
	if c.PasswordFile != "" && c.TLS == NoTLS && !loopback(c.Host) {
		wrong("tls: a password is never sent in clear to another machine; use \"starttls\" or \"tls\"")
	}
	for key, path := range map[string]string{"password_file": c.PasswordFile, "ca_file": c.CAFile} {
		if path != "" && !filepath.IsAbs(path) {
			wrong("%s: %q is not absolute", key, path)
		}
	}
	if d := c.withDefaults(); d.Timeout < time.Second || d.Timeout > 10*time.Minute {
		wrong("timeout: %s is not between 1s and 10m", c.Timeout)
	}
	return errs
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
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
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
