//go:build !linux && !windows

package modem

import "go.bug.st/serial"

// listPorts returns the serial ports that exist.
func listPorts() []string {
	names, err := serial.GetPortsList()
	if err != nil {
		return nil
	}
	return names
}
