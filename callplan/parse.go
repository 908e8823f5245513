package callplan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ParseOptions bound what Parse takes. Zero fields mean the defaults.
type ParseOptions struct {
	Bytes  int // of the document; 4 MiB
	Depth  int // lists of rules within each other, the outermost included, and "not" within each other; 16
	Rules  int // in one plan, nested ones included; 10000
	Values int // in one list of a rule; 10000

	Areas    *Areas // area codes that "npa" is checked with; BuiltinAreas
	Provider string // service provider of a document that names none
}

func (o ParseOptions) defaults() ParseOptions {
	o.Bytes, o.Depth, o.Rules, o.Values = or(o.Bytes, 4<<20), or(o.Depth, 16), or(o.Rules, 10_000), or(o.Values, 10_000)
	if o.Areas == nil {
		o.Areas = BuiltinAreas()
	}
	return o
}

func or(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

// Limits of names, in characters.
const (
	maxName  = 64
	maxLabel = 250
)

// Parse reads a plan: {"name","service_provider","priority","rules"} and optionally "timezone" and "archived", as docs/callplans.md describes it. It reports
// everything at once: errors, and warnings including those that Lint finds in the plan alone. The plan is nil when there is an error.
func Parse(doc []byte, o ParseOptions) (*Plan, Findings) {
	r := &planReader{o: o.defaults()}
	n := r.document(doc)
	if n == nil {
		return nil, r.found
	}
	p := r.plan(n)
	if r.found.Errors() != nil {
		return nil, r.found
	}
	r.found = append(r.found, Lint(p, LintOptions{Areas: r.o.Areas})...)
	return p, r.found
}

// ParseRule reads one rule: {"label","criteria","destination"}. Pointers start at the rule.
func ParseRule(doc []byte, o ParseOptions) (Rule, Findings) {
	r := &planReader{o: o.defaults()}
	n := r.document(doc)
	if n == nil {
		return Rule{}, r.found
	}
	rule := r.rule(n, "", 1)
	if r.found.Errors() != nil {
		return Rule{}, r.found
	}
	return rule, r.found
}

// planReader reads values and collects what is wrong with them.
type planReader struct {
	o     ParseOptions
	found Findings
	rules int
}

// jsonDepth bounds how deeply JSON is nested: a level of rules takes three, one of "not" takes one, and some room for what is wrong anyway.
func (r *planReader) jsonDepth() int { return 4*r.o.Depth + 16 }

// document reads the JSON of a document, nil when it has none.
func (r *planReader) document(doc []byte) *node {
	if len(doc) > r.o.Bytes {
		r.add(codeLimit, "", nil, fmt.Sprintf("the document has %d octets, at most %d are allowed", len(doc), r.o.Bytes), "", "")
		return nil
	}
	n, err := readJSON(string(doc), r.jsonDepth())
	if err != nil {
		r.add(codeJSON, "", nil, "this is no JSON: "+err.Error(), "", "")
		return nil
	}
	return n
}

// add records a finding about a value.
func (r *planReader) add(code, at string, n *node, message, allowed, example string) {
	f := Finding{Code: code, Pointer: at, Message: message, Allowed: allowed, Example: example}
	if n != nil {
		f.Found = n.show()
	}
	r.found = append(r.found, f)
}

// wrong records that a value has the wrong type.
func (r *planReader) wrong(at string, n *node, want, example string) {
	if n.kind == isDeep {
		r.deep(at, n)
		return
	}
	r.add(codeType, at, n, fmt.Sprintf("found %s, want %s", n.kind, want), want, example)
}

func (r *planReader) deep(at string, n *node) {
	r.add(codeDepth, at, n, fmt.Sprintf("nested deeper than %d: at most %d lists of rules within each other are allowed", r.o.Depth, r.o.Depth), "", "")
}

// object checks the members of an object and tells whether it is one. what names it in messages.
func (r *planReader) object(n *node, at, what string, members ...string) bool {
	if n == nil || n.kind != isObject {
		if n != nil {
			r.wrong(at, n, "an object: "+what, "")
		}
		return false
	}
	for i, key := range n.keys {
		p := at + "/" + escape(key)
		if !slices.Contains(members, key) {
			message := fmt.Sprintf("unknown member %q", key)
			if near := nearest(key, members); near != "" {
				message += fmt.Sprintf(": did you mean %q?", near)
			}
			r.add(codeUnknownKey, p, nil, message, strings.Join(members, ", "), "")
		}
		if slices.Contains(n.keys[:i], key) {
			r.add(codeDuplicate, p, nil, fmt.Sprintf("member %q stands twice", key), "each member once", "")
		}
	}
	return true
}

// escape writes a key as a step of a JSON pointer (RFC 6901 §3).
func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// flag reads a truth value; what is absent is false.
func (r *planReader) flag(n *node, at string) bool {
	if n != nil && n.kind != isTrue && !n.absent() {
		r.wrong(at, n, "true or false", "true")
	}
	return n != nil && n.kind == isTrue
}

func (r *planReader) plan(n *node) *Plan {
	p := &Plan{}
	if !r.object(n, "", "a plan", "name", "service_provider", "priority", "timezone", "archived", "rules") {
		return p
	}
	p.Name = r.named(n.member("name"), "/name", "a plan needs a name", "night")
	if provider := n.member("service_provider"); provider != nil || r.o.Provider == "" {
		p.Provider = r.named(provider, "/service_provider", "a plan belongs to a service provider", "default")
	} else {
		p.Provider = r.o.Provider
	}
	p.Priority = r.priority(n.member("priority"))
	if zone := n.member("timezone"); !zone.absent() {
		p.Timezone = zone.text
		if zone.kind != isText {
			r.wrong("/timezone", zone, "the name of a time zone", `"America/New_York"`)
		} else if _, err := loadZone(zone.text); err != nil {
			r.add(codeZone, "/timezone", zone, err.Error(), "a name of the IANA time zone database", `"America/New_York"`)
		}
	}
	p.Archived = r.flag(n.member("archived"), "/archived")
	rules := n.member("rules")
	if rules.absent() {
		r.add(codeRulesEmpty, "/rules", rules, "a plan needs a rule at least", "a rule or a list of rules",
			`[{"label":"all","criteria":{"always":true},"destination":{"number":"15550100"}}]`)
		return p
	}
	p.Rules = r.list(rules, "/rules", 1)
	return p
}

// named reads a name of 1 to 64 characters.
func (r *planReader) named(n *node, at, need, example string) string {
	switch {
	case n.absent() || n.kind == isText && strings.TrimSpace(n.text) == "":
		r.add(codeNameEmpty, at, n, need, fmt.Sprintf("1 to %d characters", maxName), quote(example))
		return ""
	case n.kind != isText:
		r.wrong(at, n, "a name", quote(example))
		return ""
	case utf8.RuneCountInString(n.text) > maxName:
		r.add(codeNameLength, at, n, fmt.Sprintf("the name has %d characters, at most %d are allowed", utf8.RuneCountInString(n.text), maxName),
			fmt.Sprintf("1 to %d characters", maxName), quote(example))
	case strings.ContainsFunc(n.text, isControl):
		r.add(codeType, at, n, "the name contains a control character", "printable characters", quote(example))
	}
	return n.text
}

func isControl(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 }

func (r *planReader) priority(n *node) int {
	const allowed = "an integer; plans with a lower one are tried first"
	if n == nil || n.kind != isNumber {
		found := "it is missing"
		if n != nil {
			found = fmt.Sprintf("found %s (%s)", n.show(), n.kind)
		}
		r.add(codePriority, "/priority", n, "priority must be an integer, "+found, allowed, "10")
		return 0
	}
	v, err := strconv.ParseInt(n.text, 10, 32)
	if err != nil {
		r.add(codePriority, "/priority", n, fmt.Sprintf("priority must be an integer of at most ten digits, found %s", n.show()), allowed, "10")
	}
	return int(v)
}

// list reads a list of rules, or one rule in place of a list. depth counts lists, 1 being the outermost.
func (r *planReader) list(n *node, at string, depth int) []Rule {
	if depth > r.o.Depth {
		r.deep(at, n)
		return nil
	}
	items := n.items
	switch n.kind {
	case isObject:
		items = []*node{n}
	case isList:
	default:
		r.wrong(at, n, "a rule or a list of rules", "")
		return nil
	}
	r.rules += len(items)
	if r.rules > r.o.Rules {
		if r.rules-len(items) <= r.o.Rules { // say it once
			r.add(codeLimit, at, nil, fmt.Sprintf("more than %d rules in one plan", r.o.Rules), "", "")
		}
		return nil
	}
	rules := make([]Rule, len(items))
	for i, item := range items {
		rules[i] = r.rule(item, at+"/"+itoa(i), depth)
	}
	r.runs(rules, at)
	return rules
}

// runs checks that the shares of each percent run are 100 or less.
func (r *planReader) runs(rules []Rule, at string) {
	for _, run := range percentRuns(rules) {
		if sum := run.sum(rules); sum > 10_000 {
			last := run.from + run.n - 1
			r.found = append(r.found, Finding{Code: codePercentSum, Pointer: fmt.Sprintf("%s/%d/criteria/percent", at, last),
				Message: fmt.Sprintf("rules %d to %d share one set of callers and add up to %s percent: lower them to 100 or less", run.from+1, last+1, percentText(sum)),
				Found:   percentText(*rules[last].Criteria.Percent), Allowed: "shares of a run that add up to 100 or less"})
		}
	}
}

func (r *planReader) rule(n *node, at string, depth int) Rule {
	var rule Rule
	if !r.object(n, at, "a rule", "label", "criteria", "destination") {
		return rule
	}
	if label := n.member("label"); !label.absent() {
		if label.kind != isText || utf8.RuneCountInString(label.text) > maxLabel || strings.ContainsFunc(label.text, isControl) {
			r.wrong(at+"/label", label, fmt.Sprintf("printable text of at most %d characters", maxLabel), `"office hours"`)
		}
		rule.Label = label.text
	}
	rule.Criteria = r.criteria(n.member("criteria"), at+"/criteria", false, 1)
	rule.Destination = r.destination(n.member("destination"), at+"/destination", depth)
	return rule
}

// nearest returns the candidate that s is most likely a misspelling of, "" when none is near.
func nearest(s string, candidates []string) string {
	best, at := 3, ""
	for _, c := range candidates {
		if len(s) <= maxName {
			if d := distance(strings.ToLower(s), strings.ToLower(c)); d < best && d < len(c) {
				best, at = d, c
			}
		}
	}
	return at
}

// distance is the count of octets to insert, remove or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
