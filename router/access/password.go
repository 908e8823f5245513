package access

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Parameters of argon2id: the least that OWASP ASVS 5.0 names, so that a machine of the smallest kind can check several at once. A hash takes this much memory.
const (
	passwordTime    = 2
	passwordMemory  = 19 << 10 // KiB
	passwordThreads = 1
	passwordBytes   = 32

	// PasswordSalt is how many random bytes a salt has.
	PasswordSalt = 16
)

// Bounds on passwords, in characters. A password that is the only factor is longer than one beside a second.
const (
	ShortPassword = 8
	AlonePassword = 15
	LongPassword  = 128
)

// ErrPassword is why a text cannot be a password.
var ErrPassword = errors.New("cannot be the password")

// CheckPassword returns why a text cannot be the password of an account: too short (alone: it is the only factor), too long, or among those that are tried first.
// There are no rules about which characters it has (NIST SP 800-63B §3.1.1.2).
func CheckPassword(password, account string, alone bool) error {
	least := ShortPassword
	if alone {
		least = AlonePassword
	}
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		return fmt.Errorf("%w: it is not UTF-8", ErrPassword)
	case n < least && alone:
		return fmt.Errorf("%w: it has %d characters; at least %d are needed, or %d together with a second factor", ErrPassword, n, least, ShortPassword)
	case n < least:
		return fmt.Errorf("%w: it has %d characters; at least %d are needed", ErrPassword, n, least)
	case n > LongPassword || len(password) > 4*LongPassword:
		return fmt.Errorf("%w: it has %d characters; at most %d are taken", ErrPassword, n, LongPassword)
	case guessable(password, account):
		return fmt.Errorf("%w: it is among those that are tried first", ErrPassword)
	}
	return nil
}

// commonPasswords are words that lists of broken passwords begin with. What is left of a password without them, digits and signs must be something.
var commonPasswords = []string{"password", "passwort", "passw0rd", "letmein", "welcome", "willkommen", "qwertyuiop", "qwertz", "qwerty", "asdfghjkl", "asdf", "yxcvbnm", "zxcvbnm",
	"iloveyou", "administrator", "admin", "monkey", "dragon", "football", "baseball", "sunshine", "princess", "superman", "batman", "michael", "master", "shadow", "secret", "geheim",
	"changeme", "default", "trunkline", "gateway", "telephone", "telefon", "modem", "summer", "winter", "spring", "autumn", "hallo", "hello", "login", "root", "test", "user", "abcdefghijklmnopqrstuvwxyz",
	"abcdefgh", "abcdef", "abc", "trustno"}

// guessable tells whether hardly anything is left of a password without the account's name, common words, and characters that are no letters or the same again.
func guessable(password, account string) bool {
	rest := strings.ToLower(password)
	if account != "" {
		rest = strings.ReplaceAll(rest, strings.ToLower(account), "")
	}
	distinct := map[rune]bool{}
	for _, c := range rest {
		distinct[c] = true
	}
	if len(distinct) < 4 || sequence(rest) {
		return true
	}
	words := rest
	for _, w := range commonPasswords {
		words = strings.ReplaceAll(words, w, "")
	}
	if words == rest {
		return false
	}
	left := map[rune]bool{}
	for _, c := range words {
		if unicode.IsLetter(c) {
			left[c] = true
		}
	}
	return len(left) < 3
}

// sequence tells whether each character follows the one before it, upwards, downwards or equal, but for few.
func sequence(s string) bool {
	breaks := 0
	last := rune(-10)
	for _, c := range s {
		if d := c - last; d < -1 || d > 1 {
			breaks++
		}
		last = c
	}
	return breaks <= 3
}

// HashPassword returns the argon2id hash of a password in PHC form. It takes about 20 ms and 19 MiB: bound how many run at once. salt has PasswordSalt random bytes.
func HashPassword(password string, salt []byte) string {
	key := argon2.IDKey([]byte(password), salt, passwordTime, passwordMemory, passwordThreads, passwordBytes)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, passwordMemory, passwordTime, passwordThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// VerifyPassword tells whether a password is the one of a hash, and whether the hash should be made anew with today's parameters. An empty or foreign hash is that of
// no password, and takes as long.
func VerifyPassword(hash, password string) (ok, stale bool) {
	h, known := parseHash(hash)
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	ok = subtle.ConstantTimeCompare(key, h.key) == 1 && known
	return ok, ok && (h.time != passwordTime || h.memory != passwordMemory || h.threads != passwordThreads || len(h.key) != passwordBytes || len(h.salt) != PasswordSalt)
}

type passwordHash struct {
	time, memory uint32
	threads      uint8
	salt, key    []byte
}

// parseHash reads the PHC form; known is false, and the hash one that nothing matches, when it is none or asks for more than we would give.
func parseHash(s string) (h passwordHash, known bool) {
	nothing := passwordHash{passwordTime, passwordMemory, passwordThreads, make([]byte, PasswordSalt), make([]byte, passwordBytes)}
	part := strings.Split(s, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nothing, false
	}
	var err error
	if n, e := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); n != 3 || e != nil {
		return nothing, false
	}
	if h.salt, err = base64.RawStdEncoding.Strict().DecodeString(part[4]); err != nil {
		return nothing, false
	}
	if h.key, err = base64.RawStdEncoding.Strict().DecodeString(part[5]); err != nil {
		return nothing, false
	}
	if h.time < 1 || h.time > 10 || h.memory < 1<<10 || h.memory > 64<<10 || h.threads < 1 || h.threads > 8 || len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
		return nothing, false
	}
	return h, true
}
