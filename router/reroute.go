package router

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

const (
	rerouteSlice = 256         // messages looked at between two pauses
	reroutePause = time.Minute // the same messages are not looked at sooner when nothing changed: rules follow the clock
)

// rerouter sends messages another way that wait for a trunk which the call plans chose and which is down since. What may be with the network already stays
// with its trunk.
type rerouter struct {
	wake chan struct{} // holds one token
	done map[string]looked
}

// looked is when all messages of a trunk were looked at, and what was down then.
type looked struct {
	at   time.Time
	down string
}

// lookAgain tells that a trunk went down.
func (r *Router) lookAgain() {
	select {
	case r.rerouter.wake <- struct{}{}:
	default:
	}
}

func (r *Router) reroute(ctx context.Context) {
	if r.plans == nil {
		return
	}
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	for {
		if err := r.rerouteDown(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("messages that wait for a trunk which is down cannot be looked at", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.rerouter.wake:
		case <-tick.C:
		}
	}
}

// rerouteDown looks at what waits for trunks that are down or no more.
func (r *Router) rerouteDown(ctx context.Context) error {
	planned, err := r.store.PlannedTrunks(ctx)
	if err != nil {
		return err
	}
	down := r.Down()
	state := strings.Join(down, "\n")
	for name := range r.rerouter.done {
		if !slices.Contains(planned, name) {
			delete(r.rerouter.done, name)
		}
	}
	for _, trunk := range planned {
		if slices.Contains(r.trunkNames(), trunk) && !slices.Contains(down, trunk) {
			delete(r.rerouter.done, trunk)
			continue
		}
		if last, ok := r.rerouter.done[trunk]; ok && last.down == state && time.Since(last.at) < reroutePause {
			continue
		}
		for from := []byte(nil); ; {
			waiting, next, err := r.store.WaitingPlanned(ctx, trunk, from, rerouteSlice)
			if err != nil {
				return err
			}
			for i := range waiting {
				if err := r.rerouteOne(ctx, trunk, &waiting[i]); err != nil {
					return err
				}
			}
			if from = next; from == nil {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Millisecond): // other work first
			}
		}
		r.rerouter.done[trunk] = looked{time.Now(), state}
	}
	return nil
}

// rerouteOne asks the plans again about a message that waits for a trunk.
func (r *Router) rerouteOne(ctx context.Context, trunk string, m *store.Message) error {
	now := r.store.Now()
	q := store.Routing{Provider: m.Routing.Provider, Calling: m.Routing.Calling, Called: m.Routing.Called}
	id := m.ID
	if !m.Routing.Origin.IsZero() {
		id = m.Routing.Origin // the share of percent rules is that of the message that came in
	}
	w := r.findWay(q, id, later(now, m.SendAt))
	switch {
	case w.Trunk == trunk, w.Note != "":
		return nil // it waits on
	case w.Action != store.RoutingRoute && w.Action != store.RoutingTerminate && !m.Routing.Origin.IsZero():
		return nil // what came in would stay here now, but was to be forwarded: it waits for its trunk
	case w.Action != store.RoutingRoute:
		var err error
		if w.to, err = phone.Parse(m.Routing.Called); err != nil {
			return nil
		}
	}
	parts := len(m.Parts)
	switch {
	case w.address:
		parts = 1
	case m.To.Kind() == phone.Alphanumeric: // it was for a SIP address
		var err error
		if parts, err = r.measure(m.Text, 255); err != nil {
			return nil
		}
	}
	next, err := r.store.Reroute(ctx, m.ID, trunk, w.Routing, w.to, parts, now)
	switch {
	case errors.Is(err, store.ErrRouted), errors.Is(err, store.ErrNotFound):
		return nil // it went on meanwhile
	case err != nil:
		return err
	}
	r.log.Info("a message goes another way, since its trunk is down", "message", m.ID, "trunk", trunk, "way", w.Trunk, "plan", w.Plan, "rule", w.Rule, "state", next.State)
	r.nudgeAll("")
	return nil
}
