// Package gsm is the backend that sends through GSM modems, and the pump that brings in what modems receive.
//
// Inbound, an indication is a hint and the sweep of the modem's memories is the truth: every stored message is decoded, committed to the store, and only
// then deleted from the modem.
package gsm

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/modem"
	"trunkline/store"
)

// Options is what a Trunk works with.
type Options struct {
	Name    string
	Modem   *modem.Modem
	Store   *store.Store
	Logger  *slog.Logger // nil: none
	Metrics *Metrics     // nil: none
	Calls   CallSink     // nil: calls become events and nothing else
	// ProviderOf returns the service provider that a trunk belongs to, and with it what comes in there; nil: the default one.
	ProviderOf func(trunk string) string
	// Uptime is how long the machine, and with it the modem, has had power; nil: for ever.
	Uptime func() time.Duration
}

// Trunk is one modem as a way out and in.
type Trunk struct {
	name    string
	modem   *modem.Modem
	store   *store.Store
	log     *slog.Logger
	metrics *Metrics
	calls   CallSink
	owner   func(trunk string) string // service provider of a trunk
	uptime  func() time.Duration
	deleted map[string]deletion        // what was deleted and not yet seen to be gone, by slot; owned by Run
	lost    atomic.Pointer[lostAnswer] // the last part whose answer was lost
	count   counter                    // of references; owned by who sends
	copies  copies                     // in the modem; changed by who sends
}

// lostAnswer is a part that the modem may still answer.
type lostAnswer struct {
	id  store.MessageID
	seq int
}

// deletion is a message that the modem was told to delete.
type deletion struct {
	line   string // of the SIM
	raw    string
	tries  int
	obeyed bool // it said that it did, in the session that still lasts
}

// New returns the trunk of a modem. The modem's own Run and the trunk's Run are for the caller to start.
func New(o Options) *Trunk {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	if o.ProviderOf == nil {
		o.ProviderOf = func(string) string { return "" }
	}
	return &Trunk{name: o.Name, modem: o.Modem, store: o.Store, log: o.Logger.With("trunk", o.Name), metrics: o.Metrics, calls: o.Calls, owner: o.ProviderOf, uptime: o.Uptime, deleted: map[string]deletion{}, count: counter{last: -1}}
}

// Ready waits until the modem can send and returns the identity of its SIM.
func (t *Trunk) Ready(ctx context.Context) (string, error) {
	if err := t.modem.Ready(ctx); err != nil {
		return "", err
	}
	if err := t.consult(ctx, false); err != nil {
		return "", err
	}
	return t.line(), nil
}

// line identifies the SIM: by ICCID, by IMSI, else by the trunk's name.
func (t *Trunk) line() string {
	s := t.modem.Status()
	switch {
	case s.ICCID != "":
		return "iccid:" + s.ICCID
	case s.IMSI != "":
		return "imsi:" + s.IMSI
	}
	return "trunk:" + t.name
}

// Metrics counts what trunks receive. One set serves all trunks.
type Metrics struct {
	received *prometheus.CounterVec
	latency  prometheus.Histogram
}

// NewMetrics registers the metrics; reg may be nil.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		received: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_gsm_received_total", Help: "What modems brought in, by what it was."},
			[]string{"trunk", "kind"}),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "trunkline_gsm_sweep_seconds", Help: "Time from a hint to the end of the sweep that it caused.",
			Buckets: []float64{.002, .01, .05, .25, 1, 5, 30}}),
	}
	if reg != nil {
		reg.MustRegister(m.received, m.latency)
	}
	return m
}

// Forget drops the series of a trunk that is no more.
func (m *Metrics) Forget(trunk string) {
	m.received.DeletePartialMatch(prometheus.Labels{"trunk": trunk})
}
