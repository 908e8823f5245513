package httpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"trunkline/api"
	"trunkline/router"
	"trunkline/router/access"
)

// A lane answers POST /v1/messages on one connection of the socket by itself, request after request, for as long as requests have the plain form in
// which programs send them. At the first that has not, the connection goes to net/http with everything that was read, and stays there. So a lane
// decides nothing: what it takes would be taken there too, and every doubt is settled there. It exists because net/http spends more on a request than
// the router and the store do on accepting the message in it.

// Buffers of a lane in bytes. They are held as long as the connection is in it, so they are small; a request that does not fit goes to net/http.
const (
	laneRequest = 4 << 10
	laneAnswer  = 1 << 10 // at first; it grows, and is dropped when it grew to 16 times that
)

// laneHead is what a lane needs of a head.
type laneHead struct {
	size   int    // octets of the head with its empty line
	length int    // of the body
	key    string // Idempotency-Key, "" when there is none
}

const laneStart = "POST /v1/messages HTTP/1.1\r\n"

// readLaneHead reads a whole head of the plain form from the beginning of b; ok is false when there is any doubt.
func readLaneHead(b []byte) (h laneHead, ok bool) {
	if !bytes.HasPrefix(b, []byte(laneStart)) {
		return h, false
	}
	h.length = -1
	host, media := false, false
	for at := len(laneStart); ; {
		end := bytes.IndexByte(b[at:], '\n')
		if end < 1 || b[at+end-1] != '\r' {
			return h, false
		}
		line := b[at : at+end-1]
		at += end + 1
		if len(line) == 0 {
			h.size = at
			return h, host && media && h.length >= 0
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 1 || !plain(line) {
			return h, false
		}
		value := bytes.Trim(line[colon+1:], " ")
		// A string of constant cases over a conversion does not allocate; names in other spellings are left to net/http.
		switch string(line[:colon]) {
		case "Host":
			if host || !plainHost(value) {
				return h, false
			}
			host = true
		case "Content-Type":
			if media || string(value) != "application/json" {
				return h, false
			}
			media = true
		case "Content-Length":
			if h.length >= 0 || len(value) == 0 || len(value) > 5 {
				return h, false
			}
			h.length = 0
			for _, c := range value {
				if c < '0' || c > '9' {
					return h, false
				}
				h.length = h.length*10 + int(c-'0')
			}
		case api.IdempotencyKey:
			if h.key != "" || checkKey(string(value)) != nil {
				return h, false
			}
			h.key = string(value)
		case "Connection":
			if string(value) != "keep-alive" {
				return h, false
			}
		case "User-Agent", "Accept", "Accept-Encoding":
		default:
			return h, false
		}
	}
}

// plain tells whether a line has only printable ASCII.
func plain(line []byte) bool {
	for _, c := range line {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// plainHost tells whether a Host header is an ordinary name or address, with or without a port.
func plainHost(value []byte) bool {
	for _, c := range value {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte(".-_:[]", c) < 0 {
			return false
		}
	}
	return true
}

// lanes accepts connections and runs a lane on each; as a listener it gives away those that left their lane.
type lanes struct {
	net.Listener // a *listener
	server       *Server
	metrics      routeMetrics
	handed       chan net.Conn
	closed       chan struct{}
	ending       sync.Once // of closed
	failure      error     // why accepting ended by itself; set before closed is
	group        sync.WaitGroup

	mu   sync.Mutex
	open map[*conn]bool // in a lane
}

// newLanes starts to accept at once. Requests end when ctx is cancelled, so ctx must outlive the wish to stop.
func newLanes(ctx context.Context, s *Server, l *listener) *lanes {
	a := &lanes{Listener: l, server: s, metrics: s.metrics.route("POST /v1/messages"), handed: make(chan net.Conn), closed: make(chan struct{}), open: map[*conn]bool{}}
	a.group.Go(func() { a.run(ctx) })
	return a
}

// end stops accepting, by itself for a reason or because it is wished.
func (a *lanes) end(failure error) {
	a.ending.Do(func() {
		a.failure = failure
		close(a.closed)
	})
}

// run accepts until the listener is closed. Want of file descriptors passes: it waits and tries again.
func (a *lanes) run(ctx context.Context) {
	for {
		c, err := a.Listener.Accept()
		switch {
		case err == nil:
			a.group.Go(func() { a.serve(ctx, c.(*conn)) })
		case passing(err):
			a.server.log.Error("cannot accept a connection", "err", err)
			select {
			case <-a.closed:
				return
			case <-time.After(50 * time.Millisecond):
			}
		default:
			a.end(err)
			return
		}
	}
}

// passing tells whether accepting may work again in a moment.
func passing(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Accept returns the next connection that left its lane.
func (a *lanes) Accept() (net.Conn, error) {
	select {
	case c := <-a.handed:
		return c, nil
	case <-a.closed:
		if a.failure != nil {
			return nil, a.failure
		}
		return nil, net.ErrClosed
	}
}

// Close stops accepting and ends every lane that waits for a request; those that have one answer it first.
func (a *lanes) Close() error {
	a.end(nil)
	a.mu.Lock()
	for c := range a.open {
		c.SetReadDeadline(time.Unix(1, 0))
	}
	a.mu.Unlock()
	return a.Listener.Close()
}

// wait waits until every lane has ended; those that have not by then are cut off, by their connections and by cancel.
func (a *lanes) wait(limit time.Duration, cancel context.CancelFunc) {
	timer := time.AfterFunc(limit, func() {
		cancel()
		a.mu.Lock()
		defer a.mu.Unlock()
		for c := range a.open {
			c.Close()
		}
	})
	defer timer.Stop()
	a.group.Wait()
}

// stale tells whether a deadline has to be set anew to be about timeout away. Setting costs, so it is done only after a quarter of that.
func stale(deadline, now time.Time, timeout time.Duration) bool {
	left := deadline.Sub(now)
	return left > timeout || left < timeout-timeout/4
}

// serve runs the lane of a connection.
func (a *lanes) serve(ctx context.Context, c *conn) {
	a.mu.Lock()
	a.open[c] = true
	a.mu.Unlock()
	rest, handOver := a.requests(ctx, c)
	a.mu.Lock()
	delete(a.open, c)
	a.mu.Unlock()
	if !handOver {
		c.Close()
		return
	}
	c.pending = rest
	c.SetDeadline(time.Time{})
	select {
	case a.handed <- c:
	case <-a.closed:
		c.Close()
	}
}

// buffers of a lane, for a request and its answer.
type buffers struct{ in, body, out []byte }

var laneBuffers = sync.Pool{New: func() any { return &buffers{in: make([]byte, laneRequest)} }}

// trim makes room for usual answers, and drops what an answer to many recipients made large.
func (b *buffers) trim() {
	if cap(b.out) == 0 || cap(b.out) > 16*laneAnswer {
		b.body, b.out = make([]byte, 0, laneAnswer), make([]byte, 0, laneAnswer)
	}
}

// requests answers requests until the connection ends (false), or one comes that net/http must see: then what was read of it is returned.
func (a *lanes) requests(ctx context.Context, c *conn) (rest []byte, handOver bool) {
	if !c.peer.known {
		return nil, true
	}
	b := laneBuffers.Get().(*buffers)
	defer laneBuffers.Put(b)
	config := &a.server.config
	limit := min(int64(len(b.in)), config.BodyLimit)
	var reading, writing time.Time // deadlines as they are set
	for n, timeout := 0, config.HeaderTimeout; ; timeout = config.IdleTimeout {
		if n == 0 {
			if now := time.Now(); stale(reading, now, timeout) {
				reading = now.Add(timeout)
				c.SetReadDeadline(reading)
			}
			select {
			case <-a.closed: // after the deadline is set, or Close would be undone
				return nil, false
			default:
			}
			m, err := c.Conn.Read(b.in)
			if err != nil {
				return nil, false
			}
			n = m
		}
		head, ok := readLaneHead(b.in[:n])
		whole := head.size + head.length
		if !ok || int64(head.length) > limit || whole > len(b.in) || head.size > config.HeaderLimit {
			return bytes.Clone(b.in[:n]), true
		}
		if n < whole {
			reading = time.Now().Add(config.BodyTimeout)
			c.SetReadDeadline(reading)
			m, err := io.ReadAtLeast(c.Conn, b.in[n:], whole-n)
			if n += m; err != nil {
				return nil, false
			}
		}
		a.answer(ctx, c, &head, b.in[head.size:whole], b)
		if now := time.Now(); stale(writing, now, config.WriteTimeout) {
			writing = now.Add(config.WriteTimeout)
			c.SetWriteDeadline(writing)
		}
		if _, err := c.Conn.Write(b.out); err != nil {
			return nil, false
		}
		n = copy(b.in, b.in[whole:n])
	}
}

// answer accepts the messages in a body and makes the answer in b.out.
func (a *lanes) answer(ctx context.Context, c *conn, head *laneHead, body []byte, b *buffers) {
	s := a.server
	start := time.Now()
	status := http.StatusAccepted
	var who access.Principal
	b.trim()
	defer func() {
		took := time.Since(start)
		a.metrics.count(status, took)
		s.logRequest(ctx, http.MethodPost, "/v1/messages", "", status, took, who.Account)
	}()
	accepted, err := a.submit(ctx, c, &who, head.key, body)
	if err == nil {
		b.body = appendSubmitted(b.body[:0], &accepted)
		b.out = appendAccepted(b.out[:0], b.body, accepted.Replayed)
		return
	}
	p, known := problemOf(err)
	status = p.Status
	if !known {
		s.log.Error("request failed", "method", http.MethodPost, "err", err)
	}
	b.out = appendProblem(b.out[:0], "/v1/messages", p)
}

// submit is Server.submit, but a panic is an error.
func (a *lanes) submit(ctx context.Context, c *conn, who *access.Principal, key string, body []byte) (_ router.Accepted, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	known, err := a.server.localPeer(ctx, c.peer)
	if err != nil {
		return router.Accepted{}, err
	}
	if *who = known.Principal; !who.Ever(access.MessageSend) {
		return router.Accepted{}, forbidden(access.MessageSend)
	}
	return a.server.submit(ctx, *who, key, body)
}
