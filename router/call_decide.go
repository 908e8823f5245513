package router

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline/callplan"
	"trunkline/callplan/phone"
	"trunkline/store"
)

// tidyLimit is how long it may take to end what was begun when the program stops.
const tidyLimit = 5 * time.Second

// decide asks the plans about a call that rings, writes down what they say, and does it.
func (c *Calls) decide(ctx context.Context, l *liveCall, k LineCall) {
	f := callplan.Facts{Provider: c.provider(l.trunk), Calling: k.Number, Called: c.config.Load().Line[l.trunk].Number, At: k.At, CallID: l.id.String()}
	if c.o.TrunksDown != nil {
		f.TrunksDown = c.o.TrunksDown()
	}
	var d callplan.Decision
	c.o.Plans.Decide(&f, &d)
	rules := c.config.Load().of(l.trunk, d.Plan)
	treatment, target := treat(&d, &rules, l.trunk, f.Called)
	c.metrics.decisions.WithLabelValues(l.trunk, treatment).Inc()
	if d.Action == callplan.NoMatch && treatment == TreatRing {
		return // nothing was decided, and nothing is done
	}
	_, err := c.o.Store.ChangeCall(ctx, l.id, func(r *store.CDR) (store.Event, error) {
		r.Decision = &store.CallDecision{Action: d.Action.String(), Plan: d.Plan, Version: d.Version, Rule: d.Path, Label: d.Label, Draw: -1, Treatment: treatment}
		if d.Drawn {
			r.Decision.Draw = d.Draw
		}
		now := c.o.Store.Now()
		r.Note(now, "decided", treatment)
		return store.Event{Type: "call.decided", At: now, Reference: -1, Trunk: l.trunk, Code: treatment, Number: r.Number, Text: why(&d)}, nil
	})
	if err != nil {
		c.log.Error("the decision about a call could not be stored; it rings on", "trunk", l.trunk, "call", l.id, "err", err)
		return
	}
	c.mu.Lock()
	l.treatment = treatment
	c.mu.Unlock()
	if err := c.act(ctx, l, treatment, target, rules); err != nil && !errors.Is(err, ErrNoCall) {
		c.log.Warn("what was decided about a call could not be done", "trunk", l.trunk, "call", l.id, "treatment", treatment, "err", err)
		c.note(ctx, l.id, treatment+"_failed", err.Error())
	}
}

// why words a decision.
func why(d *callplan.Decision) string {
	if d.Plan == "" {
		return "no rule matches"
	}
	return fmt.Sprintf("%s by rule %s %q of plan %q, version %d", d.Action, d.Path, d.Label, d.Plan, d.Version)
}

// treat returns what is done with a call that rings, and the number that it is passed on to.
func treat(d *callplan.Decision, r *callRules, trunk, called string) (treatment, target string) {
	switch d.Action {
	case callplan.Terminate:
		return r.Terminate, ""
	case callplan.NoMatch:
		return r.NoMatch, ""
	case callplan.Route:
		if target = targetOf(d.Candidates, trunk, called); target != "" {
			return r.Route, target
		}
	}
	return TreatRing, ""
}

// targetOf returns the first number that a line itself can pass a call on to: a number, or one through this very trunk. Addresses and other trunks are for
// switches. The dialled number leads back to here and is none.
func targetOf(all []callplan.Candidate, trunk, called string) string {
	for _, k := range all {
		if k.Type == callplan.SIP || k.Type != callplan.Number && k.Trunk != trunk || k.Number == called {
			continue
		}
		if n, err := phone.Parse(k.Number); err == nil {
			return n.String()
		}
	}
	return ""
}

// act does what was decided.
func (c *Calls) act(ctx context.Context, l *liveCall, treatment, target string, r callRules) error {
	line := c.o.Lines()[l.trunk]
	if treatment == TreatRing || line == nil {
		return nil
	}
	switch treatment {
	case TreatReject:
		return line.EndCall(ctx, l.line)
	case TreatAnswer:
		if err := line.AnswerCall(ctx, l.line); err != nil {
			return err
		}
		wait(ctx, l.ended, r.answerFor)
		c.end(ctx, l.trunk, l.line)
		return nil
	}
	handed, second, err := line.Transfer(ctx, l.line, target, r.transferWait)
	switch {
	case errors.Is(err, ErrNoTransfer):
		return err // it rings on
	case err != nil:
		c.end(ctx, l.trunk, l.line)
		return err
	case handed:
		return nil
	}
	// Both are joined here: the end of one is that of the other.
	c.mu.Lock()
	l.partner = second
	_, first := c.live[lineID{l.trunk, l.line}]
	other := c.live[lineID{l.trunk, second}]
	if other != nil {
		other.partner = l.line
	}
	c.mu.Unlock()
	switch {
	case other == nil:
		c.end(ctx, l.trunk, l.line)
	case !first:
		c.end(ctx, l.trunk, second)
	}
	c.note(ctx, l.id, "joined", target)
	return nil
}

// wait returns when a time is over, something is closed, or ctx ends.
func wait(ctx context.Context, closed <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-closed:
	case <-ctx.Done():
	}
}

// end ends a call on a line, also when the program stops. One that is over already is fine.
func (c *Calls) end(ctx context.Context, trunk string, id uint64) {
	line := c.o.Lines()[trunk]
	if line == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyLimit)
	defer cancel()
	if err := line.EndCall(ctx, id); err != nil && !errors.Is(err, ErrNoCall) {
		c.log.Warn("a call could not be ended", "trunk", trunk, "err", err)
	}
}

// note adds to the record of a call.
func (c *Calls) note(ctx context.Context, id store.CDRID, name, detail string) {
	_, err := c.o.Store.ChangeCall(context.WithoutCancel(ctx), id, func(r *store.CDR) (store.Event, error) {
		r.Note(c.o.Store.Now(), name, detail)
		return store.Event{}, nil
	})
	if err != nil {
		c.log.Error("a call's record could not be changed", "call", id, "err", err)
	}
}
