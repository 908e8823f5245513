package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// runPlan runs a "plan" verb and returns what it printed and its exit code.
func runPlan(t *testing.T, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), append([]string{"plan"}, args...), strings.NewReader(stdin), &out, &errs, func(string) string { return "" })
	return out.String(), errs.String(), code
}

type planVectors struct {
	Decide   []map[string]json.RawMessage
	Validate []struct {
		ID     string
		Plan   json.RawMessage
		Expect struct{ Errors, Warnings []string }
	}
}

func readPlanVectors(t *testing.T) (v planVectors) {
	t.Helper()
	dir := os.Getenv("TRUNKLINE_VECTORS")
	if dir == "" {
		dir = "../../callplan/testdata"
	}
	raw, err := os.ReadFile(filepath.Join(dir, "callplan.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil || len(v.Decide) == 0 || len(v.Validate) == 0 {
		t.Fatal(err, len(v.Decide), len(v.Validate))
	}
	return v
}

// The decisions of the vectors go in as a list and one by one, and come out as they are expected.
func TestPlanDecideVectors(t *testing.T) {
	v := readPlanVectors(t)
	list, err := json.Marshal(v.Decide)
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := runPlan(t, string(list), "decide", "--json")
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if code != exitDone || len(lines) != len(v.Decide) {
		t.Fatalf("exit %d, %d lines for %d questions: %s", code, len(lines), len(v.Decide), stderr)
	}
	for i, line := range lines {
		var got, want any
		if json.Unmarshal([]byte(line), &got) != nil || json.Unmarshal(v.Decide[i]["expect"], &want) != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %s, want %s", v.Decide[i]["id"], line, v.Decide[i]["expect"])
		}
	}
	one, err := json.Marshal(map[string]json.RawMessage{"plans": v.Decide[0]["plans"], "env": v.Decide[0]["env"], "facts": v.Decide[0]["facts"]})
	if err != nil {
		t.Fatal(err)
	}
	if stdout, _, code := runPlan(t, string(one), "decide", "--json", "-"); code != exitDone || stdout != lines[0]+"\n" {
		t.Errorf("one question alone: exit %d, %s", code, stdout)
	}
}

func TestPlanCheckVectors(t *testing.T) {
	for _, c := range readPlanVectors(t).Validate {
		stdout, stderr, code := runPlan(t, string(c.Plan), "check", "--json", "-")
		var got struct{ Errors, Warnings []string }
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || got.Errors == nil || got.Warnings == nil {
			t.Fatalf("%s: %s %s: %v", c.ID, stdout, stderr, err)
		}
		slices.Sort(got.Errors)
		slices.Sort(c.Expect.Errors)
		if !slices.Equal(got.Errors, c.Expect.Errors) || (code == exitDone) != (len(got.Errors) == 0) {
			t.Errorf("%s: exit %d, errors %q, want %q", c.ID, code, got.Errors, c.Expect.Errors)
		}
		for _, w := range c.Expect.Warnings {
			if !slices.Contains(got.Warnings, w) {
				t.Errorf("%s: no %q among %q", c.ID, w, got.Warnings)
			}
		}
	}
}

const (
	planDay = `{"name":"day","service_provider":"acme","priority":1,"timezone":"America/New_York","rules":[` +
		`{"label":"hours","criteria":{"time":["09:00","17:00"]},"destination":{"trunk":[["t1"],["t2"]]}},{"label":"rest","criteria":{"always":true},"destination":{"terminate":true}}]}`
	planLate = `[{"name":"day","service_provider":"acme","priority":1,"timezone":"America/New_York","rules":[` +
		`{"label":"hours","criteria":{"time":["09:00","18:00"]},"destination":{"trunk":[["t1"],["t2"]]}},{"label":"rest","criteria":{"always":true},"destination":{"terminate":true}}]}]`
	planBad = `{"name":"","service_provider":"acme","priority":1,"rules":[{"criteria":{"time":["9:00","17:00"]},"destination":{"number":"1"}}]}`
)

func TestPlanVerbs(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	day, late, bad := file("day.json", planDay), file("late.json", planLate), file("bad.json", planBad)
	calls := file("calls.json", `{"provider":"acme","at":"2026-06-10T21:30:00Z"}`+"\n"+`{"provider":"acme","at":"2026-06-10T15:00:00Z"}`)
	env := file("env.json", `{"calendars":{"us":["2026/07/03"]}}`)
	latas := file("latas.csv", "npa,nxx,lata\n205,555,476\n")
	for _, tt := range []struct {
		name   string
		stdin  string
		args   []string
		code   int
		stdout []string
		stderr string
	}{
		{"check", "", []string{"check", day}, exitDone, []string{"is good: day (2 rules)"}, ""},
		{"check, bad", "", []string{"check", bad}, exitFailed, []string{"error E_NAME_EMPTY", "/rules/0/criteria/time/0", `"9:00" is not a time`, `for example "09:00"`}, ""},
		{"check, a list", planLate, []string{"check", "-", "--json"}, exitDone, []string{`{"errors":[],"warnings":[`}, ""},
		{"check, no JSON", "{", []string{"check", "-"}, exitFailed, []string{"E_JSON", "line 1, column 2"}, ""},
		{"check, no file", "", []string{"check", filepath.Join(dir, "none")}, exitFailed, nil, "no such file"},
		{"check, nothing", "", []string{"check"}, exitUsage, nil, "hint:"},
		{"decide", `{"plans":[` + planDay + `],"facts":{"provider":"acme","called":"0","at":"2026-06-10T15:00:00Z"}}`, []string{"decide"}, exitDone,
			[]string{"route by day, rule 0 (hours) to 0 by trunk t1, then 0 by trunk t2"}, ""},
		{"decide, bad", `[{"plans":[` + planBad + `],"facts":{"at":"yesterday"}},{"plans":[],"facts":{}}]`, []string{"decide", "--json"}, exitFailed,
			[]string{`/plans/0: /name: a plan needs a name`, `\"yesterday\" is no time`, "{\"action\":\"no_match\"}\n"}, ""},
		{"decide, no question", "7", []string{"decide"}, exitUsage, nil, "found a number"},
		{"explain", "", []string{"explain", day, "--called", "411", "--at", "2026-06-10T23:00:00Z"}, exitDone,
			[]string{"plan day", `0 hours: failed: time wants ["09:00","17:00"], the call has 19:00`, "1 rest: matched: ends the call", "terminate by day, rule 1 (rest)"}, ""},
		{"explain, down", "", []string{"explain", day, "--down", "t1,t2", "--at", "2026-06-10T15:00:00Z", "--latas", latas, "--env", env}, exitDone, []string{"unavailable", "down: t1, t2"}, ""},
		{"explain, json", "", []string{"explain", day, "--json", "--at", "2026-06-10T15:00:00Z"}, exitDone, []string{`"effect":"sends the call to this and stops looking"`}, ""},
		{"explain, no time", "", []string{"explain", day, "--at", "noon"}, exitUsage, nil, `"noon" is no time`},
		{"explain, no draw", "", []string{"explain", day, "--draw", "100"}, exitUsage, nil, "draw 100"},
		{"explain, bad plan", "", []string{"explain", bad}, exitFailed, nil, "trunkline plan check"},
		{"lint", "", []string{"lint", day, "--trunks", "t1"}, exitDone, []string{`warning W_TRUNK_UNKNOWN: no trunk "t2" is configured`}, ""},
		{"lint, json", "", []string{"lint", day, late, "--json"}, exitDone, []string{`[{"plan":"day","findings":[]},`}, ""},
		{"diff", "", []string{"diff", day, late, "--calls", calls}, exitDone, []string{"1 of 2 recorded calls", "day 1: terminate -> day 0: route", "was: terminate by day"}, ""},
		{"diff, same", "", []string{"diff", day, day, "--json"}, exitDone, []string{`"classes_changed":0`}, ""},
		{"diff, bad calls", "x", []string{"diff", day, late, "--calls", "-"}, exitFailed, nil, "call 1"},
		{"no verb", "", nil, exitUsage, nil, "check, decide"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stdout, stderr, code := runPlan(t, tt.stdin, tt.args...)
			if code != tt.code {
				t.Errorf("exit %d, want %d; %s", code, tt.code, stderr)
			}
			for _, part := range tt.stdout {
				if !strings.Contains(stdout, part) {
					t.Errorf("printed\n%s\nwithout %q", stdout, part)
				}
			}
			if !strings.Contains(stderr, tt.stderr) {
				t.Errorf("error %q without %q", stderr, tt.stderr)
			}
		})
	}
}
