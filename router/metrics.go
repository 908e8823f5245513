package router

import (
	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
)

type metrics struct {
	accepted prometheus.Counter
	parts    *prometheus.CounterVec
	carried  *prometheus.HistogramVec
	planned  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, trunks []Trunk) *metrics {
	m := &metrics{
		accepted: prometheus.NewCounter(prometheus.CounterOpts{Name: "trunkline_router_messages_accepted_total", Help: "Messages accepted for sending."}),
		parts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_router_parts_total", Help: "Tries of parts by what became of them."},
			[]string{"trunk", "outcome"}),
		carried: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trunkline_router_carry_seconds", Help: "Time from claiming a message to its last part.",
			Buckets: []float64{.005, .05, .5, 1, 2, 5, 10, 30, 60, 180, 600}}, []string{"trunk"}),
	}
	m.planned = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_router_planned_total", Help: "Messages that call plans decided, by what they said."}, []string{"direction", "action"})
	for _, d := range []store.Direction{store.Out, store.In} {
		for _, a := range []string{store.RoutingRoute, store.RoutingContinue, store.RoutingTerminate, store.RoutingNoMatch} {
			m.planned.WithLabelValues(d.String(), a)
		}
	}
	for _, t := range trunks {
		m.trunk(t.Name)
	}
	if reg != nil {
		reg.MustRegister(m.accepted, m.parts, m.carried, m.planned)
	}
	return m
}

// trunk makes every series of a trunk, so that rates are right from the first part on.
func (m *metrics) trunk(name string) {
	for _, s := range []store.State{store.Sent, store.Waiting, store.Unknown, store.Error} {
		m.parts.WithLabelValues(name, s.String())
	}
	m.carried.WithLabelValues(name)
}

// forget drops the series of a trunk that is no more.
func (m *metrics) forget(name string) {
	of := prometheus.Labels{"trunk": name}
	m.parts.DeletePartialMatch(of)
	m.carried.DeletePartialMatch(of)
}
