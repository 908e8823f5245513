//go:build !linux

package modem

import (
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"go.bug.st/serial"
)

// serialPort gives a library port the shape of Port. Its writes have no deadline: the guard closes a port that takes none.
type serialPort struct {
	serial.Port
	lock *uucpLock
}

// SetWriteDeadline does nothing.
func (serialPort) SetWriteDeadline(time.Time) error { return nil }

// Close closes the port and releases its lock.
func (p serialPort) Close() error {
	defer p.lock.release()
	return p.Port.Close()
}

// openPath opens and locks the port at path. Errors are *SetupError.
func openPath(path string, baud int, log *slog.Logger) (Port, error) {
	lock, err := lockDevice(uucpLocks, path, log)
	if err != nil {
		return nil, &SetupError{Reason: ReasonBusy, Err: err, Hint: "another program has this port open: stop it"}
	}
	port, err := serial.Open(path, &serial.Mode{BaudRate: baud})
	if err == nil {
		return serialPort{port, lock}, nil
	}
	lock.release()
	e := &SetupError{Reason: ReasonOpen, Err: err, Hint: portsHint(herePorts())}
	var pe *serial.PortError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Reason = ReasonMissing
	case errors.As(err, &pe):
		switch pe.Code() {
		case serial.PortNotFound:
			e.Reason = ReasonMissing
		case serial.PortBusy:
			e.Reason, e.Hint = ReasonBusy, "another program has this port open: stop it"
		case serial.PermissionDenied:
			e.Reason, e.Hint = ReasonPermission, "let the user of this program open the port"
		}
	}
	return nil, e
}

// usable cannot tell here without opening.
func usable(string) error { return nil }
