package modem

import (
	"path/filepath"
	"strings"
)

// portsLimit bounds how many ports a hint names.
const portsLimit = 8

// portsHint names the serial ports that exist, so that a wrong path can be put right.
func portsHint() string {
	names := listPorts()
	if len(names) == 0 {
		return "no serial port is there: is the modem plugged in and powered, and not in CD-ROM mode?"
	}
	if len(names) > portsLimit {
		names = append(names[:portsLimit], "…")
	}
	return "serial ports that are there: " + strings.Join(names, ", ")
}

// speed returns the line speed for the next attempt.
func (m *Modem) speed() int {
	if m.config.Baud != 0 {
		return m.config.Baud
	}
	return autoBauds[m.baud%len(autoBauds)]
}

// realPath follows links; a path that cannot be followed stays as it is.
func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
