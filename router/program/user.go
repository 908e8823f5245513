package program

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// credential returns as whom a program runs, nil when it is the daemon's own user.
func (c Config) credential() (*syscall.Credential, error) {
	if c.User == "" {
		return nil, nil
	}
	u, err := user.Lookup(c.User)
	if err != nil {
		if u, err = user.LookupId(c.User); err != nil {
			return nil, fmt.Errorf("there is no user %q on this machine", c.User)
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	switch {
	case err != nil || err2 != nil:
		return nil, fmt.Errorf("user %q has no number", c.User)
	case uid == 0:
		return nil, errors.New("programs do not run as root; what needs root is a unit of its own, which the program has systemd start")
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil // without further groups
}

// May tells why the program cannot be run as its user by this process, nil when it can.
func (c Config) May() error {
	as, err := c.credential()
	if err != nil || as == nil || int(as.Uid) == os.Geteuid() {
		return err
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return fmt.Errorf("the capabilities of this process are not known: %w", err)
	}
	for name, bit := range map[string]int{"CAP_SETUID": unix.CAP_SETUID, "CAP_SETGID": unix.CAP_SETGID, "CAP_KILL": unix.CAP_KILL} { // to become it, and to end what runs as it
		if data[0].Effective>>bit&1 == 0 {
			return fmt.Errorf("user %d cannot start programs as %s: it has not %s; give the unit AmbientCapabilities=CAP_SETUID CAP_SETGID CAP_KILL and the same CapabilityBoundingSet=, or have the program start a unit of its own",
				os.Geteuid(), c.User, name)
		}
	}
	return nil
}

// dropCapabilities leaves a program of an ordinary user none of what the daemon may have been given to become that user.
func dropCapabilities() error {
	if os.Getuid() == 0 {
		return nil // the kernel gives them back at exec
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return err
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	return unix.Capset(&head, &none[0])
}
