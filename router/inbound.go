package router

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/callplan/phone"
	"trunkline/router/program"
	"trunkline/store"
)

// InboundOptions is what an Inbound works with. Router, Screening and Store are needed; all else may be zero.
type InboundOptions struct {
	Router    *Router
	Screening *Screening
	Store     *store.Store
	Programs  *program.Runner // nil: there are none
	// Decide is asked last about a message that no action took, e.g. Router.RouteInbound. It may be called again for the same message.
	Decide     func(ctx context.Context, m *store.Message) error
	Mail       func() string         // name of the trunk that mails go through, empty when there is none; nil: there is none
	Status     func() string         // what the action "status" answers
	Client     string                // address that phone clients get their configuration from; empty: they get none
	Logger     *slog.Logger          // nil: none
	Registerer prometheus.Registerer // nil: nothing is shown of what is counted
	Random     io.Reader             // nil: crypto/rand
	Now        func() time.Time      // nil: the store's
}

// Inbound decides what follows from messages that came in: opt-outs, actions, routes. One goroutine decides, in the order in which they came; programs run
// beside it. What was received and not handled is handled at the next start.
type Inbound struct {
	o       InboundOptions
	log     *slog.Logger
	guard   *guard
	metrics *inboundMetrics
	running sync.WaitGroup
	nudge   chan struct{} // holds one token
}

// NewInbound returns an Inbound that does nothing until Run.
func NewInbound(o InboundOptions) *Inbound {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Now == nil {
		o.Now = o.Store.Now
	}
	if o.Programs == nil {
		o.Programs = program.New(program.Options{})
	}
	return &Inbound{o: o, log: o.Logger, guard: newGuard(), metrics: newInboundMetrics(o.Registerer), nudge: make(chan struct{}, 1)}
}

const (
	inboundBatch = 64
	inboundLook  = 15 * time.Second // how often runs that wait are looked at
	programGrace = 5 * time.Second  // programs may take so long to end when the gateway stops
)

// Run handles what comes in until ctx ends; then programs that run have a moment to end, and are killed.
func (in *Inbound) Run(ctx context.Context) error {
	programs, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	defer in.running.Wait()
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(programGrace)
		defer t.Stop()
		select {
		case <-t.C:
			kill()
		case <-programs.Done():
		}
	})
	defer stop()
	recovered := false
	tick := time.NewTicker(inboundLook)
	defer tick.Stop()
	for ctx.Err() == nil {
		changed := in.o.Store.Changed() // before reading, or a message in between would wait for the next one
		var err error
		if !recovered {
			if err = in.guard.load(ctx, in.o.Store); err == nil {
				err = in.recover(ctx, programs)
			}
			recovered = err == nil
		}
		if err == nil {
			err = in.round(ctx, programs)
		}
		var again <-chan time.Time
		if err != nil && ctx.Err() == nil {
			in.log.Error("what follows from messages that came in cannot be decided; trying again", "err", err)
			again = time.After(storeTrouble)
			changed = nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-in.nudge:
		case <-tick.C:
		case <-again:
		}
	}
	in.waitFor(programs, kill)
	return nil
}

// waitFor waits for programs until they end or their time is over.
func (in *Inbound) waitFor(programs context.Context, kill func()) {
	done := make(chan struct{})
	go func() { in.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-programs.Done():
	}
	kill()
	<-done
}

// round handles everything that waits, and ends runs whose time is over.
func (in *Inbound) round(ctx, programs context.Context) error {
	if err := in.expire(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		all, err := in.o.Store.Unhandled(ctx, inboundBatch)
		if err != nil || len(all) == 0 {
			return err
		}
		for i := range all {
			if err := in.handle(ctx, programs, &all[i]); err != nil {
				return fmt.Errorf("message %s: %w", all[i].ID, err)
			}
		}
	}
	return nil
}

// handle decides about one message and does what follows.
func (in *Inbound) handle(ctx, programs context.Context, m *store.Message) error {
	t, err := in.decide(ctx, m, true)
	if err != nil {
		return err
	}
	h := store.Handling{ID: m.ID, At: in.o.Now().UTC(), Verdict: store.Verdict{Authorized: t.Verdict.Authorized, Code: t.Verdict.Code, Text: t.Verdict.Text}, Text: t.Text}
	if t.Action != nil {
		h.Action = t.Action.Name
	}
	start, err := in.follow(ctx, m, &t, &h)
	if err != nil {
		return err
	}
	if t.Outcome == OutcomeNone && in.o.Decide != nil && !screenedOut(t.Verdict.Code) {
		if err := in.o.Decide(ctx, m); err != nil {
			return err
		}
	}
	stored, err := in.store(ctx, &h)
	if err == nil {
		in.o.Screening.screened.WithLabelValues(store.In.String(), t.Verdict.Code).Inc()
		in.metrics.outcomes.WithLabelValues(t.Outcome).Inc()
	}
	if stored {
		in.metrics.stored(&h)
	}
	if stored && start != nil {
		in.begin(programs, *start)
	}
	return err
}

// store stores what follows from a message, and tells whether all of it is stored. An account without room for the replies does not keep the rest from happening.
func (in *Inbound) store(ctx context.Context, h *store.Handling) (whole bool, err error) {
	_, err = in.o.Store.Handle(ctx, *h)
	var quota *store.QuotaError
	if errors.As(err, &quota) && len(h.Replies) > 0 {
		in.log.Warn("answers to a message are not sent: the account has no room for them", "message", h.ID, "account", quota.Account)
		h.Replies = nil
		_, err = in.o.Store.Handle(ctx, *h)
	}
	if errors.Is(err, store.ErrHandled) {
		return false, nil
	}
	if errors.Is(err, store.ErrRunChanged) { // it came a moment too late
		h.Change, h.Replies, h.Events = nil, nil, nil
		_, err = in.o.Store.Handle(ctx, *h)
		return false, err
	}
	if err == nil && len(h.Replies) > 0 {
		in.o.Router.nudgeAll("")
	}
	return err == nil, err
}

// screenedOut tells whether a message was refused, not merely without a right to start an action.
func screenedOut(code string) bool {
	switch code {
	case "denied", "prefix", CodeRestricted, CodeDuplicate:
		return true
	}
	return false
}

// expire ends runs for which no code came in time.
func (in *Inbound) expire(ctx context.Context) error {
	waiting, err := in.o.Store.OpenRuns(ctx, store.RunWaiting, phone.Number{})
	if err != nil {
		return err
	}
	now := in.o.Now().UTC()
	for _, r := range waiting {
		if now.Before(r.Until) {
			continue
		}
		r.State, r.Reason = store.RunExpired, "no code came in time"
		err := in.o.Store.EndRun(ctx, r, now, nil, nil)
		if err != nil && !errors.Is(err, store.ErrRunChanged) {
			return err
		}
		if err == nil {
			in.metrics.ended(&r)
		}
	}
	return nil
}
