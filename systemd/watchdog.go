package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Check returns nil when a part of the daemon has made progress since it was last asked, else an error that says what stands still.
type Check func(ctx context.Context) error

// Watchdog pings the watchdog until ctx ends, at a third of the time that systemd set, each time only when every check returned nil within that third.
// A check that fails is logged; when it goes on, systemd restarts the daemon. Without a watchdog it returns at once. The error says that what systemd set
// cannot be read.
func Watchdog(ctx context.Context, log *slog.Logger, checks ...Check) error {
	limit, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("read the watchdog's time: %w", err)
	}
	if limit == 0 {
		return nil
	}
	feed(ctx, limit/3, log, func() error { return notify(daemon.SdNotifyWatchdog) }, checks)
	return nil
}

// feed calls ping every interval unless a check fails, until ctx ends.
func feed(ctx context.Context, interval time.Duration, log *slog.Logger, ping func() error, checks []Check) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		err := progress(ctx, interval, checks)
		if err == nil {
			err = ping()
		}
		if err != nil && ctx.Err() == nil {
			log.Error("watchdog was not fed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// progress asks every check, all within limit.
func progress(ctx context.Context, limit time.Duration, checks []Check) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		for _, check := range checks {
			if err := check(ctx); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		// A check that hangs, though its context ended, must not be waited for: that is what the watchdog is there for.
		return fmt.Errorf("a check did not answer: %w", ctx.Err())
	}
}
