package store

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is the section [store] of the configuration file.
type Config struct {
	Path            string        `toml:"path"`             // absolute path of the database file
	EventsKeep      time.Duration `toml:"events_keep"`      // how long events and undecodable messages are kept
	IdempotencyKeep time.Duration `toml:"idempotency_keep"` // how long an idempotency key is remembered, at most 7 days
}

// MaxIdempotencyKeep is the longest time that an idempotency key is remembered.
const MaxIdempotencyKeep = 7 * 24 * time.Hour

// Default returns the settings that are right for most.
func Default() Config {
	return Config{Path: "/var/lib/trunkline/trunkline.db", EventsKeep: 30 * 24 * time.Hour, IdempotencyKeep: 24 * time.Hour}
}

// Validate returns everything that is wrong, each with the key it is about.
func (c Config) Validate() []error {
	var errs []error
	if !filepath.IsAbs(c.Path) {
		errs = append(errs, fmt.Errorf("path: %q is not absolute; write it from the root, such as %q", c.Path, Default().Path))
	}
	if c.EventsKeep < time.Hour {
		errs = append(errs, fmt.Errorf("events_keep: %s is too short; followers need at least 1h to catch up", c.EventsKeep))
	}
	if c.IdempotencyKeep < time.Minute || c.IdempotencyKeep > MaxIdempotencyKeep {
		errs = append(errs, fmt.Errorf("idempotency_keep: %s is out of range; use 1m to %s", c.IdempotencyKeep, MaxIdempotencyKeep))
	}
	return errs
}

// Options is what a Store is wired with. Every zero value works.
type Options struct {
	Assembler       Assembler             // joins segments; nil: every segment becomes a message of its own
	Logger          *slog.Logger          // nil: silent
	Registerer      prometheus.Registerer // nil: metrics are counted but not shown
	EventsKeep      time.Duration         // 0: 720 h
	IdempotencyKeep time.Duration         // 0: 24 h
	SegmentKeep     time.Duration         // how long a set of segments may stay incomplete; 0: 24 h
	ReportWindow    time.Duration         // how long a status report is awaited; 0: 72 h
	DigestKeep      time.Duration         // how long what came in is recognised when it comes again; 0: 7 d
	ReportKeep      time.Duration         // how long a status report waits for the answer of the modem; 0: 10 min
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value *time.Duration
		usual time.Duration
	}{
		{&o.EventsKeep, 30 * 24 * time.Hour},
		{&o.IdempotencyKeep, 24 * time.Hour},
		{&o.SegmentKeep, 24 * time.Hour},
		{&o.ReportWindow, 72 * time.Hour},
		{&o.DigestKeep, 7 * 24 * time.Hour},
		{&o.ReportKeep, 10 * time.Minute},
	} {
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	return o
}
