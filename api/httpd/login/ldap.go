package login

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// LDAPConfig is the section [ldap]: the directory that proves the passwords of administrators whose auth_backend is ldap.
type LDAPConfig struct {
	URL              string        `toml:"url"`                // ldaps://HOST, or ldap://HOST, which changes to TLS before anything is said; empty: no directory
	CAFile           string        `toml:"ca_file"`            // certificates that the directory's may be signed by, in PEM; empty: those of the system
	Base             string        `toml:"base"`               // where users are looked for, e.g. "ou=people,dc=example,dc=com"
	Filter           string        `toml:"filter"`             // which entry is a user; {username} stands for the name
	BindDN           string        `toml:"bind_dn"`            // who looks for users; empty: nobody in particular
	BindPasswordFile string        `toml:"bind_password_file"` // its password, or a credential of systemd
	Timeout          time.Duration `toml:"timeout"`            // for all that is asked about one login
}

// DefaultLDAP returns what is right for most.
func DefaultLDAP() LDAPConfig {
	return LDAPConfig{Filter: "(&(objectClass=person)(uid={username}))", Timeout: 5 * time.Second}
}

const usernameMark = "{username}"

// Validate returns everything that is wrong, each error starting with the key.
func (c LDAPConfig) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.URL == "" {
		if c.Base != "" || c.BindDN != "" || c.CAFile != "" || c.BindPasswordFile != "" {
			wrong("url: it is empty, so that nothing else in this section counts")
		}
		return errs
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.Host == "" || u.Path != "" && u.Path != "/" || u.User != nil || u.RawQuery != "" {
		wrong("url: %q is none such as \"ldaps://ldap.example.com\"", c.URL)
	}
	if _, err := ldap.ParseDN(c.Base); err != nil || c.Base == "" {
		wrong("base: %q is no name of an entry such as \"ou=people,dc=example,dc=com\"", c.Base)
	}
	if _, err := ldap.CompileFilter(strings.ReplaceAll(c.Filter, usernameMark, "x")); err != nil || !strings.Contains(c.Filter, usernameMark) {
		wrong("filter: %q is no filter with %s in it, such as \"(uid=%s)\"", c.Filter, usernameMark, usernameMark)
	}
	if (c.BindDN == "") != (c.BindPasswordFile == "") {
		wrong("bind_dn: it and bind_password_file belong together")
	}
	if _, err := ldap.ParseDN(c.BindDN); err != nil {
		wrong("bind_dn: %q is no name of an entry", c.BindDN)
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > time.Minute {
		wrong("timeout: %s is not between 100ms and 1m", c.Timeout)
	}
	return errs
}

// maxBindPassword bounds a file with a password.
const maxBindPassword = 4096

// LDAP asks a directory (RFC 4511). It is safe for concurrent use.
type LDAP struct {
	config   LDAPConfig
	tls      *tls.Config
	password string // of BindDN
}

// NewLDAP returns the directory of a configuration, nil when it names none. Nothing is asked yet.
func NewLDAP(c LDAPConfig) (*LDAP, error) {
	if c.URL == "" {
		return nil, nil
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, fmt.Errorf("ldap.url: %w", err)
	}
	l := &LDAP{config: c, tls: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: u.Hostname()}}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ldap.ca_file: %w", err)
		}
		l.tls.RootCAs = x509.NewCertPool()
		if !l.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ldap.ca_file: %s has no certificate in PEM", c.CAFile)
		}
	}
	if c.BindPasswordFile != "" {
		b, err := os.ReadFile(c.BindPasswordFile)
		if err != nil {
			return nil, fmt.Errorf("ldap.bind_password_file: %w", err)
		}
		if l.password = strings.TrimRight(string(b), "\r\n"); l.password == "" || len(b) > maxBindPassword {
			return nil, fmt.Errorf("ldap.bind_password_file: %s has no password of 1 to %d bytes", c.BindPasswordFile, maxBindPassword)
		}
	}
	return l, nil
}

// Verify tells whether a password is that of a user: of exactly one entry that is found. An error says that the directory could not be asked.
func (l *LDAP) Verify(ctx context.Context, username, password string) (bool, error) {
	if username == "" || password == "" { // an empty password would be a bind of nobody, which succeeds: RFC 4513 §5.1.2
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	c, err := l.dial(ctx)
	if err != nil {
		return false, fmt.Errorf("ask the directory: %w", err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if l.config.BindDN != "" {
		if err := c.Bind(l.config.BindDN, l.password); err != nil {
			return false, fmt.Errorf("ask the directory: bind as ldap.bind_dn: %w", err)
		}
	}
	filter := strings.ReplaceAll(l.config.Filter, usernameMark, ldap.EscapeFilter(username))
	search := ldap.NewSearchRequest(l.config.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, int(l.config.Timeout/time.Second)+1, false, filter, []string{"1.1"}, nil)
	found, err := c.Search(search)
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject), ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("ask the directory: look for a user below %s: %w", l.config.Base, err)
	case len(found.Entries) != 1 || found.Entries[0].DN == "":
		return false, nil
	}
	err = c.Bind(found.Entries[0].DN, password)
	switch {
	case err == nil:
		return true, nil
	case ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultUnwillingToPerform,
		ldap.LDAPResultConstraintViolation):
		return false, nil
	}
	return false, fmt.Errorf("ask the directory: bind as a user: %w", err)
}

// dial opens a connection with TLS, from the beginning or by StartTLS.
func (l *LDAP) dial(ctx context.Context) (*ldap.Conn, error) {
	deadline, _ := ctx.Deadline()
	dialer := &net.Dialer{Deadline: deadline}
	c, err := ldap.DialURL(l.config.URL, ldap.DialWithTLSConfig(l.tls), ldap.DialWithDialer(dialer))
	if err != nil {
		return nil, err
	}
	c.SetTimeout(l.config.Timeout)
	if !strings.HasPrefix(l.config.URL, "ldaps:") {
		if err := c.StartTLS(l.tls); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return c, nil
}
