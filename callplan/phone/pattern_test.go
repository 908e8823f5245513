package phone

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReadDialled(t *testing.T) {
	for _, c := range []struct {
		in, digits, national string
		area                 int
		absent               bool
	}{
		{"+12055550100", "12055550100", "2055550100", 205, false},
		{"(205) 555-0100", "12055550100", "2055550100", 205, false},
		{"1 205.555/0100", "12055550100", "2055550100", 205, false},
		{"01112055550100", "12055550100", "2055550100", 205, false},
		{"011442079460958", "442079460958", "", 0, false},
		{"+442079460958", "442079460958", "", 0, false},
		{"1055550100", "1055550100", "", 0, false}, // no area code begins with 1
		{"2051550100", "2051550100", "", 0, false}, // no exchange does
		{"011", "011", "", 0, false},
		{"+1205", "1205", "205", 0, false},
		{"+", "+", "", 0, false},
		{"+1a", "+1a", "", 0, false},
		{"1+1", "1+1", "", 0, false},
		{"*67", "*67", "", 0, false},
		{" - ", "", "", 0, true},
		{"", "", "", 0, true},
		{strings.Repeat("9", 300), strings.Repeat("9", MaxPattern), "", 0, false},
	} {
		d := ReadDialled(c.in)
		if d.Digits() != c.digits || d.National() != c.national || d.Area() != c.area || d.Absent() != c.absent {
			t.Errorf("%q: %q %q %d %t", c.in, d.Digits(), d.National(), d.Area(), d.Absent())
		}
		if d.Absent() != (d.Key() == 0) {
			t.Errorf("%q: key %x", c.in, d.Key())
		}
	}
}

// Numbers that are read eight digits at once are read as all others are.
func TestReadDigits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`\+?[0-9]{0,20}([0-9/:+# \x00\x7f\xb0\xff][0-9]{0,9})?`).Draw(t, "number")
		got, want := ReadDialled(s), Dialled{}
		want.classify(want.readAny(s))
		if got != want {
			t.Fatalf("%q: %+v, want %+v", s, got, want)
		}
	})
}

func TestPatternErrors(t *testing.T) {
	for in, want := range map[string]string{
		"": "is empty", "+": "is empty", " - ": "is empty", "12*4": "a star may only stand at the end", "**": "a star may only stand at the end", "12a4": "character 'a' at position 3",
		"1+2": "character '+'", "++1": "character '+'", strings.Repeat("x", 33): "more than 32 positions", "anonymous*": "character 'a'",
	} {
		if _, err := ParsePattern(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
	var zero Pattern
	if d := ReadDialled(""); zero.Match(&d) {
		t.Error("the zero pattern matches")
	}
}

// FuzzPattern: a pattern says of a number what a regular expression made from its text says; all numbers that it matches are in its ranges, and ranges that are
// exact hold no others; its text reads as itself and its example matches.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{"205xxxxxxx", "+44*", "*", "anonymous", "n2z*", "20#", "xxxxxxxxxxxxxxxxxxxx*", "1*", "12055550100", "z", "555-01xx", "+1205555xxx1"} {
		for _, n := range []string{"+12055550100", "", "20#", "2055550100", "+442079460958", "1", "011441", "12345678901234567890123456789012345"} {
			f.Add(p, n)
		}
	}
	separators := strings.NewReplacer(" ", "", "-", "", ".", "", "/", "", "(", "", ")", "")
	f.Fuzz(func(t *testing.T, text, number string) {
		p, err := ParsePattern(text)
		if err != nil {
			return
		}
		if again, err := ParsePattern(p.String()); err != nil || again != p {
			t.Fatalf("%q became %q: %v", text, p, err)
		}
		// International numbers have only digits, and what begins with 011 is one without it.
		impossible := p.International() && strings.Contains(p.String(), "#") || strings.HasPrefix(p.Example(), "011")
		if example := ReadDialled(p.Example()); !p.Match(&example) && !impossible {
			t.Fatalf("%q does not match its example %q", p, p.Example())
		}
		if len(number) > MaxPattern {
			return
		}
		d := ReadDialled(number)
		got := p.Match(&d)
		in, sure := false, false
		for _, r := range p.Ranges() {
			if d.Key() >= r.Lo && d.Key() <= r.Hi && d.Len() >= r.MinLen && d.Len() <= r.MaxLen {
				in = true
				sure = sure || r.Exact && (d.Plain() || !r.Digits)
			}
		}
		if got && !in || sure && !got {
			t.Fatalf("%q and %q: match %t, in a range %t, for sure %t", p, number, got, in, sure)
		}
		if p.String() == "anonymous" {
			if got != d.Absent() {
				t.Fatalf("anonymous and %q: %t", number, got)
			}
			return
		}
		body, plus := strings.CutPrefix(separators.Replace(strings.ToLower(text)), "+")
		re := regexp.MustCompile("(?s)^" + strings.NewReplacer("x", "[0-9]", "n", "[2-9]", "z", "[1-9]", "*", ".*").Replace(body) + "$")
		want := false
		switch d.class {
		case international:
			want = re.MatchString(d.Digits()) || !plus && d.National() != "" && re.MatchString(d.National())
		case asDialled:
			want = !plus && re.MatchString(separators.Replace(number))
		}
		if got != want {
			t.Fatalf("%q and %q: %t, want %t", p, number, got, want)
		}
	})
}

func TestAreaKeys(t *testing.T) {
	for area := 200; area < 1000; area++ {
		lo, hi := AreaKeys(area)
		first, last := ReadDialled(fmt.Sprintf("+1%d0000000", area)), ReadDialled(fmt.Sprintf("+1%d9999999", area))
		if first.Area() != area || last.Area() != area || first.Key() != lo || last.Key() != hi {
			t.Fatalf("%d: %x %x", area, lo, hi)
		}
	}
}
