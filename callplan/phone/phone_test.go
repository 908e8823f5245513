package phone

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in, want string
		kind     Kind
	}{
		{"+4915112345678", "+4915112345678", International},
		{"+49 (151) 123-456.78", "+4915112345678", International},
		{"0151 1234", "01511234", Local},
		{"112", "112", Local},
		{"7", "7", Local},
	} {
		n, err := Parse(c.in)
		if err != nil || n.String() != c.want || n.Kind() != c.kind {
			t.Errorf("Parse(%q) = %q %v, %v; want %q %v", c.in, n, n.Kind(), err, c.want, c.kind)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, reason := range map[string]string{
		"": "is empty", "  ": "is empty", "+": "has no digits", "()": "has no digits", "+1": "no country code", "+0151123": "no country code",
		"+1555010a": "character 'a' at position 9", "++49151": "character '+' at position 2", "49+151": "position 3",
		"+\u0661\u0665\u0665\u0665": "character '١' at position 2", "+15550100\";+CFUN=0;\"": "position 10", "123\x1a": "position 4",
		"+123456789012345678901": "21 digits", strings.Repeat("1", 65): "too long",
	} {
		n, err := Parse(in)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), reason) || !n.IsZero() {
			t.Errorf("Parse(%q) = %v, %v; want an error with %q", in, n, err, reason)
		}
	}
}

func TestSameLine(t *testing.T) {
	num := func(s string) Number { return FromAddress(s, false) }
	for _, c := range []struct {
		a, b Number
		want bool
	}{
		{num("+4915112345678"), num("015112345678"), true},
		{num("+4915112345678"), num("+4915112345679"), false},
		{num("112"), num("+49112"), false},
		{num("12345"), num("12345"), true},
		{FromAddress("123456789", true), num("123456789"), false},
		{Number{}, Number{}, true},
		{Number{}, num("1"), false},
	} {
		if got := c.a.SameLine(c.b); got != c.want {
			t.Errorf("%v SameLine %v = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestTextRoundTripKeepsTheKind(t *testing.T) {
	for _, n := range []Number{{}, FromAddress("+4915", false), FromAddress("4915", false), FromAddress("4915", true), FromAddress("+49", true), FromAddress("'x", true)} {
		b, _ := n.MarshalText()
		var back Number
		if err := back.UnmarshalText(b); err != nil || back != n {
			t.Errorf("%#v → %q → %#v, %v", n, b, back, err)
		}
	}
}

func TestLogsAreMasked(t *testing.T) {
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "to", FromAddress("+4915112345678", false), "name", FromAddress("Émile", true), "short", FromAddress("112", false))
	if s := b.String(); strings.Contains(s, "12345") || strings.Contains(s, "mile") || strings.Contains(s, "112") || !strings.Contains(s, "…678") {
		t.Errorf("log line shows too much: %s", s)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "+49 151", "(0151) 1", "abc", "+\u0661"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(n.String()); err != nil || again != n {
			t.Fatalf("%q → %q → %q, %v: normalising must be stable", s, n, again, err)
		}
	})
}
