package callplan

import (
	"slices"
	"strings"
	"testing"
)

// rulesPlan wraps rules in a plan.
func rulesPlan(rules string) string {
	return `{"name":"p","service_provider":"acme","priority":1,"rules":[` + rules + `]}`
}

const toNumber = `"destination":{"number":"1"}`

func TestLintReach(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		want        []string // pointer and a part of the message
	}{
		{"shadowed by one", `{"label":"all","criteria":{"always":true},` + toNumber + `},{"criteria":{"npa":["AL"]},` + toNumber + `}`,
			[]string{`/rules/1 never used: rule 1 "all" matches every call before it`}},
		{"shadowed by a wider window", `{"criteria":{"time":["08:00","18:00"]},` + toNumber + `},{"criteria":{"time":["09:00","17:00"],"kind":["sms"]},` + toNumber + `}`, []string{"/rules/1 never used: rule 1 matches"}},
		{"not by a narrower window", `{"criteria":{"time":["09:00","17:00"]},` + toNumber + `},{"criteria":{"time":["08:00","18:00"]},` + toNumber + `}`, nil},
		{"by two together", `{"label":"am","criteria":{"time":["00:00","12:00"]},` + toNumber + `},{"label":"pm","criteria":{"time":["12:00","24:00"]},` + toNumber + `},{"criteria":{"day":["friday"]},` + toNumber + `}`,
			[]string{`/rules/2 never used: rule 1 "am" and rule 2 "pm" together match every call before it`}},
		{"an unknown time is neither", `{"criteria":{"time":["00:00","12:00"]},` + toNumber + `},{"criteria":{"time":["12:00","24:00"]},` + toNumber + `},{"criteria":{"always":true},` + toNumber + `}`, nil},
		{"night belongs to the day it began", `{"criteria":{"day":["friday","saturday"]},` + toNumber + `},{"criteria":{"day":["friday"],"time":["22:00","06:00"]},` + toNumber + `}`, []string{"/rules/1"}},
		{"and not to the other", `{"criteria":{"day":["friday"]},` + toNumber + `},{"criteria":{"day":["friday"],"time":["22:00","06:00"]},` + toNumber + `}`, nil},
		{"prefix", `{"criteria":{"match":["+1205*"]},` + toNumber + `},{"criteria":{"match":["+1205555xxxx"]},` + toNumber + `}`, []string{"/rules/1"}},
		{"another length", `{"criteria":{"match":["205xxxxxxx"]},` + toNumber + `},{"criteria":{"match":["205xxxxxx"]},` + toNumber + `}`, nil},
		{"area holds its numbers", `{"criteria":{"npa":["AL"]},` + toNumber + `},{"criteria":{"match":["+1205xxxxxxx"]},` + toNumber + `}`, []string{"/rules/1"}},
		{"x is no #", `{"criteria":{"called":["2xx"]},` + toNumber + `},{"criteria":{"called":["20#"]},` + toNumber + `}`, nil},
		{"a trunk can be down", `{"criteria":{"always":true},"destination":{"trunk":["t1"]}},{"criteria":{"npa":["AL"]},` + toNumber + `}`, nil},
		{"an address cannot", `{"criteria":{"always":true},"destination":{"trunk":["t1"],"sip":"a@example.com"}},{"criteria":{"npa":["AL"]},` + toNumber + `}`, []string{"/rules/1"}},
		{"collecting goes on", `{"criteria":{"always":true},"destination":{"number":"1","continue":true}},{"criteria":{"npa":["AL"]},` + toNumber + `}`, nil},
		{"a run of 100 percent", `{"criteria":{"percent":40},` + toNumber + `},{"criteria":{"percent":60},` + toNumber + `},{"criteria":{"npa":["AL"]},` + toNumber + `}`, []string{"/rules/2 never used: the run from rule 1"}},
		{"a run of less", `{"criteria":{"percent":40},` + toNumber + `},{"criteria":{"percent":50},` + toNumber + `},{"criteria":{"npa":["AL"]},` + toNumber + `}`, nil},
		{"inner rule in its own list", `{"criteria":{"npa":["AL"]},"destination":{"rule":[{"criteria":{"npa":["205"]},` + toNumber + `},{"label":"i","criteria":{"npa":["205"],"kind":["sms"]},` + toNumber + `}]}}`,
			[]string{"/rules/0/destination/rule/1 never used: rule 1.1 matches"}},
		{"an inner rule only covers what its outer does", `{"criteria":{"npa":["AL"]},"destination":{"rule":[{"criteria":{"always":true},` + toNumber + `}]}},{"criteria":{"npa":["TX"]},` + toNumber + `}`, nil},
		{"the same share around both", `{"criteria":{"percent":10},"destination":{"rule":[{"criteria":{"always":true},` + toNumber + `},{"criteria":{"npa":["TX"]},` + toNumber + `}]}}`, []string{"/rules/0/destination/rule/1"}},
		{"contradiction", `{"criteria":{"npa":["AL"],"match":["+44*"]},` + toNumber + `}`, []string{"/rules/0 never used: its criteria exclude each other"}},
		{"holiday", `{"criteria":{"holiday":["us"]},` + toNumber + `},{"criteria":{"holiday":["us"],"npa":["AL"]},` + toNumber + `}`, []string{"/rules/1"}},
		{"another holiday", `{"criteria":{"holiday":["us"]},` + toNumber + `},{"criteria":{"holiday":["de"]},` + toNumber + `}`, nil},
		{"holiday moved by a night window", `{"criteria":{"holiday":["us"]},` + toNumber + `},{"criteria":{"holiday":["us"],"time":["22:00","06:00"]},` + toNumber + `}`, nil},
		{"not", `{"criteria":{"not":{"npa":["AL"]}},` + toNumber + `},{"criteria":{"not":{"npa":["TX"]}},` + toNumber + `}`, nil},
		{"lata", `{"criteria":{"lata":[["Digits","952"],["Intra",null]]},` + toNumber + `},{"criteria":{"lata":[["Digits","95201"]]},` + toNumber + `},{"criteria":{"lata":[["Inter",null]]},` + toNumber + `}`, []string{"/rules/1"}},
		{"point codes over networks", `{"criteria":{"pointcode":[["1-200-0","2-10-255"]]},` + toNumber + `},{"criteria":{"pointcode":[["1-255-0",null]]},` + toNumber + `}`, []string{"/rules/1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustParse(t, rulesPlan(c.rules))
			var got []string
			for _, f := range Lint(p, LintOptions{}) {
				if f.Code == warnUnreachable {
					got = append(got, f.Pointer+" "+f.Message)
				}
			}
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("got %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}

func TestLintOther(t *testing.T) {
	p := mustParse(t, `{"name":"day","service_provider":"acme","priority":10,"timezone":"America/New_York","rules":[
		{"label":"a","criteria":{"percent":30},"destination":{"trunk":["t1"]}},
		{"label":"a","criteria":{"percent":50},"destination":{"trunk_op":[["t9","411"]]}},
		{"label":"rest","criteria":{"date":[null,"2026/01/02.00:00"]},"destination":{"number":"1"}},
		{"label":"h","criteria":{"not":{"holiday":["us","nosuch"]}},"destination":{"number":"1"}}]}`)
	other := &Plan{Name: "night", Provider: "acme", Priority: 10}
	found := Lint(p, LintOptions{Now: at(t, "2026-01-02T05:00:00Z"), Trunks: []string{"t1"}, Calendars: []string{"us"}, Others: []*Plan{p, other, {Name: "x", Provider: "else", Priority: 10}}})
	want := []string{
		`W_DATE_PAST /rules/2/criteria/date: this range ended on 2026/01/02`,
		`W_HOLIDAY_UNKNOWN /rules/3/criteria/not/holiday/1: no calendar "nosuch" exists: it has no days`,
		`W_LABEL_DUPLICATE /rules/1/label: the label "a" is also that of rule 1`,
		`W_NO_CATCHALL /rules: calls that match no rule go to the next plan`,
		`W_PERCENT_SHORT /rules/1/criteria/percent: the run adds up to 80 percent; the other 20 fall to rule 3 "rest"`,
		`W_PRIORITY_TIE /priority: priority 10 is also that of plan "night": the order is then by name`,
		`W_TRUNK_UNKNOWN /rules/1/destination/trunk_op/0: no trunk "t9" is configured`,
	}
	var got []string
	for _, f := range found {
		got = append(got, f.String())
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if early := Lint(p, LintOptions{Now: at(t, "2026-01-02T04:59:59Z")}); slices.ContainsFunc(early, func(f Finding) bool { return f.Code == warnDatePast }) {
		t.Error("the range is said to be past a second before its end")
	}
}

// TestLintIsBounded: the hardest plan of the largest size takes no time worth mentioning, and is not called anything wrong.
func TestLintIsBounded(t *testing.T) {
	var rules []string
	for i := range 10_000 {
		rules = append(rules, `{"criteria":{"match":["`+itoa(1000+i%9000)+`*"],"called":["x`+itoa(i%10)+`*","`+itoa(i%7)+`n*"],"time":["`+clockText(i%1400)+`","`+clockText(i%1400+30)+`"]},`+toNumber+`}`)
	}
	p, found := Parse([]byte(rulesPlan(strings.Join(rules, ","))), ParseOptions{})
	if err := found.Err(); err != nil || len(p.Rules) != 10_000 {
		t.Fatal(err)
	}
}
