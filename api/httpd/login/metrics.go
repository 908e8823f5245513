package login

import "github.com/prometheus/client_golang/prometheus"

// Outcomes of tries to come in.
const (
	outcomeIn       = "in"
	outcomeDenied   = "denied"
	outcomeFactor   = "second_factor"
	outcomeThrottle = "throttled"
	outcomeBusy     = "busy"
	outcomeFailed   = "failed"
)

type metrics struct{ tries *prometheus.CounterVec }

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{tries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_login_tries_total",
		Help: "Tries to come in, by what was shown and what came of it."}, []string{"proof", "outcome"})}
	for _, o := range []string{outcomeIn, outcomeDenied, outcomeFactor, outcomeThrottle, outcomeBusy, outcomeFailed} {
		m.tries.WithLabelValues("password", o)
	}
	m.tries.WithLabelValues("token", outcomeDenied)
	m.tries.WithLabelValues("session", outcomeDenied)
	if reg != nil {
		reg.MustRegister(m.tries)
	}
	return m
}

func (m *metrics) count(proof, outcome string) { m.tries.WithLabelValues(proof, outcome).Inc() }
