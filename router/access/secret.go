package access

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
)

// What is shown to be let in, without a name and a password: tl_KIND_ID_SECRETSUM. The beginning and the sum, a CRC-32, let a scanner of files recognise one that
// leaked, without asking anybody. The id finds it, the secret proves it; of all of it only the SHA-256 is kept.

// Kinds of secrets.
const (
	KindToken   = "api"     // of a program
	KindSession = "session" // of a browser
	KindReset   = "reset"   // sets a password, once
)

// SecretIDBytes is how long the id of a secret is.
const SecretIDBytes = 8

const secretBytes = 32 // 256 bits of chance need no slow hash

// base32 in lower case: no character that ends a word, and nothing to mistake when it is read aloud.
var secretText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Secret is one, as it is known to who makes it.
type Secret struct {
	Text string // to be told once
	ID   [SecretIDBytes]byte
	Hash [32]byte // of Text, to be kept
}

// NewSecret makes a secret.
func NewSecret(kind string, random io.Reader) (Secret, error) {
	var s Secret
	secret := make([]byte, secretBytes)
	if _, err := io.ReadFull(random, s.ID[:]); err != nil {
		return s, err
	}
	if _, err := io.ReadFull(random, secret); err != nil {
		return s, err
	}
	body := "tl_" + kind + "_" + secretText.EncodeToString(s.ID[:]) + "_" + secretText.EncodeToString(secret)
	s.Text = body + secretSum(body)
	s.Hash = sha256.Sum256([]byte(s.Text))
	return s, nil
}

// ErrSecret says that a text is no secret of its kind: cut, mistyped, or something else.
var ErrSecret = errors.New("it is no complete one of its kind")

// ParseSecret reads what NewSecret made; the error is ErrSecret.
func ParseSecret(kind, text string) (s Secret, err error) {
	rest, ok := strings.CutPrefix(text, "tl_"+kind+"_")
	id, secret, two := strings.Cut(rest, "_")
	if !ok || !two || len(text) > 128 || len(secret) != secretText.EncodedLen(secretBytes)+secretText.EncodedLen(4) {
		return s, ErrSecret
	}
	b, err := secretText.DecodeString(id)
	body := text[:len(text)-secretText.EncodedLen(4)]
	if err != nil || len(b) != SecretIDBytes || body+secretSum(body) != text {
		return s, ErrSecret
	}
	s.Text, s.ID, s.Hash = text, [SecretIDBytes]byte(b), sha256.Sum256([]byte(text))
	return s, nil
}

func secretSum(body string) string {
	return secretText.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body))))
}
