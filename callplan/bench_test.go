package callplan

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// benchPlans makes plans of realistic rules: one to four criteria each. Selective ones all have number patterns, so that nearly every call goes on to the
// catch-all at the end, which is what scans are worst at.
func benchPlans(m maker, provider string, plans, rules int, selective bool) []*Plan {
	states := BuiltinAreas().Regions()
	var all []*Plan
	for i := range plans {
		var list []any
		for j := range rules - 1 {
			c := map[string]any{}
			if selective || m.IntN(2) == 0 {
				area := 200 + m.IntN(800)
				c["match"] = []any{[]any{fmt.Sprintf("%d%dxxxxxx", area, 2+m.IntN(8))}, []any{fmt.Sprintf("%d55501xx", 2000+m.IntN(8000))[:7] + "xxx"}}
			}
			if m.IntN(2) == 0 {
				from := m.IntN(40)
				c["time"] = []any{fmt.Sprintf("%02d:%02d", from/2, from%2*30), fmt.Sprintf("%02d:%02d", (from+8)/2, (from+8)%2*30)}
			}
			if m.IntN(3) == 0 {
				c["day"] = []any{[]any{"monday"}, []any{pick(m, poolDays...)}}
			}
			if m.IntN(3) == 0 || len(c) == 0 {
				c["npa"] = []any{[]any{pick(m, states...)}, []any{pick(m, states...)}}
			}
			list = append(list, map[string]any{"label": fmt.Sprint(j), "criteria": c, "destination": map[string]any{"trunk": []any{[]any{"t1"}, []any{"t2"}}}})
		}
		if i == plans-1 {
			list = append(list, map[string]any{"label": "rest", "criteria": map[string]any{"always": true}, "destination": map[string]any{"number": "15550100"}})
		}
		doc, err := json.Marshal(map[string]any{"name": fmt.Sprintf("p%02d", i), "service_provider": provider, "priority": i, "timezone": "America/New_York", "rules": list})
		if err != nil {
			panic(err)
		}
		r := &planReader{o: ParseOptions{}.defaults()}
		p := r.plan(r.document(doc)) // Parse without Lint
		if err := r.found.Err(); err != nil {
			panic(err)
		}
		all = append(all, p)
	}
	return all
}

// benchCalls makes calls from all over North America at various times.
func benchCalls(m maker, n int) []Facts {
	start := time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC)
	calls := make([]Facts, n)
	for i := range calls {
		calls[i] = Facts{Provider: "acme", Calling: fmt.Sprintf("+1%d%d%06d", 200+m.IntN(800), 2+m.IntN(8), m.IntN(1_000_000)), Called: "0",
			At: start.Add(time.Duration(m.IntN(7*1440)) * time.Minute), CallID: fmt.Sprint(i)}
	}
	return calls
}

var benchShapes = []struct {
	name      string
	plans     int
	rules     int
	selective bool
}{{"1x100general", 1, 100, false}, {"1x100selective", 1, 100, true}, {"10x100general", 10, 100, false}, {"10x100selective", 10, 100, true}}

// cpu reports the processor time of the loop beside the time on the clock, which other work on the machine lengthens. It returns what ends the measurement.
func cpu(b *testing.B) (end func()) {
	runtime.LockOSThread()
	used := func() int64 {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := used()
	return func() {
		b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-ns/op")
		runtime.UnlockOSThread()
	}
}

// BenchmarkDecide: one provider, its data in the cache. 10x100 is the bar of 1,000 rules: at most 150 ns, no allocation.
func BenchmarkDecide(b *testing.B) {
	for _, shape := range benchShapes {
		m := maker{rand.New(rand.NewPCG(1, 2))}
		plans := benchPlans(m, "acme", shape.plans, shape.rules, shape.selective)
		calls := benchCalls(m, 16_384)
		for name, sizes := range map[string][2]int{"": {minIndexed, maxIndexed}, "/scan": {1 << 30, 1}} {
			b.Run(shape.name+name, func(b *testing.B) {
				s, err := compile("acme", plans, &Env{}, sizes[0], sizes[1])
				if err != nil {
					b.Fatal(err)
				}
				var d Decision
				b.ReportAllocs()
				defer cpu(b)()
				for i := 0; b.Loop(); i++ {
					s.Decide(&calls[i&16_383], &d)
				}
			})
		}
	}
}

// BenchmarkDecideCold: a million rules over 1,000 providers, a random provider for each call, looked up in a Book. The bar is 1 µs. Providers share the documents of
// fifty, which takes a minute less, but nothing that is compiled.
func BenchmarkDecideCold(b *testing.B) {
	for _, selective := range []bool{false, true} {
		name := map[bool]string{false: "general", true: "selective"}[selective]
		b.Run(name, func(b *testing.B) {
			m := maker{rand.New(rand.NewPCG(3, 4))}
			env := &Env{}
			var book Book
			var names []string
			var documents [50][]*Plan
			for i := range documents {
				documents[i] = benchPlans(m, "acme", 10, 100, selective)
			}
			for i := range 1000 {
				name := fmt.Sprintf("provider-%03d", i)
				var plans []*Plan
				for _, p := range documents[i%len(documents)] {
					mine := *p
					mine.Provider = name
					plans = append(plans, &mine)
				}
				s, err := Compile(name, plans, env)
				if err != nil {
					b.Fatal(err)
				}
				book.Publish(s)
				names = append(names, name)
			}
			calls := benchCalls(m, 16_384)
			for i := range calls {
				calls[i].Provider = names[m.IntN(len(names))]
			}
			var d Decision
			b.ReportAllocs()
			defer cpu(b)()
			for i := 0; b.Loop(); i++ {
				book.Decide(&calls[i&16_383], &d)
			}
		})
	}
}

// BenchmarkRebuild: the plans of one provider, 1,000 rules, compiled anew. The bar is 20 ms.
func BenchmarkRebuild(b *testing.B) {
	for _, shape := range benchShapes[2:] {
		b.Run(shape.name, func(b *testing.B) {
			m := maker{rand.New(rand.NewPCG(5, 6))}
			plans := benchPlans(m, "acme", shape.plans, shape.rules, shape.selective)
			env := &Env{}
			b.ReportAllocs()
			defer cpu(b)()
			for b.Loop() {
				if _, err := Compile("acme", plans, env); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkParse: reading and linting the document of a plan of 1,000 rules.
func BenchmarkParse(b *testing.B) {
	m := maker{rand.New(rand.NewPCG(7, 8))}
	doc, err := json.Marshal(benchPlans(m, "acme", 1, 1000, true)[0])
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if _, found := Parse(doc, ParseOptions{}); found.Err() != nil {
			b.Fatal(found.Err())
		}
	}
}

// BenchmarkAnchor is a hundred multiplications, each of which waits for the one before: 300 cycles on most processors. It tells how fast the machine is at the
// moment, to judge the other figures by.
func BenchmarkAnchor(b *testing.B) {
	defer cpu(b)()
	v := uint64(b.N) | 1
	for b.Loop() {
		v = hundredMultiplications(v)
	}
	runtime.KeepAlive(v)
}

// hundredMultiplications is a function of its own, since b.Loop keeps the variables of its body in memory, which would be waited for as well.
//
//go:noinline
func hundredMultiplications(v uint64) uint64 {
	for range 100 {
		v *= 0x9e3779b97f4a7c15
	}
	return v
}
