package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// programLimit bounds each program that doctor asks.
const programLimit = 10 * time.Second

// thisHost is the machine that the program runs on.
func thisHost() host {
	_, err := os.Stat("/run/systemd/system")
	return host{proc: "/proc", user: "trunkline", booted: err == nil, now: time.Now, clock: kernelClock, mount: mountOf,
		rules: []string{"/etc/udev/rules.d/60-trunkline.rules", "/usr/lib/udev/rules.d/60-trunkline.rules", "/lib/udev/rules.d/60-trunkline.rules"},
		run: func(ctx context.Context, program string, args ...string) (string, error) {
			out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
			return string(out), err
		},
		listen: func(network, address string) (io.Closer, error) { return net.Listen(network, address) }}
}

// kernelClock tells whether the kernel believes that its clock is right (adjtimex(2), STA_UNSYNC).
func kernelClock() (bool, error) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false, err
	}
	return t.Status&unix.STA_UNSYNC == 0, nil
}

// examineClock looks whether times can be believed: they decide about what is due, and stand in every record.
func (d *doctor) examineClock() {
	now := d.now()
	if built, err := time.Parse(time.RFC3339, thisBuild().Time); err == nil && now.Before(built) {
		d.add(levelError, "clock", now.Format(time.RFC3339), "set it: timedatectl set-time, or install chrony or systemd-timesyncd", "the clock is behind the day on which this program was built")
		return
	}
	synchronised, err := d.clock()
	switch {
	case err != nil:
		d.add(levelNote, "clock", "", "", "whether it is right cannot be found out: %v", err)
	case !synchronised:
		d.add(levelWarning, "clock", now.Format(time.RFC3339), "install chrony or systemd-timesyncd; in a container this is for the machine around it", "nothing keeps the clock right")
	default:
		d.add(levelOK, "clock", "", "", "synchronised")
	}
}

// mountInfo is where a path lies.
type mountInfo struct {
	kind             string // name of the file system
	readOnly         bool
	size, free       uint64 // bytes; free is what a user without privileges may still write
	inodes, inodeFew uint64 // all, and those left
}

// kinds are file systems by their magic numbers (statfs(2)) that a database should not lie on, with the reason.
var badKinds = map[string]string{
	"tmpfs":   "what is accepted is lost when the machine is switched off",
	"ramfs":   "what is accepted is lost when the machine is switched off",
	"overlay": "in a container it is lost with the container: mount a volume there",
	"nfs":     "locks and syncs over a network are not what the database needs",
	"cifs":    "locks and syncs over a network are not what the database needs",
	"fuse":    "whether a sync reaches the disk depends on the program behind it",
}

// kindOf names a file system by its magic number (linux/magic.h), only those that matter here.
func kindOf(magic int64) string {
	switch magic {
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.RAMFS_MAGIC:
		return "ramfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay"
	case unix.NFS_SUPER_MAGIC:
		return "nfs"
	case unix.CIFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "cifs"
	case unix.FUSE_SUPER_MAGIC:
		return "fuse"
	}
	return ""
}

// mountOf asks the kernel about the nearest folder of a path that exists.
func mountOf(path string) (mountInfo, error) {
	for path != "/" {
		if _, err := os.Stat(path); err == nil {
			break
		}
		path = filepath.Dir(path)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return mountInfo{}, fmt.Errorf("look at the file system of %s: %w", path, err)
	}
	block := uint64(st.Bsize)
	return mountInfo{kind: kindOf(int64(st.Type)), readOnly: st.Flags&unix.ST_RDONLY != 0, size: st.Blocks * block, free: st.Bavail * block, inodes: st.Files, inodeFew: st.Ffree}, nil
}

// examineDisk looks where the database lies and whether there is room.
func (d *doctor) examineDisk() {
	if d.config == nil {
		return
	}
	folder := filepath.Dir(d.config.Store.Path)
	m, err := d.mount(folder)
	if err != nil {
		d.add(levelError, "disk", folder, "", "%v", err)
		return
	}
	bad := len(d.found)
	if _, err := os.Stat(folder); os.IsNotExist(err) {
		d.add(levelError, "disk", folder, fmt.Sprintf("install -d -m 700 -o %s -g %s %s", d.user, d.user, folder), "the folder of the database does not exist")
	}
	if m.readOnly {
		d.add(levelError, "disk", folder, "mount it writable; a file system that became read-only by itself has errors: dmesg, then fsck", "the file system is read-only")
	}
	if why, ok := badKinds[m.kind]; ok {
		d.add(levelWarning, "disk", folder, "put store.path on a local disk", "it lies on %s: %s", m.kind, why)
	}
	if m.size > 0 {
		used := 100 - int(m.free*100/m.size)
		switch {
		case used >= d.config.Store.RefuseAt && m.free < uint64(d.config.Store.EnoughRoom):
			d.add(levelError, "disk", folder, "make room, or move the database", "%d%% are used, %s are left: new messages are refused", used, sizeText(m.free))
		case used >= 85 && m.free < 1<<30:
			d.add(levelWarning, "disk", folder, "make room soon", "%d%% are used, %s are left", used, sizeText(m.free))
		}
	}
	if m.inodes > 0 && m.inodeFew*100/m.inodes < 2 {
		d.add(levelWarning, "disk", folder, "something makes very many files: df -i", "only %d files can still be made", m.inodeFew)
	}
	if len(d.found) == bad {
		d.add(levelOK, "disk", folder, "", "%s are free", sizeText(m.free))
	}
}

func sizeText(bytes uint64) string {
	switch {
	case bytes >= 10<<30:
		return strconv.FormatUint(bytes>>30, 10) + " GiB"
	case bytes >= 10<<20:
		return strconv.FormatUint(bytes>>20, 10) + " MiB"
	}
	return strconv.FormatUint(bytes>>10, 10) + " KiB"
}

// examineUnit looks whether the unit is installed, starts with the machine, and is as closed as it was shipped.
func (d *doctor) examineUnit(ctx context.Context) {
	const unit = "trunkline.service"
	if !d.booted {
		d.add(levelNote, "unit", "", "", "systemd does not run this machine")
		return
	}
	text, err := output(ctx, d.run, "systemctl", "show", unit, "--property=LoadState,ActiveState,UnitFileState,TimeoutStopUSec,Restart,WatchdogUSec")
	if err != nil {
		d.add(levelNote, "unit", unit, "", "systemctl does not tell of it: %v", err)
		return
	}
	is := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			is[key] = value
		}
	}
	if is["LoadState"] != "loaded" {
		d.add(levelWarning, "unit", unit, "install the package, or copy systemd/trunkline.service to /etc/systemd/system and run systemctl daemon-reload", "it is not installed (%s)", oneOf(is["LoadState"], "unknown"))
		return
	}
	bad := len(d.found)
	if is["UnitFileState"] != "enabled" {
		d.add(levelWarning, "unit", unit, "systemctl enable trunkline", "it does not start with the machine (%s)", oneOf(is["UnitFileState"], "disabled"))
	}
	watched := is["WatchdogUSec"] != "0" && is["WatchdogUSec"] != "infinity" || is["ActiveState"] != "active" // known only while it runs
	if is["Restart"] != "always" || !watched {
		d.add(levelWarning, "unit", unit, "set Restart=always and WatchdogSec=60", "a daemon that ends or hangs is not started again")
	}
	if limit, ok := systemdTime(is["TimeoutStopUSec"]); ok && d.config != nil {
		for name, m := range d.config.Modem {
			if need := m.SendTimeout + 20*time.Second; limit < need {
				d.add(levelWarning, "unit", unit, fmt.Sprintf("set TimeoutStopSec=%d or more", int(need.Seconds())), "a stop gives up after %s, but modem %s may wait %s for the network's answer", limit, name, m.SendTimeout)
			}
		}
	}
	if text, err := output(ctx, d.run, "systemd-analyze", "security", "--no-pager", "--threshold=20", unit); err != nil {
		d.add(levelWarning, "unit", unit, "systemctl cat trunkline shows the drop-ins; take back what opens it", "%s", oneOf(lastLine(text), err.Error()))
	}
	if len(d.found) == bad {
		d.add(levelOK, "unit", unit, "", "installed, starts with the machine, closed as it was shipped")
	}
}

// systemdTime reads a time span as systemctl show prints it, e.g. "3min 20s".
func systemdTime(s string) (time.Duration, bool) {
	if s == "infinity" {
		return 1<<63 - 1, true
	}
	s = strings.NewReplacer("min", "m", " ", "").Replace(s)
	v, err := time.ParseDuration(s)
	return v, err == nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
