package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"trunkline/callplan"
	"trunkline/callplan/phone"
	"trunkline/store"
)

// Diversions are kept by comparing, again and again, what the plans want with what the network says. What was asked of the network is written down under the
// card before it is asked for, and forgotten only when the network says that it is undone: so a crash, a reload or another modem leaves no diversion that
// nobody knows of.

const (
	divertLook  = 24 * time.Hour // between two questions to the network when nothing changed
	divertLimit = 3 * time.Minute
	divertRetry = time.Minute // after a failure, doubled up to divertLater
	divertLater = time.Hour
	markPrefix  = "divert/" // of the keys of what is written down
)

// divertMark is a diversion that this program asked the network for, and that was not seen to be undone.
type divertMark struct {
	When  string    `json:"when"`
	To    string    `json:"to"`
	Trunk string    `json:"trunk"`
	At    time.Time `json:"at"`
}

// divertState is what is known of the diversion of a line.
type divertState struct {
	identity string // of the card that it was looked at with
	wanted   Diversion
	actual   Diversion
	checked  time.Time // the network was asked last; zero: never
	problem  string    // why it is not as it should be; empty: it is
	failures int
	next     time.Time // not before
}

// DivertedLine is one line, or card, of which calls are or should be passed on.
type DivertedLine struct {
	Trunk    string
	Identity string // of the card; empty: not known
	Wanted   Diversion
	Actual   Diversion
	Checked  time.Time // zero: the network was not asked yet
	Problem  string    // empty: all is as it should be
}

// Diversions returns what is known of every line with diversions, and of cards that were left with one, in order of the trunks.
func (c *Calls) Diversions(ctx context.Context) ([]DivertedLine, error) {
	marks, err := c.marks(ctx)
	if err != nil {
		return nil, err
	}
	var all []DivertedLine
	c.mu.Lock()
	for trunk, s := range c.diverts {
		all = append(all, DivertedLine{Trunk: trunk, Identity: s.identity, Wanted: s.wanted, Actual: s.actual, Checked: s.checked, Problem: s.problem})
		delete(marks, s.identity)
	}
	c.mu.Unlock()
	for identity, m := range marks {
		all = append(all, DivertedLine{Trunk: m.Trunk, Identity: identity, Actual: Diversion{When: m.When, To: m.To},
			Problem: "the card is in no modem that is up; its calls stay diverted until it is again, or until its holder ends that"})
	}
	slices.SortFunc(all, func(a, b DivertedLine) int {
		if a.Trunk != b.Trunk {
			return cmpString(a.Trunk, b.Trunk)
		}
		return cmpString(a.Identity, b.Identity)
	})
	return all, nil
}

func cmpString(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// marks returns what was asked of the network, by card.
func (c *Calls) marks(ctx context.Context) (map[string]divertMark, error) {
	kept, err := c.o.Store.RememberedAll(ctx, markPrefix)
	if err != nil {
		return nil, err
	}
	all := map[string]divertMark{}
	for key, value := range kept {
		var m divertMark
		if json.Unmarshal(value, &m) == nil {
			all[key[len(markPrefix):]] = m
		}
	}
	return all, nil
}

// keepDiversions looks at every line at each full minute, since rules change with the clock, and when something happens, until ctx ends.
func (c *Calls) keepDiversions(ctx context.Context) {
	for {
		now := time.Now()
		minute := time.NewTimer(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
		select {
		case <-ctx.Done():
		case <-c.nudge:
		case <-minute.C:
		}
		minute.Stop()
		if ctx.Err() != nil {
			return
		}
		var wg sync.WaitGroup
		lines := c.o.Lines()
		for _, trunk := range slices.Sorted(maps.Keys(lines)) {
			c.metrics.trunk(trunk)
			wg.Go(func() { c.keepDiversion(ctx, trunk, lines[trunk]) })
		}
		wg.Wait()
	}
}

// keepDiversion brings the diversion of one line to what the plans want, as far as that is due.
func (c *Calls) keepDiversion(ctx context.Context, trunk string, line Line) {
	identity := line.Identity()
	if identity == "" {
		return // it is not up
	}
	set := c.config.Load().Line[trunk]
	mark, marked, err := c.mark(ctx, identity)
	if err != nil {
		c.log.Error("what was diverted cannot be read", "trunk", trunk, "err", err)
		return
	}
	c.mu.Lock()
	s := c.diverts[trunk]
	if s == nil || s.identity != identity || s.wanted.When != set.Divert {
		s = &divertState{identity: identity}
		c.diverts[trunk] = s
	}
	before := *s
	if set.Divert == "" && !marked {
		delete(c.diverts, trunk)
	}
	c.mu.Unlock()
	if set.Divert == "" && !marked {
		return
	}
	after := before
	after.wanted = Diversion{When: set.Divert}
	if set.Divert != "" {
		after.wanted = c.wantedDiversion(trunk, set)
	}
	now := time.Now()
	if after.wanted != before.wanted {
		after.failures, after.next = 0, time.Time{}
	}
	due := after.wanted != before.wanted || after.checked.IsZero() || now.Sub(after.checked) >= divertLook || after.problem != ""
	if !due || now.Before(after.next) {
		return
	}
	limited, cancel := context.WithTimeout(ctx, divertLimit)
	defer cancel()
	if marked && mark.When != set.Divert {
		err = c.undo(limited, trunk, line, identity, mark)
	}
	if err == nil && set.Divert != "" {
		after.actual, err = c.reconcile(limited, trunk, line, identity, after.wanted)
	}
	if ctx.Err() != nil {
		return
	}
	after.checked, after.problem, after.failures = now, "", 0
	if err != nil {
		after.problem, after.failures = err.Error(), before.failures+1
		after.next = now.Add(min(divertRetry<<min(before.failures, 10), divertLater))
		if before.problem != after.problem {
			c.log.Warn("calls are not diverted as the plans want", "trunk", trunk, "err", err)
			c.tellDiversion(ctx, "call.divert_failed", trunk, after.wanted, clip(after.problem))
		}
	}
	c.metrics.diverted.WithLabelValues(trunk).Set(gauge(after.actual.To != ""))
	c.metrics.astray.WithLabelValues(trunk).Set(gauge(after.problem != ""))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.diverts[trunk] != s {
		return
	}
	if *s = after; set.Divert == "" && err == nil {
		delete(c.diverts, trunk)
	}
}

// wantedDiversion returns what the plans want with calls of which nothing is known but the line and the time: the number that a rule sends every caller to. A
// rule that asks for the caller is not for all of them.
func (c *Calls) wantedDiversion(trunk string, set LineConfig) Diversion {
	want := Diversion{When: set.Divert, After: set.DivertAfter}
	f := callplan.Facts{Provider: c.provider(trunk), Called: set.Number, At: time.Now(), CallID: "divert/" + trunk}
	var withheld, strange callplan.Decision
	c.o.Plans.Decide(&f, &withheld)
	f.Calling = "#" // fits no pattern of numbers
	c.o.Plans.Decide(&f, &strange)
	if withheld.Action == callplan.Route && strange.Action == callplan.Route && withheld.Plan == strange.Plan && withheld.Path == strange.Path {
		want.To = targetOf(strange.Candidates, trunk, set.Number)
	}
	if want.To == "" {
		want.After = 0
	}
	return want
}

// reconcile asks the network, changes what differs, and returns what the network says then.
func (c *Calls) reconcile(ctx context.Context, trunk string, line Line, identity string, want Diversion) (Diversion, error) {
	actual, err := line.Diverted(ctx, want.When)
	if err != nil {
		return actual, fmt.Errorf("ask the network: %w", err)
	}
	if want.To != "" {
		// Before it is asked for: from here on somebody knows.
		if err := c.setMark(ctx, identity, &divertMark{When: want.When, To: want.To, Trunk: trunk, At: c.o.Store.Now()}); err != nil {
			return actual, err
		}
	}
	if !sameTarget(actual.To, want.To) || want.After != 0 && actual.After != want.After {
		was := actual.To
		if err := line.Divert(ctx, want); err != nil {
			return actual, fmt.Errorf("change it: %w", err)
		}
		if actual, err = line.Diverted(ctx, want.When); err != nil {
			return actual, fmt.Errorf("ask the network: %w", err)
		}
		if !sameTarget(actual.To, want.To) {
			return actual, errors.New("the network took the change and did not make it")
		}
		if want.To != "" {
			c.tellDiversion(ctx, "call.diverted", trunk, want, "the network passes calls on, "+want.When)
		} else {
			c.tellDiversion(ctx, "call.divert_ended", trunk, Diversion{When: want.When, To: was}, "the network passes calls on no more, "+want.When)
		}
	}
	if want.To == "" {
		return actual, c.setMark(ctx, identity, nil)
	}
	return actual, nil
}

// undo ends a diversion that this program made and that the settings do not want any more. What somebody else has made of it meanwhile stays.
func (c *Calls) undo(ctx context.Context, trunk string, line Line, identity string, m divertMark) error {
	actual, err := line.Diverted(ctx, m.When)
	if err != nil {
		return fmt.Errorf("ask the network: %w", err)
	}
	if sameTarget(actual.To, m.To) {
		if _, err := c.reconcile(ctx, trunk, line, identity, Diversion{When: m.When}); err != nil {
			return err
		}
	}
	return c.setMark(ctx, identity, nil)
}

// sameTarget tells whether two numbers, either perhaps none, reach the same line.
func sameTarget(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	return phone.FromAddress(a, false).SameLine(phone.FromAddress(b, false))
}

func (c *Calls) mark(ctx context.Context, identity string) (m divertMark, ok bool, err error) {
	value, err := c.o.Store.Remembered(ctx, markPrefix+identity)
	if err != nil || value == nil {
		return m, false, err
	}
	return m, true, json.Unmarshal(value, &m)
}

// setMark writes down what is asked of the network; nil forgets it.
func (c *Calls) setMark(ctx context.Context, identity string, m *divertMark) error {
	var value []byte
	if m != nil {
		if old, ok, err := c.mark(ctx, identity); err == nil && ok && old.When == m.When && old.To == m.To && old.Trunk == m.Trunk {
			return nil
		}
		var err error
		if value, err = json.Marshal(m); err != nil {
			return err
		}
	}
	return c.o.Store.Remember(context.WithoutCancel(ctx), markPrefix+identity, value)
}

func (c *Calls) tellDiversion(ctx context.Context, typ, trunk string, d Diversion, text string) {
	e := store.Event{Type: typ, At: c.o.Store.Now(), Reference: -1, Trunk: trunk, Code: d.When, Number: phone.FromAddress(d.To, false), Text: text}
	if err := c.o.Store.Append(context.WithoutCancel(ctx), e); err != nil {
		c.log.Error("an event could not be stored", "type", typ, "err", err)
	}
}
