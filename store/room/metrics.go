package room

import (
	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
)

// register shows the figures of the last look.
func (g *Guard) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	gauge := func(name, help string, labels prometheus.Labels, fn func(store.Level, Usage, int64) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "trunkline", Subsystem: "store", Name: name, Help: help, ConstLabels: labels},
			func() float64 { return fn(g.state()) })
	}
	all := []prometheus.Collector{
		gauge("disk_bytes", "Size of the file system of the store.", nil, func(_ store.Level, u Usage, _ int64) float64 { return float64(u.Size) }),
		gauge("disk_free_bytes", "What may still be written to the file system of the store.", nil, func(_ store.Level, u Usage, _ int64) float64 { return float64(u.Free) }),
		gauge("reserve_bytes", "Room that is kept for states; 0 when it had to be given up.", nil, func(_ store.Level, _ Usage, n int64) float64 { return float64(n) }),
	}
	for level := store.RoomEnough; level <= store.RoomOut; level++ {
		all = append(all, gauge("room", "1 at the level that the room on the disk has: enough, low (new messages are refused) or out (what comes in waits in the network).",
			prometheus.Labels{"level": level.String()}, func(now store.Level, _ Usage, _ int64) float64 {
				if now == level {
					return 1
				}
				return 0
			}))
	}
	for i, c := range all {
		if err := r.Register(c); err != nil {
			for _, c := range all[:i] {
				r.Unregister(c)
			}
			return err
		}
	}
	return nil
}
