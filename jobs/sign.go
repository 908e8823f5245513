package jobs

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"trunkline/store"
)

// secretBytes is the length of a new secret; Standard Webhooks 1.0 asks for 24 to 64.
const secretBytes = 32

// newSecret returns fresh octets.
func newSecret() []byte {
	b := make([]byte, secretBytes)
	rand.Read(b)
	return b
}

// SecretText returns a secret as receivers are given it. It must not be logged.
func SecretText(key []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(key) }

// EventID returns the webhook-id of an event: the same at every try and for every endpoint, and another one for another event, even if a store that
// was set back to an older copy gives a number twice. It holds no dot, since dots separate what is signed.
func EventID(instance store.MessageID, e *store.Event) string {
	h := sha256.New()
	h.Write(instance[:])
	var b []byte
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixNano()))
	h.Write(append(append(b, e.Message[:]...), e.Type...))
	return "evt_" + hex.EncodeToString(h.Sum(nil)[:16])
}

// Signature returns the header webhook-signature: for each secret that is in use, the HMAC-SHA256 of id, time and body joined by dots, in base64 behind
// "v1,"; several are separated by blanks.
func Signature(secrets []store.WebhookSecret, id string, at time.Time, body []byte) string {
	var all []string
	for _, s := range secrets {
		if !s.ExpiresAt.IsZero() && !at.Before(s.ExpiresAt) {
			continue
		}
		m := hmac.New(sha256.New, s.Key)
		m.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		m.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
	}
	return strings.Join(all, " ")
}
