package modem

import (
	"context"
	"io"
	"sync"
)

var bg = context.Background()

// link is the stream that one at value reads and writes. Read waits for lines of the guard and never returns nothing
// without an error; after close it ends, and with it the at value.
type link struct {
	write func([]byte) (int, error)

	mu     sync.Mutex
	ready  sync.Cond
	buf    []byte
	closed bool
}

func newLink(write func([]byte) (int, error)) *link {
	l := &link{write: write}
	l.ready.L = &l.mu
	return l
}

// Read implements io.Reader.
func (l *link) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.buf) == 0 && !l.closed {
		l.ready.Wait()
	}
	if l.closed {
		return 0, io.EOF
	}
	n := copy(p, l.buf)
	l.buf = l.buf[n:]
	return n, nil
}

// Write implements io.Writer.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return 0, io.ErrClosedPipe
	}
	return l.write(p)
}

// feed gives one line to the at value.
func (l *link) feed(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(append(l.buf, s...), '\r', '\n')
	l.ready.Signal()
}

func (l *link) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.ready.Signal()
}
