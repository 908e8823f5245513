package callplan

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// vectorFile reads a file of testdata, or the one of the same name in the folder that TRUNKLINE_VECTORS names.
func vectorFile(t testing.TB, name string) []byte {
	t.Helper()
	dir := "testdata"
	if d := os.Getenv("TRUNKLINE_VECTORS"); d != "" {
		dir = d
	}
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

type decideCase struct {
	ID, Title string
	Plans     []json.RawMessage
	Env       json.RawMessage
	Facts     Facts
	Expect    json.RawMessage
}

type validateCase struct {
	ID, Title string
	Plan      json.RawMessage
	Expect    struct{ Errors, Warnings []string }
}

func readVectors(t testing.TB) (decide []decideCase, validate []validateCase) {
	t.Helper()
	var file struct {
		Schema   string
		Decide   []decideCase
		Validate []validateCase
	}
	if err := json.Unmarshal(vectorFile(t, "callplan.json"), &file); err != nil {
		t.Fatal(err)
	}
	if file.Schema != "callplan-vectors/1" || len(file.Decide) == 0 || len(file.Validate) == 0 {
		t.Fatalf("schema %q, %d decisions, %d validations", file.Schema, len(file.Decide), len(file.Validate))
	}
	return file.Decide, file.Validate
}

// load reads the plans and the environment of a case.
func (c *decideCase) load(t testing.TB) ([]*Plan, *Env) {
	t.Helper()
	var plans []*Plan
	for _, raw := range c.Plans {
		p, found := Parse(raw, ParseOptions{})
		if err := found.Err(); err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
		plans = append(plans, p)
	}
	env := &Env{}
	if c.Env != nil {
		var err error
		if env, err = ParseEnv(c.Env); err != nil {
			t.Fatalf("%s: %v", c.ID, err)
		}
	}
	return plans, env
}

func TestDecideVectors(t *testing.T) {
	decide, _ := readVectors(t)
	for _, c := range decide {
		t.Run(c.ID, func(t *testing.T) {
			plans, env := c.load(t)
			slices.Reverse(plans) // their order means nothing
			book, err := CompileAll(plans, env)
			if err != nil {
				t.Fatal(err)
			}
			var d Decision
			book.Decide(&c.Facts, &d)
			got, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			if !sameJSON(t, got, c.Expect) {
				t.Errorf("%s\n got %s\nwant %s", c.Title, got, c.Expect)
			}
		})
	}
}

func sameJSON(t testing.TB, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// places returns findings as "CODE /pointer", in ascending order.
func places(f Findings) []string {
	all := []string{}
	for _, one := range f {
		all = append(all, one.Code+" "+one.Pointer)
	}
	slices.Sort(all)
	return all
}

func TestValidateVectors(t *testing.T) {
	_, validate := readVectors(t)
	for _, c := range validate {
		t.Run(c.ID, func(t *testing.T) {
			_, found := Parse(c.Plan, ParseOptions{})
			slices.Sort(c.Expect.Errors)
			if got := places(found.Errors()); !slices.Equal(got, c.Expect.Errors) {
				t.Errorf("%s: errors %q, want %q", c.Title, got, c.Expect.Errors)
			}
			warnings := places(found.Warnings())
			for _, w := range c.Expect.Warnings {
				if !slices.Contains(warnings, w) {
					t.Errorf("%s: no warning %q among %q", c.Title, w, warnings)
				}
			}
			for _, f := range found {
				if f.Message == "" {
					t.Errorf("%v has no message", f)
				}
			}
		})
	}
}

// badRule is a case of the surface call_plan of bad-inputs.json.
type badRule struct {
	ID, Surface, Title string
	Input              struct {
		JSON json.RawMessage
		Gen  *struct {
			Kind  string
			Depth int
		}
	}
	Expect struct {
		Outcome, Field string
		Must           []string
	}
}

func (b *badRule) document(t *testing.T) []byte {
	if b.Input.Gen == nil {
		return b.Input.JSON
	}
	if b.Input.Gen.Kind != "nested_rule" {
		t.Fatalf("unknown generator %q", b.Input.Gen.Kind)
	}
	const head, tail = `{"label":"r","criteria":{"always":true},"destination":{"rule":[`, `]}}`
	return []byte(strings.Repeat(head, b.Input.Gen.Depth) + `{"criteria":{"always":true},"destination":{"terminate":true}}` + strings.Repeat(tail, b.Input.Gen.Depth))
}

// pointerOf writes a field of the vectors, "criteria.time[0]", as a pointer.
func pointerOf(field string) string {
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(field)
}

func TestBadRuleVectors(t *testing.T) {
	var file struct {
		Defaults struct {
			Limits struct {
				Depth int `json:"rule_depth"`
				Rules int `json:"rules_per_plan"`
			}
		} `json:"setup_defaults"`
		Cases []json.RawMessage
	}
	if err := json.Unmarshal(vectorFile(t, "bad-inputs.json"), &file); err != nil {
		t.Fatal(err)
	}
	o := ParseOptions{Depth: file.Defaults.Limits.Depth, Rules: file.Defaults.Limits.Rules}
	ran := 0
	for _, raw := range file.Cases {
		var head struct{ Surface string }
		if err := json.Unmarshal(raw, &head); err != nil || head.Surface != "call_plan" {
			continue
		}
		var c badRule
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		ran++
		t.Run(c.ID, func(t *testing.T) {
			rule, found := ParseRule(c.document(t), o)
			errs := found.Errors()
			switch {
			case c.Expect.Outcome == "accept_safe" && errs == nil:
				if len(found) == 0 && len(c.Expect.Must) > 0 && strings.Contains(c.Expect.Must[0], "warning") {
					t.Errorf("%s: taken without a word", c.Title)
				}
				if rule.Criteria.Time != nil && c.ID == "call_plan-003" {
					checkNight(t, rule)
				}
			case errs == nil:
				t.Errorf("%s: taken", c.Title)
			default:
				if at := pointerOf(c.Expect.Field); !slices.ContainsFunc(errs, func(f Finding) bool {
					return f.Pointer == at || strings.HasPrefix(f.Pointer, at+"/") && c.Expect.Outcome == "limit"
				}) {
					t.Errorf("%s: no error at %s: %v", c.Title, at, errs)
				}
				if c.Expect.Outcome == "limit" && !strings.Contains(errs[0].Message, "nested deeper than "+itoa(o.Depth)) {
					t.Errorf("the limit is not named: %v", errs)
				}
			}
		})
	}
	if ran == 0 {
		t.Fatal("no case ran")
	}
}

// checkNight: 23:00 and 05:59 match, 12:00 does not.
func checkNight(t *testing.T, rule Rule) {
	s, err := Compile("p", []*Plan{{Name: "n", Provider: "p", Rules: []Rule{rule}}}, &Env{})
	if err != nil {
		t.Fatal(err)
	}
	for clock, want := range map[string]Action{"23:00": Route, "05:59": Route, "12:00": NoMatch} {
		var d Decision
		s.Decide(&Facts{At: at(t, "2026-06-10T"+clock+":00Z")}, &d)
		if d.Action != want {
			t.Errorf("%s: %v, want %v", clock, d.Action, want)
		}
	}
}
