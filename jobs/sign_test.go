package jobs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/store"
)

// vectorFile returns the content of a vector file: that of the folder TRUNKLINE_VECTORS when it has one.
func vectorFile(t *testing.T, name string) []byte {
	t.Helper()
	for _, dir := range []string{os.Getenv("TRUNKLINE_VECTORS"), "testdata"} {
		if dir == "" {
			continue
		}
		if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return b
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

func TestPublishedSignatures(t *testing.T) {
	var file struct {
		Vectors []struct {
			Secret, ID, Body, Signature string
			Timestamp                   int64
		}
	}
	if err := json.Unmarshal(vectorFile(t, "standard-webhooks.json"), &file); err != nil || len(file.Vectors) == 0 {
		t.Fatal(err, len(file.Vectors))
	}
	for _, v := range file.Vectors {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(v.Secret, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		if got := SecretText(key); got != v.Secret {
			t.Errorf("secret %s is written %s", v.Secret, got)
		}
		if got := Signature([]store.WebhookSecret{{Key: key}}, v.ID, time.Unix(v.Timestamp, 0), []byte(v.Body)); got != v.Signature {
			t.Errorf("signature %s, want %s", got, v.Signature)
		}
	}
}

// verify is what a receiver does, written anew from the specification: any signature of the list may match, within five minutes.
func verify(secret, id, timestamp, signatures string, body []byte, at, now time.Time) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || now.Sub(at).Abs() > 5*time.Minute {
		return false
	}
	m := hmac.New(sha256.New, key)
	m.Write(append([]byte(id+"."+timestamp+"."), body...))
	for s := range strings.SplitSeq(signatures, " ") {
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "v1,")); err == nil && hmac.Equal(sum, m.Sum(nil)) {
			return true
		}
	}
	return false
}

// While a secret is replaced, both are signed with; the old one ends with its time.
func TestSignaturesDuringRotation(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	fresh, old := newSecret(), newSecret()
	if len(fresh) < 24 || len(fresh) > 64 || string(fresh) == string(old) {
		t.Errorf("secrets of %d octets", len(fresh))
	}
	secrets := []store.WebhookSecret{{Key: fresh}, {Key: old, ExpiresAt: now.Add(time.Hour)}}
	body := []byte(`{}`)
	for _, test := range []struct {
		at   time.Time
		both bool
	}{{now, true}, {now.Add(time.Hour - 1), true}, {now.Add(time.Hour), false}, {now.Add(time.Hour + 1), false}} {
		list := Signature(secrets, "evt_1", test.at, body)
		stamp := test.at.Truncate(time.Second)
		text := itoa(test.at.Unix())
		if !verify(SecretText(fresh), "evt_1", text, list, body, stamp, test.at) {
			t.Errorf("%s: the new secret does not verify", test.at)
		}
		if got := verify(SecretText(old), "evt_1", text, list, body, stamp, test.at); got != test.both {
			t.Errorf("%s: the old secret verifies: %v", test.at, got)
		}
		if verify(SecretText(fresh), "evt_2", text, list, body, stamp, test.at) || verify(SecretText(fresh), "evt_1", text, list, []byte(`{ }`), stamp, test.at) {
			t.Error("something else verifies")
		}
	}
}

func itoa(n int64) string { b, _ := json.Marshal(n); return string(b) }

func TestEventID(t *testing.T) {
	instance, message := store.NewMessageID(), store.NewMessageID()
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	e := store.Event{Seq: 7, Type: "message.sent", At: at, Message: message}
	id := EventID(instance, &e)
	same := e
	same.Text, same.At = "other words", at.In(time.FixedZone("", 3600))
	if got := EventID(instance, &same); got != id || strings.Contains(id, ".") || !strings.HasPrefix(id, "evt_") {
		t.Errorf("%s and %s", id, got)
	}
	seen := map[string]bool{id: true}
	for _, change := range []func(*store.Event){
		func(e *store.Event) { e.Seq++ },
		func(e *store.Event) { e.At = e.At.Add(1) },
		func(e *store.Event) { e.Type = "message.delivered" },
		func(e *store.Event) { e.Message = store.MessageID{} },
	} {
		other := e
		change(&other)
		if got := EventID(instance, &other); seen[got] {
			t.Errorf("%+v has the id of another event", other)
		} else {
			seen[got] = true
		}
	}
	if EventID(store.NewMessageID(), &e) == id {
		t.Error("two stores have one id")
	}
}
