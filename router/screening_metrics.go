package router

import (
	"github.com/prometheus/client_golang/prometheus"

	"trunkline/router/screen"
	"trunkline/store"
)

// newScreened returns the counter of verdicts, with every series that there can be, and those about recipients by their codes.
func newScreened(reg prometheus.Registerer) (*prometheus.CounterVec, map[string]prometheus.Counter) {
	sent := map[string]prometheus.Counter{}
	screened := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_router_screened_total",
		Help: "Verdicts of screening: about the sender of a message that came in, about a recipient of one that is to be sent."}, []string{"direction", "verdict"})
	for _, code := range []string{screen.CodeAllowed, screen.CodeDenied, screen.CodePrefix, screen.CodeNotListed, CodeRestricted} {
		screened.WithLabelValues(store.In.String(), code)
		sent[code] = screened.WithLabelValues(store.Out.String(), code)
	}
	for _, code := range []string{screen.CodeNoList, screen.CodeUntrusted, CodeDuplicate, CodeNoText} {
		screened.WithLabelValues(store.In.String(), code)
	}
	for _, code := range []string{screen.CodeOpen, screen.CodeEmergency, screen.CodePremium, CodeOptedOut, CodeOwnOnly} {
		sent[code] = screened.WithLabelValues(store.Out.String(), code)
	}
	if reg != nil {
		reg.MustRegister(screened)
	}
	return screened, sent
}

// inboundMetrics counts what followed from messages that came in.
type inboundMetrics struct {
	outcomes *prometheus.CounterVec
	runs     *prometheus.CounterVec
}

func newInboundMetrics(reg prometheus.Registerer) *inboundMetrics {
	m := &inboundMetrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_router_inbound_total", Help: "Messages that came in, by what followed from them."}, []string{"outcome"}),
		runs:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_router_action_runs_total", Help: "Runs of actions that are over, by how they ended."}, []string{"state"}),
	}
	for _, outcome := range []string{OutcomeNone, OutcomeOptOut, OutcomeOptIn, OutcomeHelp, OutcomeCode, OutcomeRefused, OutcomeComplain, OutcomeChallenge, OutcomePair, OutcomeRun, OutcomeConfig} {
		m.outcomes.WithLabelValues(outcome)
	}
	for _, state := range []store.RunState{store.RunDone, store.RunFailed, store.RunRefused, store.RunExpired, store.RunInterrupted} {
		m.runs.WithLabelValues(state.String())
	}
	if reg != nil {
		reg.MustRegister(m.outcomes, m.runs)
	}
	return m
}

// stored counts the run that a message began or changed, if it is over.
func (m *inboundMetrics) stored(h *store.Handling) {
	for _, r := range []*store.Run{h.Begin, h.Change} {
		if r != nil {
			m.ended(r)
		}
	}
}

// ended counts a run that is stored, if it is over.
func (m *inboundMetrics) ended(r *store.Run) {
	if r.State.Over() {
		m.runs.WithLabelValues(r.State.String()).Inc()
	}
}
