package httpd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// laneCount is how many lanes there are: while one waits for the store, the other reads what has come meanwhile.
const laneCount = 2

// lanes accepts connections and puts each into a lane; as a listener it gives away those that left it.
type lanes struct {
	net.Listener // of *conn
	server       *Server
	switches     bool // they are those of switches, over TCP, and may only ask what becomes of calls
	submitted    routeMetrics
	decided      routeMetrics
	handed       chan net.Conn
	closed       chan struct{}
	ending       sync.Once // of closed
	failure      error     // why accepting ended by itself; set before closed is
	group        sync.WaitGroup
	all          []*lane
}

// newLanes starts to accept at once. Requests end when ctx is cancelled, so ctx must outlive the wish to stop.
func newLanes(ctx context.Context, s *Server, l net.Listener, switches bool) *lanes {
	a := &lanes{Listener: l, server: s, switches: switches, submitted: s.metrics.route("POST /v1/messages"), decided: s.metrics.route("POST /v1/decide"), handed: make(chan net.Conn), closed: make(chan struct{})}
	for range laneCount {
		lane, err := newLane(a)
		if err != nil {
			s.log.Error("every request takes the long way, which is slower", "err", err)
			break
		}
		a.all = append(a.all, lane)
		a.group.Go(func() { lane.run(ctx) })
	}
	a.group.Go(func() { a.run() })
	return a
}

// end stops accepting, by itself for a reason or because it is wished.
func (a *lanes) end(failure error) {
	a.ending.Do(func() {
		a.failure = failure
		close(a.closed)
		for _, l := range a.all {
			l.end()
		}
	})
}

// run accepts until the listener is closed. Want of file descriptors passes: it waits and tries again.
func (a *lanes) run() {
	for n := 0; ; n++ {
		c, err := a.Listener.Accept()
		switch {
		case err == nil:
			a.place(c.(*conn), n)
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

// place puts a connection into a lane, the n-th into the n-th, or hands it over when it is of another kind than lanes take.
func (a *lanes) place(c *conn, n int) {
	if len(a.all) > 0 && (c.peer.known || a.switches) {
		one := &laneConn{conn: c, since: time.Now()}
		if t, ok := c.RemoteAddr().(*net.TCPAddr); ok {
			one.from = t.AddrPort().Addr().Unmap()
		}
		var err error
		if one.fd, err = detach(c.Conn); err == nil {
			a.all[n%len(a.all)].add(one)
			return
		}
		a.server.log.Debug("connection is not taken into a lane", "err", err)
	}
	a.group.Go(func() { a.hand(c) })
}

// hand gives a connection to net/http.
func (a *lanes) hand(c *conn) {
	select {
	case a.handed <- c:
	case <-a.closed:
		c.Close()
	}
}

// detach takes a connection away from Go's poller, which would be told of each request beside a lane's. c is closed then, and fd is the connection.
func detach(c net.Conn) (fd int, err error) {
	u, ok := c.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("a %T is no socket", c)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return -1, err
	}
	failure := raw.Control(func(self uintptr) { fd, err = unix.FcntlInt(self, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(failure, err); err != nil {
		return -1, err
	}
	return fd, c.Close()
}

// attach is the reverse of detach; fd is closed in any case.
func attach(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	return net.FileConn(f)
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

// Close stops accepting and ends the lanes: requests that have come are answered first.
func (a *lanes) Close() error {
	a.end(nil)
	return a.Listener.Close()
}

// wait waits until every lane has ended; requests that are not answered by then are cancelled.
func (a *lanes) wait(limit time.Duration, cancel context.CancelFunc) {
	timer := time.AfterFunc(limit, cancel)
	defer timer.Stop()
	a.group.Wait()
}
