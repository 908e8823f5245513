package callplan

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Question is a decision to be made apart from any daemon: plans, what they share, and a call.
type Question struct {
	Plans []*Plan
	Env   *Env
	Facts Facts
}

// maxQuestions bounds the questions of one document.
const maxQuestions = 100_000

// ParseQuestions reads {"plans":[…],"env":{…},"facts":{…}}, or a list of such objects. Other members of these objects are left alone, so that a recorded case can
// be given as it is. A question that cannot be used has an error in its place: at is called for each, in order.
func ParseQuestions(doc []byte, o ParseOptions, at func(Question, error)) error {
	o = o.defaults()
	n, err := readJSON(string(doc), 2)
	switch {
	case err != nil:
		return fmt.Errorf("this is no JSON: %w", err)
	case n.kind == isObject:
		at(parseQuestion(n.raw, o))
		return nil
	case n.kind != isList:
		return fmt.Errorf(`found %s, want {"plans":[…],"env":{…},"facts":{…}} or a list of that`, n.kind)
	case len(n.items) > maxQuestions:
		return fmt.Errorf("%d questions, at most %d are allowed", len(n.items), maxQuestions)
	}
	for _, item := range n.items {
		at(parseQuestion(item.raw, o))
	}
	return nil
}

func parseQuestion(doc string, o ParseOptions) (Question, error) {
	q := Question{Env: &Env{}}
	n, err := readJSON(doc, 3)
	if err != nil {
		return q, fmt.Errorf("this is no JSON: %w", err)
	}
	facts := n.member("facts")
	if n.kind != isObject || facts == nil {
		return q, errors.New(`a question needs "plans" and "facts"`)
	}
	var all []error
	if env := n.member("env"); !env.absent() {
		if q.Env, err = ParseEnv([]byte(env.raw)); err != nil {
			all = append(all, fmt.Errorf("/env: %w", err))
		}
	}
	if plans := n.member("plans"); plans != nil && plans.kind == isList {
		for i, item := range plans.items {
			p, found := Parse([]byte(item.raw), o)
			if err := found.Err(); err != nil {
				all = append(all, fmt.Errorf("/plans/%d: %w", i, err))
			}
			q.Plans = append(q.Plans, p)
		}
	} else {
		all = append(all, errors.New("/plans: a list of plans is missing"))
	}
	f, err := ParseFacts([]byte(facts.raw))
	if err != nil {
		all = append(all, fmt.Errorf("/facts: %w", err))
	}
	q.Facts = f
	return q, errors.Join(all...)
}

// ParsePlans reads a plan or a list of plans. Pointers into a list begin with the index of the plan. A plan with errors is nil.
func ParsePlans(doc []byte, o ParseOptions) ([]*Plan, Findings) {
	r := &planReader{o: o.defaults()}
	n := r.document(doc)
	if n == nil || n.kind != isList {
		if n == nil {
			return nil, r.found
		}
		p, found := Parse(doc, o)
		return []*Plan{p}, found
	}
	var plans []*Plan
	for i, item := range n.items {
		p, found := Parse([]byte(item.raw), o)
		for _, f := range found {
			f.Pointer = "/" + itoa(i) + f.Pointer
			r.found = append(r.found, f)
		}
		plans = append(plans, p)
	}
	return plans, r.found
}

// ParseFacts reads facts from outside, with the members that Facts names: all errors at once.
func ParseFacts(doc []byte) (Facts, error) {
	r := &planReader{o: ParseOptions{}.defaults()}
	var f Facts
	n := r.document(doc)
	if n == nil {
		return f, r.found.Err()
	}
	if !r.object(n, "", "facts", "provider", "kind", "calling", "called", "at", "opc", "calling_lata", "called_lata", "zip", "call_id", "trunks_down", "draw") {
		return f, r.found.Err()
	}
	for _, m := range []struct {
		key string
		to  *string
	}{
		{"provider", &f.Provider}, {"kind", &f.Kind}, {"calling", &f.Calling}, {"called", &f.Called}, {"opc", &f.OPC}, {"calling_lata", &f.CallingLATA},
		{"called_lata", &f.CalledLATA}, {"zip", &f.ZIP}, {"call_id", &f.CallID},
	} {
		if v := n.member(m.key); !v.absent() {
			if *m.to = v.text; v.kind != isText {
				r.wrong("/"+m.key, v, "text", "")
			}
		}
	}
	if v := n.member("at"); !v.absent() {
		at, err := time.Parse(time.RFC3339, v.text)
		if err != nil || v.kind != isText {
			r.add(codeType, "/at", v, v.show()+` is no time: write "2026-06-10T15:00:00Z"`, "a time with its zone (RFC 3339)", `"2026-06-10T15:00:00Z"`)
		}
		f.At = at
	}
	if v := n.member("trunks_down"); !v.absent() {
		for i, item := range r.values(v, "/trunks_down", codeType, `["t1"]`) {
			if item.kind != isText {
				r.wrong("/trunks_down/"+itoa(i), item, "the name of a trunk", `"t1"`)
			}
			f.TrunksDown = append(f.TrunksDown, item.text)
		}
	}
	if v := n.member("draw"); v != nil && v.kind != isNull {
		draw, err := strconv.ParseFloat(v.text, 64)
		if err != nil || v.kind != isNumber {
			r.wrong("/draw", v, "a percentage from 0 to below 100", "33.33")
		}
		f.Draw = &draw
	}
	if err := r.found.Err(); err != nil {
		return f, err
	}
	return f, f.Check()
}
