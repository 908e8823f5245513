package callplan

import (
	"math"
	"strings"
	"testing"
)

// TestDraw: the table of the definition, here as provider, plan, path, key.
func TestDraw(t *testing.T) {
	for _, c := range []struct {
		parts      string
		hash, want uint64
	}{
		{"acme,p1,0,call-0001", 0x1074448aed7aaab3, 3066},
		{"acme,p1,1,call-0001", 0x5cf672abd7625ed4, 3558},
		{"acme,other-plan,0,call-0001", 0xfbb63e12e890e632, 6509},
		{"prov,plan,2.1,a84b4c76e66710@192.0.2.4", 0xfb31984d6ae7d74f, 994},
		{",,,", 0x8f3e7418d31fe7b4, 6213},
	} {
		p := strings.Split(c.parts, ",")
		h := drawSeed(p[0], p[1], p[2]).text(p[3])
		if uint64(h) != c.hash || h.hundredths() != int(c.want) {
			t.Errorf("%s: hash %x, draw %d; want %x, %d", c.parts, uint64(h), h.hundredths(), c.hash, c.want)
		}
	}
}

// TestDrawIsEven: shares come out as they are written, over many calls.
func TestDrawIsEven(t *testing.T) {
	const calls = 100_000
	p := mustParse(t, `{"name":"p","priority":1,"rules":[
		{"criteria":{"percent":30},"destination":{"number":"1"}},
		{"criteria":{"percent":50},"destination":{"number":"2"}},
		{"criteria":{"always":true},"destination":{"number":"3"}}]}`)
	s := mustCompile(t, &Env{}, p)
	var got [3]int
	var d Decision
	for i := range calls {
		s.Decide(&Facts{CallID: "call-" + itoa(i)}, &d)
		got[digits(d.Path)]++
		if !d.Drawn && d.Path != "2" || d.Draw < 0 || d.Draw > 9999 {
			t.Fatalf("%+v", d)
		}
	}
	for i, want := range [3]float64{0.3, 0.5, 0.2} {
		if share := float64(got[i]) / calls; math.Abs(share-want) > 0.01 {
			t.Errorf("rule %d: %v of the calls, want %v", i, share, want)
		}
	}
}
