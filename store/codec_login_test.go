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

func loginCodecs() []codec {
	at := func(n int) time.Time { return time.Date(2026, 11, 21, 12, 0, n, n, time.UTC) }
	token, session := TokenID{1, 7: 9}, SessionKey{2, 31: 8}
	return []codec{
		{"credential", tableCredentials, credentialKey(7), &Credential{Administrator: 7, Password: "$argon2id$…", PasswordAt: at(1), TOTP: []byte{1, 2}, TOTPAt: at(2), TOTPStep: 1 << 40,
			Recovery: [][]byte{{3}, {4, 5}}, LocalUsers: []uint32{0, 1000, 1<<32 - 1}, Reset: []byte{6}, ResetUntil: at(3), ValidFrom: at(4), UpdatedAt: at(5)},
			func(b []byte, v any) []byte { return appendCredential(b, v.(*Credential)) }, func(b []byte) (any, error) { return decodeCredential(7, b) }},
		{"token", tableTokens, token[:], &Token{ID: token, Name: "büro", Hash: []byte{1}, Administrator: 7, Role: "platform_owner", Scope: []string{"easy0_message_send", "x"},
			Networks: []string{"10.0.0.0/8"}, CreatedAt: at(1), CreatedBy: "uid:0", ExpiresAt: at(2), UsedAt: at(3), RevokedAt: at(4)},
			func(b []byte, v any) []byte { return appendToken(b, v.(*Token)) }, func(b []byte) (any, error) { return decodeToken(token, b) }},
		{"session", tableSessions, session[:], &Session{Key: session, Administrator: 7, Role: "service_provider:acme", Proven: true, Address: "::1", Agent: "Mozilla", CreatedAt: at(1), SeenAt: at(2)},
			func(b []byte, v any) []byte { return appendSession(b, v.(*Session)) }, func(b []byte) (any, error) { return decodeSession(session, b) }},
		{"throttle", tableThrottles, throttleKey("account/alice"), &Throttle{Failures: 12, Until: at(1), ForgetAt: at(2)},
			func(b []byte, v any) []byte { return appendThrottle(b, v.(*Throttle)) }, func(b []byte) (any, error) { return decodeThrottle(b) }},
	}
}

// The octets of these records are a promise too, and what a later version adds is passed over.
func TestGoldenLoginRecords(t *testing.T) {
	path := filepath.Join("testdata", "login.golden")
	var got strings.Builder
	for _, c := range loginCodecs() {
		full := reflect.ValueOf(c.value).Elem()
		for i := range full.NumField() {
			if full.Field(i).IsZero() {
				t.Errorf("%s.%s is not set in the example", c.name, full.Type().Field(i).Name)
			}
		}
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

// FuzzLoginRecords: what can be decoded is encoded to what decodes the same.
func FuzzLoginRecords(f *testing.F) {
	for i, c := range loginCodecs() {
		f.Add(byte(i), c.encode(nil, c.value))
	}
	f.Fuzz(func(t *testing.T, kind byte, payload []byte) {
		all := loginCodecs()
		c := all[int(kind)%len(all)]
		value, err := c.decode(payload)
		if err != nil {
			return
		}
		again, err := c.decode(c.encode(nil, value))
		if err != nil || !reflect.DeepEqual(again, value) {
			t.Errorf("%+v became %+v, %v", value, again, err)
		}
	})
}
