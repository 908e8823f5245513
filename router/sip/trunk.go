package sip

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"trunkline/router"
	"trunkline/store"
)

// Trunk is a SIP server that takes messages. It is a router.Backend.
type Trunk struct {
	name   string
	config Config
	host   string
	server string         // HOST:PORT
	roots  *x509.CertPool // nil: those of the system
	t1, t2 time.Duration
}

// New returns a trunk by a configuration that passed Validate. The error is about the files that it names.
func New(name string, c Config) (*Trunk, error) {
	t := &Trunk{name: name, config: c.withDefaults(), t1: usualT1, t2: usualT2}
	var err error
	if t.host, t.server, err = t.config.address(); err != nil {
		return nil, err
	}
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

// Ready implements router.Backend: a server that cannot be reached shows when a message is sent.
func (t *Trunk) Ready(context.Context) (string, error) { return "sip:" + t.config.From, nil }

// OnlyPinned says that only messages that are to go through this trunk do: what others carry are texts to telephones.
func (t *Trunk) OnlyPinned() bool { return true }

// Reaches tells whether messages to a SIP address can go through this trunk: one that wants TLS all the way (sips) needs TLS from here on. RFC 3261 §26.2.2.
func (t *Trunk) Reaches(uri string) bool {
	return checkAddress(uri) == nil && (strings.HasPrefix(uri, "sip:") || t.config.Transport == TLS)
}

// Prepare implements router.Backend: it refuses what is not for a SIP address.
func (t *Trunk) Prepare(m *store.Message) error {
	if !t.Reaches(m.To.String()) {
		return fmt.Errorf("trunk %s sends to SIP addresses by %s, and the recipient is none that can be reached so", t.name, t.config.Transport)
	}
	if len(m.Parts) != 1 {
		return errors.New("a message to a SIP address has one part")
	}
	return nil
}

// Send implements router.Backend. When nothing is heard of a request that was sent, or only that somebody further on did not answer in time, the recipient may
// have it: that is Unknown.
func (t *Trunk) Send(ctx context.Context, m *store.Message, seq int, mark func(before int) error) (int, error) {
	fail := func(class router.Class, code string, err error) (int, error) {
		return -1, &router.SendError{Class: class, Code: code, Err: err}
	}
	request, transport := t.newMessage(m), t.config.Transport
	if transport == UDP && len(request.bytes(UDP, random()+random(), &net.UDPAddr{IP: net.IPv6zero, Port: 65535}))+maxCredentials > maxDatagram {
		transport = TCP
	}
	c, err := t.dial(ctx, transport)
	if err != nil {
		return fail(router.Unavailable, "sip_unreachable", err)
	}
	defer c.Close()
	if err := mark(-1); err != nil {
		return fail(router.Unavailable, "mark", err)
	}
	r, err := t.exchange(c, transport, &request)
	if err == nil && (r.StatusCode == 401 || r.StatusCode == 407) && t.config.Username != "" {
		password, e := t.config.password()
		if e != nil {
			return fail(router.Unavailable, "sip_config", fmt.Errorf("password_file: %w", e))
		}
		if request.auth, e = credentials(r, t.config.Username, password, request.to); e != nil {
			return fail(router.Rejected, "sip_"+strconv.Itoa(r.StatusCode), e)
		}
		request.cseq++ // RFC 3261 §22.2
		r, err = t.exchange(c, transport, &request)
	}
	switch {
	case errors.Is(err, errNobody):
		return fail(router.Unavailable, "sip_unreachable", err)
	case errors.Is(err, errSilent):
		return fail(router.Unknown, "sip_silent", err)
	case err != nil:
		return fail(router.Unknown, "sip_lost", err)
	}
	return -1, verdict(r)
}

// maxCredentials is room for the line that credentials makes.
const maxCredentials = 600

// verdict is what a final answer means; nil: it was taken. RFC 3261 §21, RFC 3428 §7.
func verdict(r *sip.Response) error {
	e := &router.SendError{Class: router.Rejected, Code: "sip_" + strconv.Itoa(r.StatusCode), Err: fmt.Errorf("the server answered %d %s", r.StatusCode, printable(r.Reason))}
	switch code := r.StatusCode; {
	case code < 300:
		return nil
	case code == 408 || code == 504: // somebody between may have passed it on
		e.Class = router.Unknown
	case code == 480 || code == 486 || code == 491 || code == 500 || code == 502 || code == 503:
		e.Class, e.RetryAfter = router.Unavailable, retryAfter(r)
	}
	return e
}

// mostRetryAfter bounds what a server may ask for.
const mostRetryAfter = 24 * time.Hour

// retryAfter returns the seconds that an answer asks to wait: "120", "120 (in a meeting)" or "120;duration=60". RFC 3261 §20.33.
func retryAfter(r *sip.Response) time.Duration {
	h := r.GetHeader("Retry-After")
	if h == nil {
		return 0
	}
	text := strings.TrimSpace(h.Value())
	if i := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		text = text[:i]
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	return min(time.Duration(n)*time.Second, mostRetryAfter)
}

// printable cuts words of a server to what can be shown.
func printable(s string) string {
	return clip(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}
