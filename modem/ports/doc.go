// Package ports knows the serial ports of this machine: which there are, which USB device and interface each belongs to,
// what it is likely good for, which modems are plugged in but show no port, and when any of that changes.
//
// Everything is read from the file trees of the kernel below Roots; nothing is opened. What a device says about itself is
// cleaned before it is kept: a stick can call itself anything.
package ports

import "path/filepath"

// Roots are the trees that are read. The zero value means those of the running system.
type Roots struct {
	Sys string // sysfs; "" means /sys
	Dev string // device nodes; "" means /dev
}

func (r Roots) sys(elem ...string) string { return under(r.Sys, "/sys", elem) }
func (r Roots) dev(elem ...string) string { return under(r.Dev, "/dev", elem) }

func under(root, normal string, elem []string) string {
	if root == "" {
		root = normal
	}
	return filepath.Join(append([]string{root}, elem...)...)
}
