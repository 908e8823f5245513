package modem

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// busyError names who holds a device, when that can be seen, and what to do about it.
func busyError(path string, err error) error {
	e := &SetupError{Reason: ReasonBusy, Err: err, Hint: "another program has this port open: stop it, or run as a user that may see which"}
	pid, program := holder(path)
	if lock := lockPath(uucpLocks, path); pid == 0 && lock != "" {
		// Whose files are open only root may see, but a lock file names its owner.
		if p, alive := lockHolder(lock); alive && p != 0 && p != os.Getpid() {
			pid, program = p, programOf(p)
		}
	}
	if pid == 0 {
		return e
	}
	e.Err = fmt.Errorf("%w (held by %s, pid %d)", err, program, pid)
	e.Hint = remedy(program, pid, path)
	return e
}

// remedy says how to get a port back from a program.
func remedy(program string, pid int, path string) string {
	switch program {
	case "ModemManager":
		return fmt.Sprintf("ModemManager (pid %d) has it: add a udev rule with ENV{ID_MM_DEVICE_IGNORE}=\"1\" for this modem, or systemctl disable --now ModemManager", pid)
	case "agetty", "getty", "login":
		return fmt.Sprintf("a login prompt (pid %d) has it: systemctl disable --now serial-getty@%s.service", pid, filepath.Base(realPath(path)))
	case "brltty":
		return fmt.Sprintf("brltty (pid %d) takes USB adapters for braille displays: remove the package brltty when there is none", pid)
	case "pppd":
		return fmt.Sprintf("pppd (pid %d) has dialled in over it: end the connection, or give the gateway the other AT port of the modem", pid)
	case "trunkline":
		return fmt.Sprintf("another trunkline (pid %d) has it: trunkline modem list shows which modem of the daemon", pid)
	}
	return fmt.Sprintf("stop %s (pid %d) or give it another port", program, pid)
}

// holder looks for a process that has path open, this one excepted; 0 when none can be seen.
func holder(path string) (pid int, program string) {
	want := realPath(path)
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return 0, ""
	}
	for _, p := range procs {
		n, err := strconv.Atoi(p.Name())
		if err != nil || n == os.Getpid() {
			continue
		}
		fds, err := os.ReadDir(filepath.Join("/proc", p.Name(), "fd"))
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if to, err := os.Readlink(filepath.Join("/proc", p.Name(), "fd", fd.Name())); err == nil && to == want {
				return n, programOf(n)
			}
		}
	}
	return 0, ""
}

// programOf returns the name of a process.
func programOf(pid int) string {
	comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return "a process"
	}
	return strings.TrimSpace(string(comm))
}

// groupOf returns the name of the group that owns path, "" when it cannot be found or is root's.
func groupOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Gid == 0 {
		return ""
	}
	g, err := user.LookupGroupId(strconv.Itoa(int(st.Gid)))
	if err != nil {
		return ""
	}
	return g.Name
}
