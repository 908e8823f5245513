package main

import (
	"context"
	"maps"
	"slices"

	"trunkline/modem"
	"trunkline/router"
)

// newCalls makes what follows calls, and closes the records of calls whose end an earlier run did not see. The router and the modems are there when the first
// call comes.
func (g *gateway) newCalls() error {
	g.calls = router.NewCalls(router.CallsOptions{Config: g.config.Call, Store: g.store, Plans: g.board.plans, Lines: g.lines, TrunksDown: g.linesDown,
		Submit: func(ctx context.Context, s router.Submission) (router.Accepted, error) {
			return g.router.Submit(ctx, s)
		},
		ProviderOf: func(trunk string) string { return g.router.TrunkProvider(trunk) },
		Logger:     g.log, Registerer: g.registry})
	return g.calls.Recover(context.Background())
}

// lines returns the modems as lines for calls.
func (g *gateway) lines() map[string]router.Line {
	g.fleet.mu.RLock()
	defer g.fleet.mu.RUnlock()
	lines := make(map[string]router.Line, len(g.fleet.members))
	for name, m := range g.fleet.members {
		lines[name] = m.trunk
	}
	return lines
}

// linesDown returns the modems that cannot carry a call now.
func (g *gateway) linesDown() (down []string) {
	all := g.fleet.all()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].Status().State != modem.Ready {
			down = append(down, name)
		}
	}
	return down
}
