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
	RefuseAt        int           `toml:"refuse_at"`        // new messages are refused when the disk is so full, in percent
	StopAt          int           `toml:"stop_at"`          // what comes in is left with the network when the disk is so full, in percent
	EnoughRoom      int64         `toml:"enough_room"`      // with so many bytes free neither counts, however large the disk is; 0: they always do
	Reserve         int64         `toml:"reserve"`          // a file of 1 % of the disk, but of no more bytes than this, keeps room for states; 0: none
	CompactAbove    int           `toml:"compact_above"`    // at the start the database is rewritten when more than so many percent of it are free; 0: never
}

// MaxIdempotencyKeep is the longest time that an idempotency key is remembered.
const MaxIdempotencyKeep = 7 * 24 * time.Hour

// Default returns the settings that are right for most.
func Default() Config {
	return Config{Path: "/var/lib/trunkline/trunkline.db", EventsKeep: 30 * 24 * time.Hour, IdempotencyKeep: 24 * time.Hour, RefuseAt: 95, StopAt: 99,
		EnoughRoom: 4 << 30, Reserve: 16 << 20, CompactAbove: 50}
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
	if c.RefuseAt < 1 || c.RefuseAt > 100 {
		errs = append(errs, fmt.Errorf("refuse_at: %d is no percentage; use 1 to 100", c.RefuseAt))
	}
	if c.StopAt < c.RefuseAt || c.StopAt > 100 {
		errs = append(errs, fmt.Errorf("stop_at: %d is not between refuse_at (%d) and 100", c.StopAt, c.RefuseAt))
	}
	if c.EnoughRoom < 0 {
		errs = append(errs, fmt.Errorf("enough_room: %d is below zero", c.EnoughRoom))
	}
	if c.Reserve < 0 || c.Reserve > 1<<30 {
		errs = append(errs, fmt.Errorf("reserve: %d is out of range; use 0 to %d", c.Reserve, 1<<30))
	}
	if c.CompactAbove < 0 || c.CompactAbove > 99 {
		errs = append(errs, fmt.Errorf("compact_above: %d is out of range; use 0 to 99", c.CompactAbove))
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
	Clock           func() time.Time      // the clock of the machine, which somebody may set; nil: time.Now
	ClockFrom       time.Time             // a clock that shows less is not set; zero: every clock is believed
	Room            Room                  // watches the disk; nil: everything is taken
	ReportKeep      time.Duration         // how long a status report that nobody awaits is kept, in case that the answer of the modem is late; 0: 24 h
	UnknownAfter    time.Duration         // how long evidence is awaited before a part whose answer was lost is Unknown; 0: not at all
	Accounting      Accounting            // what is counted and limited; nil: nothing is
	MessageCDRs     bool                  // messages have records (CDR) as calls have
	Screened        bool                  // what comes in waits until Handle says what follows from it
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Room == nil {
		o.Room = boundless{}
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
		{&o.ReportKeep, 24 * time.Hour},
	} {
		if *d.value == 0 {
			*d.value = d.usual
		}
	}
	return o
}
