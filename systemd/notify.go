// Package systemd speaks with the service manager: it tells when the daemon is ready, reloading or stopping, feeds the watchdog, and takes over the sockets
// that systemd opened. Without systemd every function does nothing. Beside it lie the unit, socket, sysusers and udev files.
package systemd

import (
	"fmt"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Ready says that the daemon serves, with one line for people.
func Ready(status string) error { return notify(daemon.SdNotifyReady + statusLine(status)) }

// Status replaces the line that systemctl status shows.
func Status(status string) error { return notify("STATUS=" + oneLine(status)) }

// Reloading says that the configuration is being read again; Ready has to follow (sd_notify(3), "RELOADING=1").
func Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read the monotonic clock: %w", err)
	}
	return notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/1000))
}

// Stopping says that the daemon is about to end.
func Stopping(status string) error { return notify(daemon.SdNotifyStopping + statusLine(status)) }

func statusLine(status string) string {
	if status == "" {
		return ""
	}
	return "\nSTATUS=" + oneLine(status)
}

// oneLine keeps a text from adding lines of its own to a notification.
func oneLine(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' {
			b[i] = ' '
		}
	}
	return string(b)
}

// notify sends one notification to the socket named by NOTIFY_SOCKET, if any.
func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}
