package config

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Log is the section [log]: what the daemon writes to its standard error.
type Log struct {
	// Level is the least important kind of line that is written: "debug", "info", "warn" or "error". Numbers are masked at every level.
	Level string `toml:"level"`
	// Format is "text", "json", "journal" (lines with the priority that journald reads), or "auto": journal under systemd, else text.
	Format string `toml:"format"`
}

var (
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"auto", "text", "json", "journal"}
)

// Validate returns everything that is wrong, each error starting with the key.
func (l Log) Validate() (errs []error) {
	oneOf := func(key, value string, known []string) {
		if !slices.Contains(known, value) {
			errs = append(errs, fmt.Errorf("%s: %q is none of %s", key, clip(value), strings.Join(known, ", ")))
		}
	}
	oneOf("level", l.Level, logLevels)
	oneOf("format", l.Format, logFormats)
	return errs
}

// SlogLevel returns the level for a slog handler.
func (l Log) SlogLevel() slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return slog.LevelInfo
	}
	return level
}
