package pdu

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

// chosen returns what national promises, the long way: every pair of tables is written and cut.
func chosen(text string, o SplitOptions) (locking, shift Language, alphabet Alphabet, parts int) {
	plain := o
	plain.National = nil
	if s, err := SplitText(text, plain); err == nil {
		alphabet, parts = s.Alphabet, len(s.Parts)
	}
	allowed := append([]Language{DefaultLanguage}, o.National...)
	type pair struct{ tables, onlyLocking, units, locking, shift int }
	less := func(a, b pair) bool {
		for _, k := range [][2]int{{a.tables, b.tables}, {a.onlyLocking, b.onlyLocking}, {a.units, b.units}, {a.locking, b.locking}, {a.shift, b.shift}} {
			if k[0] != k[1] {
				return k[0] < k[1]
			}
		}
		return false
	}
	var best pair
	for _, l := range allowed {
		for _, s := range allowed {
			if l == Spanish || l == DefaultLanguage && s == DefaultLanguage {
				continue
			}
			septets, err := appendNational(nil, text, l, s)
			if err != nil {
				continue
			}
			c := Split{Alphabet: GSM7, Locking: l, Shift: s, Units: len(septets), septets: septets, options: o}
			c.Capacity = c.capacity(c.Units)
			n := len(c.cut(text, true))
			p := pair{1, 0, c.Units, int(l), int(s)}
			if l != DefaultLanguage {
				p.onlyLocking = 1
				if s != DefaultLanguage {
					p.tables = 2
				}
			}
			if parts == 0 || n < parts || n == parts && best.tables > 0 && less(p, best) {
				best, parts = p, n
				locking, shift, alphabet = l, s, GSM7
			}
		}
	}
	return locking, shift, alphabet, parts
}

// The choice of tables is the best of all there are.
func TestNationalChoice(t *testing.T) {
	pieces := []string{"a", "Z", " ", "[", "€", "ğ", "İ", "ş", "ı", "ç", "á", "ã", "Ê", "ô", "न", "ि", "०", "ক", "ઉ", "ಡ", "മ", "ਸ", "த", "తె", "ں", "٪", "ی", "hello world, ", "günaydın ", "नमस्ते ", "€€€€€€€€", "{[]}"}
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		few := rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 4).Draw(t, "pieces")
		for range rapid.SampledFrom([]int{3, 20, 60, 150, 300}).Draw(t, "count") {
			b.WriteString(rapid.SampledFrom(few).Draw(t, "piece"))
		}
		text := b.String()
		o := SplitOptions{National: rapid.SliceOfDistinct(rapid.SampledFrom(AllLanguages()), func(l Language) Language { return l }).Draw(t, "languages"), Wide: rapid.Bool().Draw(t, "wide")}
		s, err := SplitText(text, o)
		if err != nil {
			t.Fatal(err)
		}
		locking, shift, alphabet, parts := chosen(text, o)
		if s.Alphabet != alphabet || s.Locking != locking || s.Shift != shift || len(s.Parts) != parts {
			t.Fatalf("%q with %v: %v %v+%v in %d parts, want %v %v+%v in %d", text, o.National, s.Alphabet, s.Locking, s.Shift, len(s.Parts), alphabet, locking, shift, parts)
		}
	})
}

// What kindOf tells of a character is what segmentation finds.
func TestKinds(t *testing.T) {
	seen := map[kind]int{}
	for r := rune(0); r <= utf8.MaxRune; r++ {
		k := kindOf(r)
		seen[k]++
		s := string(r)
		one := func(text string, want bool) {
			if (uniseg.GraphemeClusterCount(text) == 1) != want {
				t.Errorf("%U (kind %d): %q is one cluster: %v", r, k, text, !want)
			}
		}
		switch k {
		case pictograph:
			one("👩\u200d"+s, true)
			one(s+"\u200d👩", true)
			one(s+"🏽\u200d👩", true)
			one("👩"+s, false)
			one(s+"👩", false)
			one("a"+s, false)
			one(s+"a", false)
			one("e\u0301"+s, false)
		case extending, joiner:
			one("a"+s, true)
			one("👩"+s, true)
			one("👩"+s+s, true)
			one("👩"+s+"a", false)
		}
	}
	if seen[pictograph] < 1400 || seen[extending] != 5+2+112 || seen[joiner] != 1 {
		t.Errorf("%v", seen)
	}
}

// Going back character by character finds the boundary that segmentation finds.
func TestClusterBoundary(t *testing.T) {
	pieces := []string{"a", "e", " ", "\n", "\r", "ж", "漢", "한", "👩", "👦", "🏽", "\u200d", "\ufe0f", "\u0301", "🇩", "🇪", "न", "्", "ि", "\u0600", "©", "❤", "👩\u200d👩\u200d👧\u200d👦", "\x00"}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 2, 30).Draw(t, "pieces"), "")
		var at []int
		for i := range text {
			if i > 0 {
				at = append(at, i)
			}
		}
		for _, i := range at {
			if got, want := clusterBoundary(text, i), segmentBoundary(text, i); got != want {
				t.Fatalf("%+q at %d: %d, segmentation %d", text, i, got, want)
			}
		}
	})
}
