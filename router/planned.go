package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/callplan"
	"trunkline/callplan/phone"
	"trunkline/store"
)

// Messages through call plans. Every message that goes out without a trunk of its own, and every one that came in, is decided by the plans of its service
// provider, as a call of kind "sms": calling is the sender, called the recipient. Trunks that are down are passed over.

// Down returns the names of the trunks that cannot be used now, in order. It is not to be changed.
func (r *Router) Down() []string {
	var names []string
	for _, l := range r.running() {
		if !l.up.Load() || !l.free() {
			names = append(names, l.trunk.Name)
		}
	}
	slices.Sort(names)
	return names
}

// TrunkProvider returns the key of the service provider that a trunk belongs to.
func (r *Router) TrunkProvider(trunk string) string {
	return cmp.Or(r.store.ProviderMeant(r.books.rules.Load().trunk(trunk).Provider), store.DefaultProvider)
}

// facts are what the plans are asked about a message.
func (r *Router) facts(q *store.Routing, id store.MessageID, at time.Time, down []string) callplan.Facts {
	return callplan.Facts{Provider: q.Provider, Kind: "sms", Calling: q.Calling, Called: q.Called, At: at, CallID: id.String(), TrunksDown: down}
}

// TryMessage tells what the plans of a service provider would do with a message now; "" is the default one.
func (r *Router) TryMessage(provider, from, to string, at time.Time) callplan.Explanation {
	q := store.Routing{Provider: cmp.Or(provider, store.DefaultProvider), Calling: from, Called: to}
	f := r.facts(&q, store.MessageID{}, at, r.Down())
	var set *callplan.Set
	if r.plans != nil {
		set = r.plans.Set(q.Provider)
	}
	return set.Explain(&f)
}

// way is where a message goes by the decision of the plans.
type way struct {
	store.Routing
	to      phone.Number // zero: nobody else than was asked for; a SIP address is one as text
	address bool         // to is a SIP address, and the message has one part
}

// findWay asks the plans, with the trunks that are down. The first candidate counts that can be used; when a trunk cannot, the plans are asked again as if it
// was down. A rule whose trunks are all down does not match, so that it is a later one that decides, even when that ends the message.
func (r *Router) findWay(q store.Routing, id store.MessageID, at time.Time) (w way) {
	set := r.plans.Set(q.Provider)
	f := r.facts(&q, id, at, slices.Clip(r.Down()))
	var d callplan.Decision
	w = way{Routing: q}
	for range callplan.MaxCandidates { // each turn takes a trunk away
		set.Decide(&f, &d)
		w.Action, w.Plan, w.Version, w.Rule, w.Label = d.Action.String(), d.Plan, d.Version, d.Path, d.Label
		if d.Action != callplan.Route {
			return w
		}
		before := len(f.TrunksDown)
		for i := range d.Candidates {
			c := &d.Candidates[i]
			trunk, to, why := r.usable(c)
			if why == "" && len(f.TrunksDown) == before {
				w.Trunk, w.to, w.address, w.Note = trunk, to, c.Type == callplan.SIP, ""
				return w
			}
			if why == "" {
				break // asked again, the plans name the rule that this one is of
			}
			w.Note = why
			if c.Trunk != "" && !slices.Contains(f.TrunksDown, c.Trunk) {
				f.TrunksDown = append(f.TrunksDown, c.Trunk)
			}
		}
		if len(f.TrunksDown) == before {
			break // nothing to take away: the rule leads nowhere
		}
		w.Note = ""
	}
	return w
}

// usable returns the trunk and the recipient of a candidate, or why it cannot be taken.
func (r *Router) usable(c *callplan.Candidate) (trunk string, to phone.Number, why string) {
	switch {
	case c.Type == callplan.SIP:
		if trunk = r.sipTrunk(c.URI); trunk == "" {
			return "", to, "no trunk of this gateway sends to this SIP address"
		}
		return trunk, phone.FromAddress(c.URI, true), ""
	case c.Trunk != "" && !slices.ContainsFunc(r.running(), func(l *lane) bool { return l.trunk.Name == c.Trunk }):
		return "", to, fmt.Sprintf("there is no trunk %q", clip(c.Trunk))
	}
	to, err := phone.Parse(c.Number)
	if err != nil {
		return "", to, "to nobody: " + err.Error()
	}
	return c.Trunk, to, ""
}

// sipTrunk returns the trunk for a SIP address: the first by name of those that reach it and can send now, else of those that reach it; empty: there is none.
func (r *Router) sipTrunk(uri string) string {
	first, able := "", ""
	for _, l := range r.running() {
		if b, ok := l.trunk.Backend.(addressing); !ok || !b.Reaches(uri) {
			continue
		}
		if name := l.trunk.Name; first == "" || name < first {
			first = name
		}
		if name := l.trunk.Name; l.able() && (able == "" || name < able) {
			able = name
		}
	}
	return cmp.Or(able, first)
}

// planOut decides a message that goes out, before it is accepted.
func (r *Router) planOut(m *store.Message, now time.Time) {
	if r.plans == nil || r.plans.Set(m.Tenant()) == nil {
		return
	}
	q := store.Routing{Provider: m.Tenant(), Called: m.To.String()}
	w := r.findWay(q, m.ID, later(now, m.SendAt))
	m.Routing = &w.Routing
	r.metrics.planned.WithLabelValues(m.Direction.String(), w.Action).Inc()
	switch {
	case w.Action == store.RoutingTerminate:
		m.State, m.Failure = store.Error, store.Terminated(&w.Routing)
	case w.Action != store.RoutingRoute:
		return
	case w.Note != "":
		m.State, m.Failure = store.Error, &store.Failure{Code: "no_way", Text: fmt.Sprintf("rule %s of call plan %s: %s", w.Rule, w.Plan, w.Note)}
	default:
		if m.To = w.to; w.address {
			m.Parts = m.Parts[:1]
		}
		return
	}
	for i := range m.Parts {
		m.Parts[i].State = store.Canceled
	}
}

// RouteInbound has the call plans decide about a message that came in, and stores the decision with it; one that they send to a number is forwarded there. A
// message that has a decision is left as it is, so that a call that broke off can be repeated. The error is the store's.
func (r *Router) RouteInbound(ctx context.Context, m *store.Message) error {
	q := store.Routing{Provider: cmp.Or(m.Provider, r.TrunkProvider(m.Trunk)), Calling: m.From.String(), Called: m.To.String()}
	if subscriber, err := r.store.SubscriberOf(ctx, m.To); err == nil {
		q.Provider = subscriber.Provider
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if m.Routing != nil || r.plans == nil || r.plans.Set(q.Provider) == nil {
		return nil
	}
	now := r.store.Now()
	w := r.findWay(q, m.ID, m.ReceivedAt)
	var forward *store.Message
	if w.Action == store.RoutingRoute && w.Note == "" {
		forward, w.Note = r.forward(m, &w, now)
	}
	changed, err := r.store.RouteReceived(ctx, m.ID, w.Routing, forward, now)
	var quota *store.QuotaError
	if errors.As(err, &quota) { // the message itself is not at fault
		r.log.Warn("a message that came in is not forwarded", "message", m.ID, "plan", w.Plan, "rule", w.Rule, "err", err)
		forward, w.Note, w.Trunk = nil, quota.Error(), ""
		changed, err = r.store.RouteReceived(ctx, m.ID, w.Routing, nil, now)
	}
	if err != nil || !changed {
		return err
	}
	r.metrics.planned.WithLabelValues(m.Direction.String(), w.Action).Inc()
	if forward != nil {
		r.metrics.accepted.Inc()
		r.nudgeAll("")
	}
	return nil
}

const (
	forwardedFrom = "From "
	mostForwards  = 3 // times that one text is forwarded, from gateway to gateway or round a loop
)

// forward makes the message that carries on what came in, or says why there is none.
func (r *Router) forward(m *store.Message, w *way, now time.Time) (*store.Message, string) {
	switch {
	case m.Text == "":
		return nil, "it has no text that could be forwarded"
	case w.to == m.To || w.to == m.From:
		return nil, "it would go back to where it came from"
	case strings.Count(m.Text, forwardedFrom) >= mostForwards && strings.HasPrefix(m.Text, forwardedFrom):
		return nil, "it was forwarded too often already"
	}
	text := forwardedFrom + m.From.String() + ": " + m.Text
	parts, err := 1, error(nil)
	if !w.address {
		parts, err = r.measure(text, 255)
	}
	if err != nil {
		text = m.Text
		if parts, err = r.measure(text, 255); err != nil {
			return nil, err.Error()
		}
	}
	routing := w.Routing
	routing.Origin = m.ID
	f := &store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: w.to, Text: text, Account: "plan:" + w.Provider + "/" + w.Plan, Provider: w.Provider,
		Priority: usualPriority, CreatedAt: now, Routing: &routing, Parts: make([]store.Part, parts)}
	for i := range f.Parts {
		f.Parts[i] = store.Part{Seq: i + 1, State: store.Waiting, Reference: -1, Status: -1}
	}
	if routing.Trunk == "" {
		f.Prefer = r.prefer(f.To, parts)
	}
	return f, ""
}
