package httpd

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"trunkline/api"
	"trunkline/api/httpd/login"
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

// fromOf returns where a request comes from; the zero value is this machine, on the socket.
func fromOf(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return from.Addr().Unmap()
}

const bearer = "Bearer "

// identify returns who asks. A token goes before all else; on the socket the peer is known; over TCP a session may be shown. It is an error when it is not known.
func (s *Server) identify(r *http.Request) (login.Known, error) {
	ctx := r.Context()
	if p, ok := ctx.Value(principalKey{}).(access.Principal); ok {
		return login.Known{Principal: p}, nil
	}
	c, _ := ctx.Value(connKey{}).(*conn)
	local := c != nil && c.peer.known
	shown := r.Header["Authorization"]
	switch {
	case len(shown) > 0:
		if s.login == nil || len(shown) > 1 || len(shown[0]) < len(bearer) || !strings.EqualFold(shown[0][:len(bearer)], bearer) {
			return login.Known{}, login.ErrDenied
		}
		return s.login.Token(ctx, strings.TrimSpace(shown[0][len(bearer):]), fromOf(r))
	case local:
		return s.localPeer(ctx, c.peer)
	case s.login == nil:
		return login.Known{}, nobody()
	}
	cookies := r.CookiesNamed(api.SessionCookie)
	if len(cookies) != 1 {
		return login.Known{}, nobody()
	}
	return s.login.Session(ctx, cookies[0].Value)
}

// localPeer returns who a user of this machine is: the administrator that it is linked to, else what its name allows. A user whose administrator is archived is
// nobody.
func (s *Server) localPeer(ctx context.Context, p peer) (login.Known, error) {
	own := login.Known{Principal: localUser(p.uid)}
	if s.login == nil {
		return own, nil
	}
	who, linked, ok, err := s.login.LocalUser(ctx, p.uid)
	switch {
	case err != nil:
		return who, err
	case ok:
		return who, nil
	case linked:
		return login.Known{}, nobody()
	}
	return own, nil
}

// nobody answers who did not show who he is.
func nobody() error {
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "It is not known who asks", "use the unix socket, whose peer credentials are the identity, or show a token or a session")
}

// forbidden answers who may not do something to any object at all.
func forbidden(need access.Permission) error {
	return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "That is not permitted", "it needs the permission "+need.String())
}
