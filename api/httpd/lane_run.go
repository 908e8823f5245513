package httpd

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/api/switches"
	"trunkline/router"
	"trunkline/router/access"
)

// Buffers of a lane in bytes. A request that does not fit goes to net/http; room for an answer that grew larger than answerKept is given back.
const (
	laneRequest = 16 << 10
	answerKept  = 64 << 10
)

// lane reads requests from all of its connections, gives what is in them to the router together, and answers. Only its own goroutine uses it, but for
// add and end.
type lane struct {
	lanes *lanes
	poll  *poller
	mu    sync.Mutex // of conns and of when poll wakes
	conns map[int32]*laneConn
	ended bool

	in, body, out []byte
	ready         []*laneConn
	asked         []asked
	submissions   []router.Submission
	who           access.Principal // of the user uid, during one round
	uid           uint32
	known         bool
	sweepAt       time.Time
}

// laneConn is a connection in a lane.
type laneConn struct {
	conn   *conn // closed as long as the connection is in a lane
	fd     int
	from   netip.Addr // of a switch
	used   bool       // it had an answer
	ending bool       // the other side says no more
	since  time.Time  // of the last answer, or of the beginning
}

// asked is a request that was read, and what becomes of it.
type asked struct {
	from    *laneConn
	account string
	key     string // held in Server.keys, "" when none is
	at      int    // of its submission, -1 when err is set
	mangled bool
	err     error
}

func newLane(a *lanes) (*lane, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	return &lane{lanes: a, poll: p, conns: map[int32]*laneConn{}, in: make([]byte, laneRequest)}, nil
}

// add takes a connection.
func (l *lane) add(c *laneConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.poll.add(c.fd) != nil {
		l.drop(c)
		return
	}
	if len(l.conns) == 0 {
		l.poll.wake(c.since.Add(l.pause()))
	}
	l.conns[int32(c.fd)] = c
}

// end lets the lane end as soon as what has come is answered.
func (l *lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.poll.wake(time.Unix(1, 0))
}

// pause is the time between two looks for connections that are silent for too long.
func (l *lane) pause() time.Duration {
	c := &l.lanes.server.config
	return max(min(c.HeaderTimeout, c.IdleTimeout)/4, 10*time.Millisecond)
}

// drop ends a connection that is in no lane any more.
func (l *lane) drop(c *laneConn) {
	unix.Close(c.fd)
	c.conn.release()
}

// leave takes a connection out of the lane.
func (l *lane) leave(c *laneConn) {
	l.mu.Lock()
	delete(l.conns, int32(c.fd))
	l.mu.Unlock()
	l.poll.remove(c.fd)
}

// run answers until the lane is to end.
func (l *lane) run(ctx context.Context) {
	defer l.close()
	for {
		events, err := l.poll.wait()
		l.mu.Lock()
		ended := l.ended
		l.mu.Unlock()
		if ended && len(events) == 0 && err == nil {
			events, err = l.poll.now()
		}
		if err != nil {
			l.lanes.server.log.Error("a lane ends", "err", err)
			return
		}
		if len(events) > 0 {
			l.round(ctx, events)
		} else if ended {
			return
		}
		if now := time.Now(); len(events) == 0 || !now.Before(l.sweepAt) {
			l.sweep(now)
		}
	}
}

// close ends the connections that are left.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for _, c := range l.conns {
		l.drop(c)
	}
	clear(l.conns)
	l.poll.close()
}

// sweep ends connections that are silent for too long.
func (l *lane) sweep(now time.Time) {
	c := &l.lanes.server.config
	l.mu.Lock()
	defer l.mu.Unlock()
	for fd, one := range l.conns {
		limit := c.HeaderTimeout
		if one.used {
			limit = c.IdleTimeout
		}
		if now.Sub(one.since) > limit {
			delete(l.conns, fd)
			l.drop(one)
		}
	}
	l.sweepAt = now.Add(l.pause())
	switch {
	case l.ended:
	case len(l.conns) == 0:
		l.poll.wake(time.Time{})
	default:
		l.poll.wake(l.sweepAt)
	}
}

// round answers everything that has come.
func (l *lane) round(ctx context.Context, events []unix.EpollEvent) {
	s := l.lanes.server
	start := time.Now()
	l.ready, l.asked, l.submissions, l.known = l.ready[:0], l.asked[:0], l.submissions[:0], false
	l.mu.Lock()
	for i := range events {
		if c := l.conns[events[i].Fd]; c != nil {
			c.ending = events[i].Events&(unix.EPOLLRDHUP|unix.EPOLLHUP) != 0
			l.ready = append(l.ready, c)
		}
	}
	l.mu.Unlock()
	for _, c := range l.ready {
		n, err := readNow(c.fd, l.in)
		switch {
		case err == unix.EAGAIN:
		case err != nil || n == 0 || c.ending && l.poll.again(c.fd) != nil: // the end comes behind what was read
			l.leave(c)
			l.drop(c)
		default:
			l.read(ctx, c, l.in[:n])
		}
	}
	outcomes := s.router.SubmitEach(ctx, l.submissions)
	for i := range l.asked {
		a := &l.asked[i]
		var accepted router.Accepted
		if a.at >= 0 {
			accepted, a.err = outcome(outcomes[a.at].Accepted, outcomes[a.at].Err, a.mangled)
		}
		if a.key != "" {
			s.keys.end(a.account, a.key)
		}
		status := l.answer(&accepted, a.err)
		took := time.Since(start)
		l.lanes.submitted.count(status, took)
		s.logRequest(ctx, http.MethodPost, "/v1/messages", "", status, took, a.account)
		l.write(a.from)
	}
	clear(l.submissions)
	clear(l.asked)
	if cap(l.out) > answerKept {
		l.body, l.out = nil, nil
	}
}

// read takes a request that came as a whole and in the plain form; anything else makes its connection leave the lane. So does what names groups, since those
// behind it would have to wait for a long time.
func (l *lane) read(ctx context.Context, c *laneConn, b []byte) {
	config := &l.lanes.server.config
	head, ok := readLaneHead(b)
	if !ok || head.size+head.length != len(b) || len(b) == len(l.in) || int64(head.length) > config.BodyLimit || head.size > config.HeaderLimit {
		l.handOver(c, b, nil)
		return
	}
	if head.route != laneSubmit {
		l.decide(ctx, c, &head, b)
		return
	}
	if l.lanes.switches {
		l.handOver(c, b, nil)
		return
	}
	a := asked{from: c, at: -1}
	sub, err := l.submission(ctx, c, &a, head.key, b[head.size:])
	if a.err = err; err == nil {
		if len(sub.Groups) > 0 {
			l.handOver(c, b, nil)
			return
		}
		if head.key != "" {
			if l.lanes.server.keys.begin(a.account, head.key) {
				a.key = head.key
			} else {
				a.err = keyRunning()
			}
		}
	}
	if a.err == nil {
		a.at = len(l.submissions)
		l.submissions = append(l.submissions, sub)
	}
	l.asked = append(l.asked, a)
}

// submission reads the body of a request. A panic is an error.
func (l *lane) submission(ctx context.Context, c *laneConn, a *asked, key string, body []byte) (sub router.Submission, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if err := l.identify(ctx, c); err != nil {
		return sub, err
	}
	a.account = l.who.Account
	if !l.who.Ever(access.MessageSend) {
		return sub, forbidden(access.MessageSend)
	}
	sub, a.mangled, err = l.lanes.server.submission(l.who, key, body)
	return sub, err
}

// identify finds out who is at the other end of the socket.
func (l *lane) identify(ctx context.Context, c *laneConn) error {
	if l.known && l.uid == c.conn.peer.uid {
		return nil
	}
	who, err := l.lanes.server.localPeer(ctx, c.conn.peer)
	l.who, l.uid, l.known = who.Principal, c.conn.peer.uid, err == nil
	return err
}

// decide answers a request about calls at once.
func (l *lane) decide(ctx context.Context, c *laneConn, head *laneHead, b []byte) {
	s := l.lanes.server
	start := time.Now()
	var asker *switches.Switch
	var err error
	account := ""
	if l.lanes.switches {
		if asker = s.switches.Find(c.from); asker == nil {
			l.handOver(c, b, nil)
			return
		}
		account = "switch:" + asker.Name
	} else if err = l.identify(ctx, c); err == nil {
		if account = l.who.Account; !l.who.Ever(access.CallPatternView) {
			err = forbidden(access.CallPatternView)
		}
	}
	if err == nil {
		l.body, err = s.decideSafely(l.body[:0], b[head.size:], asker, head.route == laneRTJSON)
	}
	status := http.StatusOK
	if err == nil {
		l.out = append(append(appendHead(l.out[:0], status, "application/json", len(l.body)), "\r\n"...), l.body...)
	} else {
		status = l.problem("/v1/decide", err)
	}
	took := time.Since(start)
	l.lanes.decided.count(status, took)
	s.logRequest(ctx, http.MethodPost, "/v1/decide", "", status, took, account)
	l.write(c)
}

// answer makes an answer in l.out.
func (l *lane) answer(accepted *router.Accepted, err error) (status int) {
	if err == nil {
		l.body = l.lanes.server.appendSubmitted(l.body[:0], accepted)
		l.out = appendAccepted(l.out[:0], l.body, accepted.Replayed)
		return http.StatusAccepted
	}
	return l.problem("/v1/messages", err)
}

// problem makes the answer of an error in l.out.
func (l *lane) problem(path string, err error) (status int) {
	p, known := problemOf(err)
	if !known {
		l.lanes.server.log.Error("request failed", "method", http.MethodPost, "err", err)
	}
	l.out = appendProblem(l.out[:0], path, p)
	return p.Status
}

// write sends the answer in l.out. A peer that does not take it at once is left to another goroutine.
func (l *lane) write(c *laneConn) {
	n, err := writeNow(c.fd, l.out)
	switch {
	case err == nil && n == len(l.out):
		c.used, c.since = true, time.Now()
	case err == nil || err == unix.EAGAIN:
		l.handOver(c, nil, l.out[max(n, 0):])
	default:
		l.leave(c)
		l.drop(c)
	}
}

// handOver gives a connection to net/http, with what was read from it already, after what it has still to be told.
func (l *lane) handOver(c *laneConn, read, unsent []byte) {
	l.leave(c)
	c.conn.pending = bytes.Clone(read)
	unsent = bytes.Clone(unsent)
	l.lanes.group.Go(func() {
		attached, err := attach(c.fd)
		if err != nil {
			l.lanes.server.log.Debug("connection lost on the way out of its lane", "err", err)
			c.conn.release()
			return
		}
		c.conn.Conn = attached
		if len(unsent) > 0 {
			attached.SetWriteDeadline(time.Now().Add(l.lanes.server.config.WriteTimeout))
			if _, err := attached.Write(unsent); err != nil {
				c.conn.Close()
				return
			}
			attached.SetWriteDeadline(time.Time{})
		}
		l.lanes.hand(c.conn)
	})
}
