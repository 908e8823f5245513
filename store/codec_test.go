package store

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"trunkline/callplan/phone"
)

var update = flag.Bool("update", false, "write the golden file anew")

// codec is one kind of record: an example of it with every field set, and its functions.
type codec struct {
	name   string
	table  Table
	key    []byte
	value  any
	encode func([]byte, any) []byte
	decode func([]byte) (any, error)
}

func codecs() []codec {
	at := func(n int) time.Time { return time.Date(2026, 11, 21, 12, 0, n, n, time.UTC) }
	id := func(n byte) (id MessageID) { id[0], id[15] = 1, n; return id }
	failure := &Failure{Code: "cms_21", Text: "short message transfer rejected"}
	message := &Message{ID: id(1), Direction: Out, State: Unknown, To: phone.FromAddress("+4915112345678", false), From: phone.FromAddress("Bank", true), Text: "grüße",
		Data: []byte{0, 255}, Account: "uid:1000", Provider: "acme", Tag: "tag", Pin: "desk", Trunk: "roof", Priority: 9, Flash: true, Port: 2948, CreatedAt: at(1), SendAt: at(2), ExpiresAt: at(3),
		Validity: time.Hour, NotBefore: at(4), SentAt: at(5), DeliveredAt: at(6), ReceivedAt: at(7), CentreAt: at(8), Concat: 255,
		Parts: []Part{{Seq: 1, State: Delivered, Reference: 0, TPDU: []byte{1, 2}, Trunk: "roof", SIM: "8949", SentAt: at(9), DeliveredAt: at(10), AwaitUntil: at(11), Status: 0,
			Attempts: []Attempt{{Number: 1, Trunk: "roof", SIM: "8949", Phase: Ended, StartedAt: at(12), EndedAt: at(13), Failure: failure, Before: 255,
				OnAmbiguous: ResendOnce, Until: at(14), Consulted: true}, {Number: 2, Phase: Claimed, Before: -1}}, Resends: 2, Evidence: EvidenceSIM},
			{Seq: 2, State: Waiting, Reference: -1, Status: -1}},
		Failure: failure, DuplicateOf: id(2), Incomplete: true, Missing: []int{3, 200}, Notes: []string{"tp_scts", "conflict"},
		OnAmbiguous: Resend, Charge: []byte{1, 2, 3}, Prefer: "cellar",
		Subject: "alarm", Secret: true, Class: ClassEmergency, Unhandled: true, Verdict: &Verdict{Authorized: true, Code: "allowed", Text: "why"}, Action: "wake", Routing: &Routing{Provider: "acme", Action: RoutingRoute, Plan: "office", Version: 3, Rule: "1.0", Label: "night",
			Trunk: "roof", Note: "n", Calling: "+49", Called: "0", Origin: id(3)}}
	template := *message
	template.ID = MessageID{}
	return []codec{
		{"message", tableMessages, message.ID[:], message, func(b []byte, v any) []byte { return appendMessage(b, v.(*Message)) },
			func(b []byte) (any, error) { return decodeMessage(message.ID, b) }},
		{"event", tableEvents, eventKey(7), &Event{Seq: 7, Type: "part.sent", At: at(1), Message: id(1), State: Sent, Part: 2, Reference: 0, Trunk: "desk", Code: "c", Text: "t", Account: "uid:0"},
			func(b []byte, v any) []byte { return appendEvent(b, v.(*Event)) }, func(b []byte) (any, error) { return decodeEvent(7, b) }},
		{"key", tableKeys, []byte("k"), &keyRecord{Hash: [32]byte{1, 31: 2}, Until: at(1), Messages: []acceptedRef{{id(1), Waiting}, {id(2), Debug}}},
			func(b []byte, v any) []byte { return appendKey(b, v.(*keyRecord)) }, func(b []byte) (any, error) { return decodeKey(b) }},
		{"digest", tableDigests, []byte("d"), &digestRecord{Until: at(1), Message: id(1), Slots: []string{"SM1", "ME2"}},
			func(b []byte, v any) []byte { return appendDigest(b, v.(*digestRecord)) }, func(b []byte) (any, error) { return decodeDigest(b) }},
		{"segment", tableSegments, []byte("s"), &segmentRecord{Key: []byte("set"), Sender: "+49", OpenedAt: at(1), Until: at(2), Open: true, State: []byte{9}, Template: &template},
			func(b []byte, v any) []byte { return appendSegment(b, v.(*segmentRecord)) }, func(b []byte) (any, error) { return decodeSegment(b) }},
		{"report", tableReports, []byte("r"), &Report{Trunk: "desk", SIM: "8949", Reference: 255, Recipient: phone.FromAddress("0151", false), Status: 127, CentreAt: at(1),
			DischargedAt: at(2), At: at(3), Raw: []byte{6}, until: at(4)},
			func(b []byte, v any) []byte { return appendReport(b, v.(*Report)) }, func(b []byte) (any, error) { return decodeReport(b) }},
		{"bad", tableQuarantine, []byte("b"), &Bad{Trunk: "desk", Slot: "SM1", Raw: "07zz", Field: "smsc", Offset: 1, Reason: "no hex", At: at(1)},
			func(b []byte, v any) []byte { return appendBad(b, v.(*Bad)) }, func(b []byte) (any, error) { return decodeBad(b) }},
		{"damaged", tableDamaged, []byte("m"), &damagedRecord{Table: "messages", Key: []byte{1}, Value: []byte{2, 3}, Reason: "checksum does not match"},
			func(b []byte, v any) []byte { return appendDamaged(b, v.(*damagedRecord)) }, func(b []byte) (any, error) { return decodeDamaged(b) }},
		{"instance", tableMeta, keyInstance, Instance{ID: id(1), Epoch: 3}, func(b []byte, v any) []byte { return appendInstance(b, v.(Instance)) },
			func(b []byte) (any, error) { return decodeInstance(b) }},
	}
}

// The octets of every record are a promise to every database that exists: they are compared with a golden file. A field that is added at the end of
// a record changes this file but not the old lines' meaning, which the next test proves.
func TestGoldenRecords(t *testing.T) {
	path := filepath.Join("testdata", "records.golden")
	var lines []string
	for _, c := range codecs() {
		frame := seal(c.table, c.key, c.encode(newFrame(0), c.value))
		lines = append(lines, c.name+" "+hex.EncodeToString(frame))
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("records changed:\n%s\nwant\n%s", got, want)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(want)), "\n") {
		c := codecs()[i]
		name, digits, _ := strings.Cut(line, " ")
		frame, err := hex.DecodeString(digits)
		if name != c.name || err != nil {
			t.Fatalf("line %d: %s, %v", i, name, err)
		}
		payload, err := unseal(c.table, c.key, frame)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if value, err := c.decode(payload); err != nil || !reflect.DeepEqual(value, c.value) {
			t.Errorf("%s: %+v, %v\nwant %+v", name, value, err, c.value)
		}
	}
}

// Fields that a later version adds are passed over, in every position.
func TestUnknownFields(t *testing.T) {
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 7)
	unknown = protowire.AppendString(protowire.AppendTag(unknown, 1001, protowire.BytesType), "later")
	unknown = protowire.AppendFixed32(protowire.AppendTag(unknown, 1002, protowire.Fixed32Type), 1)
	for _, c := range codecs() {
		payload := c.encode(nil, c.value)
		for _, b := range [][]byte{append(bytes.Clone(unknown), payload...), append(bytes.Clone(payload), unknown...)} {
			if value, err := c.decode(b); err != nil || !reflect.DeepEqual(value, c.value) {
				t.Errorf("%s: %+v, %v", c.name, value, err)
			}
		}
	}
}

// Every field of a record that is persisted is written: a record with all of them set comes back equal, so a new field that the codec forgot shows
// here as soon as the example has it, and the example must have it.
func TestExamplesAreFull(t *testing.T) {
	for _, c := range codecs() {
		v := reflect.Indirect(reflect.ValueOf(c.value))
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if v.Field(i).IsZero() && !(c.name == "event" && (name == "Reference" || name == "Number" || name == "Duration" || name == "Call")) {
				t.Errorf("%s.%s is not set in the example", c.name, name)
			}
		}
	}
}

func TestWrongTypesAreErrors(t *testing.T) {
	for _, c := range codecs() {
		for n := protowire.Number(1); n <= 31; n++ {
			wrong := protowire.AppendFixed32(protowire.AppendTag(nil, n, protowire.Fixed32Type), 1)
			if _, err := c.decode(wrong); err == nil && known(c, n) {
				t.Errorf("%s: field %d of a wrong type was accepted", c.name, n)
			}
		}
	}
}

// known tells whether the example of a record has a field.
func known(c codec, n protowire.Number) bool {
	f := fields{rest: c.encode(nil, c.value)}
	for f.next() {
		if f.num == n {
			return true
		}
	}
	return false
}

func FuzzRecords(f *testing.F) {
	all := codecs()
	for i, c := range all {
		f.Add(byte(i), c.encode(nil, c.value))
	}
	f.Fuzz(func(t *testing.T, kind byte, payload []byte) {
		c := all[int(kind)%len(all)]
		first, err := c.decode(payload)
		if err != nil {
			return
		}
		// What could be read is written and read again as the same.
		b := c.encode(nil, first)
		second, err := c.decode(b)
		if err != nil {
			t.Fatalf("%s: written %x cannot be read: %v", c.name, b, err)
		}
		if again := c.encode(nil, second); !bytes.Equal(again, b) {
			t.Errorf("%s: %x became %x", c.name, b, again)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("key"), seal(tableMessages, []byte("key"), append(newFrame(3), 1, 2, 3)))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		payload, err := unseal(tableMessages, key, value)
		if err == nil && !bytes.Equal(seal(tableMessages, key, append(newFrame(0), payload...)), value) {
			t.Errorf("%x is not what would be written", value)
		}
		if err == nil && inspect(tableEvents, key, value) == nil {
			t.Error("a message was taken for an event")
		}
	})
}

func BenchmarkEncodeMessage(b *testing.B) {
	m := codecs()[0].value.(*Message)
	b.ReportAllocs()
	for b.Loop() {
		sealMessage(m)
	}
}

func BenchmarkDecodeMessage(b *testing.B) {
	m := codecs()[0].value.(*Message)
	value := sealMessage(m)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := openMessage(m.ID[:], value); err != nil {
			b.Fatal(err)
		}
	}
}
