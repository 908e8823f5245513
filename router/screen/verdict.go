package screen

import (
	"fmt"
	"strings"

	"trunkline/callplan/phone"
)

// Codes of verdicts; stable, they are kept with messages.
const (
	CodeAllowed   = "allowed"          // an allow list names the number
	CodeOpen      = "open"             // nothing is against it
	CodeDenied    = "denied"           // a deny list names it
	CodePrefix    = "prefix"           // it begins with none of the prefixes that are set
	CodeNotListed = "not_listed"       // there is an allow list, and it is not on it
	CodeNoList    = "no_allow_list"    // there is no allow list, so that no action runs
	CodeUntrusted = "untrusted_sender" // a name or a short number, which no list can allow
	CodeEmergency = "emergency_number"
	CodePremium   = "premium_number"
)

// Verdict says whether a message passed, and why.
type Verdict struct {
	Authorized bool
	Code       string // one of the codes above, or that of a decision made beside them
	Text       string // for people
	Entry      string // id of the entry that decided; empty when none did
}

// Step is one thing that was looked at, in order.
type Step struct {
	Rule   string // e.g. "deny list of provider acme"
	Result string // what came of it
}

// Query asks about one message.
type Query struct {
	Number     phone.Number // sender of one that came in, recipient of one that goes out
	Provider   string       // whose message it is
	Subscriber string
	People     People
	Steps      *[]Step // takes every step when it is not nil
}

func (q *Query) step(rule, format string, a ...any) {
	if q.Steps != nil {
		*q.Steps = append(*q.Steps, Step{rule, fmt.Sprintf(format, a...)})
	}
}

// Policy is what screening works with beside the lists.
type Policy struct {
	Prefixes  []string // digits that numbers must begin with, as +49; empty: any
	Emergency *Lists   // deny list of numbers that nothing is sent to; nil: none
	Premium   *Lists   // the same for expensive ones
}

// scopes are the lists of a kind that hold for a query, the widest first.
func (q *Query) scopes(allow bool, d Direction) (all [3]setKey, n int) {
	all[0] = setKey{allow: allow, direction: d}
	if q.Provider == "" {
		return all, 1
	}
	all[1] = setKey{allow, d, q.Provider, ""}
	if q.Subscriber == "" {
		return all, 2
	}
	all[2] = setKey{allow, d, q.Provider, q.Subscriber}
	return all, 3
}

// stepIn is step about a list.
func (q *Query) stepIn(k setKey, format string, a ...any) {
	if q.Steps != nil {
		q.step(k.name(), format, a...)
	}
}

func (k setKey) name() string {
	list := "deny list"
	if k.allow {
		list = "allow list"
	}
	switch {
	case k.subscriber != "":
		return list + " of subscriber " + k.subscriber
	case k.provider != "":
		return list + " of provider " + k.provider
	}
	return "global " + list
}

// Incoming decides about the sender of a message. Not authorized means that no action runs; the message itself is kept. The error is that of Query.People.
func (p *Policy) Incoming(l *Lists, q Query) (Verdict, error) {
	who := newParty(q.Number, q.People)
	if v, found := l.denied(In, &q, &who); found {
		return v, nil
	}
	if v, found := p.prefix(&q, &who); found {
		return v, nil
	}
	if who.number.IsZero() || who.number.Kind() == phone.Alphanumeric || who.short() {
		q.step("sender", "is a name, a short number or withheld")
		return Verdict{Code: CodeUntrusted, Text: "names, short numbers and withheld numbers can be used by anybody and never start an action"}, nil
	}
	v, listed, err := l.allowed(In, &q, &who)
	if err != nil || v.Authorized {
		return v, err
	}
	if !listed {
		q.step("allow lists", "all are empty")
		return Verdict{Code: CodeNoList, Text: "the allow lists are empty, so that no action runs; add who may, e.g. every contact"}, nil
	}
	return Verdict{Code: CodeNotListed, Text: "no allow list names the sender"}, nil
}

// Outgoing decides about the recipient of a message. Not authorized means that it is not accepted. The error is that of Query.People.
func (p *Policy) Outgoing(l *Lists, q Query) (Verdict, error) {
	who := newParty(q.Number, q.People)
	for _, data := range [...]struct {
		lists            *Lists
		code, rule, what string
	}{{p.Emergency, CodeEmergency, "emergency numbers", "an emergency number"}, {p.Premium, CodePremium, "premium numbers", "a premium number"}} {
		if data.lists == nil {
			continue
		}
		s := data.lists.sets[setKey{direction: Out}]
		if s == nil {
			continue
		}
		if id, found := s.denies(&who); found {
			q.step(data.rule, "matches %s", id)
			return Verdict{Code: data.code, Entry: id, Text: fmt.Sprintf("%s is %s (%s); nothing is sent there", who.text, data.what, id)}, nil
		}
		q.step(data.rule, "no match")
	}
	if v, found := l.denied(Out, &q, &who); found {
		return v, nil
	}
	if v, found := p.prefix(&q, &who); found {
		return v, nil
	}
	v, listed, err := l.allowed(Out, &q, &who)
	switch {
	case err != nil || v.Authorized:
		return v, err
	case listed:
		return Verdict{Code: CodeNotListed, Text: "no allow list for what goes out names the recipient"}, nil
	}
	q.step("allow lists", "there are none for what goes out")
	return Verdict{Authorized: true, Code: CodeOpen, Text: "nothing is against it"}, nil
}

func (l *Lists) denied(d Direction, q *Query, who *party) (Verdict, bool) {
	keys, n := q.scopes(false, d)
	for _, k := range keys[:n] {
		s := l.sets[k]
		if s == nil {
			q.stepIn(k, "is empty")
			continue
		}
		if id, found := s.denies(who); found {
			q.stepIn(k, "entry %s matches", id)
			return Verdict{Code: CodeDenied, Entry: id, Text: "the " + k.name() + " names the number"}, true
		}
		q.stepIn(k, "no match")
	}
	return Verdict{}, false
}

func (p *Policy) prefix(q *Query, who *party) (Verdict, bool) {
	if len(p.Prefixes) == 0 || who.number.Kind() == phone.Alphanumeric {
		return Verdict{}, false
	}
	for _, prefix := range p.Prefixes {
		if strings.HasPrefix(who.text, prefix) {
			q.step("prefixes", "begins with %s", prefix)
			return Verdict{}, false
		}
	}
	q.step("prefixes", "begins with none of %s", strings.Join(p.Prefixes, ", "))
	return Verdict{Code: CodePrefix, Text: "the number begins with none of the prefixes that are set: " + strings.Join(p.Prefixes, ", ")}, true
}

// allowed asks every allow list that holds; listed tells whether there is any.
func (l *Lists) allowed(d Direction, q *Query, who *party) (v Verdict, listed bool, err error) {
	keys, n := q.scopes(true, d)
	for _, k := range keys[:n] {
		s := l.sets[k]
		if s == nil {
			continue
		}
		listed = true
		id, found, err := s.allows(who, d == In)
		if err != nil {
			return Verdict{}, true, err
		}
		if found {
			q.stepIn(k, "entry %s matches", id)
			return Verdict{Authorized: true, Code: CodeAllowed, Entry: id, Text: "the " + k.name() + " names the number"}, true, nil
		}
		q.stepIn(k, "no match")
	}
	return Verdict{}, listed, nil
}
