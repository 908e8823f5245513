package ports

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// trigger has the kernel send an event, by writing to the uevent file of a terminal. Without rights it asks sudo, as .ci/run does.
func trigger() error {
	var errs []error
	for _, name := range []string{"ttyS0", "tty0", "ptmx", "console"} {
		path := "/sys/class/tty/" + name + "/uevent"
		if _, err := os.Stat(path); err != nil {
			continue
		}
		err := os.WriteFile(path, []byte("change"), 0)
		if errors.Is(err, os.ErrPermission) {
			err = errors.Join(err, exec.Command("sudo", "-n", "sh", "-c", "echo change >"+path).Run())
		}
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, errors.New("no uevent file can be written"))...)
}

// cannot ends a test that this machine does not allow. On a gate that is a failure, but for containers: their /sys cannot be written to.
func cannot(t *testing.T, err error) {
	t.Helper()
	var sys unix.Statfs_t
	if os.Getenv("CI") != "true" || unix.Statfs("/sys", &sys) != nil || sys.Flags&unix.ST_RDONLY != 0 {
		t.Skip(err)
	}
	t.Fatal(err)
}

// TestWatchKernel: the kernel's events arrive without rights. Asking for one needs them.
func TestWatchKernel(t *testing.T) {
	source, err := openEvents()
	if err != nil {
		cannot(t, err)
	}
	defer source.Close()
	got := make(chan Event, 64)
	done := make(chan struct{})
	go func() { defer close(done); relay(source, got) }()
	err = trigger()
	if err == nil {
		limit := time.After(30 * time.Second)
		for e := (Event{}); e.Action != "change" || e.Subsystem != "tty"; { // others may come before
			select {
			case e = <-got:
			case <-limit:
				t.Fatal("no event came")
			}
		}
	}
	source.Close()
	<-done
	if err != nil {
		cannot(t, err)
	}
}
