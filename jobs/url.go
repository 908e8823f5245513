package jobs

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what describes an endpoint.
const (
	maxURL         = 2048
	maxDescription = 256
	maxTypes       = 32
	maxType        = 64
)

// FieldError says what is wrong with one field of an endpoint. Code is one of the codes of wrong fields of the API.
type FieldError struct{ Field, Code, Message string }

// InvalidError lists every wrong field.
type InvalidError struct{ Fields []FieldError }

func (e *InvalidError) Error() string {
	var all []string
	for _, f := range e.Fields {
		all = append(all, f.Field+": "+f.Message)
	}
	return strings.Join(all, "; ")
}

// WebhookSpec is what somebody may say about an endpoint.
type WebhookSpec struct {
	URL         string
	Description string
	Types       []string // empty: all
}

// trim drops blanks that came along when something was copied.
func (s *WebhookSpec) trim() {
	s.URL, s.Description = strings.TrimSpace(s.URL), strings.TrimSpace(s.Description)
}

// validate returns an *InvalidError, or nil.
func (s *WebhookSpec) validate(f fence) error {
	var wrong []FieldError
	if code, message := checkURL(s.URL, f); message != "" {
		wrong = append(wrong, FieldError{"url", code, message})
	}
	if utf8.RuneCountInString(s.Description) > maxDescription {
		wrong = append(wrong, FieldError{"description", "too_long", fmt.Sprintf("is longer than %d characters", maxDescription)})
	} else if strings.IndexFunc(s.Description, unicode.IsControl) >= 0 {
		wrong = append(wrong, FieldError{"description", "invalid", "has control characters"})
	}
	if len(s.Types) > maxTypes {
		wrong = append(wrong, FieldError{"types", "too_many", fmt.Sprintf("are more than %d; a beginning such as \"message.*\" stands for many", maxTypes)})
	}
	for i, t := range s.Types {
		if !isPattern(t) {
			wrong = append(wrong, FieldError{fmt.Sprintf("types[%d]", i), "invalid", "is no type of events, such as \"message.received\", and no beginning of one, such as \"message.*\""})
		}
	}
	if wrong != nil {
		return &InvalidError{wrong}
	}
	return nil
}

// checkURL tells what is wrong with the URL of an endpoint. Where its name leads is decided when it is connected to.
func checkURL(s string, f fence) (code, message string) {
	if s == "" {
		return "required", "is missing"
	}
	if len(s) > maxURL {
		return "too_long", fmt.Sprintf("is longer than %d characters", maxURL)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }); i >= 0 {
		return "invalid", fmt.Sprintf("has a character at offset %d that no URL has; encode it", i)
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" {
		return "invalid", "is no URL, such as \"https://example.com/hook\""
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return "unsupported", "must begin with https://"
	case u.Scheme == "http" && len(f.allow) == 0:
		return "unsupported", "must begin with https://; http is only for networks in webhook.allow_networks, and there are none"
	case u.User != nil:
		return "unsupported", "has a user name or password, which would be kept and logged as part of it; verify the signature instead"
	case u.Hostname() == "":
		return "invalid", "has no host"
	case u.Fragment != "" || strings.HasSuffix(s, "#"):
		return "unsupported", "has a fragment, which is never sent"
	case strings.HasSuffix(u.Host, ":"):
		return "invalid", "has a colon but no port"
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 || n < 1024 && n != 443 && n != 80 {
			return "out_of_range", "has a port that is neither 443 nor 80 nor from 1024 to 65535"
		}
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := f.check(a, u.Scheme == "http"); err != nil {
			return "unsupported", err.Error()
		}
	}
	return "", ""
}

// isPattern tells whether t is a type of events, the beginning of one with ".*" behind it, or "*".
func isPattern(t string) bool {
	if t == "*" {
		return true
	}
	t = strings.TrimSuffix(t, ".*")
	if t == "" || len(t) > maxType {
		return false
	}
	for word := range strings.SplitSeq(t, ".") {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return true
}

// wants tells whether an endpoint with these patterns gets a type of events.
func wants(patterns []string, t string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		if p == "*" || p == t {
			return true
		}
		start, ok := strings.CutSuffix(p, "*") // "message." of "message.*"
		return ok && strings.HasPrefix(t, start)
	})
}
