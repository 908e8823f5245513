package modem

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestRetire: a modem that comes back under its name counts on; one that is forgotten leaves no series and no claim on its port.
func TestRetire(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	finder := NewFinder(FinderOptions{})
	c := Default()
	c.Device = "/dev/nowhere"
	start := func() *Modem {
		m, err := New(c, Options{Name: "desk", Registerer: reg, Finder: finder})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	opens := func() float64 {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "trunkline_modem_opens_total" {
				return f.GetMetric()[0].GetCounter().GetValue()
			}
		}
		return -1
	}
	first := start()
	first.metrics.opens.Add(3)
	first.Retire(false)
	if len(finder.members) != 0 {
		t.Error("the port is still claimed")
	}
	second := start()
	second.metrics.opens.Inc()
	if got := opens(); got != 4 {
		t.Errorf("opens of both: %v, want 4", got)
	}
	second.Retire(true)
	families, err := reg.Gather()
	if err != nil || len(families) != 0 {
		t.Errorf("%d families are left, %v", len(families), err)
	}
	start()
	if got := opens(); got != 0 {
		t.Errorf("opens of a new modem: %v", got)
	}
	(&Modem{metrics: &metrics{}}).Retire(true) // without metrics and finder
}
