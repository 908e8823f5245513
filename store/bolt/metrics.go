package bolt

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics tells how the file grows and how long commits take.
type metrics struct {
	seconds, size, fold prometheus.Histogram

	registerer prometheus.Registerer
	all        []prometheus.Collector
}

func newMetrics(r prometheus.Registerer, db *DB) (*metrics, error) {
	const namespace, subsystem = "trunkline", "store"
	gauge := func(name, help string, fn func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, fn)
	}
	m := &metrics{
		registerer: r,
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: "commit_seconds",
			Help: "Time that a commit took, syncs included.", Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9)}),
		size: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: "commit_updates",
			Help: "Updates that shared one commit.", Buckets: prometheus.ExponentialBuckets(1, 4, 6)}),
	}
	m.fold = prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: "fold_seconds",
		Help: "Time that it took to bring what the write-ahead log held to the database file.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)})
	page := float64(db.bolt.Info().PageSize)
	m.all = []prometheus.Collector{m.seconds, m.size, m.fold,
		gauge("file_bytes", "Size of the database file.", func() float64 {
			info, err := db.file.Stat()
			if err != nil {
				return 0
			}
			return float64(info.Size())
		}),
		gauge("file_free_bytes", "Room in the database file that can be used again.", func() float64 {
			return float64(db.bolt.Stats().FreePageN) * page
		}),
		gauge("file_pending_bytes", "Room that will be free when read transactions end.", func() float64 {
			return float64(db.bolt.Stats().PendingPageN) * page
		}),
	}
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

func (m *metrics) committed(updates int, took time.Duration) {
	m.seconds.Observe(took.Seconds())
	m.size.Observe(float64(updates))
}

func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.all {
		m.registerer.Unregister(c)
	}
}
