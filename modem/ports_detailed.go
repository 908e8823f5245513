//go:build linux || windows

package modem

import "go.bug.st/serial/enumerator"

// listPorts returns the serial ports that exist, USB ones with their identity.
func listPorts() []string {
	ports, err := enumerator.GetDetailedPortsList()
	if err != nil {
		return nil
	}
	var names []string
	for _, p := range ports {
		name := p.Name
		if p.IsUSB {
			name += " (USB " + p.VID + ":" + p.PID
			if p.SerialNumber != "" {
				name += " " + p.SerialNumber
			}
			name += ")"
		}
		names = append(names, name)
	}
	return names
}
