package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// uptime returns how long the machine has been running, 0 when the kernel does not say.
func uptime() time.Duration {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return time.Duration(s.Uptime) * time.Second
}
