package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A run starts this same program anew under another name. It then gives up what the other program is not to have, and becomes it: between fork and exec a
// Go program can do nothing itself.

const (
	confineName   = "trunkline-confine"
	confineExit   = 126
	confineFailed = "trunkline-confine: "
)

// order is what the second start is told, as its only argument.
type order struct {
	Config Config   `json:"config"`
	Argv   []string `json:"argv"`
}

// Confined tells whether this process was started by a Runner. Then main calls Confine before anything else.
func Confined() bool { return len(os.Args) == 2 && os.Args[0] == confineName }

// Confine gives up all that the program is not to have and becomes it. It does not return.
func Confine() {
	err := confine()
	fmt.Fprintln(os.Stderr, confineFailed+err.Error())
	os.Exit(confineExit)
}

func confine() error {
	var o order
	if err := json.Unmarshal([]byte(os.Args[1]), &o); err != nil || len(o.Argv) == 0 {
		return errors.New("it is not told what to run")
	}
	runtime.LockOSThread() // what follows is of this thread, and exec keeps only it
	c := o.Config
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	if err := dropCapabilities(); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	if !c.Unconfined {
		if err := restrictFiles(c); err != nil {
			return err
		}
		if !c.Network {
			if err := forbidSockets(); err != nil {
				return fmt.Errorf("forbid the network: %w", err)
			}
		}
	}
	if err := closeFiles(); err != nil {
		return err
	}
	seconds := uint64((c.CPU + 999_999_999) / 1_000_000_000)
	for _, l := range []struct {
		what, n int
		value   uint64
	}{{unix.RLIMIT_CPU, 0, seconds}, {unix.RLIMIT_NOFILE, 0, uint64(c.Files)}, {unix.RLIMIT_FSIZE, 0, uint64(c.FileSize)}, {unix.RLIMIT_CORE, 0, 0}, {unix.RLIMIT_AS, 0, uint64(c.Memory)}} {
		// Directly, so that the runtime does not put its own limit of files back at exec.
		if err := unix.Prlimit(0, l.what, &unix.Rlimit{Cur: l.value, Max: l.value}, nil); err != nil {
			return fmt.Errorf("limit %d to %d: %w", l.what, l.value, err)
		}
	}
	return fmt.Errorf("run %s: %w", o.Argv[0], unix.Exec(o.Argv[0], o.Argv, os.Environ()))
}

// closeFiles lets exec close everything but the standard files.
func closeFiles() error {
	err := unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) {
		return nil // everything that the runtime opens is closed at exec anyway
	}
	return err
}

// system is what every program may read and run: programs, libraries, and what they need to start. Nothing of the gateway is among it.
func system() []string {
	return []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/alternatives",
		"/etc/localtime", "/etc/timezone", "/etc/locale.alias", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/etc/resolv.conf", "/etc/ssl", "/etc/gai.conf", "/etc/services",
		"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/full"}
}

const (
	readFile = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE
	readTree = readFile | unix.LANDLOCK_ACCESS_FS_READ_DIR
	// writeFile and writeTree are what the first version of Landlock knows; later ones add to them.
	writeFile = unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	writeTree = writeFile | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
)

// landlockABI returns the version of Landlock that the kernel has.
func landlockABI() (int, error) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 || abi < 1 {
		return 0, fmt.Errorf("this kernel cannot confine programs (Landlock: %w); use Linux 5.13 or later with it enabled, or set unconfined = true for programs that you trust", errno)
	}
	return int(abi), nil
}

// restrictFiles lets this thread see only what the program may.
func restrictFiles(c Config) error {
	abi, err := landlockABI()
	if err != nil {
		return err
	}
	handled := uint64(readTree | writeTree)
	file := uint64(writeFile)
	tree := uint64(writeTree)
	if abi >= 2 {
		handled |= unix.LANDLOCK_ACCESS_FS_REFER
		tree |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		handled |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
		file |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
		tree |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled}
	if abi >= 4 && !c.Network {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return fmt.Errorf("make rules for Landlock: %w", errno)
	}
	allow := func(path string, files, folders uint64, must bool) error {
		at, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			if !must {
				return nil // not every system has everything
			}
			return fmt.Errorf("%s: %w", path, err)
		}
		defer unix.Close(at)
		var st unix.Stat_t
		if err := unix.Fstat(at, &st); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		access := files
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			access = folders
		}
		rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(at)}
		_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, fd, unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
		if errno != 0 {
			return fmt.Errorf("allow %s by Landlock: %w", path, errno)
		}
		return nil
	}
	for _, path := range system() {
		if err := allow(path, readFile, readTree, false); err != nil {
			return err
		}
	}
	if err := allow("/dev/null", readFile|file, 0, false); err != nil {
		return err
	}
	for _, path := range append([]string{c.Path}, c.Read...) {
		if err := allow(path, readFile, readTree, true); err != nil {
			return err
		}
	}
	if real, err := filepath.EvalSymlinks(c.Path); err == nil && real != c.Path {
		if err := allow(real, readFile, 0, true); err != nil {
			return err
		}
	}
	for _, path := range c.Write {
		if err := allow(path, readFile|file, readTree|tree, true); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("confine by Landlock: %w", errno)
	}
	return unix.Close(int(fd))
}

// forbidSockets installs a filter that refuses to make sockets of any kind: without one there is no network, and no talking to other programs of the machine.
// io_uring could make them past the filter, and is refused too, and so is every system call in the numbers of another machine, which a processor may understand as well.
func forbidSockets() error {
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		least  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
		answer = unix.BPF_RET | unix.BPF_K
		x32    = 0x40000000 // system calls of another ABI of the same machine
		atNr   = 0          // offsets in struct seccomp_data
		atArch = 4
	)
	arch, ok := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64, "arm": unix.AUDIT_ARCH_ARM}[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("not known for %s: set network = true for programs that may have it", runtime.GOARCH)
	}
	deny := uint32(unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES))
	filter := []unix.SockFilter{
		{Code: load, K: atArch},
		{Code: equal, K: arch, Jf: 5},
		{Code: load, K: atNr},
		{Code: least, K: x32, Jt: 3},
		{Code: equal, K: unix.SYS_SOCKET, Jt: 2},
		{Code: equal, K: unix.SYS_IO_URING_SETUP, Jt: 1},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
		{Code: answer, K: deny},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := syscall.Syscall(unix.SYS_PRCTL, unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return errno
	}
	return nil
}
