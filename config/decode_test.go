package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

type level int

func (l *level) UnmarshalText(b []byte) error {
	*l = level(len(b))
	return nil
}

type inner struct {
	Text  string        `toml:"text"`
	Wait  time.Duration `toml:"wait"`
	Plain string
}

type every struct {
	Small int8             `toml:"small"`
	Mode  uint16           `toml:"mode"`
	Ratio float64          `toml:"ratio"`
	On    bool             `toml:"on"`
	Names []string         `toml:"names"`
	Inner inner            `toml:"inner"`
	Named map[string]inner `toml:"named"`
	Level level            `toml:"level"`
}

func decodeEvery(t *testing.T, src string) (every, []string) {
	t.Helper()
	var generic map[string]any
	if _, err := toml.Decode(src, &generic); err != nil {
		t.Fatal(err)
	}
	lines, _ := keyLines(src)
	p := &problems{file: "f", lines: lines}
	out := every{Named: map[string]inner{"": {Text: "usual", Wait: time.Second}}}
	decoder{p}.table("", generic, reflect.ValueOf(&out).Elem())
	delete(out.Named, "")
	if err := p.err(); err != nil {
		return out, strings.Split(err.Error(), "\n")
	}
	return out, nil
}

func TestDecode(t *testing.T) {
	got, problems := decodeEvery(t, `
small = -7
mode = 0o660
ratio = 3
on = true
names = ["a", "b"]
level = "four"
inner = { text = "x", wait = "90s" }
[named.one]
text = "y"
[named]
two.wait = "2m"
`)
	want := every{Small: -7, Mode: 0o660, Ratio: 3, On: true, Names: []string{"a", "b"}, Inner: inner{Text: "x", Wait: 90 * time.Second}, Level: 4,
		Named: map[string]inner{"one": {Text: "y", Wait: time.Second}, "two": {Text: "usual", Wait: 2 * time.Minute}}}
	if problems != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v with %q, want %+v", got, problems, want)
	}
}

func TestDecodeProblems(t *testing.T) {
	for src, want := range map[string]string{
		`small = 128`:                      "f:1: small: 128 is out of range",
		`mode = -1`:                        "f:1: mode: -1 is out of range",
		`small = 1.5`:                      "f:1: small: must be a whole number, is a fraction",
		`on = "true"`:                      "f:1: on: must be true or false, is a string",
		"\nratio = \"1\"":                  "f:2: ratio: must be a number, is a string",
		"names = [\"a\",\n 5]":             "f:2: names[1]: must be a string in quotes, is a whole number",
		`names = "a"`:                      "f:1: names: must be an array, is a string",
		`inner = 5`:                        "f:1: inner: must be a table, is a whole number",
		`inner.wait = 5`:                   `f:1: inner.wait: must be a duration in quotes, is a whole number (write a number with its unit, e.g. "30s", "5m" or "72h")`,
		`inner.wait = "5"`:                 `f:1: inner.wait: "5" is no duration (write a number with its unit, e.g. "30s", "5m" or "72h")`,
		"[inner]\n\"txt\" = 1":             "f:2: inner.txt: unknown key (did you mean text?)",
		"inner.Plain = 'a'":                "f:1: inner.Plain: unknown key (known here: text, wait)",
		"inner.Text = 'a'":                 "f:1: inner.Text: unknown key (did you mean text?)",
		"[named]\ntext = 'a'":              "f:2: named.text: is a string, not a named table (write [named.NAME] and the key below it)",
		"[[named]]\ntext = 'a'":            "f:1: named: must be named tables such as [named.desk], is an array",
		"[other]\nx=1":                     "f:1: other: unknown section (known sections: inner, level, mode, named, names, on, ratio, small)",
		"level = 1979-05-27T07:32:00Z":     "f:1: level: must be a string in quotes, is a date or time",
		"[named.\"a b\"]\n'secret word'=1": `f:2: named."a b"."secret word": unknown key (known here: text, wait)`,
	} {
		if _, got := decodeEvery(t, src); len(got) != 1 || got[0] != want {
			t.Errorf("%q:\n got %q\nwant %q", src, got, want)
		}
	}
}
