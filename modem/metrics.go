package modem

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of one modem. Every series carries the label trunk with the modem's name; no other label is unbounded.
type metrics struct {
	up             prometheus.Gauge
	registered     prometheus.Gauge
	signal         prometheus.Gauge
	storageUsed    *prometheus.GaugeVec
	storageSize    *prometheus.GaugeVec
	opens          prometheus.Counter
	commands       *prometheus.CounterVec
	commandSeconds prometheus.Histogram
	submitSeconds  prometheus.Histogram
	resyncs        prometheus.Counter
	recoveries     *prometheus.CounterVec
	restarts       prometheus.Counter
	balance        *prometheus.GaugeVec
	heard          prometheus.Gauge
	selfTests      *prometheus.CounterVec
	calls          *prometheus.CounterVec
	urcs           *prometheus.CounterVec
	damaged        *prometheus.CounterVec
	dropped        prometheus.Counter
	series         *kept // nil: not exported
}

// newMetrics registers the series of the modem called name. A nil reg keeps them unregistered. Series that an earlier modem
// of the same name registered are taken over, so that counters go on after a reload.
func newMetrics(reg prometheus.Registerer, name string) (*metrics, error) {
	var series *kept
	if reg != nil {
		series = &kept{Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"trunk": name}, reg)}
		reg = series
	}
	var errs []error
	m := &metrics{
		series:     series,
		up:         register(reg, &errs, gauge("up", "1 while the modem is initialised and registered for SMS.")),
		registered: register(reg, &errs, gauge("registered", "1 while the modem is registered for SMS.")),
		signal:     register(reg, &errs, gauge("signal_dbm", "Received signal power in dBm, 0 when unknown.")),
		storageUsed: register(reg, &errs, gaugeVec("storage_used_messages",
			"Messages held in a memory of the modem.", "memory")),
		storageSize: register(reg, &errs, gaugeVec("storage_size_messages",
			"Messages that fit in a memory of the modem.", "memory")),
		opens: register(reg, &errs, counter("opens_total", "Successful opens of the port.")),
		commands: register(reg, &errs, counterVec("commands_total",
			"AT commands by outcome: ok, error, timeout, lost.", "outcome")),
		commandSeconds: register(reg, &errs, histogram("command_seconds", "Time from an AT command to its end, sends excluded.",
			prometheus.ExponentialBuckets(0.001, 4, 9))),
		submitSeconds: register(reg, &errs, histogram("submit_seconds", "Time from a send command to its end.",
			prometheus.ExponentialBuckets(0.001, 3, 12))),
		resyncs: register(reg, &errs, counter("resyncs_total", "Times the dialogue was brought back into step.")),
		recoveries: register(reg, &errs, counterVec("recoveries_total",
			"Recovery steps taken: session, network, service, radio, reset, reopen, power, quarantine.", "step")),
		restarts: register(reg, &errs, counter("restarts_total", "Restarts of the modem that nobody asked for.")),
		balance: register(reg, &errs, prometheus.NewGaugeVec(prometheus.GaugeOpts(opts("balance",
			"Balance of the card, in the unit that the operator tells; absent until it is known.")), nil)),
		heard: register(reg, &errs, gauge("last_received_timestamp_seconds",
			"When a message or report came in last, in seconds since 1970; 0 before the first.")),
		selfTests: register(reg, &errs, counterVec("self_tests_total",
			"Messages of a card to itself by what became of them: arrived, lost, failed.", "outcome")),
		calls: register(reg, &errs, counterVec("calls_total",
			"Calls by how they ended: answered, missed, rejected, failed.", "outcome")),
		urcs: register(reg, &errs, counterVec("urcs_total", "Indications by kind.", "kind")),
		damaged: register(reg, &errs, counterVec("damaged_total",
			"Damaged input from the modem by field.", "field")),
		dropped: register(reg, &errs, counter("notices_dropped_total", "Notices dropped because nobody took them.")),
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, o := range []string{"ok", "error", "timeout", "lost"} {
		m.commands.WithLabelValues(o)
	}
	for _, s := range []string{stepSession, stepNetwork, stepService, stepRadio, stepReset, stepReopen, stepPower, stepQuarantine} {
		m.recoveries.WithLabelValues(s)
	}
	for _, o := range []string{"arrived", "lost", "failed"} {
		m.selfTests.WithLabelValues(o)
	}
	for _, o := range callOutcomes {
		m.calls.WithLabelValues(o)
	}
	for k := range urcNames {
		m.urcs.WithLabelValues(urcKind(k).String())
	}
	for _, f := range damagedFields {
		m.damaged.WithLabelValues(f)
	}
	return m, nil
}

// damagedFields are the fields that input from the modem is reported under.
var damagedFields = []string{"line", "cmt", "cds", "cmti.storage", "cmti.index", "cmgs", "cmgs.mr", "cmgl", "prompt", "write", "stray", "ring", "cusd", "clcc"}

func opts(name, help string) prometheus.Opts {
	return prometheus.Opts{Namespace: "trunkline", Subsystem: "modem", Name: name, Help: help}
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts(opts(name, help)))
}

func gaugeVec(name, help, label string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts(opts(name, help)), []string{label})
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts(opts(name, help)))
}

func counterVec(name, help, label string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), []string{label})
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "trunkline", Subsystem: "modem", Name: name, Help: help, Buckets: buckets})
}

// register adds c to reg and returns the collector in use: c, or the equal one that is registered already.
func register[C prometheus.Collector](reg prometheus.Registerer, errs *[]error, c C) C {
	if reg == nil {
		return c
	}
	err := reg.Register(c)
	if err == nil {
		return c
	}
	if are, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := are.ExistingCollector.(C); ok {
			return existing
		}
	}
	*errs = append(*errs, err)
	return c
}

func since(start time.Time) float64 { return time.Since(start).Seconds() }
