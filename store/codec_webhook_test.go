package store

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

func webhookCodecs() []codec {
	at := func(n int) time.Time { return time.Date(2026, 11, 21, 12, 0, n, n, time.UTC) }
	id, message := WebhookID{1, 15: 9}, MessageID{2, 15: 8}
	webhook := &Webhook{ID: id, URL: "https://example.com/hook?a=b", Description: "grüße", Types: []string{"message.*", "modem.up"},
		Secrets:   []WebhookSecret{{Key: []byte{1, 2, 3}, CreatedAt: at(1)}, {Key: []byte{4, 5}, CreatedAt: at(2), ExpiresAt: at(3)}},
		CreatedAt: at(4), UpdatedAt: at(5), Pause: &Pause{Code: PauseGone, Text: "410", At: at(6)}, ArchivedAt: at(7)}
	delivery := &Delivery{Webhook: id, Event: Event{Seq: 7, Type: "message.sent", At: at(1), Message: message, State: Sent, Reference: -1, Trunk: "desk"}, State: Pending,
		CreatedAt: at(2), NextAt: at(3), SettledAt: at(4), Tries: 14,
		Log: []DeliveryTry{{At: at(5), Took: 1500 * time.Millisecond, Status: 500, Error: "the answer is 500", Answer: []byte("oops\xff")}, {At: at(6), Took: time.Second, Error: "refused"}}}
	return []codec{
		{"webhook", tableWebhooks, id[:], webhook, func(b []byte, v any) []byte { return appendWebhook(b, v.(*Webhook)) },
			func(b []byte) (any, error) { return decodeWebhook(id, b) }},
		{"cursor", tableCursors, id[:], &WebhookCursor{Position: 1 << 40, MovedAt: at(1), MovedTo: 7, FailingSince: at(2)},
			func(b []byte, v any) []byte { return appendCursor(b, v.(*WebhookCursor)) }, func(b []byte) (any, error) { return decodeCursor(b) }},
		{"delivery", tableDeliveries, deliveryKey(id, 7), delivery, func(b []byte, v any) []byte { return appendDelivery(b, v.(*Delivery)) },
			func(b []byte) (any, error) { return decodeDelivery(id, 7, b) }},
	}
}

// The octets of the records of webhooks are a promise too, and what a later version adds is passed over.
func TestGoldenWebhookRecords(t *testing.T) {
	path := filepath.Join("testdata", "webhook.golden")
	var got strings.Builder
	for _, c := range webhookCodecs() {
		got.WriteString(c.name + " " + hex.EncodeToString(seal(c.table, c.key, c.encode(newFrame(0), c.value))) + "\n")
		unknown := protowire.AppendString(protowire.AppendTag(nil, 1000, protowire.BytesType), "later")
		for _, b := range [][]byte{c.encode(nil, c.value), append(c.encode(nil, c.value), unknown...), append(bytes.Clone(unknown), c.encode(nil, c.value)...)} {
			if value, err := c.decode(b); err != nil || !reflect.DeepEqual(value, c.value) {
				t.Errorf("%s: %+v, %v\nwant %+v", c.name, value, err, c.value)
			}
		}
		for i, b := range c.encode(nil, c.value) { // no prefix and no bit makes it panic
			broken := c.encode(nil, c.value)
			c.decode(broken[:i])
			broken[i] = b ^ 0x83
			c.decode(broken)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != got.String() {
		t.Errorf("records changed, %v:\n%swant\n%s", err, got.String(), want)
	}
}
