//go:build !linux

package emulator

import (
	"errors"
	"os"
)

// terminal exists on Linux only.
type terminal struct {
	master *os.File
	path   string
}

func openTerminal(string) (*terminal, error) { return nil, errors.ErrUnsupported }

func (t *terminal) close() {}
