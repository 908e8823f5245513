package access

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"time"

	"crypto/rand"
)

// Time-based one-time passwords as authenticator apps make them: SHA-1, six digits, thirty seconds. RFC 6238.
const (
	totpStep   = 30 * time.Second
	totpDigits = 6
	totpSlack  = 1 // steps before and after now, for clocks that differ; RFC 6238 §5.2
	totpSecret = 20
)

// NewTOTPSecret returns a new secret of 160 bits, as RFC 4226 §4 wants it.
func NewTOTPSecret(random io.Reader) ([]byte, error) {
	secret := make([]byte, totpSecret)
	_, err := io.ReadFull(random, secret)
	return secret, err
}

// TOTPCode returns the code of a step, which is the number of thirty seconds since 1970.
func TOTPCode(secret []byte, step uint64) string {
	mac := hmac.New(sha1.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, step))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15 // RFC 4226 §5.3
	n := binary.BigEndian.Uint32(sum[at:]) & (1<<31 - 1)
	return fmt.Sprintf("%0*d", totpDigits, n%1_000_000)
}

// VerifyTOTP tells whether a code is right at a time, one step more or less, and which step it is of. Only steps after last count: store the step as the new last
// with what the code allowed, and it is used once. Blanks in the code are passed over. An empty secret has no right code.
func VerifyTOTP(secret []byte, code string, at time.Time, last uint64) (step uint64, ok bool) {
	code = strings.ReplaceAll(code, " ", "")
	if len(secret) == 0 || len(code) != totpDigits || at.Unix() < 0 {
		return 0, false
	}
	now := uint64(at.Unix()) / uint64(totpStep/time.Second)
	for s := max(now, totpSlack) - totpSlack; s <= now+totpSlack; s++ {
		if subtle.ConstantTimeCompare([]byte(TOTPCode(secret, s)), []byte(code)) == 1 && s > last {
			step, ok = s, true // all are compared, so that the time tells nothing
		}
	}
	return step, ok
}

// TOTPText is a secret as a person types it into an app.
func TOTPText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// TOTPURI is what an app reads from a QR code: the key URI format.
func TOTPURI(issuer, account string, secret []byte) string {
	q := url.Values{"secret": {TOTPText(secret)}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {strconv.Itoa(totpDigits)}, "period": {strconv.Itoa(int(totpStep / time.Second))}}
	return "otpauth://totp/" + url.PathEscape(issuer+":"+account) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// NewCode returns a random code of decimal digits, each code as likely as any other. A code that is sent to somebody has 6 to 8 digits, a few minutes and a few
// tries.
func NewCode(random io.Reader, digits int) (string, error) {
	n, err := rand.Int(random, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*s", digits, n.String()), nil
}

// HashCode is how a code is kept: bound to a salt, and to whatever it allows. Few digits are no secret for long: what is kept must end soon.
func HashCode(salt []byte, code string) []byte {
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(code))
	return mac.Sum(nil)
}
