package router

import (
	"context"
	"fmt"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// CallEvent words what happened to a call. Code is the cause of an end, or the key that was pressed; Duration is how long it rang, and at the end of an
// answered call how long that lasted.
func CallEvent(trunk string, k LineCall) store.Event {
	e := store.Event{Type: "call." + k.Happened, At: k.At, Reference: -1, Trunk: trunk, Code: k.Cause, Number: phone.FromAddress(k.Number, false)}
	if k.Happened == LineKey {
		e.Text = k.Key
		return e
	}
	switch {
	case !k.Ended.IsZero() && !k.Answered.IsZero():
		e.Duration = k.Ended.Sub(k.Answered)
	case !k.Ended.IsZero():
		e.Duration = k.Ended.Sub(k.Began)
	case !k.Answered.IsZero():
		e.Duration = k.Answered.Sub(k.Began)
	}
	e.Text = "incoming"
	if k.Outgoing {
		e.Text = "outgoing"
	}
	switch {
	case k.Outgoing || k.Number != "":
	case k.Withheld:
		e.Text += ", caller withheld"
	default:
		e.Text += ", caller unknown"
	}
	if k.Rings > 0 {
		e.Text += fmt.Sprintf(", rings: %d", k.Rings)
	}
	return e
}

// Heard takes note of what happened to a call: its record and the event are on disk when it returns. What follows from it is done by Run. One goroutine calls
// it for a line.
func (c *Calls) Heard(ctx context.Context, trunk string, k LineCall) error {
	l, err := c.find(ctx, trunk, k)
	if err != nil {
		return err
	}
	if l == nil {
		return nil // it began now, with this as its event
	}
	changed, err := c.o.Store.ChangeCall(ctx, l.id, func(r *store.CDR) (store.Event, error) {
		r.Note(k.At, k.Happened, k.Cause) // which key was pressed is not kept: it may be of a secret
		if r.Number.IsZero() {
			r.Number = phone.FromAddress(k.Number, false)
		}
		r.Rings = max(r.Rings, k.Rings)
		if !k.Answered.IsZero() {
			r.AnsweredAt = k.Answered
		}
		if !k.Ended.IsZero() {
			r.EndedAt, r.Cause, r.Outcome = k.Ended, k.Cause, outcomeOf(k)
		}
		e := CallEvent(trunk, k)
		e.Account = r.Account
		return e, nil
	})
	if err != nil {
		if !k.Ended.IsZero() { // its record is closed at the next start
			c.drop(l, k)
		}
		return err
	}
	switch k.Happened {
	case LineAnswered:
		l.answer()
	case LineMissed, LineEnded:
		c.over(l, k, changed)
	}
	return nil
}

// find returns the call that something happened to. One that was not known begins; when that tells all, nil is returned.
func (c *Calls) find(ctx context.Context, trunk string, k LineCall) (*liveCall, error) {
	key := lineID{trunk, k.ID}
	c.mu.Lock()
	l := c.live[key]
	if p := c.placing[trunk]; l == nil && p != nil && k.Outgoing && k.Number == p.number {
		delete(c.placing, trunk)
		p.line, c.live[key], l = k.ID, p, p
	}
	c.mu.Unlock()
	if l != nil {
		return l, nil
	}
	d := store.In
	if k.Outgoing {
		d = store.Out
	}
	l = &liveCall{id: store.NewCDRID(), trunk: trunk, line: k.ID, number: k.Number, outgoing: k.Outgoing, began: k.Began, answered: make(chan struct{}), ended: make(chan struct{})}
	r := c.record(ctx, l.id, trunk, d, k.Number, k.Withheld, k.Began)
	r.Rings = k.Rings
	begins := k
	if k.Happened != LineIncoming && k.Happened != LineDialled {
		begins.Happened, begins.Answered, begins.Ended, begins.Cause = LineIncoming, time.Time{}, time.Time{}, ""
		if k.Outgoing {
			begins.Happened = LineDialled
		}
	}
	r.Note(begins.At, begins.Happened, "")
	if err := c.o.Store.BeginCall(ctx, r, CallEvent(trunk, begins)); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.live[key] = l
	c.mu.Unlock()
	if begins.Happened != k.Happened {
		return l, nil
	}
	if !k.Outgoing {
		c.do(func(ctx context.Context) { c.decide(ctx, l, k) })
	}
	return nil, nil
}

// answer tells who waits for it that the call was answered. Only Heard calls it.
func (l *liveCall) answer() {
	select {
	case <-l.answered:
	default:
		close(l.answered)
	}
}

// over ends what is known of a call, and begins what follows from its end.
func (c *Calls) over(l *liveCall, k LineCall, r store.CDR) {
	treatment, partner := c.drop(l, k)
	c.metrics.calls.WithLabelValues(l.trunk, r.Direction.String(), r.Outcome).Inc()
	c.metrics.seconds.WithLabelValues(l.trunk, r.Direction.String()).Add(r.Stood().Seconds())
	if partner != 0 {
		c.do(func(ctx context.Context) { c.end(ctx, l.trunk, partner) })
	}
	if !k.Outgoing {
		c.do(func(ctx context.Context) { c.writeBack(ctx, r, treatment) })
	}
}

// drop forgets a call that has ended, and returns what was done with it and the call that it was joined with.
func (c *Calls) drop(l *liveCall, k LineCall) (treatment string, partner uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, lineID{l.trunk, k.ID})
	close(l.ended)
	return l.treatment, l.partner
}

// outcomeOf sorts the ends of calls.
func outcomeOf(k LineCall) string {
	switch {
	case k.Cause == "handed":
		return store.CallPassedOn
	case k.Cause == "lost":
		return store.CallLost
	case !k.Answered.IsZero():
		return store.CallAnswered
	case !k.Outgoing && k.Cause == "rejected":
		return store.CallRejected
	case !k.Outgoing:
		return store.CallMissed
	case k.Cause == "busy":
		return store.CallBusy
	case k.Cause == "no_answer" || k.Cause == "local":
		return store.CallNoAnswer
	}
	return store.CallFailed
}
