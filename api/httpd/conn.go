package httpd

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"trunkline/api"
)

// conn is a connection on the socket, or over TCP: it knows who is at the other end, and keeps what is not strict HTTP from the server behind it.
type conn struct {
	net.Conn
	peer    peer
	secure  bool // TLS is spoken
	guard   guard
	release func() // gives its place in the user's count back; may be called again
	pending []byte // read already; given out before anything else
	refused bool   // only used by the goroutine that reads
}

// Read returns only octets that the guard let pass. At the first that it did not, the peer gets a problem and the connection ends.
func (c *conn) Read(b []byte) (int, error) {
	if c.refused {
		return 0, io.EOF
	}
	var n int
	var err error
	if len(c.pending) > 0 {
		n = copy(b, c.pending)
		c.pending = c.pending[n:]
	} else {
		n, err = c.Conn.Read(b)
	}
	if n > 0 {
		if p := c.guard.feed(b[:n]); p != nil {
			c.refused = true
			refuse(c.Conn, p)
			return 0, io.EOF
		}
	}
	return n, err
}

// Close closes the connection and gives its place back.
func (c *conn) Close() error {
	c.release()
	return c.Conn.Close()
}

// refuse answers with a problem, if the peer takes it at once, and closes.
func refuse(c net.Conn, p *api.Problem) {
	c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	c.Write(appendProblem(nil, "", p))
	c.Close()
}

func tooManyConnections(limit int) *api.Problem {
	return api.NewProblem(http.StatusServiceUnavailable, api.CodeTooManyConnections, "Too many connections",
		"this user has "+strconv.Itoa(limit)+" connections open, and no more are taken")
}
