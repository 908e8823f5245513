package pdu

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// soakTarget is the body of a fuzz target driven by our own mutator: many more executions than under coverage instrumentation, none of its guidance.
type soakTarget struct {
	name   string
	seeds  [][]byte
	limit  int      // octets of an input
	text   bool     // the input is mostly valid UTF-8
	tokens []string // worth inserting
	run    func(t *testing.T, in []byte, parameters uint64)
}

// soakTargets returns all fuzz targets with their seeds: the ones written down, the vectors, and what earlier runs left below testdata.
func soakTargets(t *testing.T) []soakTarget {
	octets, lines, texts, senders := [][]byte{}, asOctets(hexSeeds), asOctets(textSeeds), asOctets(addressSeeds)
	var vectors []vector
	vectorFile(t, "pdu.json", &vectors)
	for _, v := range vectors {
		if b, err := hex.DecodeString(v.PDU); err == nil {
			octets, lines = append(octets, b), append(lines, []byte(v.PDU))
		}
		if v.Text != nil && *v.Text != "" {
			texts = append(texts, []byte(*v.Text))
		}
		senders = append(senders, []byte(v.Address))
	}
	var units [][]byte
	for _, tt := range ucs2Texts {
		b, _ := appendUTF16(nil, tt.text)
		units = append(units, b)
	}
	elements := []string{"\x05\x00\x03\x2A\x03\x01", "\x06\x08\x04\x01\x00\x02\x02", "\x03\x24\x01\x01", "\x03\x25\x01\x02", "\x06\x05\x04\x0B\x84\x23\xF0", "\xD8\x3D", "\xDE\x00", "\x1B\x1B"}
	characters := []string{"€", "[", "\u200d", "\ufe0f", "👩", "👦🏽", "🇩🇪", "ğ", "İ", "क", "्", "é", "e\u0301", "漢", "한", "\r\n", "\x1b", "\x00", "\U0010FFFF", strings.Repeat("x", 150), strings.Repeat("ш", 65)}
	decode, split, units16, encode := newDecodeBody(), newSplitBody(), newUTF16Body(), newEncodeBody()
	targets := []soakTarget{
		{"FuzzDecode", octets, 320, false, elements, func(t *testing.T, in []byte, p uint64) { decode(t, in, uint8(p), p&2 != 0) }},
		{"FuzzDecodeHex", lines, 640, false, []string{"00", "FF", "f", " ", "\r\n", "+CMT"}, func(t *testing.T, in []byte, p uint64) { decodeHexBody(t, string(in), uint8(p), p&2 != 0) }},
		{"FuzzSplit", texts, 700, true, characters, func(t *testing.T, in []byte, p uint64) {
			split(t, string(in), uint16(p), p>>16&1 != 0, uint8(p>>24)&uint8(p>>32), uint8(p>>40))
		}},
		{"FuzzAssembly", assemblySeeds(), 2000, false, elements, func(t *testing.T, in []byte, _ uint64) { assemblyBody(t, in) }},
		{"FuzzAddress", senders, 40, true, append(characters, "+", "*", "#", "a"), func(t *testing.T, in []byte, _ uint64) { addressBody(t, string(in)) }},
		{"FuzzUTF16", units, 255, false, elements, func(t *testing.T, in []byte, _ uint64) { units16(t, in) }},
		{"FuzzUSSD", append(asOctets(ussdSeeds), texts...), 300, true, characters, func(t *testing.T, in []byte, _ uint64) { ussdBody(t, string(in)) }},
		{"FuzzEncode", asOctets(encodeSeeds), 200, false, append(elements, textSeeds...), func(t *testing.T, in []byte, p uint64) {
			fields := min(len(in), int(p>>8)%80)
			encode(t, in[:fields], string(in[fields:]), p&1 != 0)
		}},
		{"FuzzTransliterate", texts, 400, true, characters, func(t *testing.T, in []byte, _ uint64) { transliterateBody(t, string(in)) }},
	}
	for i := range targets {
		targets[i].seeds = append(targets[i].seeds, foundSeeds(t, targets[i].name)...)
	}
	return targets
}

func asOctets(all []string) (octets [][]byte) {
	for _, s := range all {
		octets = append(octets, []byte(s))
	}
	return octets
}

// foundSeeds reads the first value of every seed that the fuzzer left for a target.
func foundSeeds(t *testing.T, target string) (seeds [][]byte) {
	files, err := filepath.Glob(filepath.Join("testdata", "fuzz", target, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(raw), "\n") // a heading, then type("value")
		_, value, _ := strings.Cut(lines[1], "(")
		s, err := strconv.Unquote(strings.TrimSuffix(value, ")"))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		seeds = append(seeds, []byte(s))
	}
	return seeds
}

// mutator makes inputs of seeds. The same random numbers make the same inputs.
type mutator struct {
	*rand.Rand
	target *soakTarget
	in     []byte
}

// next returns an input: a seed, or the one before, changed in a few places. It holds until the next call.
func (m *mutator) next() []byte {
	if len(m.in) == 0 || m.IntN(2) == 0 {
		m.in = append(m.in[:0], m.target.seeds[m.IntN(len(m.target.seeds))]...)
	}
	for again := true; again; again = m.IntN(3) != 0 {
		m.change()
	}
	if m.target.text && m.IntN(8) != 0 {
		m.in = append(m.in[:0], strings.ToValidUTF8(string(m.in), "")...)
	}
	limit := m.target.limit
	if m.target.text { // mostly short ones
		limit >>= m.IntN(6)
	}
	m.in = m.in[:min(len(m.in), limit)]
	return m.in
}

// extremes are octets at the limits of what lengths count.
var extremes = []byte{0, 1, 2, 7, 8, 11, 12, 20, 21, 70, 127, 128, 133, 134, 139, 140, 141, 159, 160, 161, 254, 255}

// change changes m.in in one place.
func (m *mutator) change() {
	at := m.IntN(len(m.in) + 1)
	end := min(len(m.in), at+1+m.IntN(8))
	if at == len(m.in) { // nothing there to change
		m.insert(at, m.token())
		return
	}
	switch m.IntN(9) {
	case 0, 1:
		m.in[at] ^= 1 << m.IntN(8)
	case 2:
		m.in[at] = byte(m.Uint32())
	case 3:
		m.in[at] = extremes[m.IntN(len(extremes))]
	case 4: // lengths and flags are at the beginning
		m.in[min(at, m.IntN(16))] = extremes[m.IntN(len(extremes))]
	case 5:
		m.in[at] += byte(1 - 2*m.IntN(2))
	case 6:
		m.in = append(m.in[:at], m.in[end:]...)
	case 7:
		m.insert(at, m.token())
	case 8:
		switch other := m.target.seeds[m.IntN(len(m.target.seeds))]; {
		case m.IntN(2) == 0:
			m.insert(at, string(m.in[at:end]))
		case len(other) > 0: // from here on another seed
			m.in = append(m.in[:at], other[m.IntN(len(other)):]...)
		}
	}
}

// token returns something to insert.
func (m *mutator) token() string {
	if m.IntN(2) == 0 {
		return m.target.tokens[m.IntN(len(m.target.tokens))]
	}
	return string([]byte{byte(m.Uint32())})
}

func (m *mutator) insert(at int, s string) {
	m.in = append(m.in, s...)
	copy(m.in[at+len(s):], m.in[at:len(m.in)-len(s)])
	copy(m.in[at:], s)
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestSoakFuzz runs TRUNKLINE_EXECUTIONS mutated inputs, a million unless told, through the body of every fuzz target. TRUNKLINE_SEED makes other inputs.
func TestSoakFuzz(t *testing.T) {
	if os.Getenv("TRUNKLINE_SOAK") == "" {
		t.Skip("a long run, asked for by TRUNKLINE_SOAK")
	}
	executions, seed := number(t, "TRUNKLINE_EXECUTIONS", 1e6), number(t, "TRUNKLINE_SEED", 1)
	for _, target := range soakTargets(t) {
		t.Run(target.name, func(t *testing.T) {
			m := mutator{Rand: rand.New(rand.NewPCG(seed, 0)), target: &target}
			start, n := time.Now(), uint64(0)
			var in []byte
			var parameters uint64
			defer func() {
				if n < executions {
					t.Logf("execution %d of seed %d: %q, parameters %#x", n, seed, in, parameters)
				}
			}()
			for ; n < executions; n++ {
				in, parameters = m.next(), m.Uint64()
				target.run(t, in, parameters)
				if n%5_000_000 == 4_999_999 {
					t.Logf("%d executions in %v", n+1, time.Since(start).Round(time.Second))
				}
			}
			t.Logf("%d executions, seed %d, %v", n, seed, time.Since(start).Round(time.Millisecond))
		})
	}
}
