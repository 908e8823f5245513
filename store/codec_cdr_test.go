package store

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"trunkline/callplan/phone"
)

// fullCDR has every field set.
func fullCDR() *CDR {
	at := func(n int) time.Time { return time.Date(2026, 11, 21, 12, 0, n, n, time.UTC) }
	return &CDR{ID: CDRID{1, 15: 9}, Kind: CDRVoice, Direction: In, Provider: "acme", Subscriber: "alice", Trunk: "desk", Number: phone.FromAddress("+4915112345678", false),
		Withheld: true, Line: phone.FromAddress("Bank", true), StartedAt: at(1), AnsweredAt: at(2), EndedAt: at(3), Outcome: CallRejected, Cause: "rejected", Rings: 3, Account: "uid:0",
		Message: MessageID{2, 15: 8}, Decision: &CallDecision{Action: "terminate", Plan: "office", Version: 4, Rule: "1/0", Label: "night", Draw: 0, Treatment: "reject"},
		Screening: []string{"", "listed"}, Reply: &CallReply{At: at(4), Message: MessageID{3, 15: 7}, Refused: "often"},
		Events: []CDREvent{{At: at(5), Name: "ringing", Detail: "grüße"}, {At: at(6), Name: "ended"}}}
}

// The octets of a record are a promise, and what a later version adds is passed over.
func TestGoldenCDR(t *testing.T) {
	path := filepath.Join("testdata", "cdr.golden")
	c := fullCDR()
	got := hex.EncodeToString(seal(tableCDRs, c.ID[:], appendCDR(newFrame(0), c))) + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != got {
		t.Errorf("record changed, %v:\n%swant\n%s", err, got, want)
	}
	unknown := protowire.AppendString(protowire.AppendTag(nil, 1000, protowire.BytesType), "later")
	for _, b := range [][]byte{appendCDR(nil, c), append(appendCDR(nil, c), unknown...), append(bytes.Clone(unknown), appendCDR(nil, c)...)} {
		if back, err := decodeCDR(c.ID, b); err != nil || !reflect.DeepEqual(back, c) {
			t.Errorf("%+v, %v\nwant %+v", back, err, c)
		}
	}
}

// Every field of the type is in the sample, and so in the codec.
func TestFullCDR(t *testing.T) {
	v := reflect.ValueOf(*fullCDR())
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set", v.Type().Field(i).Name)
		}
	}
}

// FuzzCDR: what can be decoded is encoded to what decodes the same.
func FuzzCDR(f *testing.F) {
	f.Add(appendCDR(nil, fullCDR()))
	f.Add([]byte{8, 1})
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := decodeCDR(CDRID{1}, payload)
		if err != nil {
			return
		}
		b := appendCDR(nil, c)
		again, err := decodeCDR(CDRID{1}, b)
		if err != nil || !bytes.Equal(appendCDR(nil, again), b) {
			t.Errorf("%+v and %+v, %v", c, again, err)
		}
	})
}
