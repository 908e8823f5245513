package smtp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/store"
)

// post is a mail server that keeps what it takes, and says no as it is told.
type post struct {
	mu    sync.Mutex
	mails []string
	no    error // answer to the whole mail
	noTo  error // answer to the recipient
}

func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &visit{p: p}, nil }

type visit struct {
	p    *post
	user string
	to   []string
}

func (v *visit) AuthMechanisms() []string { return []string{sasl.Plain} }
func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "gateway" || password != "correct horse" {
			return smtp.ErrAuthFailed
		}
		v.user = username
		return nil
	}), nil
}
func (v *visit) Reset()        { v.to = nil }
func (v *visit) Logout() error { return nil }
func (v *visit) Mail(string, *smtp.MailOptions) error {
	if v.user == "" {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.to = append(v.to, to)
	return v.p.noTo
}
func (v *visit) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	if v.p.no == nil {
		v.p.mails = append(v.p.mails, strings.Join(v.to, ",")+"\n"+string(b))
	}
	return v.p.no
}

// serve starts a mail server with STARTTLS and returns the account at it.
func serve(t *testing.T) (*post, Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := Config{Host: "127.0.0.1", From: "gateway@example.org", FromName: "Trunkline, desk", Username: "gateway", PasswordFile: filepath.Join(dir, "password"), CAFile: filepath.Join(dir, "ca.pem"), Hello: "gw.example.org",
		Timeout: 20 * time.Second}
	if err := errors.Join(os.WriteFile(c.PasswordFile, []byte("correct horse\n"), 0o600), os.WriteFile(c.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)); err != nil {
		t.Fatal(err)
	}
	p := &post{}
	s := smtp.NewServer(p)
	s.Domain, s.TLSConfig = "post.example.org", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { s.Serve(l); close(done) }()
	t.Cleanup(func() {
		s.Close()
		l.Close() // it may not serve yet
		<-done
	})
	c.Port = l.Addr().(*net.TCPAddr).Port
	if errs := c.Validate(); errs != nil {
		t.Fatal(errs)
	}
	return p, c
}

func letter(to, subject, text string) *store.Message {
	return &store.Message{ID: store.NewMessageID(), Direction: store.Out, To: phone.FromAddress(to, true), Subject: subject, Text: text, CreatedAt: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		Parts: []store.Part{{Seq: 1}}}
}

func send(t *testing.T, c Config, m *store.Message) (marked int, err error) {
	t.Helper()
	trunk, err := New("post", c)
	if err != nil {
		t.Fatal(err)
	}
	if err := trunk.Prepare(m); err != nil {
		t.Fatal(err)
	}
	_, err = trunk.Send(t.Context(), m, 1, func(int) error { marked++; return nil })
	return marked, err
}

func class(t *testing.T, err error) (router.Class, string) {
	t.Helper()
	var e *router.SendError
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *SendError", err)
	}
	return e.Class, e.Code
}

func TestMail(t *testing.T) {
	p, c := serve(t)
	m := letter("ann@example.org", "wake: done — \r\nBcc: eve@example.org", "grüße\n.\n<b>not markup</b>\x1b[0m\nDATA\r\n.\r\nQUIT")
	if marked, err := send(t, c, m); err != nil || marked != 1 {
		t.Fatal(marked, err)
	}
	if len(p.mails) != 1 {
		t.Fatalf("%d mails", len(p.mails))
	}
	to, text, _ := strings.Cut(p.mails[0], "\n")
	got, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	h := got.Header
	if to != "ann@example.org" || h.Get("Bcc") != "" || h.Get("To") != "<ann@example.org>" || h.Get("Message-Id") != "<"+m.ID.String()+"@example.org>" || h.Get("Auto-Submitted") != "auto-generated" ||
		!strings.Contains(h.Get("Date"), "21 Nov 2026") || !strings.Contains(h.Get("Content-Type"), "text/plain") || !strings.Contains(h.Get("From"), "gateway@example.org") {
		t.Errorf("to %s: %v", to, h)
	}
}

func TestWhatTheServerSays(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*post, *Config)
		class  router.Class
		code   string
		marked int
	}{
		{"refuses the recipient", func(p *post, _ *Config) { p.noTo = &smtp.SMTPError{Code: 550, Message: "no such user"} }, router.Rejected, "smtp_550", 1},
		{"is busy", func(p *post, _ *Config) { p.noTo = &smtp.SMTPError{Code: 451, Message: "later"} }, router.Unavailable, "smtp_451", 1},
		{"refuses the mail", func(p *post, _ *Config) { p.no = &smtp.SMTPError{Code: 554, Message: "spam"} }, router.Rejected, "smtp_554", 1},
		{"cannot take the mail now", func(p *post, _ *Config) { p.no = &smtp.SMTPError{Code: 452, Message: "full"} }, router.Unavailable, "smtp_452", 1},
		{"is not there", func(_ *post, c *Config) { c.Port = 1 }, router.Unavailable, "smtp_unreachable", 0},
		{"is another", func(_ *post, c *Config) { c.CAFile = "" }, router.Unavailable, "smtp_unreachable", 0},
		{"does not know the password", func(_ *post, c *Config) { os.WriteFile(c.PasswordFile, []byte("wrong"), 0o600) }, router.Unavailable, "smtp_unreachable", 0},
		{"has a password that others may read", func(_ *post, c *Config) { os.Chmod(c.PasswordFile, 0o644) }, router.Unavailable, "smtp_config", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, config := serve(t)
			c.change(p, &config)
			marked, err := send(t, config, letter("ann@example.org", "s", "t"))
			if err == nil {
				t.Fatal("sent")
			}
			if got, code := class(t, err); got != c.class || code != c.code || marked != c.marked || len(p.mails) != 0 {
				t.Errorf("class %d %s, marked %d, %d mails: %v", got, code, marked, len(p.mails), err)
			}
			if strings.Contains(err.Error(), "correct horse") {
				t.Error("the password is in the error")
			}
		})
	}
}

func TestNotSentWhenNotMarked(t *testing.T) {
	p, c := serve(t)
	trunk, err := New("post", c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trunk.Send(context.Background(), letter("ann@example.org", "s", "t"), 1, func(int) error { return errors.New("disk") }); err == nil || len(p.mails) != 0 {
		t.Error(err, p.mails)
	}
}

func TestPrepareRefuses(t *testing.T) {
	trunk := &Trunk{name: "post"}
	text := letter("ann@example.org", "", "x")
	text.To = phone.FromAddress("+4915112345678", false)
	two := letter("ann@example.org", "", "x")
	two.Parts = append(two.Parts, store.Part{Seq: 2})
	for _, m := range []*store.Message{text, two, letter("Bank", "", ""), letter("a@b\r\nRCPT TO:<c@d>", "", ""), letter("Ann <a@b.c>", "", "")} {
		if err := trunk.Prepare(m); err == nil {
			t.Errorf("%s is taken", m.To)
		}
	}
}

func TestConfigsThatAreWrong(t *testing.T) {
	good := Config{Host: "mail.example.org", From: "a@example.org"}
	if errs := good.Validate(); errs != nil {
		t.Error(errs)
	}
	for want, change := range map[string]func(*Config){
		"host: \"\"":         func(c *Config) { c.Host = "" },
		"tls: \"ssl\"":       func(c *Config) { c.TLS = "ssl" },
		"from: \"a\"":        func(c *Config) { c.From = "a" },
		"password_file: an":  func(c *Config) { c.Username = "x" },
		"tls: a password is": func(c *Config) { c.Username, c.PasswordFile, c.TLS = "x", "/etc/x", "none" },
		"ca_file: \"x\"":     func(c *Config) { c.CAFile = "x" },
		"timeout: 1ms":       func(c *Config) { c.Timeout = time.Millisecond },
		"port: 70000":        func(c *Config) { c.Port = 70000 },
		"hello: ":            func(c *Config) { c.Hello = "a b" },
	} {
		c := good
		change(&c)
		if errs := c.Validate(); len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), want) {
			t.Errorf("%v; want %q", errs, want)
		}
	}
}
