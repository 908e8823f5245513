package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// disk is a file system of its own in a file, mounted on a loop device.
type disk struct {
	t     *testing.T
	image string
	path  string // where it is mounted
	up    bool
}

// newDisk makes and mounts an ext4 or xfs file system of a size in MiB. It needs root, loop devices and the Debian packages mount, e2fsprogs and
// xfsprogs; under CI it is skipped only when the kernel has no loop devices.
func newDisk(t *testing.T, kind string, megabytes int64) *disk {
	t.Helper()
	ci := os.Getenv("CI") == "true"
	for _, tool := range []struct{ name, debian string }{{"mkfs." + kind, map[string]string{"ext4": "e2fsprogs", "xfs": "xfsprogs"}[kind]}, {"mount", "mount"}} {
		if _, err := exec.LookPath(tool.name); err != nil {
			if ci {
				t.Fatalf("needs the Debian package %s", tool.debian)
			}
			t.Skipf("needs the Debian package %s", tool.debian)
		}
	}
	if os.Geteuid() != 0 {
		if ci {
			t.Fatal("needs root, to mount a file system")
		}
		t.Skip("needs root, to mount a file system")
	}
	if f, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0); err != nil {
		t.Skipf("NOT TESTED: this kernel refuses loop devices, so nothing is known about disks that lose power or are full: %v", err)
	} else {
		f.Close()
	}
	dir := t.TempDir()
	d := &disk{t: t, image: filepath.Join(dir, kind+".img"), path: filepath.Join(dir, kind)}
	f, err := os.Create(d.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(megabytes<<20), f.Close(), os.Mkdir(d.path, 0o755)); err != nil {
		t.Fatal(err)
	}
	options := map[string][]string{"ext4": {"-q", "-m", "0", d.image}, "xfs": {"-q", d.image}} // no room that only root may use
	if out, err := exec.Command("mkfs."+kind, options[kind]...).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.%s: %v\n%s", kind, err, out)
	}
	t.Cleanup(d.unmount)
	d.mount()
	return d
}

func (d *disk) mount() {
	d.t.Helper()
	if out, err := exec.Command("mount", "-o", "loop", d.image, d.path).CombinedOutput(); err != nil {
		if strings.Contains(string(out), "loop device") {
			d.t.Skipf("NOT TESTED: this kernel refuses loop devices, so nothing is known about disks that lose power or are full: %v: %s", err, out)
		}
		d.t.Fatalf("mount: %v\n%s", err, out)
	}
	d.up = true
}

func (d *disk) unmount() {
	if !d.up {
		return
	}
	if err := unix.Unmount(d.path, 0); err != nil {
		d.t.Errorf("unmount: %v", err)
		if err := unix.Unmount(d.path, unix.MNT_DETACH); err != nil {
			d.t.Errorf("unmount at last: %v", err)
		}
	}
	d.up = false
}

// Ways to cut, of the ioctl that XFS and ext4 share (XFS_IOC_GOINGDOWN, EXT4_IOC_SHUTDOWN).
const (
	shutdownIoctl = 0x8004587D
	cutFlushLog   = 1 // what the journal has in memory reaches the disk, file data that was not synced does not
	cutAtOnce     = 2 // nothing reaches the disk any more
)

// cut stops every write to the disk, as a power cut does. Data that was synced is there after the next mount; what else is there is open.
func (d *disk) cut(how uint32) {
	d.t.Helper()
	f, err := os.Open(d.path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), shutdownIoctl, int(how)); err != nil {
		d.t.Fatalf("shutdown ioctl: %v", err)
	}
}
