package jobs

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"trunkline/store"
)

// Bounds of an answer.
const (
	maxAnswerHead = 16 << 10
	maxAnswerBody = 64 << 10 // read to keep the connection; what is longer closes it
)

// sender makes requests to endpoints: no redirect is followed, no proxy used, no cookie kept, and no address outside the fence connected to.
type sender struct {
	client  *http.Client
	timeout time.Duration // for all of a request
	connect time.Duration // for its connection, and for its TLS
	agent   string
	now     func() time.Time
}

// dial opens a connection, as net.Dialer.DialContext does.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// newSender returns a sender. A connect of the options takes the place of the network, fence included.
func newSender(o WebhookOptions, f fence) *sender {
	c := o.Config
	dialer := func(plain bool) dial {
		if o.connect != nil {
			return o.connect
		}
		d := &net.Dialer{Timeout: c.ConnectTimeout, Control: f.control(plain), Resolver: o.resolver}
		return d.DialContext
	}
	secure := dialer(false)
	transport := &http.Transport{
		Proxy:       nil, // a proxy would connect for us, out of reach of the fence
		DialContext: dialer(true),
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := secure(ctx, network, address)
			if err != nil {
				return nil, err
			}
			host, _, _ := net.SplitHostPort(address)
			t := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: o.Roots, MinVersion: tls.VersionTLS12})
			shake, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
			defer cancel()
			if err := t.HandshakeContext(shake); err != nil {
				conn.Close()
				return nil, err
			}
			return t, nil
		},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    c.EndpointConcurrency,
		MaxIdleConns:           c.Concurrency,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxAnswerHead,
	}
	return &sender{now: o.Store.Now, timeout: c.Timeout, connect: c.ConnectTimeout, agent: "Trunkline/" + cmp.Or(o.Version, "devel"), client: &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Body is what an endpoint is sent.
type Body struct {
	Type      string          `json:"type" doc:"type of the event"`
	Timestamp time.Time       `json:"timestamp" doc:"when it happened"`
	Data      json.RawMessage `json:"data" doc:"the event; its seq is the sequence number"`
}

// tried is what became of a request.
type tried struct {
	store.DeliveryTry
	after time.Duration // what Retry-After asks for
}

// ok tells whether the endpoint took it.
func (t *tried) ok() bool { return t.Error == "" }

// send makes one request. It returns when the answer is there or the time is over; only a canceled ctx makes the try count for nothing (ok is false).
func (s *sender) send(ctx context.Context, w *store.Webhook, id string, body []byte) (t tried, ok bool) {
	t.At = s.now()
	begin := time.Now()
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := s.exchange(limited, w, id, body, &t)
	t.Took = time.Since(begin)
	switch {
	case ctx.Err() != nil && err != nil:
		return t, false
	case err != nil && limited.Err() != nil:
		t.Error = fmt.Sprintf("no answer within %s", s.timeout)
	case timedOut(err):
		t.Error = fmt.Sprintf("no connection within %s", s.connect)
	case err != nil:
		t.Error = plain(err)
	case t.Status/100 == 3:
		t.Error = fmt.Sprintf("the answer is %d, a redirect, which is not followed; change the URL of the endpoint", t.Status)
	case t.Status/100 != 2:
		t.Error = fmt.Sprintf("the answer is %d %s", t.Status, http.StatusText(t.Status))
	}
	return t, true
}

// timedOut tells whether a connection took too long.
func timedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// exchange sends the request and reads the answer.
func (s *sender) exchange(ctx context.Context, w *store.Webhook, id string, body []byte, t *tried) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {s.agent},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {strconv.FormatInt(t.At.Unix(), 10)},
		"Webhook-Signature": {Signature(w.Secrets, id, t.At, body)},
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	t.Status = resp.StatusCode
	t.after = retryAfter(resp.Header.Get("Retry-After"), s.now())
	answer := make([]byte, store.MaxAnswer)
	n, err := io.ReadFull(resp.Body, answer)
	t.Answer = bytes.Clone(answer[:n])
	if err == nil {
		io.CopyN(io.Discard, resp.Body, maxAnswerBody-store.MaxAnswer)
	}
	return nil // the status decides; how the rest of the answer ends does not matter
}

// plain drops what an error of the HTTP client repeats: the method, and the URL, whose query may be a secret.
func plain(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var a *addressError
	if errors.As(err, &a) {
		return a.Error()
	}
	return err.Error()
}
