package httpd

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"trunkline/api"
	"trunkline/router/access"
)

// peer is who is at the other end of a unix socket, as the kernel says (SO_PEERCRED, taken when the connection was made). The zero value is nobody.
type peer struct {
	known bool
	uid   uint32
	pid   int32
}

// peerOf asks the kernel.
func peerOf(c net.Conn) (peer, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return peer{}, fmt.Errorf("a %T has no peer credentials", c)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var cred *unix.Ucred
	var failure error
	if err := raw.Control(func(fd uintptr) { cred, failure = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return peer{}, err
	}
	if failure != nil {
		return peer{}, fmt.Errorf("peer credentials: %w", failure)
	}
	return peer{known: true, uid: cred.Uid, pid: cred.Pid}, nil
}

// localRights is what a user of this machine may who is let onto the socket and is no administrator: send, and see what becomes of it.
var localRights = access.Of(access.MessageSend, access.StatisticsView, access.SettingsView, access.CallPatternView)

// localUser returns who a user of this machine is as long as no administrator is linked to it: root and the daemon's own user may do everything.
func localUser(uid uint32) access.Principal {
	p := access.Principal{Account: "uid:" + strconv.FormatUint(uint64(uid), 10), Role: access.PlatformOwner(), Permissions: localRights}
	if uid == 0 || int(uid) == os.Getuid() {
		p.Permissions = access.Every
	}
	return p
}

// connKey is the key of the connection in the context of its requests; principalKey that of who asks, when something in front of the routes knows it.
type (
	connKey      struct{}
	principalKey struct{}
)

// withConn makes a connection known to its requests.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, connKey{}, c)
	}
	return ctx
}

// principalOf returns who asks; it is an error when that is not known.
func (s *Server) principalOf(r *http.Request) (access.Principal, error) {
	if p, ok := r.Context().Value(principalKey{}).(access.Principal); ok {
		return p, nil
	}
	if c, ok := r.Context().Value(connKey{}).(*conn); ok && c.peer.known {
		return localUser(c.peer.uid), nil
	}
	return access.Principal{}, api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "It is not known who asks", "use the unix socket: its peer credentials are the identity")
}

// forbidden answers who may not do something to any object at all.
func forbidden(need access.Permission) error {
	return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "That is not permitted", "it needs the permission "+need.String())
}
