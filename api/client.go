package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Headers of the idempotency of POST /v1/messages.
const (
	IdempotencyKey     = "Idempotency-Key"
	IdempotentReplayed = "Idempotent-Replayed"
)

// maxAnswer is the longest answer that a Client reads, in bytes: a page of 1000 long messages fits.
const maxAnswer = 64 << 20

// Client talks to a daemon. It may be used by several goroutines.
type Client struct {
	address string // socket path or base URL, for messages
	base    string
	http    *http.Client
}

// UnreachableError says that no daemon answered.
type UnreachableError struct {
	Address string // path of the socket, or base URL
	Err     error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("daemon at %s is not reachable: %v", e.Address, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// NewClient returns a client for a unix socket (an absolute or relative path) or a base URL such as http://127.0.0.1:8470.
// Nothing is opened before the first call.
func NewClient(address string) *Client {
	c := &Client{address: address, base: "http://trunkline"}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	if strings.HasPrefix(address, "http://") || strings.HasPrefix(address, "https://") {
		c.base = strings.TrimSuffix(address, "/")
		transport.Proxy = http.ProxyFromEnvironment
	} else {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", address)
		}
	}
	// A redirect could carry a message elsewhere; the API never answers with one.
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Submit accepts messages. With a key the call may be repeated: the same key and request never make a second set of messages. An empty key is none.
func (c *Client) Submit(ctx context.Context, r SubmitRequest, key string) (Accepted, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Accepted{}, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if key != "" {
		header.Set(IdempotencyKey, key)
	}
	var out SubmitResponse
	h, err := c.call(ctx, http.MethodPost, "/v1/messages", header, body, &out)
	return Accepted{Messages: out.Messages, Skipped: out.Skipped, Replayed: h.Get(IdempotentReplayed) == "true"}, err
}

// SubmitAll accepts messages to one recipient each, at most BulkLimit; what is wrong with one is in its result and keeps no other from being sent. With
// a key the call may be repeated as a whole: it then makes what it lacked, and nothing twice. An empty key is none.
func (c *Client) SubmitAll(ctx context.Context, all []SubmitRequest, key string) ([]BulkResult, error) {
	body, err := json.Marshal(BulkRequest{Messages: all})
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if key != "" {
		header.Set(IdempotencyKey, key)
	}
	var out BulkResponse
	_, err = c.call(ctx, http.MethodPost, "/v1/messages/bulk", header, body, &out)
	if err == nil && len(out.Results) != len(all) {
		err = fmt.Errorf("%d results came for %d messages", len(out.Results), len(all))
	}
	return out.Results, err
}

// BulkLimit is how many messages one call of SubmitAll takes.
const BulkLimit = 1000

// Message returns one message.
func (c *Client) Message(ctx context.Context, id string) (Message, error) {
	var m Message
	_, err := c.call(ctx, http.MethodGet, "/v1/messages/"+url.PathEscape(id), nil, nil, &m)
	return m, err
}

// Messages returns one page of messages.
func (c *Client) Messages(ctx context.Context, q MessageQuery) (MessageList, error) {
	v := url.Values{}
	for name, value := range map[string]string{"direction": q.Direction, "state": q.State, "trunk": q.Trunk, "tag": q.Tag, "number": q.Number, "cursor": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Ascending {
		v.Set("order", "asc")
	}
	path := "/v1/messages"
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	var out MessageList
	_, err := c.call(ctx, http.MethodGet, path, nil, nil, &out)
	return out, err
}

// Cancel withdraws a message that waits and returns it.
func (c *Client) Cancel(ctx context.Context, id string) (Message, error) {
	var m Message
	_, err := c.call(ctx, http.MethodDelete, "/v1/messages/"+url.PathEscape(id), nil, nil, &m)
	return m, err
}

// Resend sends the parts of a message again of which nobody knows whether the network has them.
func (c *Client) Resend(ctx context.Context, id string) (m Message, err error) {
	err = c.post(ctx, "/v1/messages/"+url.PathEscape(id)+"/resend", struct{}{}, &m)
	return m, err
}

// Settle says what became of a message of which nobody knows: sent, delivered or failed.
func (c *Client) Settle(ctx context.Context, id, state string) (m Message, err error) {
	err = c.post(ctx, "/v1/messages/"+url.PathEscape(id)+"/settle", SettleRequest{State: state}, &m)
	return m, err
}

// Release lets a message go that is held.
func (c *Client) Release(ctx context.Context, id string) (m Message, err error) {
	err = c.post(ctx, "/v1/messages/"+url.PathEscape(id)+"/release", struct{}{}, &m)
	return m, err
}

// Modems returns every configured modem.
func (c *Client) Modems(ctx context.Context) ([]Modem, error) {
	var out ModemList
	_, err := c.call(ctx, http.MethodGet, "/v1/modems", nil, nil, &out)
	return out.Items, err
}

// Modem returns one modem.
func (c *Client) Modem(ctx context.Context, name string) (Modem, error) {
	var m Modem
	_, err := c.call(ctx, http.MethodGet, "/v1/modems/"+url.PathEscape(name), nil, nil, &m)
	return m, err
}

// USSD opens, goes on with or ends a session. The answer may take two minutes.
func (c *Client) USSD(ctx context.Context, name string, r USSDRequest) (out USSDReply, err error) {
	err = c.post(ctx, "/v1/modems/"+url.PathEscape(name)+"/ussd", r, &out)
	return out, err
}

// AT runs one AT command.
func (c *Client) AT(ctx context.Context, name, command string) (out ATAnswer, err error) {
	err = c.post(ctx, "/v1/modems/"+url.PathEscape(name)+"/at", ATRequest{Command: command}, &out)
	return out, err
}

// Unlock enters a PIN, or a PUK and a new PIN, once, and returns the modem afterwards.
func (c *Client) Unlock(ctx context.Context, name string, r UnlockRequest) (out Modem, err error) {
	err = c.post(ctx, "/v1/modems/"+url.PathEscape(name)+"/unlock", r, &out)
	return out, err
}

// post sends a value as JSON.
func (c *Client) post(ctx context.Context, path string, in, out any) error {
	return c.write(ctx, http.MethodPost, path, in, out)
}

// write sends a value as JSON with any method.
func (c *Client) write(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, method, path, http.Header{"Content-Type": {"application/json"}}, body, out)
	return err
}

// Version returns the version of the daemon.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var out Version
	_, err := c.call(ctx, http.MethodGet, "/v1/version", nil, nil, &out)
	return out, err
}

// Health returns nil when the daemon lives and can write.
func (c *Client) Health(ctx context.Context) error {
	_, err := c.call(ctx, http.MethodGet, "/healthz", nil, nil, &Health{})
	return err
}

// Ready returns nil when the daemon can take and send messages.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.call(ctx, http.MethodGet, "/readyz", nil, nil, &Health{})
	return err
}

// call sends one request and decodes the answer into out. The error is *Problem, *UnreachableError, ctx.Err() or a decoding error.
func (c *Client) call(ctx context.Context, method, path string, header http.Header, body []byte, out any) (http.Header, error) {
	resp, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read answer to %s %s: %w", method, path, err)
	}
	if err := json.Unmarshal(b, out); err != nil {
		return nil, fmt.Errorf("decode answer to %s %s: %w", method, path, err)
	}
	return resp.Header, nil
}

// send sends one request; an answer outside 2xx is returned as *Problem.
func (c *Client) send(ctx context.Context, method, path string, header http.Header, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if e, ok := err.(*url.Error); ok { // its text would repeat an address that says nothing on a socket
			err = e.Err
		}
		return nil, &UnreachableError{Address: c.address, Err: err}
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, readProblem(resp)
}

// readProblem returns the problem of an answer, made up from the status when the answer carries none.
func readProblem(resp *http.Response) *Problem {
	p := &Problem{}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == ProblemMedia {
		if b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20)); err == nil && json.Unmarshal(b, p) == nil && p.Status != 0 {
			return p
		}
	}
	return &Problem{Type: "about:blank", Title: http.StatusText(resp.StatusCode), Status: resp.StatusCode}
}
