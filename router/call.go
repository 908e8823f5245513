package router

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/callplan"
	"trunkline/callplan/phone"
	"trunkline/router/screen"
	"trunkline/store"
)

// CallsOptions are what Calls works with. Store is needed; all else may be zero.
type CallsOptions struct {
	Config     CallConfig
	Store      *store.Store
	Plans      *callplan.Book                                            // nil: no plan decides anything
	Lines      func() map[string]Line                                    // by name of the trunk; nil: none
	Submit     func(ctx context.Context, s Submission) (Accepted, error) // nil: nobody is written back to
	ProviderOf func(trunk string) string                                 // nil: store.DefaultProvider
	TrunksDown func() []string                                           // trunks that cannot carry a call; nil: none
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Calls follows the voice calls of all lines: it writes their records, has plans decide about them, does what these say, places calls, writes back to
// callers, and keeps the diversions of the network as the plans want them.
//
//	Heard → store.BeginCall → decide → Line acts → Heard → store.ChangeCall → write back
type Calls struct {
	o       CallsOptions
	config  atomic.Pointer[CallConfig]
	policy  atomic.Pointer[screen.Policy]
	log     *slog.Logger
	metrics *callMetrics
	jobs    chan func(context.Context)
	nudge   chan struct{} // holds a token: diversions are to be looked at
	reply   sync.Mutex    // held while somebody is written back to, so that limits are exact

	mu      sync.Mutex
	live    map[lineID]*liveCall
	placing map[string]*liveCall // by trunk: a call that is being dialled and has no number on the line yet
	diverts map[string]*divertState
}

// lineID names a call on a line.
type lineID struct {
	trunk string
	id    uint64
}

// liveCall is a call that lasts.
type liveCall struct {
	id        store.CDRID
	trunk     string
	line      uint64 // LineCall.ID, 0 as long as it is not known; under Calls.mu
	number    string
	outgoing  bool
	began     time.Time
	answered  chan struct{} // closed when it is
	ended     chan struct{} // closed when its record is closed
	treatment string        // that a plan brought about; under Calls.mu
	partner   uint64        // call that is joined with it on the line; under Calls.mu
}

// maxJobs bounds what waits to be done about calls: a line has seven calls at most.
const maxJobs = 1024

// NewCalls returns a Calls that records what it hears, and does nothing about it until Run.
func NewCalls(o CallsOptions) *Calls {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Plans == nil {
		o.Plans = new(callplan.Book)
	}
	if o.Lines == nil {
		o.Lines = func() map[string]Line { return nil }
	}
	c := &Calls{o: o, log: o.Logger, metrics: newCallMetrics(o.Registerer), jobs: make(chan func(context.Context), maxJobs), nudge: make(chan struct{}, 1),
		live: map[lineID]*liveCall{}, placing: map[string]*liveCall{}, diverts: map[string]*divertState{}}
	c.Reconfigure(o.Config)
	return c
}

// Reconfigure takes other settings, which must be valid, for everything that is decided from now on.
func (c *Calls) Reconfigure(config CallConfig) {
	denied, err := screen.Numbers(append(append([]string{}, screen.Premium()...), config.Never...))
	if err != nil {
		denied, _ = screen.Numbers(screen.Premium()) // cannot be: Validate has read them
	}
	emergency, _ := screen.Numbers(screen.Emergency())
	c.policy.Store(&screen.Policy{Premium: denied, Emergency: emergency})
	c.config.Store(&config)
	c.lookSoon()
}

// Recover closes the records of calls whose end an earlier run of the program did not see. It is called once, before the lines run.
func (c *Calls) Recover(ctx context.Context) error {
	n, err := c.o.Store.LoseCalls(ctx, c.o.Store.Now())
	if n > 0 {
		c.log.Warn("an earlier run ended during calls", "calls", n)
	}
	return err
}

// Run does what is to be done about calls until ctx ends; then calls that it has answered are hung up.
func (c *Calls) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { c.keepDiversions(ctx) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case job := <-c.jobs:
			wg.Go(func() { job(ctx) })
		}
	}
}

// do has a job run; it never waits.
func (c *Calls) do(job func(context.Context)) {
	select {
	case c.jobs <- job:
	default:
		c.log.Error("too much is to be done about calls; a call is left as it is")
	}
}

// Up takes note that a line came up: the network is asked anew about its diversions.
func (c *Calls) Up(trunk string) {
	c.mu.Lock()
	if s := c.diverts[trunk]; s != nil {
		s.checked = time.Time{}
	}
	c.mu.Unlock()
	c.lookSoon()
}

// lookSoon has the diversions looked at.
func (c *Calls) lookSoon() {
	select {
	case c.nudge <- struct{}{}:
	default:
	}
}

// Leave closes the records of the calls of a line that has ended, as lost. forget also drops all else that is known of it.
func (c *Calls) Leave(ctx context.Context, trunk string, forget bool) {
	var lost []*liveCall
	c.mu.Lock()
	for key, l := range c.live {
		if key.trunk == trunk {
			lost = append(lost, l)
		}
	}
	if forget {
		delete(c.diverts, trunk)
	}
	c.mu.Unlock()
	now := c.o.Store.Now()
	for _, l := range lost {
		if err := c.Heard(ctx, trunk, LineCall{ID: l.line, Happened: LineEnded, At: now, Number: l.number, Began: l.began, Ended: now, Cause: store.CallLost, Outgoing: l.outgoing}); err != nil {
			c.log.Error("the end of a call could not be stored", "trunk", trunk, "call", l.id, "err", err)
		}
	}
	if forget {
		c.metrics.forget(trunk)
	}
}

// provider returns whose a trunk is.
func (c *Calls) provider(trunk string) string {
	if c.o.ProviderOf != nil {
		if p := c.o.ProviderOf(trunk); p != "" {
			return p
		}
	}
	return store.DefaultProvider
}

// record makes the record of a call on a line.
func (c *Calls) record(ctx context.Context, id store.CDRID, trunk string, d store.Direction, number string, withheld bool, at time.Time) store.CDR {
	r := store.CDR{ID: id, Kind: store.CDRVoice, Direction: d, Provider: c.provider(trunk), Trunk: trunk, Number: phone.FromAddress(number, false), Withheld: withheld, StartedAt: at}
	if own, err := phone.Parse(c.config.Load().Line[trunk].Number); err == nil {
		r.Line = own
	}
	r.Subscriber = c.subscriber(ctx, r.Provider, r.Line, r.Number)
	return r
}

// subscriber returns the name of the subscriber of a provider who has one of the numbers, "" when nobody has.
func (c *Calls) subscriber(ctx context.Context, provider string, numbers ...phone.Number) string {
	for _, n := range numbers {
		if n.IsZero() {
			continue
		}
		if s, err := c.o.Store.SubscriberOf(ctx, n); err == nil && s.Provider == provider {
			return s.Name
		}
	}
	return ""
}
