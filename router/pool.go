package router

import (
	"cmp"
	"context"
	"hash/fnv"
	"slices"
	"sync"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// pool spreads messages that ask for no trunk over those that carry such. What it decides is where a message should go: a trunk that cannot send does
// not keep it from the others.
type pool struct {
	mu     sync.Mutex
	given  map[string]int // least_used: parts that each trunk has sent this month or was given
	earned map[string]int // weighted: what each trunk has to its credit, in parts times weight
	next   int            // round_robin
}

// prefer returns the trunk that should carry a message, "" when any may.
func (r *Router) prefer(to phone.Number, parts int) string {
	strategy := r.settings().Pool
	if strategy == PoolAny || strategy == "" {
		return ""
	}
	members := r.members()
	if len(members) == 0 {
		return ""
	}
	if strategy == PoolSticky { // over all of them, able or not, so that a recipient comes back to the same
		return slices.MaxFunc(members, func(a, b *lane) int { return cmp.Compare(lot(a.trunk.Name, to), lot(b.trunk.Name, to)) }).trunk.Name
	}
	able := slices.DeleteFunc(slices.Clone(members), func(l *lane) bool { return !l.able() })
	if len(able) == 0 {
		able = members
	}
	p := &r.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if strategy == PoolRoundRobin {
		p.next++
		return able[p.next%len(able)].trunk.Name
	}
	if strategy == PoolLeastUsed {
		best := slices.MinFunc(able, func(a, b *lane) int { return cmp.Compare(p.given[a.trunk.Name], p.given[b.trunk.Name]) }).trunk.Name
		p.given[best] += parts
		return best
	}
	rules, total := r.books.rules.Load(), 0
	for _, l := range able { // everyone earns its share, and who is chosen pays for all
		earned := parts * rules.trunk(l.trunk.Name).Weight
		p.earned[l.trunk.Name] += earned
		total += earned
	}
	best := slices.MaxFunc(able, func(a, b *lane) int { return cmp.Compare(p.earned[a.trunk.Name], p.earned[b.trunk.Name]) }).trunk.Name
	p.earned[best] -= total
	return best
}

// members returns the lanes that carry messages which ask for none, in order of their names.
func (r *Router) members() []*lane {
	all := slices.DeleteFunc(slices.Clone(r.running()), (*lane).pinnedOnly)
	slices.SortFunc(all, func(a, b *lane) int { return cmp.Compare(a.trunk.Name, b.trunk.Name) })
	return all
}

// lot draws a number for a trunk and a recipient, always the same. The trunk with the highest carries the recipient, so that a trunk that comes or goes
// moves no recipients but its own.
func lot(trunk string, to phone.Number) uint64 {
	h := fnv.New64a()
	h.Write([]byte(trunk))
	h.Write([]byte{0})
	h.Write([]byte(to.String()))
	x := h.Sum64()
	x ^= x >> 33 // the last octets must reach the highest bits
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return x
}

// weigh tells the pool what each trunk sent this month, so that least_used goes on over a restart. Only the differences matter.
func (r *Router) weigh(ctx context.Context) {
	if r.settings().Pool != PoolLeastUsed {
		return
	}
	p := &r.pool
	now := r.store.Now()
	for _, l := range r.members() {
		parts, windows, err := r.store.UsedBy(ctx, l.trunk.Name, 0, now)
		if err != nil {
			r.log.Warn("what a trunk has sent is not known", "trunk", l.trunk.Name, "err", err)
			continue
		}
		for i, w := range windows {
			if w.Kind == windowMonth {
				p.mu.Lock()
				p.given[l.trunk.Name] = max(p.given[l.trunk.Name], parts[i])
				p.mu.Unlock()
			}
		}
	}
}

// pinnedOnly tells whether the trunk carries only messages that ask for it by name.
func (l *lane) pinnedOnly() bool {
	if s, ok := l.trunk.Backend.(selective); ok && s.OnlyPinned() {
		return true
	}
	return l.books.rules.Load().trunk(l.trunk.Name).PinnedOnly
}

// looksInto returns the lanes of the queue from which a trunk takes: its own, what any may carry, and what others should carry that cannot.
func (l *lane) looksInto() []string {
	own := []string{l.trunk.Name, store.PlannedLane(l.trunk.Name), store.PreferredLane(l.trunk.Name)}
	if l.pinnedOnly() {
		return own
	}
	all := append(own, "")
	running := l.running()
	for _, o := range running {
		if o != l && !o.able() {
			all = append(all, store.PreferredLane(o.trunk.Name))
		}
	}
	if orphans := l.orphans.Load(); orphans != nil {
		for _, name := range *orphans {
			if !slices.ContainsFunc(running, func(o *lane) bool { return o.trunk.Name == name }) {
				all = append(all, store.PreferredLane(name))
			}
		}
	}
	return all
}

// findOrphans looks for messages that should go through trunks that are no more.
func (r *Router) findOrphans(ctx context.Context) {
	preferred, err := r.store.PreferredTrunks(ctx)
	if err != nil {
		return // the store says so to everybody
	}
	r.orphans.Store(&preferred)
}
