package action

import (
	"maps"
	"strings"
	"testing"
)

func TestKeyword(t *testing.T) {
	for text, want := range map[string][2]string{
		"Wake host1":            {"wake", "host1"},
		"  STATUS \n":           {"status", ""},
		"open-door 1 2":         {"open-door", "1 2"},
		"wake\thost1":           {"wake", "host1"},
		"wake, host1":           {"", ""},
		"wake;reboot":           {"", ""},
		"$(id)":                 {"", ""},
		"":                      {"", ""},
		"ключ x":                {"", ""},
		"tok:4:0,x":             {"", ""},
		strings.Repeat("a", 33): {"", ""},
	} {
		if word, rest := Keyword(text); word != want[0] || rest != want[1] {
			t.Errorf("%q: %q %q, want %q", text, word, rest, want)
		}
	}
}

var everything = []Argument{{Name: "n", Type: Int, Required: true}, {Name: "f", Type: Float, Required: true}, {Name: "d", Type: Date, Required: true}, {Name: "t", Type: Time, Required: true},
	{Name: "one", Type: List, Choices: []string{"on", "off"}, Required: true}, {Name: "some", Type: MultiList, Choices: []string{"red", "green", "blue"}}, {Name: "text"}}

func TestFromWords(t *testing.T) {
	for _, c := range []struct {
		arguments []Argument
		rest      string
		want      Values
		complaint string
	}{
		{everything, "007 1.5 2026/11/21 9:05 ON red,BLUE any  text; you like", Values{"n": "7", "f": "1.5", "d": "2026-11-21", "t": "09:05", "one": "on", "some": "red,blue", "text": "any text; you like"}, ""},
		{everything, "1 2 2026-11-21 23:59 off", Values{"n": "1", "f": "2", "d": "2026-11-21", "t": "23:59", "one": "off"}, ""},
		{everything, "x 2 2026-11-21 23:59 off", nil, "Wrong value for argument n"},
		{everything, "1 inf 2026-11-21 23:59 off", nil, "Wrong value for argument f"},
		{everything, "1 2 2026-02-30 23:59 off", nil, "Wrong value for argument d"},
		{everything, "1 2 2026-11-21 24:00 off", nil, "Wrong value for argument t"},
		{everything, "1 2 2026-11-21 23:59 maybe", nil, "Valid value(s) for one argument are on, off"},
		{everything, "1 2 2026-11-21 23:59 on red,pink", nil, "Valid value(s) for some argument are red, green, blue"},
		{everything, "1", nil, "Action argument f is required"},
		{nil, "more", nil, "Too many arguments"},
		{[]Argument{{Name: "a", Type: Int}}, "1 2", nil, "Too many arguments"},
		{[]Argument{{Name: "host", Required: true}}, "host1; rm -rf / #", Values{"host": "host1; rm -rf / #"}, ""},
		{[]Argument{{Name: "host", Required: true, Pattern: "[a-z0-9]+"}}, "host1; rm -rf / #", nil, "Wrong value for argument host"},
		{[]Argument{{Name: "host", Required: true}}, "--help", nil, "Wrong value for argument host"},
		{[]Argument{{Name: "host", Required: true}}, "a\x1b[0m", nil, "Wrong value for argument host"},
		{[]Argument{{Name: "host", Required: true}}, "a\u202eb", nil, "Wrong value for argument host"},
		{[]Argument{{Name: "host", Required: true}}, strings.Repeat("a", 10000), nil, "Argument host is longer than 256 characters"},
	} {
		got, complaints := FromWords(c.arguments, c.rest)
		if !maps.Equal(got, c.want) || (c.complaint == "") != (complaints == nil) || complaints != nil && !strings.HasPrefix(complaints[0].Text, c.complaint) {
			t.Errorf("%.60q: %v %v; want %v %s", c.rest, got, complaints, c.want, c.complaint)
		}
	}
}

func TestEncoded(t *testing.T) {
	// In alphabetical order: d f n one some t text.
	e, ok := ParseEncoded("aB3xY9zQ:12:2,7:1,1.5:0,2026-11-21:5,23:59:3,1:4,0,2:6,a:b, c")
	if !ok || e.Token != "aB3xY9zQ" || e.ID != 12 {
		t.Fatalf("%+v %v", e, ok)
	}
	got, complaints := FromEncoded(everything, e.Given)
	want := Values{"n": "7", "f": "1.5", "d": "2026-11-21", "t": "23:59", "one": "off", "some": "red,blue", "text": "a:b, c"}
	if complaints != nil || !maps.Equal(got, want) {
		t.Errorf("%v %v; want %v", got, complaints, want)
	}
	for _, text := range []string{"", "tok", "tok:", "tok:x", ":1", "to k:1", "tok:-1", "tok:+1", "tok:1:", "tok:1:x,1", "tok:1:99,1", "tok:99999999999", "http://example.com"} {
		if e, ok := ParseEncoded(text); ok {
			t.Errorf("%q: %+v", text, e)
		}
	}
	if e, ok := ParseEncoded("anything:0"); !ok || e.ID != 0 || e.Given != nil {
		t.Errorf("%+v %v", e, ok)
	}
	for _, c := range []struct {
		text, want string
	}{{"t:1:0,2026-11-21", "Action argument n is required"}, {"t:1:9,x", "There is no argument 9"}, {"t:1:3,2", "Valid value(s) for one"}, {"t:1:2,1:2,2", "given twice"}} {
		e, ok := ParseEncoded(c.text)
		if _, complaints := FromEncoded(everything, e.Given); !ok || complaints == nil || !strings.Contains(complaints[0].Text, c.want) {
			t.Errorf("%q: %v, want %q", c.text, complaints, c.want)
		}
	}
}

func TestCode(t *testing.T) {
	for text, want := range map[string][2]string{"host1 123456": {"host1", "123456"}, "123456": {"", "123456"}, "host1": {"host1", ""}, "host1 12345": {"host1 12345", ""}, "a b 000000 ": {"a b", "000000"}, "": {"", ""}} {
		if before, code, ok := Code(text); before != want[0] || code != want[1] || ok != (code != "") {
			t.Errorf("%q: %q %q %v", text, before, code, ok)
		}
	}
}

func TestArgumentsThatAreWrong(t *testing.T) {
	if errs := CheckArguments(everything); errs != nil {
		t.Errorf("%v", errs)
	}
	for want, all := range map[string][]Argument{
		"arguments[0].name: \"A\" is not":                     {{Name: "A"}},
		"arguments[1].name: \"a\" is there twice":             {{Name: "a"}, {Name: "a"}},
		"arguments[0].type: \"blob\"":                         {{Name: "a", Type: "blob"}},
		"arguments[0].choices: a list needs":                  {{Name: "a", Type: List}},
		"arguments[0].choices: only list":                     {{Name: "a", Choices: []string{"x"}}},
		"arguments[0].choices[0]: must be":                    {{Name: "a", Type: List, Choices: []string{"a b"}}},
		"arguments[0].pattern: is no regular":                 {{Name: "a", Pattern: "("}},
		"arguments[1].required: arguments are given in order": {{Name: "a"}, {Name: "b", Required: true}},
		"arguments: there are 17":                             make([]Argument, 17),
	} {
		errs := CheckArguments(all)
		if len(errs) == 0 || !strings.HasPrefix(errs[len(errs)-1].Error(), want) && !strings.HasPrefix(errs[0].Error(), want) {
			t.Errorf("%v; want %q", errs, want)
		}
	}
	if got := Usage("wake", []Argument{{Name: "host", Required: true}, {Name: "count"}}); got != "wake HOST [COUNT]" {
		t.Error(got)
	}
}

// FuzzText: no text makes the readers fail, values are short and printable, and a token never becomes part of a value.
func FuzzText(f *testing.F) {
	for _, s := range []string{"wake host1", "tok:12:0,a:1,b", "tok:0", "a:1:2,3:4,5,6", "reboot 123456", "x\x00y", "ＳＴＯＰ", "1 2 2026-11-21 23:59 on"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		check := func(v Values, c []Complaint) {
			if (v == nil) == (c == nil) {
				t.Fatalf("%q: %v %v", s, v, c)
			}
			for name, text := range v {
				if len([]rune(text)) > MaxValue || strings.ContainsFunc(text, hidden) || strings.HasPrefix(text, "-") && name == "text" {
					t.Fatalf("%q: %s is %q", s, name, text)
				}
			}
		}
		_, rest := Keyword(s)
		before, _, _ := Code(rest)
		check(FromWords(everything, before))
		if e, ok := ParseEncoded(s); ok {
			check(FromEncoded(everything, e.Given))
		}
	})
}
