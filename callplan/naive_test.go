package callplan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// naive decides by reading the documents of plans word by word, sharing nothing with the package but the table of area codes: no compiling, no index, no
// zones kept. It is what the package is compared with.
type naive struct {
	plans    []map[string]any
	env      map[string]any
	facts    Facts
	patterns map[string]*regexp.Regexp
	loaded   map[string]*time.Location

	zone       *time.Location
	planName   string
	collected  []map[string]any
	who        [2]string
	haveWho    bool
	areaOfNANP func(string) *Area
}

type naiveResult struct {
	action, plan, path string
	candidates         []map[string]any
}

func newNaive(t testing.TB, docs [][]byte, env []byte) *naive {
	t.Helper()
	n := &naive{patterns: map[string]*regexp.Regexp{}, loaded: map[string]*time.Location{}, areaOfNANP: func(code string) *Area { return BuiltinAreas().Area(digits(code)) }}
	n.read(t, docs)
	if err := json.Unmarshal(env, &n.env); err != nil {
		t.Fatal(err)
	}
	return n
}

// read takes other plans in the place of those that it has.
func (n *naive) read(t testing.TB, docs [][]byte) {
	t.Helper()
	n.plans = nil
	for _, doc := range docs {
		var p map[string]any
		if err := json.Unmarshal(doc, &p); err != nil {
			t.Fatal(err)
		}
		n.plans = append(n.plans, p)
	}
	slices.SortFunc(n.plans, func(a, b map[string]any) int {
		return cmp.Or(cmp.Compare(a["priority"].(float64), b["priority"].(float64)), strings.Compare(a["name"].(string), b["name"].(string)))
	})
}

// decision is the result in the form that it is compared in.
func (r naiveResult) decision() Decision {
	d := Decision{Plan: r.plan, Path: r.path, Action: Action(slices.Index(actionNames[:], r.action))}
	text := func(v any) string { s, _ := v.(string); return s }
	for _, c := range r.candidates {
		d.Candidates = append(d.Candidates, Candidate{CandidateType(slices.Index(candidateNames[:], text(c["type"]))), text(c["trunk"]), text(c["number"]), text(c["uri"])})
	}
	return d
}

func (n *naive) decide(f Facts) naiveResult {
	n.facts, n.collected, n.haveWho = f, nil, false
	for _, p := range n.plans {
		if p["service_provider"] != f.Provider || p["archived"] == true {
			continue
		}
		zone := "UTC"
		if z, ok := n.env["timezone"].(string); ok && z != "" {
			zone = z
		}
		if z, ok := p["timezone"].(string); ok && z != "" {
			zone = z
		}
		if n.loaded[zone] == nil {
			loc, err := time.LoadLocation(zone)
			if err != nil {
				panic(err)
			}
			n.loaded[zone] = loc
		}
		n.zone, n.planName = n.loaded[zone], p["name"].(string)
		if action := n.list(ruleList(p["rules"]), ""); action != "" {
			return naiveResult{action, n.who[0], n.who[1], n.collected}
		}
	}
	if n.collected != nil {
		return naiveResult{"route", n.who[0], n.who[1], n.collected}
	}
	return naiveResult{action: "no_match"}
}

func ruleList(v any) []map[string]any {
	if one, ok := v.(map[string]any); ok {
		return []map[string]any{one}
	}
	var all []map[string]any
	for _, item := range v.([]any) {
		all = append(all, item.(map[string]any))
	}
	return all
}

func isPresent(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}

// list evaluates a list of rules; a result other than "" ends the evaluation.
func (n *naive) list(rules []map[string]any, path string) string {
	for i, r := range rules {
		at := strings.TrimPrefix(path+"."+strconv.Itoa(i), ".")
		if !n.criteria(r["criteria"].(map[string]any)) || !n.share(rules, i, path) {
			continue
		}
		if action := n.destination(r["destination"].(map[string]any), at); action != "" {
			return action
		}
	}
	return ""
}

func (n *naive) destination(d map[string]any, at string) string {
	if isPresent(d["rule"]) {
		if action := n.list(ruleList(d["rule"]), at); action != "" {
			return action
		}
	}
	going, ending := isPresent(d["continue"]), isPresent(d["terminate"])
	var targets []map[string]any
	number, _ := d["number"].(string)
	if isPresent(d["trunk"]) {
		for _, t := range flat(d["trunk"]) {
			to := number
			if to == "" {
				to = n.facts.Called
			}
			targets = append(targets, map[string]any{"type": "trunk", "trunk": t, "number": to})
		}
	}
	if isPresent(d["trunk_op"]) {
		for _, pair := range d["trunk_op"].([]any) {
			targets = append(targets, map[string]any{"type": "operator", "trunk": pair.([]any)[0], "number": pair.([]any)[1]})
		}
	}
	if uri, ok := d["sip"].(string); ok && uri != "" {
		if !strings.HasPrefix(uri, "sip:") && !strings.HasPrefix(uri, "sips:") {
			uri = "sip:" + uri
		}
		targets = append(targets, map[string]any{"type": "sip", "uri": uri})
	}
	if number != "" && !isPresent(d["trunk"]) {
		targets = append(targets, map[string]any{"type": "number", "number": number})
	}
	if len(targets) == 0 {
		if !going && !ending {
			return ""
		}
		if n.collected != nil {
			return "route"
		}
		n.who = [2]string{n.planName, at}
		if ending {
			return "terminate"
		}
		return "continue"
	}
	left := false
	for _, c := range targets {
		if trunk, ok := c["trunk"].(string); ok && slices.Contains(n.facts.TrunksDown, trunk) {
			continue
		}
		left = true
		if n.collected == nil {
			n.who = [2]string{n.planName, at}
		}
		if !slices.ContainsFunc(n.collected, func(o map[string]any) bool { return fmt.Sprint(o) == fmt.Sprint(c) }) {
			n.collected = append(n.collected, c)
		}
	}
	if !left || going {
		return ""
	}
	return "route"
}

func isShare(rule map[string]any) bool {
	_, ok := rule["criteria"].(map[string]any)["percent"].(float64)
	return ok
}

// share tells whether the draw is in the slice of rule i.
func (n *naive) share(rules []map[string]any, i int, path string) bool {
	if !isShare(rules[i]) {
		return true
	}
	percent := func(j int) (*big.Rat, string, bool) {
		c := rules[j]["criteria"].(map[string]any)
		p, ok := c["percent"].(float64)
		if !ok {
			return nil, "", false
		}
		rest := map[string]any{}
		for k, v := range c {
			if k != "percent" && isPresent(v) {
				rest[k] = flattened(v)
			}
		}
		b, _ := json.Marshal(rest)
		r := new(big.Rat)
		r.SetString(strconv.FormatFloat(p, 'f', 2, 64))
		return r, string(b), ok
	}
	mine, others, _ := percent(i)
	before, first := new(big.Rat), i
	for j := i - 1; j >= 0; j-- {
		p, rest, ok := percent(j)
		if !ok || rest != others {
			break
		}
		before.Add(before, p)
		first = j
	}
	var u *big.Rat
	if n.facts.Draw != nil {
		u, _ = new(big.Rat).SetString(strconv.FormatFloat(*n.facts.Draw, 'f', 2, 64))
	} else {
		u = n.hashDraw(strings.TrimPrefix(path+"."+strconv.Itoa(first), "."))
	}
	return u.Cmp(before) >= 0 && u.Cmp(before.Add(before, mine)) < 0
}

// hashDraw computes the draw with integers of any size.
func (n *naive) hashDraw(path string) *big.Rat {
	key := n.facts.CallID
	if key == "" {
		key = n.facts.Calling + "|" + n.facts.Called + "|"
		if !n.facts.At.IsZero() {
			key += n.facts.At.UTC().Format("2006-01-02T15:04:05Z")
		}
	}
	modulus := new(big.Int).Lsh(big.NewInt(1), 64)
	hex := func(s string) *big.Int { v, _ := new(big.Int).SetString(s, 16); return v }
	h := hex("cbf29ce484222325")
	times := func(by string) { h.Mul(h, hex(by)).Mod(h, modulus) }
	for _, c := range []byte(strings.Join([]string{n.facts.Provider, n.planName, path, key}, "\x1f")) {
		h.Xor(h, big.NewInt(int64(c)))
		times("100000001b3")
	}
	fold := func() { h.Xor(h, new(big.Int).Rsh(h, 33)) }
	fold()
	times("ff51afd7ed558ccd")
	fold()
	times("c4ceb9fe1a85ec53")
	fold()
	h.Rsh(h, 32).Mul(h, big.NewInt(10_000)).Rsh(h, 32)
	return new(big.Rat).SetFrac(h, big.NewInt(100))
}

// flat returns the values of a list whose values may stand in lists of their own.
func flat(v any) []string {
	var all []string
	for _, item := range v.([]any) {
		if inner, ok := item.([]any); ok {
			item = inner[0]
		}
		all = append(all, item.(string))
	}
	return all
}

// flattened is the same for any value, so that both ways of writing it compare equal.
func flattened(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	var all []any
	for _, item := range list {
		if inner, ok := item.([]any); ok && len(inner) == 1 {
			item = inner[0]
		}
		all = append(all, item)
	}
	return all
}

// criteria tells whether all criteria but the share are true.
func (n *naive) criteria(c map[string]any) bool {
	unknownTime := n.facts.At.IsZero()
	local := n.facts.At.In(n.zone)
	service := local
	if w, ok := c["time"].([]any); ok && len(w) == 2 {
		from, to := w[0].(string), w[1].(string)
		if to == "23:59" {
			to = "24:00"
		}
		now := local.Format("15:04")
		switch {
		case unknownTime:
			return false
		case from < to:
			if now < from || now >= to {
				return false
			}
		case now < to:
			service = local.AddDate(0, 0, -1)
		case now < from:
			return false
		}
	}
	if isPresent(c["day"]) {
		name := strings.ToLower(time.Date(service.Year(), service.Month(), service.Day(), 12, 0, 0, 0, time.UTC).Weekday().String())
		if unknownTime || !slices.ContainsFunc(flat(c["day"]), func(d string) bool { return strings.ToLower(d) == name || strings.ToLower(d) == name[:3] }) {
			return false
		}
	}
	if isPresent(c["holiday"]) {
		calendars, _ := n.env["calendars"].(map[string]any)
		hit := false
		for _, name := range flat(c["holiday"]) {
			if days, ok := calendars[name].([]any); ok {
				// AddDate may leave a day out where the clock skips: the date itself is what counts
				hit = hit || slices.Contains(days, any(dateBefore(local, service).Format("2006/01/02")))
			}
		}
		if unknownTime || !hit {
			return false
		}
	}
	if d, ok := c["date"].([]any); ok && len(d) == 2 {
		now := local.Format("2006/01/02.15:04")
		if unknownTime {
			return false
		}
		if from, ok := d[0].(string); ok && now < from {
			return false
		}
		if to, ok := d[1].(string); ok {
			to = strings.Replace(to, ".23:59", ".24:00", 1)
			if now >= to {
				return false
			}
		}
	}
	for key, fact := range map[string]string{"match": n.facts.Calling, "called": n.facts.Called} {
		if isPresent(c[key]) && !slices.ContainsFunc(flat(c[key]), func(p string) bool { return n.number(p, fact) }) {
			return false
		}
	}
	if isPresent(c["npa"]) && !slices.ContainsFunc(flat(c["npa"]), n.npa) {
		return false
	}
	return n.codes(c)
}

// dateBefore returns the date of service by the calendar: one day before local when they differ.
func dateBefore(local, service time.Time) time.Time {
	noon := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0, time.UTC)
	if service.Equal(local) {
		return noon
	}
	return noon.AddDate(0, 0, -1)
}

// codes tests point codes, LATAs, ZIP codes, kind and not.
func (n *naive) codes(c map[string]any) bool {
	f := n.facts
	if isPresent(c["pointcode"]) {
		value := func(s string) int {
			v := 0
			for part := range strings.SplitSeq(s, "-") {
				p, err := strconv.Atoi(part)
				if err != nil {
					panic(err)
				}
				v = v*256 + p
			}
			return v
		}
		hit := false
		for _, item := range c["pointcode"].([]any) {
			pair := item.([]any)
			to, ok := pair[1].(string)
			if !ok {
				to = pair[0].(string)
			}
			hit = hit || f.OPC != "" && value(f.OPC) >= value(pair[0].(string)) && value(f.OPC) <= value(to)
		}
		if !hit {
			return false
		}
	}
	if isPresent(c["lata"]) {
		hit := false
		for _, item := range c["lata"].([]any) {
			pair := item.([]any)
			kind, _ := pair[0].(string)
			both := f.CallingLATA != "" && f.CalledLATA != ""
			switch strings.ToLower(kind) {
			case "digits":
				want := pair[1].(string)
				hit = hit || f.CallingLATA == want || len(want) == 3 && strings.HasPrefix(f.CallingLATA, want)
			case "intra":
				hit = hit || both && f.CallingLATA[:3] == f.CalledLATA[:3]
			case "inter":
				hit = hit || both && f.CallingLATA[:3] != f.CalledLATA[:3]
			}
		}
		if !hit {
			return false
		}
	}
	if isPresent(c["zip"]) {
		hit := false
		for _, want := range flat(c["zip"]) {
			prefix := strings.TrimRight(strings.ToLower(want), "x")
			hit = hit || f.ZIP != "" && strings.HasPrefix(f.ZIP[:5], prefix)
		}
		if !hit {
			return false
		}
	}
	kind := f.Kind
	if kind == "" {
		kind = "voice"
	}
	if isPresent(c["kind"]) && !slices.Contains(flat(c["kind"]), kind) {
		return false
	}
	if isPresent(c["not"]) && n.criteria(c["not"].(map[string]any)) {
		return false
	}
	return true
}

var (
	naiveSeparators = strings.NewReplacer(" ", "", "-", "", ".", "", "/", "", "(", "", ")", "")
	naiveNANP       = regexp.MustCompile(`^1?([2-9][0-9]{2}[2-9][0-9]{6})$`)
	naivePlus       = regexp.MustCompile(`^\+([0-9]+)$`)
	naive011        = regexp.MustCompile(`^011([0-9]+)$`)
)

// normalise returns the international digits, or with ok false the number as dialled.
func normalise(s string) (string, bool) {
	s = naiveSeparators.Replace(s)
	if m := naivePlus.FindStringSubmatch(s); m != nil {
		return m[1], true
	}
	if m := naive011.FindStringSubmatch(s); m != nil {
		return m[1], true
	}
	if m := naiveNANP.FindStringSubmatch(s); m != nil {
		return "1" + m[1], true
	}
	return s, false
}

func (n *naive) number(pattern, number string) bool {
	s, international := normalise(number)
	if pattern == "anonymous" {
		return s == ""
	}
	if s == "" {
		return false
	}
	re := n.patterns[pattern]
	text, plus := strings.CutPrefix(naiveSeparators.Replace(strings.ToLower(pattern)), "+")
	if re == nil {
		re = regexp.MustCompile("^" + strings.NewReplacer("x", "[0-9]", "n", "[2-9]", "z", "[1-9]", "*", ".*").Replace(text) + "$")
		n.patterns[pattern] = re
	}
	switch {
	case !international:
		return !plus && re.MatchString(s)
	case re.MatchString(s):
		return true
	}
	return !plus && s[0] == '1' && len(s) > 1 && re.MatchString(s[1:])
}

func (n *naive) npa(code string) bool {
	s, international := normalise(n.facts.Calling)
	if !international || len(s) != 11 || s[0] != '1' || s[1] < '2' {
		return false
	}
	npa := s[1:4]
	code = strings.ToUpper(code)
	if len(code) == 3 {
		return code == npa
	}
	area := n.areaOfNANP(npa)
	if area == nil || area.Type != "geographic" {
		return false
	}
	if country, ok := strings.CutPrefix(code, "COUNTRY:"); ok {
		return area.Country == country
	}
	if country, region, ok := strings.Cut(code, "-"); ok {
		return area.Country == country && slices.Contains(area.Regions, region)
	}
	return slices.Contains(area.Regions, map[string]string{"PQ": "QC", "NF": "NL"}[code]) || slices.Contains(area.Regions, code)
}
