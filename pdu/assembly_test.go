package pdu

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestReassemblyVectors(t *testing.T) {
	var cases []struct {
		ID, Type, Arrival string
		HasSMSC           bool `json:"has_smsc"`
		PDUs              []string
		Expect            struct {
			Complete   int
			Text, Data *string
			Missing    []int
			Messages   []struct{ Address, Text string }
		}
	}
	vectorFile(t, "reassembly.json", &cases)
	for _, c := range cases {
		t.Run(c.ID+" "+c.Arrival, func(t *testing.T) {
			dir := MobileTerminated
			if c.Type == "submit" {
				dir = MobileOriginated
			}
			// Each set lives in its stored form between two parts, as it does in a store.
			stored := map[SetKey][]byte{}
			var got []Joined
			var from []string
			at := time.Unix(1_700_000_000, 0)
			for _, s := range c.PDUs {
				m, err := DecodeHex(s, dir, c.HasSMSC)
				if err != nil {
					t.Fatal(err)
				}
				var a Assembly
				if err := a.UnmarshalBinary(stored[m.SetKey()]); err != nil {
					t.Fatal(err)
				}
				done, _ := a.Add(m, at)
				for _, j := range done {
					got = append(got, j)
					from = append(from, m.Address.String())
				}
				stored[m.SetKey()], _ = a.MarshalBinary()
				at = at.Add(time.Minute)
			}
			var missing []int
			for _, b := range stored {
				var a Assembly
				if err := a.UnmarshalBinary(b); err != nil {
					t.Fatal(err)
				}
				for _, j := range a.Flush() {
					missing = append(missing, j.Missing...)
				}
			}
			if len(got) != c.Expect.Complete {
				t.Fatalf("%d complete messages, want %d: %+v", len(got), c.Expect.Complete, got)
			}
			if !slices.Equal(missing, c.Expect.Missing) {
				t.Errorf("missing %v, want %v", missing, c.Expect.Missing)
			}
			if c.Expect.Text != nil && got[0].Text != *c.Expect.Text {
				t.Errorf("text\n got %q\nwant %q", got[0].Text, *c.Expect.Text)
			}
			if c.Expect.Data != nil && hexOf(got[0].Data...) != *c.Expect.Data {
				t.Errorf("data\n got %X\nwant %s", got[0].Data, *c.Expect.Data)
			}
			var texts, want []string
			for i, j := range got {
				texts = append(texts, from[i]+" "+j.Text)
			}
			for _, m := range c.Expect.Messages {
				want = append(want, m.Address+" "+m.Text)
			}
			if len(want) > 0 {
				slices.Sort(texts)
				slices.Sort(want)
				if !slices.Equal(texts, want) {
					t.Errorf("got %q, want %q", texts, want)
				}
			}
		})
	}
}

// stamp is a service centre time stamp some seconds after a fixed time.
func stamp(seconds int) Timestamp {
	return TimestampOf(time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds) * time.Second))
}

// part makes a part of a DELIVER.
func part(seq, total uint8, text string, scts Timestamp) *Message {
	m := &Message{Type: Deliver, Address: Address{0x91, "491701234567"}, SCTS: scts, Text: text}
	m.SetHeader(Concat{Ref: 7, Bits: 8, Total: total, Seq: seq}.element())
	return m
}

func TestAssembly(t *testing.T) {
	type arrival struct {
		m    *Message
		want string // result, then the texts done
	}
	tests := map[string][]arrival{
		"conflicting copy stays apart": {
			{part(1, 2, "AAAA", stamp(0)), "kept"},
			{part(1, 2, "BBBB", stamp(0)), "conflict"},
			{part(2, 2, "CCCC", stamp(0)), "completed AAAACCCC"},
			{part(2, 2, "CCCC", stamp(0)), "duplicate"},
			{part(2, 2, "DDDD", stamp(0)), "completed BBBBDDDD"},
		},
		"nearest time stamp": {
			{part(1, 2, "a1", stamp(0)), "kept"},
			{part(1, 2, "b1", stamp(20)), "conflict"},
			{part(2, 2, "b2", stamp(21)), "completed b1b2"},
			{part(2, 2, "a2", stamp(1)), "completed a1a2"},
		},
		"late duplicates of both parts": {
			{part(2, 2, "two", stamp(1)), "kept"},
			{part(1, 2, "one", stamp(0)), "completed onetwo"},
			{part(1, 2, "one", stamp(0)), "duplicate"},
			{part(2, 2, "two", stamp(1)), "duplicate"},
		},
		"same text sent again": {
			{part(1, 2, "one", stamp(0)), "kept"},
			{part(2, 2, "two", stamp(1)), "completed onetwo"},
			{part(1, 2, "one", stamp(60)), "kept"},
			{part(2, 2, "two", stamp(61)), "completed onetwo"},
		},
		"part sent again by its sender": {
			{part(1, 2, "one", stamp(0)), "kept"},
			{part(1, 2, "one", stamp(30)), "duplicate"},
			{part(2, 2, "two", stamp(2)), "completed onetwo"},
		},
		"reference used again after hours": {
			{part(1, 2, "old", stamp(0)), "kept"},
			{part(2, 2, "new2", stamp(7200)), "kept"},
			{part(1, 2, "new1", stamp(7201)), "completed new1new2"},
		},
		"no valid time stamps": {
			{part(1, 2, "x", Timestamp{}), "kept"},
			{part(1, 2, "x", Timestamp{}), "duplicate"},
			{part(2, 2, "y", Timestamp{0xFF}), "completed xy"},
		},
		"one part in all": {
			{part(1, 1, "alone", stamp(0)), "completed alone"},
			{part(1, 1, "alone", stamp(0)), "duplicate"},
		},
		"room for four sets": {
			{part(1, 3, "1", stamp(0)), "kept"},
			{part(1, 3, "2", stamp(0)), "conflict"},
			{part(1, 3, "3", stamp(0)), "conflict"},
			{part(1, 3, "4", stamp(0)), "conflict"},
			{part(1, 3, "5", stamp(0)), "conflict 1[2 3]"},
		},
		"single message": {{&Message{Text: "hello"}, "not-part"}},
	}
	for name, arrivals := range tests {
		t.Run(name, func(t *testing.T) {
			var a Assembly
			for i, x := range arrivals {
				done, r := a.Add(x.m, time.Unix(int64(i), 0))
				got := r.String()
				for _, j := range done {
					got += " " + j.Text
					if j.Missing != nil {
						got += fmt.Sprint(j.Missing)
					}
				}
				if got != x.want {
					t.Errorf("arrival %d: got %q, want %q", i, got, x.want)
				}
			}
		})
	}
}

func TestAssemblyTime(t *testing.T) {
	var a Assembly
	start := time.Unix(1_700_000_000, 0)
	a.Add(part(1, 2, "early", stamp(0)), start)
	a.Add(part(1, 2, "other", stamp(0)), start.Add(time.Hour))
	if n, since := a.Waiting(); n != 2 || !since.Equal(start) {
		t.Errorf("Waiting = %d, %v", n, since)
	}
	if got := a.Expire(start.Add(time.Minute)); len(got) != 1 || got[0].Text != "early" || !slices.Equal(got[0].Missing, []int{2}) {
		t.Errorf("Expire = %+v", got)
	}
	a.Add(part(2, 2, "!", stamp(0)), start.Add(time.Hour))
	if n, _ := a.Waiting(); n != 0 {
		t.Errorf("%d sets wait, want none", n)
	}
	if a.Forgettable(start.Add(25 * time.Hour)) {
		t.Error("forgettable while late duplicates are still known")
	}
	if !a.Forgettable(start.Add(26 * time.Hour)) {
		t.Error("not forgettable after a day")
	}
}

// A character that is cut in two by a seam comes out whole when both parts are there, and as a replacement when one is missing.
func TestSeams(t *testing.T) {
	gsm := func(seq uint8, septets ...byte) *Message {
		m := part(seq, 2, "", stamp(0))
		m.septets = septets
		return m
	}
	ucs := func(seq uint8, octets ...byte) *Message {
		m := part(seq, 2, "", stamp(0))
		m.DCS, m.Data = 0x08, octets
		return m
	}
	tests := []struct {
		name  string
		parts []*Message
		want  string
	}{
		{"escape", []*Message{gsm(1, 'a', escape), gsm(2, 0x65, 'b')}, "a€b"},
		{"escape, reversed", []*Message{gsm(2, 0x65, 'b'), gsm(1, 'a', escape)}, "a€b"},
		{"surrogates", []*Message{ucs(1, 0, 'a', 0xD8, 0x3D), ucs(2, 0xDE, 0x00, 0, 'b')}, "a😀b"},
		{"high surrogate before 7-bit text", []*Message{ucs(1, 0xD8, 0x3D), gsm(2, 'b')}, "\uFFFDb"},
		{"escape before UCS-2", []*Message{gsm(1, 'a', escape), ucs(2, 0, 'b')}, "ab"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			complete, incomplete := Join(tt.parts)
			if len(complete) != 1 || len(incomplete) != 0 || complete[0].Text != tt.want {
				t.Errorf("got %+v and %+v, want %q", complete, incomplete, tt.want)
			}
		})
	}
	_, incomplete := Join([]*Message{ucs(1, 0, 'a', 0xD8, 0x3D)})
	if len(incomplete) != 1 || incomplete[0].Text != "a\uFFFD" {
		t.Errorf("first half alone: %+v", incomplete)
	}
}

// Whatever text is split, shuffled and sent twice comes out as it was, once.
func TestSplitJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := anyText(t)
		o := SplitOptions{
			Reference: rapid.Uint16().Draw(t, "reference"),
			Wide:      rapid.Bool().Draw(t, "wide"),
		}
		if rapid.Bool().Draw(t, "national") {
			o.National = AllLanguages()
		}
		if rapid.Bool().Draw(t, "ports") {
			o.Ports = Ports{Dst: 1234, Src: 80, Bits: 16}
		}
		s, err := SplitText(text, o)
		if err != nil {
			t.Fatalf("split %q: %v", text, err)
		}
		var sent []*Message
		for i := range s.Parts {
			out := s.Message(i, Deliver)
			out.Address, out.SCTS = Address{0x91, "49170"}, stamp(i)
			octets, err := out.Append(nil, true)
			if err != nil {
				t.Fatalf("part %d: %v", i, err)
			}
			in, err := Decode(octets, MobileTerminated, true)
			if err != nil {
				t.Fatalf("part %d: %v", i, err)
			}
			if in.Quirks != 0 || in.Text != s.Parts[i].Text {
				t.Fatalf("part %d: quirks %v, text %q, want %q", i, in.QuirkNames(), in.Text, s.Parts[i].Text)
			}
			sent = append(sent, in)
			if len(s.Parts) > 1 && rapid.Bool().Draw(t, "twice") {
				sent = append(sent, in)
			}
		}
		sent = rapid.Permutation(sent).Draw(t, "order")
		complete, incomplete := Join(sent)
		if len(complete) != 1 || len(incomplete) != 0 {
			t.Fatalf("%d complete, %d incomplete", len(complete), len(incomplete))
		}
		if complete[0].Text != text {
			t.Fatalf("got %q, want %q", complete[0].Text, text)
		}
	})
}

// textLengths are lengths around everything that matters; a drawn integer would nearly always be small.
var textLengths = []int{1, 2, 10, 66, 67, 68, 69, 70, 71, 100, 133, 134, 135, 140, 149, 152, 153, 154, 155, 160, 161, 200, 268, 305, 306, 307, 400, 459, 460, 500, 612, 700}

// anyText draws texts of all kinds: plain, GSM, national, emoji with joiners, arbitrary.
func anyText(t *rapid.T) string {
	alphabets := [][]rune{
		[]rune("abc XYZ 0189 @£$é\r\n"),
		[]rune("a€{}[]~^|\\\f"),
		[]rune("ğışçİ€ abc"),
		[]rune("नमस्ते दुनिया।क्ष"),
		[]rune("👩‍👩‍👧‍👦🇩🇪🏽e\u0301 abc"),
		[]rune("abcdefghe\u0301\u0308"),
		nil,
	}
	runes := rapid.SampledFrom(alphabets).Draw(t, "alphabet")
	gen := rapid.Rune()
	if runes != nil {
		gen = rapid.SampledFrom(runes)
	}
	// With equal bounds the length is what was drawn; left alone it would be a handful.
	n := rapid.SampledFrom(textLengths).Draw(t, "length")
	return rapid.StringOfN(gen, n, n, -1).Draw(t, "text")
}

func TestAssemblyBinary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a, b Assembly
		for i := range rapid.IntRange(0, 12).Draw(t, "arrivals") {
			m := part(uint8(rapid.IntRange(1, 3).Draw(t, "seq")), 3, rapid.StringMatching(`[a-c]{0,3}`).Draw(t, "text"), stamp(rapid.IntRange(0, 9000).Draw(t, "scts")))
			m.DCS = rapid.SampledFrom([]DCS{0, 4, 8}).Draw(t, "dcs")
			m.Data = []byte(m.Text)
			da, ra := a.Add(m, time.Unix(int64(i), 0))
			db, rb := b.Add(m, time.Unix(int64(i), 0))
			if ra != rb || fmt.Sprint(da) != fmt.Sprint(db) {
				t.Fatalf("arrival %d: %v %v, stored %v %v", i, ra, da, rb, db)
			}
			stored, _ := b.MarshalBinary()
			b = Assembly{}
			if err := b.UnmarshalBinary(stored); err != nil {
				t.Fatal(err)
			}
		}
	})
	for _, bad := range []string{"\x02", "\x01", "\x01\x05", "\x01\x00\x00x", "\x01\x01" + strings.Repeat("\x00", 40)} {
		if err := new(Assembly).UnmarshalBinary([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// PDUs given with the parts come back with the message, by sequence, through the stored form too.
func TestAddRaw(t *testing.T) {
	var a Assembly
	at := time.Unix(1, 0)
	a.AddRaw(part(3, 3, "c", stamp(0)), []byte{3}, at)
	a.AddRaw(part(1, 3, "a", stamp(0)), make([]byte, maxRaw+1), at)
	stored, _ := a.MarshalBinary()
	var b Assembly
	if err := b.UnmarshalBinary(stored); err != nil {
		t.Fatal(err)
	}
	done, r := b.AddRaw(part(2, 3, "b", stamp(0)), []byte{2, 2}, at)
	if r != Completed || len(done) != 1 || done[0].Text != "abc" || len(done[0].Raws) != 3 {
		t.Fatalf("%v %+v", r, done)
	}
	if raws := done[0].Raws; len(raws[0]) != 0 || string(raws[1]) != "\x02\x02" || string(raws[2]) != "\x03" {
		t.Errorf("% X", raws)
	}
	done, _ = b.Add(part(1, 1, "x", stamp(0)), at)
	if len(done) != 1 || done[0].Raws != nil {
		t.Errorf("%+v", done)
	}
}
