package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/modem"
)

// buildInfo is a series that is always 1 and says which build runs.
func buildInfo() prometheus.Collector {
	b := thisBuild()
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "trunkline_build_info", Help: "Always 1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": b.Version, "go": b.Go}})
	g.Set(1)
	return g
}

// reloadMetrics tell what came of reloads.
type reloadMetrics struct{ successful, at prometheus.Gauge }

func newReloadMetrics(reg prometheus.Registerer) *reloadMetrics {
	m := &reloadMetrics{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{Name: "trunkline_config_last_reload_successful",
			Help: "1 when the last reload, or the start, took the configuration; 0 when the file was refused."}),
		at: prometheus.NewGauge(prometheus.GaugeOpts{Name: "trunkline_config_last_load_timestamp_seconds", Help: "When the configuration that runs was read."}),
	}
	reg.MustRegister(m.successful, m.at)
	m.count(nil)
	return m
}

// count notes a start or a reload.
func (m *reloadMetrics) count(err error) {
	if err != nil {
		m.successful.Set(0)
		return
	}
	m.successful.Set(1)
	m.at.Set(float64(time.Now().Unix()))
}

// fleetCollector tells at every scrape what the status of each modem says beside the modem's own metrics.
type fleetCollector struct{ *fleet }

var (
	modemStateDesc   = prometheus.NewDesc("trunkline_modem_state", "1 for the state that the modem is in, 0 for all others.", []string{"trunk", "state"}, nil)
	modemPINDesc     = prometheus.NewDesc("trunkline_modem_pin_tries", "PIN entries that the card still takes; absent while unknown.", []string{"trunk"}, nil)
	modemAnswerDesc  = prometheus.NewDesc("trunkline_modem_last_answer_timestamp_seconds", "When the modem answered last; absent before.", []string{"trunk"}, nil)
	modemRoamingDesc = prometheus.NewDesc("trunkline_modem_roaming", "1 while the modem uses a foreign network.", []string{"trunk"}, nil)
)

// Describe implements prometheus.Collector.
func (c fleetCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{modemStateDesc, modemPINDesc, modemAnswerDesc, modemRoamingDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c fleetCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for name, m := range c.all() {
		s := m.Status()
		for _, state := range modem.States() {
			v := 0.0
			if s.State == state {
				v = 1
			}
			gauge(modemStateDesc, v, name, string(state))
		}
		if s.PINTries >= 0 {
			gauge(modemPINDesc, float64(s.PINTries), name)
		}
		if !s.LastAnswer.IsZero() {
			gauge(modemAnswerDesc, float64(s.LastAnswer.UnixMilli())/1000, name)
		}
		roaming := 0.0
		if roams(s.Registration) {
			roaming = 1
		}
		gauge(modemRoamingDesc, roaming, name)
	}
}

// roams tells whether a registration is in a foreign network.
func roams(r modem.Registration) bool {
	return r == modem.Roaming || r == modem.RoamingSMSOnly || r == modem.RoamingNoCSFB
}
