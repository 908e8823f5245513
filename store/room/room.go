// Package room watches how full the disk of the store is. Before it is full, new messages are refused; later, what comes in is left with the network;
// and a reserve, a file that only takes room, is given up when states of accepted messages could not be written otherwise.
package room

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
)

const (
	// every is how often the disk is asked, and rarely while it has so much more room than it needs that nothing fills it within that time.
	every  = time.Second
	rarely = 5 * time.Second
	ample  = 4 << 30
	// slack is by how many percent the disk must be emptier than a threshold before that is left again.
	slack = 1
)

// Options is what a Guard works with.
type Options struct {
	Disk       Disk
	RefuseAt   int                   // percent used from which on new messages are refused
	StopAt     int                   // percent used from which on nothing that comes in is taken
	Enough     int64                 // bytes free with which the percentages do not count; 0: they always do
	Reserve    int64                 // the reserve has 1 % of the disk, but at most so many bytes; 0: none
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: metrics are counted but not shown
}

// Guard knows how much room there is. It is safe for concurrent use.
type Guard struct {
	options Options
	log     *slog.Logger

	mu       sync.Mutex
	usage    Usage
	level    store.Level
	reserved int64 // size of the reserve, 0 when there is none
	failing  bool  // the last question to the disk failed, and that was logged
}

// New asks the disk once and makes the reserve, so that Level is right from the beginning. Nothing is watched before Run.
func New(o Options) (*Guard, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Guard{options: o, log: o.Logger}
	g.look()
	return g, g.register(o.Registerer)
}

// maxUntold bounds how many changes wait to be told; the oldest are forgotten.
const maxUntold = 16

// Run watches until ctx ends. Every change of the level or the reserve is told as an event; write stores it, and is asked again until it succeeds, since
// a full disk takes no events either.
func (g *Guard) Run(ctx context.Context, write func(context.Context, store.Event) error) error {
	level, kept := store.RoomEnough, true
	var untold []store.Event
	for {
		g.look()
		now, usage, reserved := g.state()
		changed := func(kind string) {
			untold = append(untold, store.Event{Type: kind, At: time.Now().UTC(), Reference: -1, Text: usage.String()})
		}
		if now != level {
			level = now
			changed("store.room_" + now.String())
		}
		switch has := reserved > 0 || g.options.Reserve == 0; {
		case has && !kept:
			changed("store.reserve_kept")
			kept = true
		case !has && kept:
			changed("store.reserve_used")
			kept = false
		}
		untold = untold[max(0, len(untold)-maxUntold):]
		for len(untold) > 0 && write(ctx, untold[0]) == nil {
			untold = untold[1:]
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(g.pause()):
		}
	}
}

// pause is how long to wait before the disk is asked again.
func (g *Guard) pause() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if less := (Usage{Size: g.usage.Size, Free: g.usage.Free - ample}); less.Free > 0 && g.level == store.RoomEnough && g.levelAt(less) == store.RoomEnough {
		return rarely
	}
	return every
}

// look asks the disk, and makes the reserve when there is room for it.
func (g *Guard) look() {
	g.mu.Lock()
	defer g.mu.Unlock()
	usage, err := g.options.Disk.Usage()
	if err == nil {
		g.reserved, err = g.options.Disk.Reserved()
	}
	if err != nil {
		if !g.failing {
			g.log.Error("nobody knows how full the disk of the store is", "error", err)
		}
		g.failing = true
		return
	}
	g.failing = false
	g.judge(usage)
	if g.reserved == 0 {
		g.reserve()
	}
}

// judge finds the level that a usage means and says when it changed.
func (g *Guard) judge(u Usage) {
	g.usage = u
	was := g.level
	g.level = g.levelAt(u)
	switch {
	case g.level == was:
	case g.level == store.RoomEnough:
		g.log.Info("the disk of the store has room again", "usage", u.String())
	case g.level == store.RoomLow:
		g.log.Warn("the disk of the store is nearly full: new messages are refused", "usage", u.String(), "refuse_at", g.options.RefuseAt)
	default:
		g.log.Error("the disk of the store is full: what comes in is left with the network", "usage", u.String(), "stop_at", g.options.StopAt)
	}
}

func (g *Guard) levelAt(u Usage) store.Level {
	if g.options.Enough > 0 && u.Free >= g.options.Enough {
		return store.RoomEnough
	}
	reached := func(threshold int, level store.Level) bool {
		if g.level >= level {
			threshold -= slack
		}
		return u.Percent() >= threshold
	}
	switch {
	case reached(g.options.StopAt, store.RoomOut):
		return store.RoomOut
	case reached(g.options.RefuseAt, store.RoomLow):
		return store.RoomLow
	}
	return store.RoomEnough
}

// reserve makes the reserve unless the disk would be full with it.
func (g *Guard) reserve() {
	size := min(g.usage.Size/100, g.options.Reserve)
	with := Usage{Size: g.usage.Size, Free: g.usage.Free - size}
	if size <= 0 || g.level == store.RoomOut || with.Percent() >= g.options.StopAt && (g.options.Enough == 0 || with.Free < g.options.Enough) {
		return
	}
	if err := g.options.Disk.Reserve(size); err != nil {
		g.log.Debug("no reserve could be made on the disk of the store", "error", err)
		return
	}
	g.reserved = size
	g.log.Info("a reserve is kept on the disk of the store", "bytes", size)
}

// Level tells what may be written now.
func (g *Guard) Level() store.Level {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.level
}

// Free gives up the reserve, so that states can be written, and tells whether there was one.
func (g *Guard) Free() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.level = store.RoomOut // a write found no room, whatever the percentages say; the next look may know better
	if g.reserved == 0 {
		return false
	}
	if err := g.options.Disk.Free(); err != nil {
		g.log.Error("the reserve on the disk of the store could not be given up", "error", err)
		return false
	}
	g.log.Warn("the disk of the store is full: the reserve is given up, so that what becomes of messages can be written", "bytes", g.reserved)
	g.reserved = 0
	return true
}

func (g *Guard) state() (store.Level, Usage, int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.level, g.usage, g.reserved
}

// Check returns nil while everything is taken, else what is not, why, and what to do.
func (g *Guard) Check() error {
	switch level, usage, _ := g.state(); level {
	case store.RoomLow:
		return fmt.Errorf("the disk of the store is nearly full (%s): new messages are refused; make room, or change store.refuse_at", usage)
	case store.RoomOut:
		return fmt.Errorf("the disk of the store is full (%s): new messages are refused, and what comes in waits in the network; make room", usage)
	}
	return nil
}

// String says how full the disk is.
func (u Usage) String() string {
	return fmt.Sprintf("%d %% used, %.1f MiB of %.1f MiB free", u.Percent(), float64(u.Free)/(1<<20), float64(u.Size)/(1<<20))
}

var _ store.Room = (*Guard)(nil)
