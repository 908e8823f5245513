package systemd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// need returns the path of a program of the Debian packages systemd and udev, or skips; where CI is true it must be there.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s of the package systemd is missing", program)
	}
	t.Skipf("%s of the package systemd is missing", program)
	return ""
}

func dup(t *testing.T, fd uintptr) uintptr {
	t.Helper()
	n, err := unix.Dup(int(fd))
	if err != nil {
		t.Fatal(err)
	}
	return uintptr(n)
}

func inode(t *testing.T, f *os.File) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// installed copies the unit files to a folder, with a program that exists here in place of the installed one.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"trunkline.service", "trunkline.socket", "trunkline-metrics.socket"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		unit := strings.ReplaceAll(string(text), "/usr/bin/trunkline", "/bin/true")
		unit = strings.ReplaceAll(unit, "file:///usr/share/doc/trunkline/docs/operations.md", "")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestUnits(t *testing.T) {
	analyze := need(t, "systemd-analyze")
	dir := installed(t)
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", dir+"/trunkline.service", dir+"/trunkline.socket", dir+"/trunkline-metrics.socket").CombinedOutput()
	if err != nil || len(strings.TrimSpace(string(out))) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	// Exposure of at most 1.5 of 10.
	out, err = exec.CommandContext(t.Context(), analyze, "security", "--offline=yes", "--threshold=15", "--no-pager", dir+"/trunkline.service").CombinedOutput()
	if err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
}

func TestRules(t *testing.T) {
	udevadm := need(t, "udevadm")
	out, err := exec.CommandContext(t.Context(), udevadm, "verify", "60-trunkline.rules").CombinedOutput()
	if strings.Contains(string(out), "Unknown command verb") {
		t.Skip("udevadm of the package udev is older than 254 and cannot verify rules")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSysusers(t *testing.T) {
	tool := need(t, "systemd-sysusers")
	out, err := exec.CommandContext(t.Context(), tool, "--dry-run", "--root="+t.TempDir(), mustAbs(t, "trunkline.sysusers.conf")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "trunkline") {
		t.Errorf("%v\n%s", err, out)
	}
}

func mustAbs(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSerialAccess: however tight the unit is, it lets the daemon open serial ports and nothing else of /dev.
func TestSerialAccess(t *testing.T) {
	text, err := os.ReadFile("trunkline.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := string(text)
	for _, line := range []string{"DevicePolicy=closed", "DeviceAllow=char-ttyUSB rw", "DeviceAllow=char-ttyACM rw", "DeviceAllow=char-ttyS rw", "SupplementaryGroups=dialout"} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit lacks %q", line)
		}
	}
	for _, line := range []string{"PrivateDevices=yes", "PrivateUsers=yes"} {
		if strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit has %q, which hides serial ports or the users of the socket", line)
		}
	}
}

func TestTmpfiles(t *testing.T) {
	tool := need(t, "systemd-tmpfiles")
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": "root:x:0:0:root:/root:/bin/sh\ntrunkline:x:990:990::/:/bin/false\n", "group": "root:x:0:\ntrunkline:x:990:\n"} {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("systemd-tmpfiles gives files to other users: needs root")
	}
	out, err := exec.CommandContext(t.Context(), tool, "--create", "--root="+root, mustAbs(t, "trunkline.tmpfiles.conf")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for path, want := range map[string]string{"etc/trunkline": "750 0 990", "var/lib/trunkline": "700 990 990"} {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(root, path), &st); err != nil {
			t.Error(err)
			continue
		}
		if got := fmt.Sprintf("%o %d %d", st.Mode&0o777, st.Uid, st.Gid); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
