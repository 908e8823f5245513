package httpd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// maxSocketPath is the longest path of a unix socket, in bytes (unix(7): 108 with the final NUL).
const maxSocketPath = 107

// Listen makes the unix socket with its mode and group. A socket that nobody answers on any more is replaced; one that a daemon answers on is not,
// and the error says which process that is. Closing the listener removes the file.
func Listen(c Config) (net.Listener, error) {
	mode, err := c.socketMode()
	if err != nil {
		return nil, fmt.Errorf("socket_mode: %w", err)
	}
	gid, err := c.socketGroup()
	if err != nil {
		return nil, fmt.Errorf("socket_group: %w", err)
	}
	if err := clearPath(c.Socket); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", c.Socket)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("socket %s: there is no directory %s", c.Socket, filepath.Dir(c.Socket))
	}
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", c.Socket, err)
	}
	if gid >= 0 {
		err = os.Chown(c.Socket, -1, gid)
	}
	if err == nil { // the mode comes last: it may let a group in that the file did not have before
		err = os.Chmod(c.Socket, os.FileMode(mode))
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("socket %s: %w", c.Socket, err)
	}
	return l, nil
}

// clearPath makes room for a socket, by removing one that is dead.
func clearPath(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("socket %s: %w", path, err)
	case info.Mode()&os.ModeSocket == 0:
		return fmt.Errorf("socket %s: a file that is no socket is in the way", path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		defer c.Close()
		owner := "another process"
		if p, err := peerOf(c); err == nil && p.pid > 0 {
			owner = fmt.Sprintf("process %d", p.pid)
		}
		return fmt.Errorf("socket %s: %s is listening there already", path, owner)
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("socket %s: remove a dead one: %w", path, err)
		}
		return nil
	}
	return fmt.Errorf("socket %s: %w", path, err)
}

// listener accepts connections with their peer's credentials, at most limit of one user at a time.
type listener struct {
	net.Listener
	header  int // longest head of a request
	limit   int // connections per user, 0: any number
	log     *slog.Logger
	metrics *metrics

	mu   sync.Mutex
	open map[uint32]int // by uid
}

// Accept returns the next connection that is not refused, always a *conn.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		p, err := peerOf(c)
		if err != nil { // not a unix socket, or gone already: requests that need an account are refused
			l.log.Debug("connection without credentials", "err", err)
			return &conn{Conn: c, guard: guard{limit: l.header}, release: func() {}}, nil
		}
		if !l.take(p.uid) {
			l.metrics.refused.Inc()
			refuse(c, tooManyConnections(l.limit))
			continue
		}
		return &conn{Conn: c, peer: p, guard: guard{limit: l.header}, release: sync.OnceFunc(func() { l.give(p.uid) })}, nil
	}
}

func (l *listener) take(uid uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.limit > 0 && l.open[uid] >= l.limit {
		return false
	}
	l.open[uid]++
	return true
}

func (l *listener) give(uid uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[uid]--; l.open[uid] <= 0 {
		delete(l.open, uid)
	}
}
