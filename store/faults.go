package store

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Fault says what is wrong with a field of a record.
type Fault struct {
	Field string // as in the API, e.g. "phone_number" or "phones[2].number"
	Code  string // required, too_long, invalid, unknown, archived, exists, immutable, out_of_range
	Text  string // what is wrong and what would be right
}

// Faults is the error about a record that breaks rules: every field that does. errors.Is finds ErrExists when a value is taken, else ErrInvalid.
type Faults struct {
	Kind   string // of record
	Fields []Fault
}

func (f *Faults) Error() string {
	parts := make([]string, len(f.Fields))
	for i, one := range f.Fields {
		parts[i] = one.Field + ": " + one.Text
	}
	return f.Kind + ": " + strings.Join(parts, "; ")
}

// Unwrap returns what the faults come to.
func (f *Faults) Unwrap() error {
	for _, one := range f.Fields {
		if one.Code != "exists" {
			return ErrInvalid
		}
	}
	return ErrExists
}

// err returns the faults as an error, nil when there are none.
func (f *Faults) err() error {
	if len(f.Fields) == 0 {
		return nil
	}
	return f
}

func (f *Faults) add(field, code, format string, args ...any) {
	if len(f.Fields) < 100 {
		f.Fields = append(f.Fields, Fault{field, code, fmt.Sprintf(format, args...)})
	}
}

// taken adds that a value belongs to another record.
func (f *Faults) taken(field string, other *Meta) {
	state := ""
	if !other.ArchivedAt.IsZero() {
		state = "archived "
	}
	f.add(field, "exists", "the %s%s %d has it already", state, f.Kind, other.ID)
}

// text checks a text of at most max characters.
func (f *Faults) text(field, s string, max int) {
	switch {
	case !utf8.ValidString(s):
		f.add(field, "invalid", "is not valid UTF-8")
	case len(s) > max && utf8.RuneCountInString(s) > max:
		f.add(field, "too_long", "has %d characters, at most %d are possible", utf8.RuneCountInString(s), max)
	case strings.ContainsRune(s, 0):
		f.add(field, "invalid", "holds the character U+0000")
	}
}

// word checks a text of at most max characters without control characters.
func (f *Faults) word(field, s string, max int) {
	f.text(field, s, max)
	for _, r := range s {
		if r < 0x20 || r == 0x7F {
			f.add(field, "invalid", "holds the control character %U", r)
			return
		}
	}
}

// required checks that there is a text of at most max characters without control characters.
func (f *Faults) required(field, s string, max int) {
	if strings.TrimSpace(s) == "" {
		f.add(field, "required", "is missing")
		return
	}
	f.word(field, s, max)
}

// email checks an address of mail: something, one @, and a domain. RFC 5321 §4.5.3.1 limits its length.
func (f *Faults) email(field, s string) {
	if s == "" {
		return
	}
	local, domain, ok := strings.Cut(s, "@")
	bad := !ok || local == "" || len(local) > 64 || strings.ContainsAny(s, " \t\r\n<>()[],;:\\\"") || strings.Contains(domain, "@") ||
		strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") || strings.Contains(domain, "..") || domain == ""
	if bad {
		f.add(field, "invalid", "is no address of mail; it looks like name@example.org")
		return
	}
	f.word(field, s, 254)
}

// oneOf checks a word that must be one of a few; empty is allowed.
func (f *Faults) oneOf(field, s string, all ...string) {
	if s == "" {
		return
	}
	for _, w := range all {
		if s == w {
			return
		}
	}
	f.add(field, "invalid", "is none of %s", strings.Join(all, ", "))
}

// reference checks that a record that is referred to is there and in use.
func reference[T any](r Reader, k *kind[T], f *Faults, field string, id uint64) (*T, error) {
	v, err := k.find(r, id)
	switch {
	case err != nil:
		return nil, err
	case v == nil:
		f.add(field, "unknown", "there is no %s %d", k.name, id)
	case !k.meta(v).ArchivedAt.IsZero():
		f.add(field, "archived", "the %s %d is archived", k.name, id)
	default:
		return v, nil
	}
	return nil, nil
}

// inProvider checks that the service provider of a new record is there and in use.
func (f *Faults) inProvider(r Reader, m *Meta) error {
	p, err := findProvider(r, m.Provider)
	switch {
	case err != nil:
		return err
	case p == nil:
		f.add("provider", "unknown", "there is no service provider %q", strings.TrimSuffix(m.Provider, nobody))
	case !p.ArchivedAt.IsZero():
		f.add("provider", "archived", "the service provider %q is archived", p.Name)
	}
	return nil
}
