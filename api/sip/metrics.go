package sip

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Why a request got no answer.
const (
	absorbACK = iota
	absorbCancel
	absorbStranger
	absorbRate
	absorbGarbage
	absorbReasons
)

// Why a candidate became no contact.
const (
	dropLoop = iota
	dropNowhere
	dropLimit
	dropReasons
)

type metrics struct {
	answers     [700]prometheus.Counter // by status
	absorbed    [absorbReasons]prometheus.Counter
	dropped     [dropReasons]prometheus.Counter
	connections prometheus.Gauge
	refused     prometheus.Counter
	failures    prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	answers := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_sip_answers_total", Help: "SIP requests answered, by status."}, []string{"status"})
	absorbed := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_sip_absorbed_total",
		Help: "What got no answer, by reason: ack, cancel, stranger (no switch has that address), rate, garbage (no SIP request)."}, []string{"reason"})
	dropped := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_sip_contacts_dropped_total",
		Help: "Candidates of plans that became no contact, by reason: loop (it would point back), nowhere (no address is known), limit."}, []string{"reason"})
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Name: "trunkline_sip_connections", Help: "TCP connections that are open."}),
		refused:     prometheus.NewCounter(prometheus.CounterOpts{Name: "trunkline_sip_connections_refused_total", Help: "TCP connections closed at once: of strangers, or over the limit."}),
		failures:    prometheus.NewCounter(prometheus.CounterOpts{Name: "trunkline_sip_send_failures_total", Help: "Answers that could not be sent."}),
	}
	for _, s := range statuses {
		m.answers[s] = answers.WithLabelValues(strconv.Itoa(s))
	}
	for i, name := range [absorbReasons]string{absorbACK: "ack", absorbCancel: "cancel", absorbStranger: "stranger", absorbRate: "rate", absorbGarbage: "garbage"} {
		m.absorbed[i] = absorbed.WithLabelValues(name)
	}
	for i, name := range [dropReasons]string{dropLoop: "loop", dropNowhere: "nowhere", dropLimit: "limit"} {
		m.dropped[i] = dropped.WithLabelValues(name)
	}
	if reg != nil {
		reg.MustRegister(answers, absorbed, dropped, m.connections, m.refused, m.failures)
	}
	return m
}

func (m *metrics) answer(status int) { m.answers[status].Inc() }
