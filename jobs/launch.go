package jobs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"trunkline/store"
)

// launch starts a request for a delivery; it is nil when the delivery comes from the store, to be tried again.
func (e *endpoint) launch(ctx context.Context, d *store.Delivery, it *item) {
	e.flying[d.Event.Seq], e.busy[about(&d.Event)] = true, true
	hook, failing := e.hook, e.cursor.FailingSince
	go func() {
		r := result{event: d.Event, item: it, cut: true}
		e.try(ctx, &hook, d, failing, &r)
		e.results <- r // there is room for all that may be under way
	}()
}

// try makes one request and stores what became of it, however long the store needs to take it.
func (e *endpoint) try(ctx context.Context, hook *store.Webhook, d *store.Delivery, failing time.Time, r *result) {
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	case <-ctx.Done():
		return
	}
	body, err := e.body(ctx, &d.Event)
	for err != nil { // that is the store's trouble, not the endpoint's
		e.log.Error("what a webhook is told cannot be read; trying again", "event", d.Event.Seq, "err", err)
		if !sleep(ctx, trouble) {
			return
		}
		body, err = e.body(ctx, &d.Event)
	}
	t, ok := e.sender.send(ctx, hook, EventID(e.store.Instance().ID, &d.Event), body)
	if !ok {
		return
	}
	o, outcome := e.outcome(d, &t, failing)
	for {
		err := e.store.SettleDelivery(context.WithoutCancel(ctx), o)
		if err == nil {
			break
		}
		if errors.Is(err, store.ErrNotFound) {
			r.cut, r.changed = false, true
			return
		}
		e.log.Error("what became of a delivery could not be stored; trying again", "event", d.Event.Seq, "err", err)
		if !sleep(ctx, trouble) {
			return
		}
	}
	e.metrics.tries.WithLabelValues(outcome).Inc()
	e.metrics.seconds.Observe(t.Took.Seconds())
	r.cut, r.at, r.ok, r.changed = false, t.At, t.ok(), o.Pause != nil
	if t.Status == http.StatusTooManyRequests || t.Status == http.StatusServiceUnavailable {
		r.hold = min(t.after, maxHold)
	}
	if !t.ok() {
		e.log.Warn("an event was not delivered", "event", d.Event.Seq, "try", d.Tries+1, "outcome", outcome, "status", t.Status, "err", t.Error)
	}
}

// outcome decides what follows from a try.
func (e *endpoint) outcome(d *store.Delivery, t *tried, failing time.Time) (store.DeliveryOutcome, string) {
	o := store.DeliveryOutcome{Webhook: e.id, Event: d.Event, Try: t.DeliveryTry, State: store.Arrived}
	if t.ok() {
		return o, outcomeDelivered
	}
	now, began := t.At.Add(t.Took), d.CreatedAt
	if began.IsZero() {
		began = t.At
	}
	var again bool
	o.State = store.DeadEnded
	if o.RetryAt, again = retryAt(d.Tries+1, now, began.Add(e.config.RetryFor), t.after); again {
		o.State = store.Pending
	}
	switch {
	case t.Status == http.StatusGone:
		o.Pause = &store.Pause{Code: store.PauseGone, Text: "the endpoint answered 410: it wants no more", At: now}
		o.State, o.RetryAt = store.Pending, now // not its fault; it goes first when somebody resumes the endpoint
	case !failing.IsZero() && now.Sub(failing) >= e.config.PauseAfter:
		o.Pause = &store.Pause{Code: store.PauseFailing, At: now,
			Text: fmt.Sprintf("nothing could be delivered for %s; last: %s", e.config.PauseAfter, t.Error)}
	}
	if o.State == store.DeadEnded {
		return o, outcomeDead
	}
	return o, outcomeRetry
}

// settled takes in what became of a request; it returns true when the record of the endpoint has to be read anew.
func (e *endpoint) settled(ctx context.Context, r result) (reload bool) {
	delete(e.flying, r.event.Seq)
	delete(e.busy, about(&r.event))
	if r.cut {
		return false
	}
	if r.item != nil {
		r.item.done = true
	}
	e.stale = e.stale || !r.ok || r.item == nil
	if r.changed && r.at.IsZero() {
		return true // purged
	}
	now := e.store.Now()
	if !r.ok {
		if e.failures++; e.failures == 1 {
			e.since = r.at
		}
		if e.cursor.FailingSince.IsZero() {
			e.cursor.FailingSince = r.at
		}
		if e.failures >= breakAfter {
			e.probe = min(max(2*e.probe, minProbe), maxProbe)
			e.probeAt = now.Add(jitter(e.probe))
		}
		if r.hold > 0 {
			e.health.hold = now.Add(r.hold)
		}
		return r.changed
	}
	if e.failures >= breakAfter && now.Sub(e.since) >= time.Minute {
		// It is back: what it missed is not left to a schedule that may have pauses of hours.
		if err := e.store.HurryDeliveries(ctx, e.id, e.since, now.UTC()); err != nil {
			e.log.Warn("what a webhook missed stays on its schedule", "err", err)
		}
		e.log.Info("a webhook takes deliveries again", "failed_since", e.since)
	}
	e.health, e.cursor.FailingSince = health{}, time.Time{}
	return r.changed
}

// sleep waits and returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
