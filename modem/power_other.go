//go:build !linux

package modem

import "os/exec"

// ownGroup does nothing where process groups are not known: the command itself is killed.
func ownGroup(*exec.Cmd) {}
