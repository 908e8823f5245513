package store

import (
	"encoding/hex"
	"testing"
	"time"

	"trunkline/callplan/phone"
)

// The bytes of an event are a promise to every database that exists.
func TestEventEncoding(t *testing.T) {
	at := time.Unix(1700000000, 5).UTC()
	for _, tt := range []struct {
		name   string
		event  Event
		golden string
	}{
		{"call", Event{Seq: 7, Type: "call.missed", At: at, Reference: -1, Trunk: "desk", Number: phone.FromAddress("+4915112345678", false), Duration: 12 * time.Second},
			"120b63616c6c2e6d69737365641905002a36fe9c971742046465736b5a0e2b343931353131323334353637386880f085da2c"},
		{"caller with a name", Event{Seq: 7, Type: "call.incoming", At: at, Reference: -1, Number: phone.FromAddress("Bank", true)}, "120d63616c6c2e696e636f6d696e671905002a36fe9c9717620442616e6b"},
		{"call with a record", Event{Seq: 7, Type: "call.decided", At: at, Reference: -1, Call: CDRID{1, 15: 2}}, "120c63616c6c2e646563696465641905002a36fe9c97177a1001000000000000000000000000000002"},
		{"message", Event{Seq: 9, Type: "message.sent", State: Sent, At: at, Part: 2, Reference: 0, Code: "x", Text: "y"}, "08011905002a36fe9c97172805300238014a0178520179"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := appendEvent(nil, &tt.event)
			got, err := decodeEvent(tt.event.Seq, b)
			if err != nil || *got != tt.event {
				t.Errorf("decoded %+v, %v; want %+v", *got, err, tt.event)
			}
			if hex.EncodeToString(b) != tt.golden {
				t.Errorf("encoded\n%x, want\n%s", b, tt.golden)
			}
		})
	}
}
