package router

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"trunkline/router/screen"
	"trunkline/store"
)

// Every message that came in is counted once, by its verdict and by what followed; a run when it is over; a recipient when it is decided about, and not when somebody
// only asks what would be.
func TestScreeningMetrics(t *testing.T) {
	d := newDesk(t, nil, nil).everybody()
	d.action(store.Action{Keyword: "wake", Kind: store.ActionReply, Text: "awake", Filtered: true})
	if _, err := d.screen.Add(t.Context(), store.ListEntry{Kind: "number", Value: carlNumber, Direction: "both"}, d.ann.CreatedAt, "test"); err != nil {
		t.Fatal(err)
	}
	count := func(v *prometheus.CounterVec, labels ...string) float64 {
		return testutil.ToFloat64(v.WithLabelValues(labels...))
	}
	series := testutil.CollectAndCount(d.screen.screened) + testutil.CollectAndCount(d.metrics.outcomes) + testutil.CollectAndCount(d.metrics.runs)
	d.says(annNumber, "wake")
	d.says(sueNumber, "nothing of the kind")
	d.says(carlNumber, "wake")
	d.says("+4915199999999", "wake")
	for _, c := range []struct {
		got, want float64
		what      string
	}{
		{count(d.screen.screened, "in", "allowed"), 3, "allowed"}, {count(d.screen.screened, "in", "denied"), 1, "denied"},
		{count(d.metrics.outcomes, OutcomeRun), 1, "run"}, {count(d.metrics.outcomes, OutcomeNone), 1, "none"}, {count(d.metrics.outcomes, OutcomeRefused), 2, "refused"},
		{count(d.metrics.runs, "done"), 1, "done"}, {count(d.metrics.runs, "refused"), 2, "runs refused"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
	m := d.message(annNumber, "wake")
	if _, err := d.Try(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	before := count(d.screen.screened, "out", "denied")
	var steps []screen.Step
	for _, s := range []*[]screen.Step{&steps, nil} {
		if v, err := d.screen.Outgoing(t.Context(), "default", "uid:0", number(carlNumber), s); err != nil || v.Code != "denied" {
			t.Fatal(v, err)
		}
	}
	if n := count(d.screen.screened, "out", "denied") - before; n != 1 || count(d.metrics.outcomes, OutcomeRun) != 1 {
		t.Errorf("trials are counted: %v", n)
	}
	if n := testutil.CollectAndCount(d.screen.screened) + testutil.CollectAndCount(d.metrics.outcomes) + testutil.CollectAndCount(d.metrics.runs); n != series {
		t.Errorf("%d series, %d of which were there before anything was counted", n, series)
	}
}
