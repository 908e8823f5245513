package pdu

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/warthog618/sms/encoding/gsm7/charset"
)

// Every septet of every table, alone and after an escape, reads as one character; and what a table can write, it reads again.
func TestEverySeptet(t *testing.T) {
	for l := DefaultLanguage; l < languages+3; l++ { // three identifiers that nobody has
		for septet := range byte(128) {
			text, escaped, quirks := appendText(nil, []byte{septet}, l, l, false)
			if septet == escape {
				if !escaped || len(text) != 0 || quirks != 0 {
					t.Errorf("%v: escape alone: %q %v %v", l, text, escaped, quirks)
				}
			} else if utf8.RuneCount(text) != 1 || escaped || !utf8.Valid(text) {
				t.Errorf("%v %02X: %q", l, septet, text)
			}
			text, escaped, quirks = appendText(nil, []byte{escape, septet}, l, l, false)
			if utf8.RuneCount(text) != 1 || escaped || !utf8.Valid(text) {
				t.Errorf("%v 1B%02X: %q", l, septet, text)
			}
			base, _, _ := appendText(nil, []byte{septet}, l, l, false)
			switch {
			case septet == escape:
				if string(text) != " " || quirks != DoubleEscape {
					t.Errorf("%v: two escapes: %q %v", l, text, quirks)
				}
			case l.shift()[septet] == 0 && (string(text) != string(base) || quirks != UndefinedEscape):
				t.Errorf("%v 1B%02X: %q %v, want the character of the main table %q", l, septet, text, quirks, base)
			}
		}
	}
}

func TestEveryCharacter(t *testing.T) {
	for locking := DefaultLanguage; locking < languages; locking++ {
		for shift := DefaultLanguage; shift < languages; shift++ {
			for r := range rune(0x3000) {
				septets, err := appendSeptets(nil, string(r), locking, shift)
				if err != nil {
					continue
				}
				text, escaped, quirks := appendText(nil, septets, locking, shift, false)
				if string(text) != string(r) || escaped || quirks != 0 {
					t.Fatalf("%v+%v: %U writes % X, which reads %q %v", locking, shift, r, septets, text, quirks)
				}
			}
		}
	}
	for _, want := range []struct {
		language Language
		in       string
		septets  string
	}{
		{DefaultLanguage, "@£$é\n_ Az{€}", "\x00\x01\x02\x05\x0a\x11 Az\x1b\x28\x1b\x65\x1b\x29"},
		{Turkish, "ğışç€", "\x0c\x07\x1d\x60\x04"},
		{Hindi, "ँंः", "\x00\x01\x02"},
		{Kannada, "ಡಪ", "\x24\x3d"},
		{Telugu, "త", "\x27"},
		{Portuguese, "Ê^", "\x1e\x16"},
	} {
		septets, err := appendSeptets(nil, want.in, want.language, want.language)
		if err != nil || string(septets) != want.septets {
			t.Errorf("%v: %q writes % X (%v), want % X", want.language, want.in, septets, err, want.septets)
		}
	}
	// A cell that not every receiver has is read and not written.
	if text, _, _ := appendText(nil, []byte{escape, 0x65}, Telugu, Telugu, false); string(text) != "€" {
		t.Errorf("Telugu 1B65 reads %q", text)
	}
	if septets, err := appendSeptets(nil, "€", Telugu, Telugu); err == nil {
		t.Errorf("Telugu euro is written as % X", septets)
	}
}

// The tables are those of another implementation, but for the cells listed.
func TestTablesPeer(t *testing.T) {
	type cell struct {
		shift    bool
		language Language
		septet   byte
	}
	reasons := map[cell]string{
		{true, Portuguese, 0x1F}: "the peer lacks Ê, which annex A.2.3 has",
	}
	for i := range byte(3) {
		reasons[cell{false, Hindi, i}] = "the peer has the Bengali signs 0981 to 0983 where annex A.3.6 has 0901 to 0903"
	}
	for l := DefaultLanguage; l < languages; l++ {
		reasons[cell{true, l, 0x0D}] = "the peer reads the reserved control CR2 as a line feed or return; we take the return of the main table"
	}
	compare := func(shift bool, l Language, ours *[128]uint16, theirs charset.Decoder) {
		for septet := range byte(128) {
			if septet == escape {
				continue
			}
			_, explained := reasons[cell{shift, l, septet}]
			if same := rune(ours[septet]) == theirs[septet]; same == explained {
				t.Errorf("shift %v, %v, %02X: ours %U, peer %U, explained %v", shift, l, septet, ours[septet], theirs[septet], explained)
			}
		}
	}
	for l := DefaultLanguage; l < languages; l++ {
		compare(false, l, l.locking(), charset.NewDecoder(int(l)))
		compare(true, l, &shiftTables[l], charset.NewExtDecoder(int(l)))
	}
}

// pack and unpack are inverse for every length and fill no more octets than needed.
func TestPack(t *testing.T) {
	var septets [maxSeptets]byte
	for i := range septets {
		septets[i] = byte(i*37+11) & 0x7F
	}
	var b septetBuffer
	for n := range maxSeptets + 1 {
		packed := pack([]byte{0xAA}, septets[:n])
		if packed[0] != 0xAA || len(packed) != 1+packedLen(n) {
			t.Fatalf("%d septets: % X", n, packed)
		}
		if got := b.unpack(packed[1:], n); string(got) != string(septets[:n]) {
			t.Fatalf("%d septets: % X, want % X", n, got, septets[:n])
		}
	}
	if got := pack(nil, []byte("hellohello")); hexOf(got...) != "E8329BFD4697D9EC37" {
		t.Errorf("hellohello: % X", got)
	}
}

// The tests for eight characters at once and for sixteen agree with the tables.
func TestSameInASCII(t *testing.T) {
	for c := range 256 {
		for at := range 40 {
			text := []byte(strings.Repeat("a", 40))
			text[at] = byte(c)
			want := len(text)
			if c >= 0x80 || c < 0x20 || lockingTables[DefaultLanguage][c] != uint16(c) {
				want = at &^ 7
			}
			if got := plainPrefix(string(text)); got != want {
				t.Errorf("%02X at %d: %d plain, want %d", c, at, got, want)
			}
		}
		for at := range 8 {
			x := uint64(0x6161616161616161)&^(0xFF<<(8*at)) | uint64(c)<<(8*at)
			want := c < 0x80 && c >= 0x20 && lockingTables[DefaultLanguage][c] == uint16(c)
			if sameInASCII(x) != want {
				t.Errorf("%02X at %d: %v, want %v", c, at, !want, want)
			}
		}
	}
}
