package store

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"trunkline/callplan/phone"
)

// runCodecs are the records of screening and actions, each with every field set.
func runCodecs() []codec {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	n := phone.FromAddress("+4915112345678", false)
	var id MessageID
	id[15] = 7
	return []codec{
		{"optout", tableOptOuts, append(make([]byte, 16), "desk"...), &OptOut{Number: n, At: at, Source: "message", Word: "stop", Message: id, By: "uid:0"},
			func(b []byte, v any) []byte { return appendOptOut(b, v.(*OptOut)) }, func(b []byte) (any, error) { return decodeOptOut(b) }},
		{"factor", tableFactors, factorKey(true, 7), &Factor{Secret: []byte{1, 2}, Last: 9, Failures: 4, LockedUntil: at, CreatedAt: at},
			func(b []byte, v any) []byte { return appendFactor(b, v.(*Factor)) }, func(b []byte) (any, error) { return decodeFactor(b) }},
		{"verdict", tableMessages, nil, &Verdict{Authorized: true, Code: "allowed", Text: "why"},
			func(b []byte, v any) []byte { return appendVerdict(b, v.(*Verdict)) }, func(b []byte) (any, error) { return decodeVerdict(b) }},
		{"run", tableRuns, id[:], &Run{Provider: "acme", Action: "wake", ActionID: 3, Sender: n, Trunk: "desk", Who: "contact 7", Values: []RunValue{{"host", "a b"}, {"empty", ""}},
			State: RunWaiting, Reason: "why", At: at, EndedAt: at, Confirmers: []phone.Number{n, phone.FromAddress("0151", false)}, Code: []byte{1}, Salt: []byte{2}, Tries: 3, Until: at,
			By: "contact 8", Exit: 0, Output: "up", Change: 5},
			func(b []byte, v any) []byte { return appendRun(b, v.(*Run)) }, func(b []byte) (any, error) { return decodeRun(b) }},
		{"entry", tableListEntries, idKey(1), &ListEntry{Meta: Meta{Provider: "acme", CreatedAt: at, UpdatedAt: at, ArchivedAt: at, CreatedBy: "uid:0", UpdatedBy: "uid:1"}, Global: true, Allow: true,
			Direction: "in", Subscriber: "jo", Kind: "number", Value: "+4915112345678", Note: "x"},
			func(b []byte, v any) []byte { return appendListEntry(b, v.(*ListEntry)) }, func(b []byte) (any, error) { return decodeListEntry(b) }},
	}
}

func TestRunRecordsComeBack(t *testing.T) {
	for _, c := range runCodecs() {
		if got, err := c.decode(c.encode(nil, c.value)); err != nil || !reflect.DeepEqual(got, c.value) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, got, err, c.value)
		}
	}
}

func FuzzRunRecords(f *testing.F) {
	all := runCodecs()
	for i, c := range all {
		f.Add(byte(i), c.encode(nil, c.value))
	}
	f.Fuzz(func(t *testing.T, kind byte, payload []byte) {
		c := all[int(kind)%len(all)]
		first, err := c.decode(payload)
		if err != nil {
			return
		}
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
