package httpd

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// classes of answers, by the first digit of their status.
var classes = [...]string{2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	streams  prometheus.Gauge
	refused  prometheus.Counter
	other    routeMetrics // what no route stands for
}

// routeMetrics are the series of one route.
type routeMetrics struct {
	classes [len(classes)]prometheus.Counter
	seconds prometheus.Observer
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_api_requests_total", Help: "Answered requests by route and class of status."},
			[]string{"route", "class"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "trunkline_api_request_seconds", Help: "Time from a request's head to the end of its answer.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2.5, 10}}, []string{"route"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "trunkline_api_event_streams", Help: "Open event streams."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "trunkline_api_connections_refused_total", Help: "Connections over the limit of a user, or of a TCP listener."}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.streams, m.refused)
	}
	m.other = m.route("none")
	return m
}

// route makes every series of a route, so that rates are right from the first request on.
func (m *metrics) route(name string) routeMetrics {
	r := routeMetrics{seconds: m.seconds.WithLabelValues(name)}
	for i, class := range classes {
		if class != "" {
			r.classes[i] = m.requests.WithLabelValues(name, class)
		}
	}
	return r
}

// count counts an answer; a status of 0 was written without saying so, which is 200.
func (r routeMetrics) count(status int, took time.Duration) {
	if status == 0 {
		status = http.StatusOK
	}
	if c := status / 100; c < len(r.classes) && r.classes[c] != nil {
		r.classes[c].Inc()
	}
	r.seconds.Observe(took.Seconds())
}
