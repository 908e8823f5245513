package store_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/store"
	"trunkline/store/bolt"
)

func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	for range 2 { // a second store may use the registry once the first is closed
		db, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{Registerer: registry})
		if err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(ctx, db, store.Options{Registerer: registry})
		if err != nil {
			t.Fatal(err)
		}
		accept(t, s, outgoing(t, 1), outgoing(t, 1))
		claim(t, s, "desk", start)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]float64{}
		for _, f := range families {
			if !strings.HasPrefix(f.GetName(), "trunkline_store_") || f.GetHelp() == "" {
				t.Errorf("metric %s: %q", f.GetName(), f.GetHelp())
			}
			for _, m := range f.GetMetric() {
				name := strings.TrimPrefix(f.GetName(), "trunkline_store_")
				for _, l := range m.GetLabel() {
					name += " " + l.GetValue()
				}
				values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
		for name, want := range map[string]float64{"accepted_total": 2, "claimed_total": 1, "events_total": 3, "messages waiting": 1, "messages sending": 1,
			"messages unknown": 0, "attempts_total sent": 0, "reports_total ambiguous": 0, "received_total undecodable": 0, "damaged_records_total": 0} {
			if got, ok := values[name]; !ok || got != want {
				t.Errorf("%s = %v (present: %v), want %v", name, got, ok, want)
			}
		}
		if age, want := values["oldest_due_seconds"], max(time.Since(start).Seconds(), 0); age < want-60 || age > want+60 {
			t.Errorf("oldest_due_seconds = %v, want %v", age, want)
		}
		if values["file_bytes"] < 16384 {
			t.Errorf("file_bytes = %v", values["file_bytes"])
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConfig(t *testing.T) {
	if errs := store.Default().Validate(); len(errs) > 0 {
		t.Errorf("the defaults are refused: %v", errs)
	}
	bad := store.Config{Path: "db"}
	var keys []string
	for _, err := range bad.Validate() {
		key, _, _ := strings.Cut(err.Error(), ":")
		keys = append(keys, key)
	}
	full := store.Default()
	full.RefuseAt, full.StopAt, full.EnoughRoom, full.Reserve, full.CompactAbove = 96, 95, -1, 1<<40, 100
	if errs := full.Validate(); len(errs) != 4 {
		t.Errorf("of four wrong settings about room were refused %v", errs)
	}
	if want := []string{"path", "events_keep", "idempotency_keep", "refuse_at"}; !slices.Equal(keys, want) {
		t.Errorf("refused %q, want %q", keys, want)
	}
}
