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
)

// peer is who is at the other end of a unix socket, as the kernel says (SO_PEERCRED, taken when the connection was made).
type peer struct {
	uid     uint32
	pid     int32
	account string // "uid:N": the name under which messages are accepted
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
	return peer{uid: cred.Uid, pid: cred.Pid, account: "uid:" + strconv.FormatUint(uint64(cred.Uid), 10)}, nil
}

// administers tells whether an account may do what only administrators may: as long as none are configured, root and the daemon's own user.
func administers(account string) bool {
	return account == "uid:0" || account == "uid:"+strconv.Itoa(os.Getuid())
}

// accountKey is the key of the account in the context of a connection.
type accountKey struct{}

// withAccount makes the account of a connection known to its requests.
func withAccount(ctx context.Context, c net.Conn) context.Context {
	if c, ok := c.(*conn); ok && c.peer.account != "" {
		return context.WithValue(ctx, accountKey{}, c.peer.account)
	}
	return ctx
}

// accountOf returns who asks; it is an error when that is not known.
func accountOf(r *http.Request) (string, error) {
	if account, ok := r.Context().Value(accountKey{}).(string); ok {
		return account, nil
	}
	return "", api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "It is not known who asks", "use the unix socket: its peer credentials are the identity")
}
