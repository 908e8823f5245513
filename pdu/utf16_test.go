package pdu

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

// The ways through text that other processors take, and the vectors where there are any, agree with one character at a time, as far as they get.
func TestUTF16Ways(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ranges := [][2]int{{0, 0x7F}, {0, 0x7FF}, {0x80, 0x7FF}, {0x400, 0x4FF}, {0x800, 0xFFFF}, {0xD800, 0xDFFF}, {0, 0xFFFF}, {0xD7F0, 0xE010}, {0x70, 0x90}, {0x7F0, 0x810}}
	for range 100_000 {
		// Runs of units of one range each.
		var octets []byte
		for len(octets) < 2*random.IntN(maxUTF16/2) {
			r := ranges[random.IntN(len(ranges))]
			for range 1 + random.IntN(20) {
				u := r[0] + random.IntN(r[1]-r[0]+1)
				octets = append(octets, byte(u>>8), byte(u))
			}
		}
		octets = octets[:min(len(octets), maxUTF16-1)]
		from := 2 * random.IntN(len(octets)/2+1)
		for name, way := range map[string]func(*textSpace, uint, []byte, int) (uint, int){"words": words, "units": appendUnits} {
			var out textSpace
			n, i := way(&out, 0, octets, from)
			if want := plainUTF16Text(nil, octets[from:i]); i < from || i > len(octets) || !slices.Equal(out[:n], want) {
				t.Fatalf("%s: % X from %d to %d: % X, want % X", name, octets, from, i, out[:n], want)
			}
		}
		text := string(plainUTF16Text(nil, octets))
		if random.IntN(2) == 0 && len(text) > 0 { // no UTF-8
			b := []byte(text)
			b[random.IntN(len(b))] = byte(random.Uint32())
			text = string(b)
		}
		at := random.IntN(len(text) + 1)
		want := plainUTF16(nil, []byte(text[at:]))
		for name, way := range map[string]func([]byte, int, string, int) (int, int){"characters": characters, "append": appendCharacters} {
			out := make([]byte, 2*len(text)+16)
			n, i := way(out, 0, text, at)
			if plain := plainUTF16(nil, []byte(text[at:i])); !slices.Equal(out[:n], plain) || !slices.Equal(plain, want[:len(plain)]) {
				t.Fatalf("%s: % X from %d to %d: % X, want % X", name, text, at, i, out[:n], plain)
			}
		}
		for name, way := range map[string]func(string, int) (int, int){"count": count, "counted": countCharacters} {
			n, i := way(text, at)
			if plain := plainUTF16(nil, []byte(text[at:i])); 2*n != len(plain) || !slices.Equal(plain, want[:len(plain)]) {
				t.Fatalf("%s: % X from %d to %d: %d, want %d", name, text, at, i, n, len(plain)/2)
			}
		}
	}
}

// Characters decode as the standard library decodes them, right ones and all that begin like them.
func TestDecodeRune(t *testing.T) {
	check := func(text string) {
		r, size := decodeRune(text)
		if want, wantSize := utf8.DecodeRuneInString(text); r != want || size != wantSize {
			t.Fatalf("% X: %X of %d octets, want %X of %d", text, r, size, want, wantSize)
		}
	}
	for r := rune(0x80); r <= utf8.MaxRune+1; r++ {
		check(string(r))
	}
	others := []byte{0, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xFF}
	for first := range 256 {
		check(string([]byte{byte(first)}))
		for _, second := range others {
			check(string([]byte{byte(first), second}))
			for _, third := range others {
				check(string([]byte{byte(first), second, third}))
				for _, fourth := range others {
					check(string([]byte{byte(first), second, third, fourth, 'a'}))
				}
			}
		}
	}
}
