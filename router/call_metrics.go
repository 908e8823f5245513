package router

import (
	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
)

// callMetrics counts calls. Labels are bounded: trunks, directions, outcomes and treatments.
type callMetrics struct {
	calls     *prometheus.CounterVec
	seconds   *prometheus.CounterVec
	decisions *prometheus.CounterVec
	replies   *prometheus.CounterVec
	diverted  *prometheus.GaugeVec
	astray    *prometheus.GaugeVec
}

func newCallMetrics(reg prometheus.Registerer) *callMetrics {
	m := &callMetrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_router_calls_total", Help: "Voice calls by how they ended."},
			[]string{"trunk", "direction", "outcome"}),
		seconds: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_router_call_seconds_total", Help: "Time that calls stood."},
			[]string{"trunk", "direction"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_router_call_decisions_total", Help: "Incoming calls by what the call plans had done with them."},
			[]string{"trunk", "treatment"}),
		replies: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_router_call_replies_total", Help: "Messages to callers who were not answered, sent or refused."},
			[]string{"trunk", "outcome"}),
		diverted: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trunkline_router_diverted", Help: "Whether the network passes calls to the trunk on (1) or not (0)."},
			[]string{"trunk"}),
		astray: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "trunkline_router_divert_astray", Help: "Whether the network does otherwise with calls than the call plans want (1)."},
			[]string{"trunk"}),
	}
	if reg != nil {
		reg.MustRegister(m.calls, m.seconds, m.decisions, m.replies, m.diverted, m.astray)
	}
	return m
}

// trunk makes every series of a trunk, so that rates are right from the first call on.
func (m *callMetrics) trunk(name string) {
	for direction, outcomes := range map[store.Direction][]string{
		store.In:  {store.CallAnswered, store.CallMissed, store.CallRejected, store.CallPassedOn, store.CallLost},
		store.Out: {store.CallAnswered, store.CallBusy, store.CallNoAnswer, store.CallFailed, store.CallPassedOn, store.CallLost},
	} {
		m.seconds.WithLabelValues(name, direction.String())
		for _, o := range outcomes {
			m.calls.WithLabelValues(name, direction.String(), o)
		}
	}
	for _, t := range []string{TreatRing, TreatReject, TreatAnswer, TreatTransfer} {
		m.decisions.WithLabelValues(name, t)
	}
	for _, o := range []string{"sent", "refused"} {
		m.replies.WithLabelValues(name, o)
	}
	m.diverted.WithLabelValues(name)
	m.astray.WithLabelValues(name)
}

// forget drops the series of a trunk that is no more.
func (m *callMetrics) forget(name string) {
	of := prometheus.Labels{"trunk": name}
	for _, v := range []*prometheus.CounterVec{m.calls, m.seconds, m.decisions, m.replies} {
		v.DeletePartialMatch(of)
	}
	for _, v := range []*prometheus.GaugeVec{m.diverted, m.astray} {
		v.DeletePartialMatch(of)
	}
}

func gauge(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
