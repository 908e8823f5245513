package callplan

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	day := mustParse(t, `{"name":"day","priority":1,"timezone":"America/New_York","rules":[
		{"label":"hours","criteria":{"time":["09:00","17:00"]},"destination":{"number":"1"}},
		{"label":"south","criteria":{"npa":[["TX"],["country:CA"]]},"destination":{"number":"2"}},
		{"label":"codes","criteria":{"pointcode":[["001-002-003",null]]},"destination":{"number":"3"}},
		{"label":"near","criteria":{"lata":[["Intra",null]]},"destination":{"number":"4"}},
		{"label":"down","criteria":{"always":true},"destination":{"trunk":["t1"]}},
		{"label":"share","criteria":{"percent":10},"destination":{"number":"5"}},
		{"label":"hunt","criteria":{"match":["205*"]},"destination":{"trunk":["t1","t2"],"continue":true}},
		{"label":"outer","criteria":{"always":true},"destination":{"rule":[{"label":"inner","criteria":{"called":["0"]},"destination":{"number":"6"}}],"sip":"a@example.com","continue":true}},
		{"label":"end","criteria":{"not":{"zip":["99xxx"]}},"destination":{"terminate":true}}]}`)
	s := mustCompile(t, &Env{}, day)
	f := Facts{Provider: "acme", Calling: "+12055550100", Called: "411", At: at(t, "2026-06-10T22:30:00Z"), TrunksDown: []string{"t1"}, Draw: new(55.5)}
	e := s.Explain(&f)
	want := []string{
		`0 hours failed time ["09:00","17:00"] 18:30`,
		`1 south failed npa [["TX"],["country:CA"]] 205 (AL)`,
		`2 codes failed pointcode [["001-002-003",null]] unknown`,
		`3 near failed lata [["Intra",null]] unknown`,
		`4 down unavailable all its trunks are down: it counts as not matching`,
		`5 share failed percent 10 55.5 drawn, this rule's share is 0 to 10`,
		`6 hunt matched collects this and looks further`,
		`7 outer entered looks into its own rules`,
		`7.0 inner failed called [["0"]] 411`,
		`7 outer matched collects this and looks further`,
		`8 end matched stops looking: the call goes to what was collected`,
	}
	var got []string
	for _, step := range e.Steps {
		line := strings.Join([]string{step.Path, step.Label, string(step.Verdict)}, " ")
		if x := step.FirstFailed; x != nil {
			line += " " + x.Criterion + " " + string(x.Wanted) + " " + x.Had
		} else {
			line += " " + step.Effect
		}
		got = append(got, line)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if e.Decision.Action != Route || e.Decision.Path != "6" || len(e.Decision.Candidates) != 2 || !e.Steps[9].Default || e.Steps[6].Down[0] != "t1" {
		t.Errorf("%+v", e)
	}
	if e.Areas != builtinVersion || e.Effect != "sends the call to 411 by trunk t2, then sip:a@example.com" {
		t.Errorf("%q %q", e.Areas, e.Effect)
	}
	if b, err := json.Marshal(e); err != nil || !strings.Contains(string(b), `"first_failed":{"criterion":"time","wanted":["09:00","17:00"],"had":"18:30"}`) {
		t.Errorf("%s, %v", b, err)
	}
}

// TestExplainWords: the two flags that other systems read otherwise are told by what they do.
func TestExplainWords(t *testing.T) {
	for destination, want := range map[string]string{
		`{"continue":true}`:              "passes the call on unchanged",
		`{"terminate":true}`:             "ends the call",
		`{"number":"1","continue":true}`: "collects this and looks further",
		`{"number":"1"}`:                 "sends the call to this and stops looking",
	} {
		s := mustCompile(t, &Env{}, mustParse(t, `{"name":"p","priority":1,"rules":{"criteria":{"always":true},"destination":`+destination+`}}`))
		if e := s.Explain(&Facts{}); len(e.Steps) != 1 || e.Steps[0].Effect != want {
			t.Errorf("%s: %+v, want %q", destination, e.Steps, want)
		}
	}
	var none *Set
	if e := none.Explain(&Facts{}); e.Decision.Action != NoMatch || e.Effect == "" {
		t.Errorf("%+v", e)
	}
}

func TestDiff(t *testing.T) {
	before := mustParse(t, `{"name":"p","priority":1,"timezone":"America/New_York","rules":[
		{"criteria":{"time":["09:00","17:00"],"day":["mon","tue"]},"destination":{"number":"1"}},
		{"criteria":{"npa":["AL"]},"destination":{"number":"2"}},{"criteria":{"always":true},"destination":{"number":"3"}}]}`)
	after := mustParse(t, `{"name":"p","priority":1,"timezone":"America/New_York","rules":[
		{"criteria":{"time":["09:00","17:30"],"day":["mon","tue"]},"destination":{"number":"1"}},
		{"criteria":{"npa":["AL"]},"destination":{"number":"2"}},{"criteria":{"kind":["sms"]},"destination":{"number":"3"}},{"criteria":{"always":true},"destination":{"number":"3"}}]}`)
	old, new := mustCompile(t, &Env{}, before), mustCompile(t, &Env{}, after)
	calls := []Facts{
		{At: at(t, "2026-06-08T21:15:00Z"), Calling: "+442079460958"}, // 17:15 in New York on a Monday
		{At: at(t, "2026-06-08T15:00:00Z")},
		{At: at(t, "2026-06-07T15:00:00Z"), Kind: "sms"},
	}
	d := Diff(old, new, calls, DiffOptions{})
	if d.Calls != 3 || d.CallsChanged != 1 || d.Moved < 1 || len(d.Changes) == 0 {
		t.Fatalf("%+v", d)
	}
	first := d.Changes[0]
	if first.From != "p 2: route" || first.To != "p 0: route" || first.Calls != 1 || !first.Examples[0].Recorded || first.Examples[0].New.Candidates[0].Number != "1" {
		t.Errorf("%+v", first)
	}
	if d.ClassesChanged == 0 {
		t.Errorf("no made call is in the half hour that changed: %+v", d)
	}
	if same := Diff(old, old, calls, DiffOptions{}); same.CallsChanged+same.ClassesChanged+same.Moved != 0 || same.Classes < 20 {
		t.Errorf("a plan differs from itself: %+v", same)
	}
	if gone := Diff(old, nil, calls, DiffOptions{Representatives: 5}); gone.CallsChanged != 3 || gone.Classes != 5 || gone.Changes[0].To != "no_match" {
		t.Errorf("%+v", gone)
	}
	if none := Diff(nil, nil, calls, DiffOptions{Representatives: -1}); none.Classes != 0 || none.CallsChanged != 0 {
		t.Errorf("%+v", none)
	}
}
