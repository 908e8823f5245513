package modem

import "github.com/prometheus/client_golang/prometheus"

// Retire gives up a modem that will not run again: other modems may use what its configuration names, and its series leave the metrics when forget is
// set. Without it a modem of the same name goes on with them. Run must have returned.
func (m *Modem) Retire(forget bool) {
	if m.finder != nil {
		m.finder.leave(m)
	}
	if forget {
		m.metrics.series.forget()
	}
}

// kept notes what is registered, so that it can be taken away again.
type kept struct {
	prometheus.Registerer
	all []prometheus.Collector
}

// Register implements prometheus.Registerer. A collector that an earlier modem of the name registered is ours from now on.
func (k *kept) Register(c prometheus.Collector) error {
	k.all = append(k.all, c)
	return k.Registerer.Register(c)
}

func (k *kept) forget() {
	if k == nil {
		return
	}
	for _, c := range k.all {
		k.Unregister(c) // by its description: equal ones count as one
	}
}

// Members returns how many modems share the finder.
func (f *Finder) Members() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.members)
}
