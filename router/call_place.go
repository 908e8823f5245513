package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline/callplan/phone"
	"trunkline/router/screen"
	"trunkline/store"
)

// CallOrder is a call to be placed: it rings, presses keys when it is answered, and is hung up.
type CallOrder struct {
	Account string        // who asks
	To      string        // number
	Trunk   string        // only through this; empty: the first that is free
	RingFor time.Duration // given up when nobody answers; 0: 30s. 5s to 2m
	Keys    string        // pressed when it is answered: up to 32 of 0-9, *, #, A-D
	TalkFor time.Duration // hung up so long after the answer, or after the keys; 0: 10s. Up to 10m
}

const (
	usualRing  = 30 * time.Second
	usualTalk  = 10 * time.Second
	longestRun = 10 * time.Minute
	beforeKeys = time.Second // between the answer and the first key: the other side is not ready at once
	// shortestCalled is how many digits a number has at least that is called: shorter ones are those of emergency and other services.
	shortestCalled = 5
)

// Place begins a call and returns its record, which is on disk; it goes on by itself, and its end is an event. The error is a *ValidationError, ErrLineBusy,
// ErrLineDown, or one of the store's.
func (c *Calls) Place(ctx context.Context, o CallOrder) (store.CDR, error) {
	to, line, err := c.checkOrder(&o)
	if err != nil {
		return store.CDR{}, err
	}
	now := c.o.Store.Now()
	l := &liveCall{id: store.NewCDRID(), trunk: o.Trunk, number: to.String(), outgoing: true, began: now, answered: make(chan struct{}), ended: make(chan struct{})}
	c.mu.Lock()
	busy := c.busy(o.Trunk)
	if !busy {
		c.placing[o.Trunk] = l
	}
	c.mu.Unlock()
	if busy {
		return store.CDR{}, fmt.Errorf("trunk %s: %w", o.Trunk, ErrLineBusy)
	}
	r := c.record(ctx, l.id, o.Trunk, store.Out, to.String(), false, now)
	r.Account = o.Account
	r.Note(now, "placed", o.Account)
	err = c.o.Store.BeginCall(ctx, r, store.Event{Type: "call.placed", At: now, Reference: -1, Trunk: o.Trunk, Number: to, Account: o.Account})
	if err != nil {
		c.placed(l)
		return store.CDR{}, err
	}
	c.do(func(ctx context.Context) { c.run(ctx, l, line, o) })
	return r, nil
}

// busy tells whether a trunk has a call. c.mu is held.
func (c *Calls) busy(trunk string) bool {
	if c.placing[trunk] != nil {
		return true
	}
	for k := range c.live {
		if k.trunk == trunk {
			return true
		}
	}
	return false
}

// placed forgets that a call is being dialled.
func (c *Calls) placed(l *liveCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.placing[l.trunk] == l {
		delete(c.placing, l.trunk)
	}
}

// checkOrder completes an order, or tells everything that is wrong with it.
func (c *Calls) checkOrder(o *CallOrder) (to phone.Number, line Line, err error) {
	var bad []FieldError
	wrong := func(field, code, format string, a ...any) {
		bad = append(bad, FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, a...)})
	}
	to, err = phone.Parse(o.To)
	switch {
	case o.To == "":
		wrong("to", "required", "is empty; name a number")
	case err != nil:
		wrong("to", "invalid", "%v", err)
	case len(strings.TrimPrefix(to.String(), "+")) < shortestCalled:
		wrong("to", "unsupported", "is shorter than %d digits; numbers of emergency and other services are not called", shortestCalled)
	default:
		if v, err := c.policy.Load().Outgoing(&screen.Lists{}, screen.Query{Number: to}); err != nil || !v.Authorized {
			wrong("to", "unsupported", "%s", v.Text)
		}
	}
	lines := c.o.Lines()
	names := slices.Sorted(maps.Keys(lines))
	if o.Trunk != "" {
		if line = lines[o.Trunk]; line == nil {
			wrong("trunk", "unknown", "there is no trunk %q that carries calls; known: %s", clip(o.Trunk), cmp.Or(strings.Join(names, ", "), "none"))
		}
	}
	within := func(field string, d *time.Duration, usual, least, most time.Duration) {
		if *d == 0 {
			*d = usual
		}
		if *d < least || *d > most {
			wrong(field, "out_of_range", "is not between %s and %s", least, most)
		}
	}
	within("ring_for", &o.RingFor, usualRing, 5*time.Second, 2*time.Minute)
	within("talk_for", &o.TalkFor, usualTalk, time.Second, longestRun)
	if o.Keys = strings.ToUpper(o.Keys); len(o.Keys) > 32 || strings.Trim(o.Keys, "0123456789*#ABCD") != "" {
		wrong("keys", "invalid", "are not up to 32 of 0-9, *, #, A-D")
	}
	if len(bad) > 0 {
		return to, nil, &ValidationError{Fields: bad}
	}
	if o.Trunk == "" {
		if o.Trunk, line = c.freeLine(names, lines); line == nil {
			return to, nil, fmt.Errorf("%d trunks: %w", len(names), ErrLineDown)
		}
	}
	return to, line, nil
}

// freeLine returns the first line that is up and has no call.
func (c *Calls) freeLine(names []string, lines map[string]Line) (string, Line) {
	var down []string
	if c.o.TrunksDown != nil {
		down = c.o.TrunksDown()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		if !slices.Contains(down, name) && !c.busy(name) {
			return name, lines[name]
		}
	}
	return "", nil
}

// run brings a call that was placed to its end.
func (c *Calls) run(ctx context.Context, l *liveCall, line Line, o CallOrder) {
	defer c.placed(l)
	id, err := line.Dial(ctx, l.number)
	switch {
	case notReached(err) || ctx.Err() != nil:
		c.failed(ctx, l, err)
		return
	case err != nil: // the line tells of its end itself
		wait(ctx, l.ended, tidyLimit)
		c.failed(ctx, l, err)
		return
	}
	given := time.NewTimer(o.RingFor - c.o.Store.Now().Sub(l.began))
	defer given.Stop()
	select {
	case <-l.answered:
	case <-l.ended:
	case <-given.C:
	case <-ctx.Done():
	}
	if isClosed(l.answered) && !isClosed(l.ended) {
		c.talk(ctx, l, line, o)
	}
	if !isClosed(l.ended) {
		c.end(ctx, l.trunk, id)
		wait(ctx, l.ended, tidyLimit)
	}
	c.failed(ctx, l, errUnheard)
}

// errUnheard is noted with a call of which the line told nothing.
var errUnheard = errors.New("the line told nothing of the call")

// talk presses the keys and lets the call stand for its time.
func (c *Calls) talk(ctx context.Context, l *liveCall, line Line, o CallOrder) {
	if o.Keys != "" {
		wait(ctx, l.ended, beforeKeys)
		if err := line.Press(ctx, o.Keys); err != nil && !isClosed(l.ended) {
			c.log.Warn("keys could not be pressed in a call", "trunk", l.trunk, "call", l.id, "err", err)
			c.note(ctx, l.id, "keys_failed", clip(err.Error()))
		} else if err == nil {
			c.note(ctx, l.id, "keys", "")
		}
	}
	wait(ctx, l.ended, o.TalkFor)
}

// failed closes the record of a call of which the line told nothing; any other stays as it is.
func (c *Calls) failed(ctx context.Context, l *liveCall, cause error) {
	c.mu.Lock()
	heard := l.line != 0
	c.mu.Unlock()
	if heard {
		return
	}
	text := clip(fmt.Sprint(cause))
	r, err := c.o.Store.ChangeCall(context.WithoutCancel(ctx), l.id, func(r *store.CDR) (store.Event, error) {
		now := c.o.Store.Now()
		r.EndedAt, r.Outcome, r.Cause = now, store.CallFailed, "failed"
		r.Note(now, "failed", text)
		return store.Event{Type: "call.ended", At: now, Reference: -1, Trunk: l.trunk, Code: "failed", Number: r.Number, Account: r.Account, Text: text}, nil
	})
	if err != nil {
		c.log.Error("a call's record could not be changed", "call", l.id, "err", err)
		return
	}
	c.metrics.calls.WithLabelValues(l.trunk, r.Direction.String(), r.Outcome).Inc()
}

// HangUp ends a call that lasts. ErrNoCall when it does not, or is being dialled and cannot be ended yet.
func (c *Calls) HangUp(ctx context.Context, id store.CDRID) error {
	c.mu.Lock()
	var found *liveCall
	for _, l := range c.live {
		if l.id == id {
			found = l
		}
	}
	c.mu.Unlock()
	if found == nil {
		return ErrNoCall
	}
	line := c.o.Lines()[found.trunk]
	if line == nil {
		return ErrLineDown
	}
	return line.EndCall(ctx, found.line)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// notReached tells whether an error says that a line has nothing to say now.
func notReached(err error) bool { return errors.Is(err, ErrLineDown) || errors.Is(err, ErrLineBusy) }
