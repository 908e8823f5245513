package pdu

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

func TestSplitText(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		name     string
		text     string
		o        SplitOptions
		alphabet Alphabet
		units    []int
		limiting rune
		locking  Language
		shift    Language
	}{
		{name: "one", text: "hello", alphabet: GSM7, units: []int{5}},
		{name: "full", text: x(160), alphabet: GSM7, units: []int{160}},
		{name: "one more", text: x(161), alphabet: GSM7, units: []int{153, 8}},
		{name: "two full", text: x(306), alphabet: GSM7, units: []int{153, 153}},
		{name: "wide", text: x(161), o: SplitOptions{Wide: true}, alphabet: GSM7, units: []int{152, 9}},
		{name: "ports", text: x(160), o: SplitOptions{Ports: Ports{Dst: 9, Bits: 16}}, alphabet: GSM7, units: []int{146, 14}},
		{name: "narrow ports", text: x(160), o: SplitOptions{Ports: Ports{Dst: 9, Bits: 8}}, alphabet: GSM7, units: []int{148, 12}},
		{name: "escape pair stays whole", text: x(152) + "€" + x(20), alphabet: GSM7, units: []int{152, 22}},
		{name: "return and line feed stay together", text: x(152) + "\r\n" + x(20), alphabet: GSM7, units: []int{152, 22}},
		{name: "euros", text: strings.Repeat("€", 80), alphabet: GSM7, units: []int{160}},
		{name: "ucs2", text: strings.Repeat("ж", 70), alphabet: UCS2, units: []int{70}, limiting: 'ж'},
		{name: "ucs2, one more", text: strings.Repeat("ж", 71), alphabet: UCS2, units: []int{67, 4}, limiting: 'ж'},
		{name: "ucs2, wide", text: strings.Repeat("ж", 71), o: SplitOptions{Wide: true}, alphabet: UCS2, units: []int{66, 5}, limiting: 'ж'},
		{name: "surrogates stay whole", text: x(66) + "😀" + x(10), alphabet: UCS2, units: []int{66, 12}, limiting: '😀'},
		{name: "family stays whole", text: x(60) + "👩‍👩‍👧‍👦" + x(10), alphabet: UCS2, units: []int{60, 21}, limiting: '👩'},
		{name: "accent stays with its letter", text: x(66) + "e\u0301" + x(10), alphabet: UCS2, units: []int{66, 12}, limiting: '\u0301'},
		{name: "cluster longer than a part", text: "e" + strings.Repeat("\u0301", 100), alphabet: UCS2, units: []int{67, 34}, limiting: '\u0301'},
		{name: "clusters are cut rather than the limit broken", text: strings.Repeat(x(66)+"e\u0301", 2), o: SplitOptions{MaxParts: 3}, alphabet: UCS2, units: []int{66, 67, 3}, limiting: '\u0301'},
		{name: "clusters are cut to stay within two parts", text: x(66) + "e\u0301" + x(66), o: SplitOptions{MaxParts: 2}, alphabet: UCS2, units: []int{67, 67}, limiting: '\u0301'},
		{name: "forced ucs2", text: "hello", o: SplitOptions{Alphabet: UCS2}, alphabet: UCS2, units: []int{5}},
		{name: "backtick forces ucs2", text: "a`b", alphabet: UCS2, units: []int{3}, limiting: '`'},
		{name: "nul", text: "\x00", alphabet: UCS2, units: []int{1}},
		{name: "national not allowed", text: strings.Repeat("ğ", 80), alphabet: UCS2, units: []int{67, 13}, limiting: 'ğ'},
		{name: "locking shift", text: strings.Repeat("ğ", 80), o: SplitOptions{National: []Language{Turkish}}, alphabet: GSM7, units: []int{80}, limiting: 'ğ', locking: Turkish},
		{name: "single shift is enough", text: x(100) + "ğ", o: SplitOptions{National: []Language{Turkish}}, alphabet: GSM7, units: []int{102}, limiting: 'ğ', shift: Turkish},
		{name: "national without gain", text: "ğ", o: SplitOptions{National: []Language{Turkish}}, alphabet: UCS2, units: []int{1}, limiting: 'ğ'},
		{name: "national forced", text: "ğ", o: SplitOptions{Alphabet: GSM7, National: []Language{Turkish}}, alphabet: GSM7, units: []int{2}, limiting: 'ğ', shift: Turkish},
		{name: "both tables", text: strings.Repeat("नि", 60) + "०१२", o: SplitOptions{National: []Language{Hindi}}, alphabet: GSM7, units: []int{126}, limiting: 'न', locking: Hindi, shift: Hindi},
		{name: "national with two parts", text: strings.Repeat("न", 160), o: SplitOptions{National: []Language{Hindi}}, alphabet: GSM7, units: []int{149, 11}, limiting: 'न', locking: Hindi},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := SplitText(tt.text, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if s.Alphabet != tt.alphabet || s.Limiting != tt.limiting || s.Locking != tt.locking || s.Shift != tt.shift {
				t.Errorf("alphabet %v, limiting %q, tables %v+%v", s.Alphabet, s.Limiting, s.Locking, s.Shift)
			}
			var units []int
			var text string
			sum := 0
			for i, p := range s.Parts {
				units = append(units, p.Units)
				text += p.Text
				sum += p.Units
				m := s.Message(i, Submit)
				m.Address = Address{0x91, "49170"}
				octets, err := m.Append(nil, false)
				if err != nil {
					t.Fatal(err)
				}
				// The encoding that SplitText left is the one that Append makes by itself.
				m.ready = ready{}
				if again, err := m.Append(nil, false); err != nil || string(again) != string(octets) {
					t.Errorf("part %d: % X, without preparation % X (%v)", i, octets, again, err)
				}
				if back, err := Decode(octets, MobileOriginated, false); err != nil || back.Text != p.Text || back.Quirks != 0 || back.Concat != m.Concat || back.Ports != m.Ports {
					t.Errorf("part %d comes back as %+v, %v", i, back, err)
				}
			}
			if len(units) != len(tt.units) || sum != s.Units || text != tt.text {
				t.Fatalf("units %v in all %d, want %v", units, s.Units, tt.units)
			}
			for i := range units {
				if units[i] != tt.units[i] {
					t.Errorf("units %v, want %v", units, tt.units)
				}
			}
			if want := s.Capacity - units[len(units)-1]; s.Left() != want {
				t.Errorf("left %d, want %d", s.Left(), want)
			}
		})
	}
}

func TestSplitErrors(t *testing.T) {
	if _, err := SplitText("", SplitOptions{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty: %v", err)
	}
	if _, err := SplitText("a\xff", SplitOptions{}); !errors.Is(err, ErrNotUTF8) {
		t.Errorf("not UTF-8: %v", err)
	}
	if _, err := SplitData(nil, SplitOptions{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("no data: %v", err)
	}
	var many *TooManyPartsError
	if _, err := SplitText(strings.Repeat("x", 400), SplitOptions{MaxParts: 2}); !errors.As(err, &many) || !errors.Is(err, ErrTooManyParts) || many.Needed != 3 || many.Limit != 2 {
		t.Errorf("three parts of two: %v", err)
	}
	if _, err := SplitText(strings.Repeat("x", 153*255+1), SplitOptions{MaxParts: 1000}); !errors.As(err, &many) || many.Needed != 256 || many.Limit != 255 {
		t.Errorf("256 parts: %v", err)
	}
	if _, err := SplitData(make([]byte, 1000), SplitOptions{MaxParts: 2}); !errors.Is(err, ErrTooManyParts) {
		t.Errorf("data: %v", err)
	}
	var character *CharacterError
	if _, err := SplitText("aжb", SplitOptions{Alphabet: GSM7}); !errors.As(err, &character) || character.Rune != 'ж' || character.Offset != 1 {
		t.Errorf("forced alphabet: %v", err)
	}
	if s, err := SplitText(strings.Repeat("x", 153*255), SplitOptions{}); err != nil || len(s.Parts) != 255 {
		t.Errorf("255 parts: %d, %v", len(s.Parts), err)
	}
}

// A text that is changed after the cut is sent as changed.
func TestSplitMessageChanged(t *testing.T) {
	s, err := SplitText("hello", SplitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := s.Message(0, Submit)
	m.Address, m.Text = Address{0x91, "49170"}, "world"
	octets, err := m.Append(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := Decode(octets, MobileOriginated, false); err != nil || back.Text != "world" {
		t.Errorf("%q, %v", back.Text, err)
	}
}

func TestSplitData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := make([]byte, rapid.SampledFrom(textLengths).Draw(t, "length"))
		for i := range data {
			data[i] = byte(i * i)
		}
		s, err := SplitData(data, SplitOptions{Reference: 300, Wide: rapid.Bool().Draw(t, "wide"), Ports: Ports{Dst: 2948, Src: 9200, Bits: 16}})
		if err != nil {
			t.Fatal(err)
		}
		var parts []*Message
		for i := range s.Parts {
			m := s.Message(i, Deliver)
			m.Address, m.SCTS = Address{0x91, "49170"}, stamp(i)
			octets, err := m.Append(nil, true)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(octets, MobileTerminated, true)
			if err != nil || back.Ports != s.options.Ports {
				t.Fatalf("%+v, %v", back, err)
			}
			parts = append(parts, back)
		}
		complete, _ := Join(rapid.Permutation(parts).Draw(t, "order"))
		if len(complete) != 1 || string(complete[0].Data) != string(data) || complete[0].Text != "" || complete[0].Ports.Dst != 2948 {
			t.Fatalf("%+v", complete)
		}
	})
}

// The cut is nowhere inside a grapheme cluster, unless the cluster is larger than a part.
func TestSplitClusters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := anyText(t)
		s, err := SplitText(text, SplitOptions{Alphabet: UCS2})
		if err != nil {
			t.Fatal(err)
		}
		boundary := map[int]bool{}
		at, largest := 0, 0
		for rest, state := text, -1; rest != ""; {
			var cluster string
			cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
			at += len(cluster)
			boundary[at] = true
			units, _ := appendUTF16(nil, cluster)
			largest = max(largest, len(units)/2)
		}
		if largest > s.Capacity {
			t.Skip("a cluster larger than a part")
		}
		at = 0
		for i, p := range s.Parts {
			if at += len(p.Text); !boundary[at] {
				t.Fatalf("part %d ends inside a cluster: %q", i, p.Text)
			}
		}
	})
}

// Between two characters that simple accepts there always is a boundary.
func TestSimple(t *testing.T) {
	var runes []rune
	for r := range rune(0xE000) {
		if simple(r) {
			runes = append(runes, r)
		}
	}
	if len(runes) < 30000 {
		t.Fatalf("%d simple characters", len(runes))
	}
	representative := []rune{'\n', ' ', 'a', '1', 'é', 'ж', 'א', 'ب', '中', '가', '각', 'あ', '…', '€'}
	for _, r := range runes {
		if !utf8.ValidRune(r) || unicode.Is(unicode.Mn, r) {
			t.Errorf("%U is taken for simple", r)
		}
		for _, other := range representative {
			for _, pair := range []string{string(r) + string(other), string(other) + string(r)} {
				if uniseg.GraphemeClusterCount(pair) != 2 {
					t.Errorf("%q (%U, %U) is one cluster", pair, r, other)
				}
			}
		}
	}
}

// The time for a text that is far too long, or full of marks, stays small with every table allowed.
func TestSplitHugeTexts(t *testing.T) {
	start := processorTime(t)
	for _, text := range []string{
		strings.Repeat("abcdefgh", 1<<17), strings.Repeat("नमस्ते ", 1<<15), "e" + strings.Repeat("\u0301", 1<<18), strings.Repeat("👩\u200d", 1<<16),
	} {
		for _, o := range []SplitOptions{{}, {National: AllLanguages()}, {Alphabet: UCS2}} {
			if _, err := SplitText(text, o); !errors.Is(err, ErrTooManyParts) {
				t.Errorf("%q…: %v", text[:20], err)
			}
		}
	}
	if d := processorTime(t) - start; d > 5*time.Second {
		t.Errorf("took %v; milliseconds are enough", d)
	}
}
