package modem

import (
	"path/filepath"
	"strings"

	"trunkline/modem/ports"
)

// portsLimit bounds how many ports a hint names.
const portsLimit = 8

// portsHint names the serial ports that exist, so that a wrong path can be put right.
func portsHint(all []ports.Port) string {
	if len(all) == 0 {
		return "no serial port is there: is the modem plugged in and powered?"
	}
	var names []string
	for _, p := range all {
		name := p.Path
		if p.USB != nil {
			name += " (USB " + p.Place() + ", " + p.USB.ID() + ")"
		}
		names = append(names, name)
	}
	if len(names) > portsLimit {
		names = append(names[:portsLimit], "…")
	}
	return "serial ports that are there: " + strings.Join(names, ", ")
}

// herePorts returns the serial ports of this machine, for hints.
func herePorts() []ports.Port {
	l, _ := ports.List(ports.Roots{})
	return l.Ports
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
