package ports

import (
	"bytes"
	"strings"
)

// An Event is one message of the kernel about a device.
type Event struct {
	Action    string // "add", "remove", "change", "bind", …
	Path      string // of the device below sysfs
	Subsystem string // "tty", "usb", …
	Name      string // DEVNAME, as "ttyUSB0" or "bus/usb/001/004"; "" when it has no node
}

const (
	eventOctets = 8 << 10 // UEVENT_BUFFER_SIZE of the kernel is 2 KiB, its header comes on top
	eventFields = 64      // UEVENT_NUM_ENVP of the kernel
)

// ParseEvent reads one datagram of the kernel: "ACTION@DEVPATH", then KEY=VALUE fields, each ended by NUL
// (linux/lib/kobject_uevent.c). Messages of udev, which begin with "libudev", are not for here. ok is false for anything else.
func ParseEvent(b []byte) (e Event, ok bool) {
	if len(b) > eventOctets || bytes.HasPrefix(b, []byte("libudev")) {
		return e, false
	}
	head, rest, found := bytes.Cut(b, []byte{0})
	action, path, at := strings.Cut(string(head), "@")
	if !found || !at || action == "" || !strings.HasPrefix(path, "/") {
		return e, false
	}
	e = Event{Action: clean(action), Path: clean(path)}
	for range eventFields {
		var field []byte
		if field, rest, found = bytes.Cut(rest, []byte{0}); !found {
			break
		}
		key, value, _ := strings.Cut(string(field), "=")
		switch key {
		case "SUBSYSTEM":
			e.Subsystem = clean(value)
		case "DEVNAME":
			e.Name = clean(strings.TrimPrefix(value, "/dev/"))
		}
	}
	return e, true
}

// about tells whether a change of serial ports may have caused the event, or follow it.
func (e Event) about() bool {
	return e.Subsystem == "tty" || e.Subsystem == "usb" || e.Subsystem == "usb-serial"
}
