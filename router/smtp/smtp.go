package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	netmail "net/mail"
	"os"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/store"
)

// Trunk is an account at a mail server. It is a router.Backend.
type Trunk struct {
	name   string
	config Config
	roots  *x509.CertPool // nil: those of the system
}

// New returns a trunk by a configuration that passed Validate. The error is about the files that it names.
func New(name string, c Config) (*Trunk, error) {
	t := &Trunk{name: name, config: c.withDefaults()}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		t.roots = x509.NewCertPool()
		if !t.roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file: %s has no certificate", c.CAFile)
		}
	}
	return t, nil
}

// Ready implements router.Backend: a server that cannot be reached shows when a mail is sent.
func (t *Trunk) Ready(context.Context) (string, error) { return "smtp:" + t.config.From, nil }

// OnlyPinned says that only messages that ask for this trunk go through it: what others carry are texts to telephones.
func (t *Trunk) OnlyPinned() bool { return true }

// Prepare implements router.Backend: it refuses what is no mail.
func (t *Trunk) Prepare(m *store.Message) error {
	if m.To.Kind() != phone.Alphanumeric {
		return fmt.Errorf("trunk %s sends mails, and the recipient is a telephone number", t.name)
	}
	if _, err := address(m.To.String()); err != nil {
		return err
	}
	if len(m.Parts) != 1 {
		return errors.New("a mail has one part")
	}
	return nil
}

// address checks an address of mail: a bare one, on one line.
func address(s string) (string, error) {
	a, err := netmail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsAny(s, "\r\n") {
		return "", fmt.Errorf("%q is no address of mail", clip(s))
	}
	return a.Address, nil
}

// message makes the mail. Its Message-ID is that of the message, so that a mail that is sent twice shows as one.
func (t *Trunk) message(m *store.Message) (*mail.Msg, error) {
	out := mail.NewMsg()
	from := out.From
	if t.config.FromName != "" {
		from = func(addr string) error { return out.FromFormat(t.config.FromName, addr) }
	}
	if err := errors.Join(from(t.config.From), out.To(m.To.String())); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(t.config.From, "@")
	out.SetMessageIDWithValue(m.ID.String() + "@" + domain)
	out.SetDateWithValue(m.CreatedAt)
	out.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: nobody's vacation answers
	out.Subject(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F {
			return ' '
		}
		return r
	}, m.Subject))
	out.SetBodyString(mail.TypeTextPlain, m.Text)
	return out, nil
}

// client makes a client for one mail.
func (t *Trunk) client() (*mail.Client, error) {
	c := t.config
	options := []mail.Option{mail.WithPort(c.Port), mail.WithTimeout(c.Timeout), mail.WithTLSConfig(&tls.Config{ServerName: c.Host, RootCAs: t.roots, MinVersion: tls.VersionTLS12})}
	switch c.TLS {
	case TLS:
		options = append(options, mail.WithSSL())
	case NoTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if c.Hello != "" {
		options = append(options, mail.WithHELO(c.Hello))
	}
	if c.Username != "" {
		password, err := c.password()
		if err != nil {
			return nil, fmt.Errorf("password_file: %w", err)
		}
		auth := mail.SMTPAuthAutoDiscover
		if c.TLS == NoTLS {
			auth = mail.SMTPAuthPlainNoEnc // to this machine only, as Validate sees to
		}
		options = append(options, mail.WithSMTPAuth(auth), mail.WithUsername(c.Username), mail.WithPassword(password))
	}
	return mail.NewClient(c.Host, options...)
}

// Send implements router.Backend. A server that says no for good rejects the mail; everything else is tried again, also when the answer to the whole mail was
// lost: RFC 5321 §4.5.4.1 wants it so, and the Message-ID shows that it is the same.
func (t *Trunk) Send(ctx context.Context, m *store.Message, seq int, mark func(before int) error) (int, error) {
	fail := func(class router.Class, code string, err error) (int, error) {
		return -1, &router.SendError{Class: class, Code: code, Err: err}
	}
	out, err := t.message(m)
	if err != nil {
		return fail(router.Rejected, "unsendable", err)
	}
	client, err := t.client()
	if err != nil {
		return fail(router.Unavailable, "smtp_config", err)
	}
	dialling, cancel := context.WithTimeout(ctx, t.config.Timeout)
	defer cancel()
	if err := client.DialWithContext(dialling); err != nil {
		return fail(router.Unavailable, "smtp_unreachable", err)
	}
	if err := mark(-1); err != nil {
		client.Close()
		return fail(router.Unavailable, "mark", err)
	}
	err = client.Send(out)
	closed := client.Close() // a failure to say goodbye changes nothing
	if err == nil {
		return -1, nil
	}
	var e *mail.SendError
	if errors.As(err, &e) && e.ErrorCode() >= 500 && !e.IsTemp() {
		return fail(router.Rejected, fmt.Sprintf("smtp_%d", e.ErrorCode()), err)
	}
	code := "smtp_failed"
	if e != nil && e.ErrorCode() > 0 {
		code = fmt.Sprintf("smtp_%d", e.ErrorCode())
	}
	return -1, &router.SendError{Class: router.Unavailable, Code: code, RetryAfter: time.Minute, Err: errors.Join(err, closed)}
}
