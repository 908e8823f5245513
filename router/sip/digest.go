package sip

import (
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// credentials answers the challenge of a 401 or 407 with the line that the next request needs. RFC 3261 §22, RFC 7616, RFC 8760; "auth-int" is not supported.
func credentials(r *sip.Response, username, password, uri string) (string, error) {
	ask, give := "WWW-Authenticate", "Authorization"
	if r.StatusCode == 407 {
		ask, give = "Proxy-Authenticate", "Proxy-Authorization"
	}
	var best map[string]string
	for _, h := range r.GetHeaders(ask) {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(h.Value()), " ")
		if !strings.EqualFold(scheme, "Digest") {
			continue
		}
		c := challenge(rest)
		switch {
		case c["realm"] == "" || c["nonce"] == "":
		case strings.EqualFold(c["algorithm"], "SHA-256"):
			best = c
		case best == nil && (c["algorithm"] == "" || strings.EqualFold(c["algorithm"], "MD5")):
			best = c
		}
	}
	if best == nil {
		return "", errors.New("the server wants to know who sends, in no way that is known here: Digest with MD5 or SHA-256")
	}
	newHash := md5.New
	if strings.EqualFold(best["algorithm"], "SHA-256") {
		newHash = sha256.New
	}
	first, second := hexOf(newHash, username+":"+best["realm"]+":"+password), hexOf(newHash, "MESSAGE:"+uri)
	line := fmt.Sprintf(`%s: Digest username="%s", realm="%s", nonce="%s", uri="%s"`, give, username, quoted(best["realm"]), quoted(best["nonce"]), uri)
	if best["algorithm"] != "" {
		line += ", algorithm=" + strings.ToUpper(best["algorithm"])
	}
	if best["opaque"] != "" {
		line += `, opaque="` + quoted(best["opaque"]) + `"`
	}
	if best["qop"] == "" {
		return line + `, response="` + hexOf(newHash, first+":"+best["nonce"]+":"+second) + `"`, nil
	}
	if !hasToken(best["qop"], "auth") {
		return "", fmt.Errorf("the server wants protection %q, and only \"auth\" is known here", clip(best["qop"]))
	}
	cnonce := random()
	response := hexOf(newHash, strings.Join([]string{first, best["nonce"], "00000001", cnonce, "auth", second}, ":"))
	return line + fmt.Sprintf(`, qop=auth, nc=00000001, cnonce="%s", response="%s"`, cnonce, response), nil
}

func hexOf(newHash func() hash.Hash, s string) string {
	h := newHash()
	h.Write([]byte(s))
	return fmt.Sprintf("%x", h.Sum(nil))
}

func hasToken(list, token string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(one), token) {
			return true
		}
	}
	return false
}

// quoted writes a value as it may stand between quotes; line ends, which no challenge that was parsed can have, are dropped.
func quoted(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "").Replace(s)
}

// challenge reads name=value and name="value", separated by commas. Names are in small letters.
func challenge(s string) map[string]string {
	all := map[string]string{}
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		name, rest = strings.ToLower(strings.Trim(name, " \t,")), strings.TrimLeft(rest, " \t")
		var value strings.Builder
		if strings.HasPrefix(rest, `"`) {
			i := 1
			for ; i < len(rest) && rest[i] != '"'; i++ {
				if rest[i] == '\\' && i+1 < len(rest) {
					i++
				}
				value.WriteByte(rest[i])
			}
			s = rest[min(i+1, len(rest)):]
		} else {
			plain, after, _ := strings.Cut(rest, ",")
			value.WriteString(strings.TrimSpace(plain))
			s = after
		}
		if _, twice := all[name]; !twice && name != "" {
			all[name] = value.String()
		}
	}
	return all
}
