package switches

import (
	"github.com/prometheus/client_golang/prometheus"

	"trunkline/callplan"
)

// Interface is a way in which switches ask.
type Interface uint8

// The ways in which switches ask.
const (
	SIP Interface = iota
	HTTP
	RTJSON
	FastAGI
	FreeSWITCH
	interfaces
)

// actions is how many actions a decision can have.
const actions = 4

// Metrics counts decisions. A nil one counts nothing.
type Metrics struct {
	decisions [interfaces][actions]prometheus.Counter
}

// NewMetrics registers the counters; reg may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_decide_decisions_total", Help: "Calls decided for switches, by interface and action."},
		[]string{"interface", "action"})
	m := &Metrics{}
	for i, name := range [interfaces]string{SIP: "sip", HTTP: "http", RTJSON: "rtjson", FastAGI: "agi", FreeSWITCH: "freeswitch"} {
		for a := range actions {
			m.decisions[i][a] = vec.WithLabelValues(name, callplan.Action(a).String())
		}
	}
	if reg != nil {
		reg.MustRegister(vec)
	}
	return m
}

// Count notes one decision.
func (m *Metrics) Count(i Interface, a callplan.Action) {
	if m != nil {
		m.decisions[i][a].Inc()
	}
}
