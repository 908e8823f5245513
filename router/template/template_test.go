package template

import (
	"errors"
	"strings"
	"testing"
)

func TestRender(t *testing.T) {
	values := map[string]string{"name": "Zoë", "args.host": "host1", "empty": "", "evil": "<b>&amp;{{name}}\x1b[0m", "bad": "\xff"}
	for body, want := range map[string]string{
		"":                                  "",
		"plain":                             "plain",
		"Hello {{name}}!":                   "Hello Zoë!",
		"{{ args.host }} up":                "host1 up",
		"{{name|upper}}{{ name | lower }}":  "ZOËzoë",
		`{{empty|default:"none"}}`:          "none",
		`{{absent|default:"a | }} \"b\""}}`: `a | }} "b"`,
		"{{name|truncate:2}}":               "Zo",
		"{{ name|truncate:9 }}":             "Zoë",
		"{{evil}}":                          values["evil"], // values are not templates, and there is no markup to escape
		"{{bad}}":                           "\uFFFD",
		`{{ "{{" }}x}}`:                     "{{x}}",
		"a { b } {c}":                       "a { b } {c}",
	} {
		p, err := Parse(body)
		if err != nil {
			t.Errorf("%q: %v", body, err)
			continue
		}
		if got, err := p.Render(values, 0); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", body, got, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for body, want := range map[string]string{
		"{{range 100000000}}x{{end}}":           "is no name",
		"{{.Message.Delete}}":                   "is no name",
		`{{define "a"}}{{template "a"}}{{end}}`: "is no name",
		"{% for i in a %}{% endfor %}":          "no loops",
		`{% include "../../etc/passwd" %}`:      "includes",
		"Hello {{name":                          "never closed",
		"{{}}":                                  "is no name",
		"{{ name|shout }}":                      "is none of upper",
		"{{ name|truncate:x }}":                 "truncate:20",
		"{{ name|upper:1 }}":                    "upper, lower",
		`{{ name|default:"x }}`:                 "never closed",
		"\xff":                                  "UTF-8",
		strings.Repeat("x", MaxBytes+1):         "at most 4096",
		strings.Repeat("{{a}}", MaxPlaces+1):    "more than 64",
		"{{" + strings.Repeat("a", 65) + "}}":   "is no name",
		"{{a..b}}":                              "is no name",
	} {
		var e *Error
		if _, err := Parse(body); !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v; want %q", body, err, want)
		}
	}
}

func TestBounds(t *testing.T) {
	p, err := Parse("Hello {{name}} {{x|default:\"\"}}")
	if err != nil {
		t.Fatal(err)
	}
	var missing *MissingError
	if _, err := p.Render(nil, 0); !errors.As(err, &missing) || missing.Name != "name" {
		t.Errorf("%v", err)
	}
	var long *LongError
	if _, err := p.Render(map[string]string{"name": strings.Repeat("a", 20000)}, 1600); !errors.As(err, &long) || long.Limit != 1600 {
		t.Errorf("%v", err)
	}
	if names := p.Names(); len(names) != 1 || names[0] != "name" {
		t.Errorf("%q", names)
	}
}

// FuzzParse: what is read can be rendered, needs exactly the names that it says, and never grows beyond its limit.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"Hello {{name}}", `{{a|default:"x"|upper}}`, "{{a|truncate:3}}", `{{ "{{" }}`, "{% x %}", "{{{{}}}}", "{{a}}{{", `{{a|default:"}}"}}`} {
		f.Add(s, "v")
	}
	f.Fuzz(func(t *testing.T, s, v string) {
		p, err := Parse(s)
		if err != nil {
			return
		}
		values := map[string]string{}
		for _, n := range p.Names() {
			if !IsName(n) {
				t.Fatalf("%q: name %q", s, n)
			}
			values[n] = v
		}
		got, err := p.Render(values, 10_000)
		var long *LongError
		if err != nil && !errors.As(err, &long) || len(got) > 10_000 {
			t.Fatalf("%q: %d bytes, %v", s, len(got), err)
		}
	})
}
