package access

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The vectors of RFC 6238 appendix B for SHA-1, their last six digits.
func TestTOTPVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := TOTPCode(secret, uint64(at/30)); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
		if step, ok := VerifyTOTP(secret, want[:3]+" "+want[3:], time.Unix(at, 0), 0); !ok || step != uint64(at/30) {
			t.Errorf("at %d: %s is refused (step %d)", at, want, step)
		}
	}
}

func TestTOTPOnceAndInTime(t *testing.T) {
	secret := []byte("12345678901234567890")
	at := time.Unix(1111111111, 0)
	now := uint64(at.Unix() / 30)
	for distance := -4; distance <= 4; distance++ {
		code := TOTPCode(secret, uint64(int64(now)+int64(distance)))
		if _, ok := VerifyTOTP(secret, code, at, 0); ok != (distance >= -1 && distance <= 1) {
			t.Errorf("a code %d steps away: %t", distance, ok)
		}
	}
	code := TOTPCode(secret, now)
	for last := now - 2; last <= now+2; last++ {
		if _, ok := VerifyTOTP(secret, code, at, last); ok != (last < now) {
			t.Errorf("a code of step %d after one of step %d: %t", now, last, ok)
		}
	}
	for _, bad := range []string{"", "12345", "1234567", "00000a", "      ", strings.Repeat("1", 1000)} {
		if _, ok := VerifyTOTP(secret, bad, at, 0); ok {
			t.Errorf("%q is taken", clip(bad))
		}
	}
	if _, ok := VerifyTOTP(nil, TOTPCode(nil, now), at, 0); ok {
		t.Error("without a secret a code is right")
	}
	VerifyTOTP(secret, code, time.Unix(-1000, 0), 0)
	VerifyTOTP(secret, code, time.Unix(0, 0), 0)
}

func TestTOTPURI(t *testing.T) {
	secret, err := NewTOTPSecret(rand.Reader)
	if err != nil || len(secret) != 20 {
		t.Fatal(secret, err)
	}
	u, err := url.Parse(TOTPURI("Trunkline", "alice b", secret))
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Trunkline:alice b" {
		t.Fatalf("%v, %v", u, err)
	}
	got, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
	if err != nil || !bytes.Equal(got, secret) || u.Query().Get("issuer") != "Trunkline" {
		t.Errorf("%v, %v", u.Query(), err)
	}
}

func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		code, err := NewCode(rand.Reader, 8)
		if err != nil || len(code) != 8 || strings.Trim(code, "0123456789") != "" {
			t.Fatalf("%q, %v", code, err)
		}
		seen[code] = true
	}
	if len(seen) < 99 {
		t.Errorf("%d different codes of 100", len(seen))
	}
	if bytes.Equal(HashCode([]byte("a"), "123456"), HashCode([]byte("b"), "123456")) || bytes.Equal(HashCode([]byte("a"), "123456"), HashCode([]byte("a"), "123457")) {
		t.Error("the hash depends not on salt and code")
	}
}

func TestPasswords(t *testing.T) {
	hash := HashPassword("correct horse battery", bytes.Repeat([]byte{7}, PasswordSalt))
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "horse") {
		t.Errorf("hash %s", hash)
	}
	if ok, stale := VerifyPassword(hash, "correct horse battery"); !ok || stale {
		t.Errorf("the right password: %t, stale %t", ok, stale)
	}
	// Hashes of other parameters are taken and made anew; the second is of the reference implementation: argon2id, t=2, m=64 MiB, p=1, salt "somesalt".
	for hash, password := range map[string]string{
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc": "password",
	} {
		if ok, stale := VerifyPassword(hash, password); !ok || !stale {
			t.Errorf("%s: %t, stale %t", hash, ok, stale)
		}
	}
	for _, wrong := range []string{"", "correct horse batterz", "Correct horse battery", "correct horse battery "} {
		if ok, _ := VerifyPassword(hash, wrong); ok {
			t.Errorf("%q is right", wrong)
		}
	}
	for _, bad := range []string{"", "x", "$argon2id$v=19$m=19456,t=2,p=1$$", strings.Replace(hash, "19456", "4194304", 1), strings.Replace(hash, "t=2", "t=100000", 1), strings.Replace(hash, "argon2id", "argon2i", 1),
		hash + "$", hash[:len(hash)-1], strings.Replace(hash, "p=1", "p=0", 1), "$2b$10$abcdefghijklmnopqrstuv"} {
		if ok, _ := VerifyPassword(bad, ""); ok {
			t.Errorf("%q: the empty password is right", bad)
		}
		if ok, _ := VerifyPassword(bad, "correct horse battery"); ok {
			t.Errorf("%q is the hash of a password", bad)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	for _, tt := range []struct {
		password, account string
		alone             bool
		want              string
	}{
		{"correct horse battery", "alice", true, ""},
		{"grüne Tische lachen", "alice", true, ""},
		{"k7#mvq2x", "alice", false, ""},
		{"k7#mvq2x", "alice", true, "at least 15"},
		{"k7#mvq2", "alice", false, "at least 8"},
		{"", "alice", true, "at least 15"},
		{strings.Repeat("ab cd ef", 16), "alice", true, ""},
		{strings.Repeat("ab cd ef", 16) + "x", "alice", true, "at most 128"},
		{strings.Repeat("🔑", 200), "alice", true, "at most 128"},
		{"Password2026!!!!", "alice", true, "tried first"},
		{"administrator123", "alice", true, "tried first"},
		{"alicealicealice1", "alice", true, "tried first"},
		{"trunkline-gateway", "alice", true, "tried first"},
		{"1234567890123456", "alice", true, "tried first"},
		{"aaaaaaaaaaaaaaaa", "alice", true, "tried first"},
		{"abcdefghijklmnop", "alice", true, "tried first"},
		{"qwertyuiopqwertyuiop", "", true, "tried first"},
		{"\xff\xfe3456789012345678", "alice", true, "UTF-8"},
	} {
		err := CheckPassword(tt.password, tt.account, tt.alone)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", clip(tt.password), err, tt.want)
		}
		if err != nil && len(tt.password) > 7 && strings.Contains(err.Error(), tt.password) {
			t.Errorf("the reason tells the password %q", tt.password)
		}
	}
}

func TestSecrets(t *testing.T) {
	s, err := NewSecret(KindToken, rand.Reader)
	if err != nil || !strings.HasPrefix(s.Text, "tl_api_") {
		t.Fatal(s.Text, err)
	}
	got, err := ParseSecret(KindToken, s.Text)
	if err != nil || got != s {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := ParseSecret(KindSession, s.Text); err == nil {
		t.Error("a token is taken for a session")
	}
	for i := range s.Text { // no cut and no changed character passes
		if _, err := ParseSecret(KindToken, s.Text[:i]); err == nil {
			t.Errorf("cut after %d", i)
		}
		for _, c := range []string{"a", "b", "A", "_", " ", "\x00", "ä"} {
			if c == s.Text[i:i+1] {
				continue
			}
			if _, err := ParseSecret(KindToken, s.Text[:i]+c+s.Text[i+1:]); err == nil {
				t.Errorf("character %d as %q", i, c)
			}
		}
	}
	if _, err := NewSecret(KindToken, bytes.NewReader(make([]byte, 12))); err == nil {
		t.Error("a secret without enough chance")
	}
	if _, err := NewTOTPSecret(bytes.NewReader(nil)); err == nil {
		t.Error("a second factor without chance")
	}
}

// What is read is what was made, and two are never equal.
func TestSecretsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{KindToken, KindSession, KindReset}).Draw(t, "kind")
		chance := rapid.SliceOfN(rapid.Byte(), 40, 40).Draw(t, "chance")
		s, err := NewSecret(kind, bytes.NewReader(chance))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseSecret(kind, s.Text); err != nil || got != s || string(got.ID[:]) != string(chance[:8]) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func FuzzParseSecret(f *testing.F) {
	s, _ := NewSecret(KindToken, bytes.NewReader(make([]byte, 64)))
	f.Add(s.Text)
	f.Add("tl_api__")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseSecret(KindToken, text); err == nil && s.Text != text {
			t.Errorf("%q became %q", text, s.Text)
		}
	})
}

func FuzzPasswordHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=0,t=0,p=0$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, known := parseHash(text)
		if h.memory > 64<<10 || h.time > 10 || h.threads > 8 || h.threads < 1 || h.time < 1 || len(h.key) < 16 || len(h.salt) < 8 {
			t.Errorf("%q gives %+v, %t", text, h, known)
		}
	})
}
