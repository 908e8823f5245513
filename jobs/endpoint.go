package jobs

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"trunkline/store"
)

// endpoint is the loop of one endpoint. It alone looks at and changes its fields; requests run beside it and report to results.
type endpoint struct {
	*Webhooks
	id      store.WebhookID
	log     *slog.Logger
	poked   chan struct{} // holds one token: the record of the endpoint may have changed
	done    chan struct{} // closed when run has returned
	results chan result

	hook     store.Webhook
	cursor   store.WebhookCursor
	window   []*item         // events from the feed, in order; those before it are dealt with
	position uint64          // of the last event that was read from the feed
	recorded uint64          // no event behind this one has a delivery from before
	flying   map[uint64]bool // events with a request under way
	busy     map[string]bool // what these are about: of each message, one event at a time
	retryAt  time.Time       // next delivery that is tried again; zero: none is known
	stale    bool            // deliveries may be due that retryAt does not know of
	saved    time.Time       // when the cursor was last stored
	health
}

// health is how an endpoint did lately.
type health struct {
	failures int           // since the last success
	since    time.Time     // the first of them
	probe    time.Duration // pause between two tries of new events once there are too many failures
	probeAt  time.Time     // next of these tries
	hold     time.Time     // nothing at all is tried before
}

// item is an event that is to be delivered.
type item struct {
	event store.Event
	done  bool
}

// result is what became of a request.
type result struct {
	event   store.Event
	item    *item // nil: it was tried again
	at      time.Time
	ok      bool
	hold    time.Duration // the endpoint asks for a pause
	changed bool          // the endpoint was paused, or is gone
	cut     bool          // it counts for nothing: we are stopping
}

const (
	windowSize = 128 // events that are held in memory for one endpoint
	readBatch  = 64
	saveEvery  = time.Second // the cursor, when it moved
	trouble    = time.Second // pause after an error of the store

	longestWait = time.Minute // after it the schedule is looked at again, since clocks are set
)

func newEndpoint(w *Webhooks, id store.WebhookID) *endpoint {
	return &endpoint{Webhooks: w, id: id, log: w.log.With("webhook", id), poked: make(chan struct{}, 1), done: make(chan struct{}),
		results: make(chan result, w.config.EndpointConcurrency), flying: map[uint64]bool{}, busy: map[string]bool{}}
}

// poke tells the loop that its record may have changed.
func (e *endpoint) poke() {
	select {
	case e.poked <- struct{}{}:
	default:
	}
}

// ended tells whether the loop has returned.
func (e *endpoint) ended() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// run delivers until ctx ends or the endpoint is not active any more, and returns when no request is under way. requests is the context of requests.
func (e *endpoint) run(ctx, requests context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for reload := true; ctx.Err() == nil; {
		changed := e.store.Changed() // before reading, or an event in between would wait for the next one
		active, next, read, err := true, time.Time{}, false, error(nil)
		if reload {
			active, err = e.load(ctx)
			reload = err != nil
		}
		if !active {
			break
		}
		if err == nil {
			next, read, err = e.turn(ctx, requests)
		}
		if err != nil && ctx.Err() == nil {
			e.log.Error("the store refused the deliveries to a webhook; trying again", "err", err)
			next = e.store.Now().Add(trouble)
		}
		if !read {
			changed = nil
		}
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(min(max(0, next.Sub(e.store.Now())), longestWait))
		}
		select {
		case <-ctx.Done():
		case r := <-e.results:
			reload = e.settled(ctx, r) || reload
		case <-e.poked:
			reload = true
		case <-changed:
		case <-timer.C:
		}
	}
	last := context.WithoutCancel(ctx)
	for len(e.flying) > 0 {
		e.settled(last, <-e.results)
	}
	if err := e.save(last); err != nil {
		e.log.Warn("how far a webhook is was not stored; events may be delivered again", "err", err)
	}
}

// load reads the records of the endpoint and tells whether it is active. The window begins anew when the cursor was moved by hand.
func (e *endpoint) load(ctx context.Context) (active bool, err error) {
	hook, err := e.store.Webhook(ctx, e.id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	cursor, err := e.store.WebhookCursor(ctx, e.id)
	if err != nil {
		return true, err
	}
	first := e.hook.ID == (store.WebhookID{})
	if first || !cursor.MovedAt.Equal(e.cursor.MovedAt) {
		recorded, err := e.store.LastDelivery(ctx, e.id)
		if err != nil {
			return true, err
		}
		e.recorded, e.position, e.window = max(recorded, e.position), cursor.Position, nil
		e.cursor = cursor
	}
	e.cursor.FailingSince = cursor.FailingSince
	switch {
	case first && !cursor.FailingSince.IsZero():
		e.health = health{failures: breakAfter, since: cursor.FailingSince}
	case !first && !hook.UpdatedAt.Equal(e.hook.UpdatedAt):
		e.health = health{} // somebody changed it: perhaps it works now
	}
	e.hook, e.stale = hook, true
	return hook.Active(), nil
}

// turn starts every request that can be started now. next is when to look again, zero when only something that happens is worth it; read says that new
// events are.
func (e *endpoint) turn(ctx, requests context.Context) (next time.Time, read bool, err error) {
	now := e.store.Now()
	if now.Before(e.hold) {
		return e.hold, false, e.save(ctx)
	}
	if err := e.retry(ctx, requests, now); err != nil {
		return next, false, err
	}
	exhausted, err := e.fill(ctx)
	if err != nil {
		return next, false, err
	}
	waits, err := e.start(ctx, requests, now)
	if err != nil {
		return next, false, err
	}
	e.trim()
	if now.Sub(e.saved) >= saveEvery || e.low()-e.cursor.Position >= readBatch {
		if err := e.save(ctx); err != nil {
			return next, false, err
		}
	}
	soonest := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	soonest(e.retryAt)
	if waits {
		soonest(e.probeAt)
	}
	if e.low() > e.cursor.Position {
		soonest(e.saved.Add(saveEvery))
	}
	room := len(e.window) < windowSize
	if room && !exhausted {
		next = now
	}
	return next, room, nil
}

// limit is how many requests may be under way.
func (e *endpoint) limit() int {
	if e.failures >= breakAfter {
		return 1
	}
	return e.config.EndpointConcurrency
}

// retry starts deliveries that are due again.
func (e *endpoint) retry(ctx, requests context.Context, now time.Time) error {
	if !e.stale && (e.retryAt.IsZero() || now.Before(e.retryAt)) || len(e.flying) >= e.limit() {
		return nil
	}
	most := e.limit() + len(e.flying)
	due, next, err := e.store.DueDeliveries(ctx, e.id, now, most)
	if err != nil {
		return err
	}
	e.retryAt, e.stale = next, len(due) == most
	for i := range due {
		d := &due[i]
		switch {
		case e.flying[d.Event.Seq]:
		case len(e.flying) >= e.limit() || e.busy[about(&d.Event)]:
			e.stale = true
		default:
			e.launch(requests, d, nil)
		}
	}
	return nil
}

// fill reads events from the feed until the window is full, the feed is exhausted, or enough was passed over for one turn.
func (e *endpoint) fill(ctx context.Context) (exhausted bool, err error) {
	for range 16 {
		if len(e.window) >= windowSize {
			return false, nil
		}
		events, err := e.store.Events(ctx, e.position, readBatch)
		if err != nil || len(events) == 0 {
			return true, err
		}
		for i := range events {
			e.position = events[i].Seq
			if e.concerns(&events[i]) {
				e.window = append(e.window, &item{event: events[i]})
			}
		}
	}
	return false, nil
}

// concerns tells whether the endpoint gets an event. It is not told about itself: what cannot be delivered would go on for ever.
func (e *endpoint) concerns(v *store.Event) bool {
	return wants(e.hook.Types, v.Type) && !(strings.HasPrefix(v.Type, "webhook.") && v.Code == e.id.String())
}

// start takes up events of the window in their order; waits says that some are left until the endpoint is probed again.
func (e *endpoint) start(ctx, requests context.Context, now time.Time) (waits bool, err error) {
	for _, it := range e.window {
		switch {
		case len(e.flying) >= e.limit():
			return false, nil
		case it.done || e.flying[it.event.Seq] || e.busy[about(&it.event)]:
			continue
		case now.Before(e.probeAt):
			return true, nil
		}
		if it.done, err = e.dealtWith(ctx, &it.event, now); err != nil {
			return false, err
		}
		if !it.done {
			e.launch(requests, &store.Delivery{Webhook: e.id, Event: it.event}, it)
		}
	}
	return false, nil
}

// dealtWith tells whether nothing is to be done for an event now: it has a delivery already, or one of its message goes first.
func (e *endpoint) dealtWith(ctx context.Context, v *store.Event, now time.Time) (bool, error) {
	if v.Seq <= e.recorded {
		d, err := e.store.Delivery(ctx, e.id, v.Seq)
		var damage *store.Damage
		switch {
		case errors.Is(err, store.ErrNotFound) || errors.As(err, &damage):
		case err != nil:
			return false, err
		case d.State == store.Pending || d.SettledAt.After(e.cursor.MovedAt) || v.Seq <= e.cursor.MovedTo:
			return true, nil
		}
	}
	held, err := e.store.HoldDelivery(ctx, e.id, *v, now.UTC())
	return held, err
}

// about returns what an event is about. Of equal ones, one is under way at a time, so that they come in order.
func about(v *store.Event) string {
	if v.Message.IsZero() {
		return "trunk " + v.Trunk
	}
	return string(v.Message[:])
}

// low returns the number up to which everything is dealt with.
func (e *endpoint) low() uint64 {
	if len(e.window) > 0 {
		return e.window[0].event.Seq - 1
	}
	return e.position
}

// trim drops what is dealt with from the beginning of the window.
func (e *endpoint) trim() {
	n := 0
	for n < len(e.window) && e.window[n].done {
		n++
	}
	e.window = append(e.window[:0], e.window[n:]...)
}

// save stores how far the endpoint is.
func (e *endpoint) save(ctx context.Context) error {
	e.trim()
	low := e.low()
	if low <= e.cursor.Position {
		return nil
	}
	if err := e.store.AdvanceWebhook(ctx, e.id, low, e.cursor.MovedAt); err != nil {
		return err
	}
	e.cursor.Position, e.saved = low, e.store.Now()
	return nil
}
