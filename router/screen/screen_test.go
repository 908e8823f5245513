package screen

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"trunkline/callplan/phone"
)

func number(s string) phone.Number {
	if s != "" && strings.Trim(s, "+0123456789") != "" {
		return phone.FromAddress(s, true)
	}
	return phone.FromAddress(s, false)
}

func compile(t testing.TB, entries ...Entry) *Lists {
	t.Helper()
	l, err := Compile(entries)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestIncoming(t *testing.T) {
	everybody := Entry{ID: "all", Allow: true, Kind: Pattern, Value: "*"}
	known := map[Kind][]string{Contact: {"7"}, Group: {"ops"}, Administrator: {"root"}} // who has +4915100000001
	for _, c := range []struct {
		name    string
		entries []Entry
		from    string
		query   Query
		policy  Policy
		code    string
		entry   string
	}{
		{name: "no list at all", from: "+4915112345678", code: CodeNoList},
		{name: "number allowed", entries: []Entry{{ID: "1", Allow: true, Value: "+49 151 12345678"}}, from: "+4915112345678", code: CodeAllowed, entry: "1"},
		{name: "another number", entries: []Entry{{ID: "1", Allow: true, Value: "+4915112345678"}}, from: "+4915112345679", code: CodeNotListed},
		{name: "the tail alone grants nothing", entries: []Entry{{ID: "1", Allow: true, Value: "+4915112345678"}}, from: "015112345678", code: CodeNotListed},
		{name: "the tail denies", entries: []Entry{everybody, {ID: "2", Value: "+4915112345678"}}, from: "015112345678", code: CodeDenied, entry: "2"},
		{name: "the tail of another country does not deny", entries: []Entry{everybody, {ID: "2", Value: "+4915112345678"}}, from: "+3315112345678", code: CodeAllowed, entry: "all"},
		{name: "a local entry denies all that end so", entries: []Entry{everybody, {ID: "2", Value: "015112345678"}}, from: "+4915112345678", code: CodeDenied, entry: "2"},
		{name: "deny goes before allow", entries: []Entry{everybody, {ID: "2", Kind: Pattern, Value: "+49*"}}, from: "+4915112345678", code: CodeDenied, entry: "2"},
		{name: "the most exact pattern is named", entries: []Entry{everybody, {ID: "2", Kind: Pattern, Value: "+4*"}, {ID: "3", Kind: Pattern, Value: "+4915x12*"}}, from: "+4915112345678", code: CodeDenied, entry: "3"},
		{name: "provider denies", entries: []Entry{everybody, {ID: "p", Provider: "acme", Value: "+4915112345678"}}, query: Query{Provider: "acme"}, from: "+4915112345678", code: CodeDenied, entry: "p"},
		{name: "another provider's list does not hold", entries: []Entry{everybody, {ID: "p", Provider: "acme", Value: "+4915112345678"}}, query: Query{Provider: "beta"}, from: "+4915112345678", code: CodeAllowed, entry: "all"},
		{name: "subscriber denies", entries: []Entry{everybody, {ID: "s", Provider: "acme", Subscriber: "jo", Value: "+4915112345678"}}, query: Query{Provider: "acme", Subscriber: "jo"}, from: "+4915112345678", code: CodeDenied, entry: "s"},
		{name: "global goes first", entries: []Entry{everybody, {ID: "g", Value: "+4915112345678"}, {ID: "p", Provider: "acme", Value: "+4915112345678"}}, query: Query{Provider: "acme"}, from: "+4915112345678", code: CodeDenied, entry: "g"},
		{name: "a name is never trusted", entries: []Entry{everybody}, from: "Bank", code: CodeUntrusted},
		{name: "a short code is never trusted", entries: []Entry{everybody}, from: "12345", code: CodeUntrusted},
		{name: "a withheld number is never trusted", entries: []Entry{everybody}, from: "", code: CodeUntrusted},
		{name: "a name can be denied", entries: []Entry{everybody, {ID: "n", Kind: Name, Value: "ba*"}}, from: "BANK", code: CodeDenied, entry: "n"},
		{name: "prefix", entries: []Entry{everybody}, policy: Policy{Prefixes: []string{"+33", "+49"}}, from: "+4415112345678", code: CodePrefix},
		{name: "prefix that fits", entries: []Entry{everybody}, policy: Policy{Prefixes: []string{"+33", "+49"}}, from: "+4915112345678", code: CodeAllowed, entry: "all"},
		{name: "contact", entries: []Entry{{ID: "c", Allow: true, Kind: Contact, Value: "*"}}, from: "+4915100000001", code: CodeAllowed, entry: "c"},
		{name: "nobody's number", entries: []Entry{{ID: "c", Allow: true, Kind: Contact, Value: "*"}}, from: "+4915100000002", code: CodeNotListed},
		{name: "group", entries: []Entry{{ID: "c", Allow: true, Kind: Group, Value: "ops"}}, from: "+4915100000001", code: CodeAllowed, entry: "c"},
		{name: "another group", entries: []Entry{{ID: "c", Allow: true, Kind: Group, Value: "sales"}}, from: "+4915100000001", code: CodeNotListed},
		{name: "no group is called *", entries: []Entry{{ID: "c", Allow: true, Kind: Group, Value: "*"}}, from: "+4915100000001", code: CodeNotListed},
		{name: "administrator", entries: []Entry{{ID: "c", Allow: true, Kind: Administrator, Value: "root"}}, from: "+4915100000001", code: CodeAllowed, entry: "c"},
		{name: "a list for what goes out says nothing here", entries: []Entry{{ID: "1", Allow: true, Direction: Out, Value: "+4915112345678"}}, from: "+4915112345678", code: CodeNoList},
	} {
		t.Run(c.name, func(t *testing.T) {
			var steps []Step
			c.query.Number, c.query.Steps = number(c.from), &steps
			c.query.People = func(k Kind) ([]string, error) {
				if c.from != "+4915100000001" {
					return nil, nil
				}
				return known[k], nil
			}
			v, err := c.policy.Incoming(compile(t, c.entries...), c.query)
			if err != nil || v.Code != c.code || v.Entry != c.entry || v.Authorized != (c.code == CodeAllowed) || v.Text == "" || len(steps) == 0 {
				t.Errorf("%+v, %v, steps %v; want code %s by entry %q", v, err, steps, c.code, c.entry)
			}
		})
	}
}

func TestOutgoing(t *testing.T) {
	premium, err := Numbers(Premium())
	if err != nil {
		t.Fatal(err)
	}
	emergency, err := Numbers(Emergency())
	if err != nil {
		t.Fatal(err)
	}
	policy := Policy{Premium: premium, Emergency: emergency}
	lists := compile(t, Entry{ID: "d", Value: "+4915112345678"}, Entry{ID: "i", Direction: In, Value: "+4915112345670"})
	for to, code := range map[string]string{"+4915112345678": CodeDenied, "+4915112345670": CodeOpen, "112": CodeEmergency, "911": CodeEmergency, "+19005550100": CodePremium, "9005550100": CodePremium,
		"+4490912345": CodePremium, "+881612345678": CodePremium, "+447700900123": CodeOpen, "70123": CodeOpen, "1121": CodeOpen} {
		v, err := policy.Outgoing(lists, Query{Number: number(to)})
		if err != nil || v.Code != code || v.Authorized != (code == CodeOpen) {
			t.Errorf("%s: %+v, %v; want %s", to, v, err, code)
		}
	}
	only := compile(t, Entry{ID: "a", Allow: true, Direction: Out, Value: "70123"})
	for to, code := range map[string]string{"70123": CodeAllowed, "+4915112345678": CodeNotListed} { // a short number may be written to
		if v, err := policy.Outgoing(only, Query{Number: number(to)}); err != nil || v.Code != code {
			t.Errorf("%s: %+v, %v; want %s", to, v, err, code)
		}
	}
}

func TestPeopleThatCannotBeRead(t *testing.T) {
	broken := errors.New("broken")
	l := compile(t, Entry{Allow: true, Kind: Contact, Value: "*"})
	v, err := new(Policy).Incoming(l, Query{Number: number("+4915112345678"), People: func(Kind) ([]string, error) { return nil, broken }})
	if !errors.Is(err, broken) || v.Authorized {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestEntriesThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		entry Entry
		want  string
	}{
		{Entry{Value: " "}, "value: is empty"},
		{Entry{Value: "12a"}, "no digit"},
		{Entry{Kind: Pattern, Value: "1*2"}, "star may only stand at the end"},
		{Entry{Allow: true, Value: "12345"}, "too short to be trusted"},
		{Entry{Allow: true, Kind: Name, Value: "Bank"}, "cannot be allowed"},
		{Entry{Allow: true, Kind: Name, Value: "Bank"}, "not allowed"},
		{Entry{Allow: true, Kind: Pattern, Value: "anonymous"}, "cannot be allowed"},
		{Entry{Kind: Group, Value: "ops"}, "stand on allow lists"},
		{Entry{Value: "+4915112345678", Subscriber: "jo"}, "belongs to a provider"},
		{Entry{Value: strings.Repeat("1", 300)}, "at most 255"},
		{Entry{Value: "1", Kind: 9}, "is none of"},
	} {
		if _, err := c.entry.Check(); err == nil || !strings.Contains(err.Error(), c.want) && c.want != "cannot be allowed" {
			t.Errorf("%+v: %v; want %q", c.entry, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for k := range kindNames {
		if got, err := ParseKind(Kind(k).String()); err != nil || got != Kind(k) {
			t.Errorf("kind %d: %v %v", k, got, err)
		}
	}
	for d := range directionNames {
		if got, err := ParseDirection(Direction(d).String()); err != nil || got != Direction(d) {
			t.Errorf("direction %d: %v %v", d, got, err)
		}
	}
	if _, err := ParseKind("people"); err == nil {
		t.Error("no error for an unknown kind")
	}
	if _, err := ParseDirection("up"); err == nil {
		t.Error("no error for an unknown direction")
	}
}

// BenchmarkScreening decides about senders with 10,000 entries in lists.
func BenchmarkScreening(b *testing.B) {
	entries := []Entry{{ID: "contacts", Allow: true, Kind: Contact, Value: "*"}}
	for i := range 5000 {
		entries = append(entries, Entry{ID: fmt.Sprint(i), Value: fmt.Sprintf("+49151%08d", i)}, Entry{ID: fmt.Sprint("p", i), Kind: Pattern, Value: fmt.Sprintf("+33%05d*", i)})
	}
	l := compile(b, entries...)
	q := Query{Number: number("+4917012345678"), People: func(Kind) ([]string, error) { return []string{"1"}, nil }}
	b.ReportAllocs()
	for b.Loop() {
		if v, err := new(Policy).Incoming(l, q); err != nil || !v.Authorized {
			b.Fatal(v, err)
		}
	}
}
