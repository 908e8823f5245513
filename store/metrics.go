package store

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the store did since the program started.
type metrics struct {
	accepted, replayed, claimed, refused, events, damaged prometheus.Counter
	backups, backupFailed                                 prometheus.Counter
	backupAt                                              prometheus.Gauge
	settled, reports, received                            *prometheus.CounterVec

	registerer prometheus.Registerer
	all        []prometheus.Collector
}

func newMetrics(r prometheus.Registerer, s *Store) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "trunkline", Subsystem: "store", Name: name, Help: help})
	}
	vector := func(name, help, label string, values ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "trunkline", Subsystem: "store", Name: name, Help: help}, []string{label})
		for _, value := range values {
			v.WithLabelValues(value)
		}
		return v
	}
	m := &metrics{
		registerer: r,
		accepted:   counter("accepted_total", "Messages that were accepted."),
		replayed:   counter("replayed_total", "Requests that were recognised by their idempotency key."),
		claimed:    counter("claimed_total", "Messages that a trunk claimed."),
		refused:    counter("quota_refused_total", "Submissions that an account's quota did not allow."),
		events:     counter("events_total", "Events that were written."),
		damaged:    counter("damaged_records_total", "Records that did not carry what was written."),
		settled:    vector("attempts_total", "Attempts that ended, by what became of the part.", "state", Sent.String(), Error.String(), Unknown.String(), Waiting.String()),
		reports:    vector("reports_total", "Status reports, by whether a part awaited them.", "match", Matched.String(), Unmatched.String(), Ambiguous.String()),
		received:   vector("received_total", "What came in, by what became of it.", "outcome", "message", "segment", "duplicate", "known", "silent", "undecodable"),
	}
	outcomes := vector("backups_total", "Backups, by how they ended.", "result", "done", "failed")
	m.backups, m.backupFailed = outcomes.WithLabelValues("done"), outcomes.WithLabelValues("failed")
	m.backupAt = prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "trunkline", Subsystem: "store", Name: "backup_timestamp_seconds",
		Help: "When the last backup was done since the program started, in Unix time; 0 when there was none."})
	m.all = []prometheus.Collector{outcomes, m.backupAt, m.accepted, m.replayed, m.claimed, m.refused, m.events, m.damaged, m.settled, m.reports, m.received, &stateCollector{s}}
	if r == nil {
		return m, nil
	}
	for i, c := range m.all {
		if err := r.Register(c); err != nil {
			m.all = m.all[:i]
			m.unregister()
			return nil, err
		}
	}
	return m, nil
}

// unregister takes the metrics away, so that another store can be opened with the same registerer.
func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.all {
		m.registerer.Unregister(c)
	}
}

// stateCollector looks at the messages that are not final at every scrape.
type stateCollector struct{ s *Store }

var (
	stateDesc = prometheus.NewDesc("trunkline_store_messages", "Messages by state; under sent those of which a status report is awaited.", []string{"state"}, nil)
	dueDesc   = prometheus.NewDesc("trunkline_store_oldest_due_seconds", "For how long the message that waits longest could have been sent; 0 when none is due.", nil, nil)
)

func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) { ch <- stateDesc; ch <- dueDesc }

func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // then Prometheus has gone
	defer cancel()
	counts, err := c.s.Counts(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(stateDesc, err)
		return
	}
	for state, n := range counts {
		ch <- prometheus.MustNewConstMetric(stateDesc, prometheus.GaugeValue, float64(n), state.String())
	}
	now := c.s.Now()
	since, ok, err := c.s.OldestDue(ctx, now)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(dueDesc, err)
		return
	}
	age := 0.0
	if ok {
		age = max(now.Sub(since).Seconds(), 0)
	}
	ch <- prometheus.MustNewConstMetric(dueDesc, prometheus.GaugeValue, age)
}
