// Package router decides what happens to messages: it takes submissions, hands them to trunks and settles what became of them.
//
//	Submit → store.Accept → dispatch (one loop per trunk): store.Claim → Backend.Send → store.Settle
package router

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/callplan"
	"trunkline/store"
)

// Config is the section [router].
type Config struct {
	PartsPerMessage      int           `toml:"parts_per_message"`      // a longer text is refused; 1 to 255
	RecipientsPerRequest int           `toml:"recipients_per_request"` // 1 to 1000
	RetryMin             time.Duration `toml:"retry_min"`              // pause after the first failure; doubles with each further one
	RetryMax             time.Duration `toml:"retry_max"`              // longest pause
	GiveUpAfter          time.Duration `toml:"give_up_after"`          // a message that still could not be sent so long after it was due ends in error
	UnknownAfter         time.Duration `toml:"unknown_after"`          // when an answer is lost, evidence of what became of the part is awaited so long; 1s to 24h
	OnAmbiguous          string        `toml:"on_ambiguous"`           // what is done when there is none: "unknown" (people decide), "resend" (rather twice than never) or "resend_once_if_no_report"
	ReportWindow         time.Duration `toml:"report_window"`          // status reports are awaited so long; then "sent" is the last that is known
	Pool                 string        `toml:"pool"`                   // trunk of a message that asks for none: "any" (whichever is free), "round_robin", "least_used", "weighted" or "sticky" (one for each recipient)
	TimeZone             string        `toml:"time_zone"`              // IANA zone of quiet hours, days and months, e.g. "Europe/Berlin"; "Local" is the machine's
	Quota                string        `toml:"quota"`                  // most parts of every account that has no quota of its own, e.g. "100 M"; units are D, W, M and Y; empty: any number
	Quotas               []string      `toml:"quotas"`                 // quotas of accounts, e.g. ["uid:1000 100 D", "uid:1001 0 M"]; 0 blocks

	Trunk map[string]TrunkConfig `toml:"trunk"` // limits of each trunk, by its name
}

// Default returns what is right for most.
func Default() Config {
	return Config{PartsPerMessage: 10, RecipientsPerRequest: 1000, RetryMin: 5 * time.Second, RetryMax: 10 * time.Minute, GiveUpAfter: 72 * time.Hour,
		UnknownAfter: 10 * time.Minute, OnAmbiguous: store.StayUnknown.String(), ReportWindow: 72 * time.Hour, Pool: PoolAny, TimeZone: "Local"}
}

// Validate returns everything that is wrong, each error starting with the key.
func (c Config) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if c.PartsPerMessage < 1 || c.PartsPerMessage > 255 {
		wrong("parts_per_message: %d is not between 1 and 255", c.PartsPerMessage)
	}
	if c.RecipientsPerRequest < 1 || c.RecipientsPerRequest > 1000 {
		wrong("recipients_per_request: %d is not between 1 and 1000", c.RecipientsPerRequest)
	}
	if c.RetryMin <= 0 {
		wrong("retry_min: %s must be above zero, e.g. \"5s\"", c.RetryMin)
	}
	if c.RetryMax < c.RetryMin {
		wrong("retry_max: %s is below retry_min (%s)", c.RetryMax, c.RetryMin)
	}
	if c.GiveUpAfter <= 0 {
		wrong("give_up_after: %s must be above zero, e.g. \"72h\"", c.GiveUpAfter)
	}
	return append(errs, c.validateQueue()...)
}

// Options is what a Router works with.
type Options struct {
	Config Config
	Store  *store.Store
	Trunks []Trunk
	// Books are what the store counts by; nil: the router makes its own, which limit nothing unless the store has them.
	Books *Books
	// Measure returns how many parts a text takes and, when there are more than limit, an error that says so.
	Measure func(text string, limit int) (parts int, err error)
	// Plans are the call plans that messages go through; nil: none.
	Plans *callplan.Book
	// Screening decides whom is written to; nil: everybody.
	Screening  *Screening
	Logger     *slog.Logger          // nil: none
	Registerer prometheus.Registerer // nil: none
}

// Router is safe for concurrent use.
type Router struct {
	config    atomic.Pointer[Config]
	store     *store.Store
	lanes     atomic.Pointer[[]*lane]
	change    sync.Mutex    // held while lanes are exchanged
	arrived   chan struct{} // holds one token: there is a lane that does not run yet
	measure   func(string, int) (int, error)
	books     *Books
	pool      pool
	plans     *callplan.Book // nil: none
	screening *Screening     // nil: none
	refusals  *guard         // how many refused messages were kept lately, by account
	rerouter  rerouter
	orphans   atomic.Pointer[[]string] // trunks that messages in the queue should go through
	log       *slog.Logger
	metrics   *metrics
	beat      moment // last turn of the housekeeping loop
}

// New returns a router that does nothing until Run.
func New(o Options) *Router {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Router{store: o.Store, measure: o.Measure, log: o.Logger, plans: o.Plans, screening: o.Screening, metrics: newMetrics(o.Registerer, o.Trunks), arrived: make(chan struct{}, 1), books: o.Books,
		refusals: newGuard(), pool: pool{given: map[string]int{}, earned: map[string]int{}}, rerouter: rerouter{wake: make(chan struct{}, 1), done: map[string]looked{}}}
	if r.books == nil {
		r.books = NewBooks(o.Config)
	}
	r.Reconfigure(o.Config)
	var lanes []*lane
	for _, t := range o.Trunks {
		lanes = append(lanes, newLane(r, t))
	}
	r.lanes.Store(&lanes)
	return r
}

// Run dispatches until ctx ends; then it waits until no part is in flight. What an earlier run left half done is sorted out first.
func (r *Router) Run(ctx context.Context) error {
	found, err := r.store.Recover(ctx, r.store.Now())
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("recover what was being sent: %w", err)
	}
	if found.Requeued+found.Unknown > 0 {
		r.log.Warn("an earlier run ended while it was sending", "requeued", found.Requeued, "unknown", found.Unknown)
	}
	r.weigh(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { r.housekeep(ctx) })
	wg.Go(func() { r.reroute(ctx) })
	for {
		r.begin(ctx, wg.Go)
		select {
		case <-r.arrived:
		case <-ctx.Done():
			wg.Wait()
			return nil
		}
	}
}

const (
	housekeeping = 15 * time.Second
	stalled      = 2 * time.Minute
)

// housekeep lets the store forget what its time has come for.
func (r *Router) housekeep(ctx context.Context) {
	tick := time.NewTicker(min(housekeeping, max(r.settings().UnknownAfter, time.Second)))
	defer tick.Stop()
	for {
		r.beat.set(time.Now())
		r.findOrphans(ctx)
		more, err := r.store.Tidy(ctx, r.store.Now())
		if err != nil && ctx.Err() == nil {
			r.log.Error("housekeeping failed", "err", err)
		}
		if err == nil && more {
			select {
			case <-ctx.Done():
				return
			case <-time.After(10 * time.Millisecond): // other writers first
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Alive returns nil while every loop of the router makes progress and the store answers; it feeds the watchdog.
func (r *Router) Alive(ctx context.Context) error {
	now := time.Now()
	if age := now.Sub(r.beat.get()); age > stalled {
		return fmt.Errorf("housekeeping has not moved for %s", age.Round(time.Second))
	}
	for _, l := range r.running() {
		if age := now.Sub(l.beat.get()); age > stalled && !l.sending.Load() {
			return fmt.Errorf("dispatch of trunk %s has not moved for %s", l.trunk.Name, age.Round(time.Second))
		}
	}
	_, err := r.store.LastEvent(ctx)
	return err
}

// Cancel withdraws a message that no trunk has yet. The error is store.ErrNotFound or a *store.TransitionError.
func (r *Router) Cancel(ctx context.Context, id store.MessageID) (store.Message, error) {
	return r.store.Cancel(ctx, id, r.store.Now())
}
