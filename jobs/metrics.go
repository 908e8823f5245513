package jobs

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
)

// webhookMetrics never name an endpoint: there may be any number over time.
type webhookMetrics struct {
	tries   *prometheus.CounterVec
	seconds prometheus.Histogram
}

// What becomes of tries.
const (
	outcomeDelivered = "delivered"
	outcomeRetry     = "retry"
	outcomeDead      = "dead"
)

func newWebhookMetrics(reg prometheus.Registerer, w *Webhooks) *webhookMetrics {
	m := &webhookMetrics{
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_jobs_webhook_tries_total", Help: "Requests to endpoints by what became of the delivery."},
			[]string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "trunkline_jobs_webhook_try_seconds", Help: "Time from a request to an endpoint to the end of its answer.",
			Buckets: []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30}}),
	}
	for _, outcome := range []string{outcomeDelivered, outcomeRetry, outcomeDead} {
		m.tries.WithLabelValues(outcome)
	}
	if reg != nil {
		reg.MustRegister(m.tries, m.seconds, &webhookCollector{w.store})
	}
	return m
}

// webhookCollector looks at the endpoints at every scrape.
type webhookCollector struct{ store *store.Store }

var (
	endpointsDesc = prometheus.NewDesc("trunkline_jobs_webhook_endpoints", "Endpoints by state.", []string{"state"}, nil)
	pendingDesc   = prometheus.NewDesc("trunkline_jobs_webhook_pending", "Deliveries that failed and are tried again, or wait behind such.", nil, nil)
	lagDesc       = prometheus.NewDesc("trunkline_jobs_webhook_lag_events", "Events that the active endpoint furthest behind has still to look at.", nil, nil)
)

func (c *webhookCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- endpointsDesc
	ch <- pendingDesc
	ch <- lagDesc
}

func (c *webhookCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	states := map[string]int{"active": 0, "failing": 0, "paused": 0, "archived": 0}
	var lag uint64
	pending := 0
	err := func() error {
		all, err := c.store.Webhooks(ctx)
		if err != nil {
			return err
		}
		last, err := c.store.LastEvent(ctx)
		if err != nil {
			return err
		}
		for i := range all {
			cursor, err := c.store.WebhookCursor(ctx, all[i].ID)
			if err != nil {
				return err
			}
			n, err := c.store.PendingDeliveries(ctx, all[i].ID)
			if err != nil {
				return err
			}
			states[WebhookState(&all[i], cursor)]++
			pending += n
			if all[i].Active() && last > cursor.Position {
				lag = max(lag, last-cursor.Position)
			}
		}
		return nil
	}()
	if err != nil {
		ch <- prometheus.NewInvalidMetric(endpointsDesc, err)
		return
	}
	for state, n := range states {
		ch <- prometheus.MustNewConstMetric(endpointsDesc, prometheus.GaugeValue, float64(n), state)
	}
	ch <- prometheus.MustNewConstMetric(pendingDesc, prometheus.GaugeValue, float64(pending))
	ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(lag))
}

// WebhookState says in a word how an endpoint is: active, failing, paused or archived.
func WebhookState(w *store.Webhook, c store.WebhookCursor) string {
	switch {
	case !w.ArchivedAt.IsZero():
		return "archived"
	case w.Pause != nil:
		return "paused"
	case !c.FailingSince.IsZero():
		return "failing"
	}
	return "active"
}
