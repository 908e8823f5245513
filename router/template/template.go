// Package template fills values into short texts. Its language has names and a few filters and nothing else: no loops, no conditions, no calls and no files,
// so that rendering takes as long as the text and the values are.
//
//	text   = { any characters | "{{" name { "|" filter } "}}" }
//	name   = letter { letter | digit | "_" | "." }              e.g. sender, args.host
//	filter = "upper" | "lower" | "trim" | "default" ":" quoted | "truncate" ":" number
//
// A literal "{{" is written {{ "{{" }}. Values are inserted as they are: a text message has no markup that they could change.
package template

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds on templates.
const (
	MaxBytes  = 4096 // of a template
	MaxPlaces = 64   // where values are filled in
	MaxOutput = 255 * 160 * 4
)

// Template is a text with places for values. The zero value is an empty text.
type Template struct{ pieces []piece }

type piece struct {
	text    string // literal; when name is empty
	name    string
	filters []filter
}

type filter struct {
	name string
	text string // of default
	n    int    // of truncate
}

// Error says what is wrong with a template.
type Error struct {
	Offset int // in bytes, of the place
	Text   string
}

func (e *Error) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Text) }

// MissingError says that there is no value for a name.
type MissingError struct{ Name string }

func (e *MissingError) Error() string { return fmt.Sprintf("there is no value for %q", e.Name) }

// LongError says that a text became too long.
type LongError struct{ Limit int }

func (e *LongError) Error() string {
	return fmt.Sprintf("the text has more than %d bytes once its values are filled in", e.Limit)
}

// Parse reads a template. The error is an *Error.
func Parse(s string) (Template, error) {
	var t Template
	fail := func(at int, format string, a ...any) (Template, error) {
		return Template{}, &Error{at, fmt.Sprintf(format, a...)}
	}
	if len(s) > MaxBytes {
		return fail(MaxBytes, "the template has %d bytes, at most %d are taken", len(s), MaxBytes)
	}
	if !utf8.ValidString(s) {
		return fail(0, "the template is not valid UTF-8")
	}
	places := 0
	for at := 0; at < len(s); {
		open := strings.Index(s[at:], "{{")
		if tag := strings.Index(s[at:], "{%"); tag >= 0 && (open < 0 || tag < open) {
			return fail(at+tag, "{%% … %%} is not known here: a template has names in double braces only, no loops, conditions or includes")
		}
		if open < 0 {
			t.pieces = append(t.pieces, piece{text: s[at:]})
			break
		}
		if open > 0 {
			t.pieces = append(t.pieces, piece{text: s[at : at+open]})
		}
		at += open
		end := closing(s[at+2:])
		if end < 0 {
			return fail(at, "{{ is never closed by }}")
		}
		p, err := place(strings.TrimSpace(s[at+2 : at+2+end]))
		if err != nil {
			return fail(at, "%v", err)
		}
		if places++; places > MaxPlaces {
			return fail(at, "more than %d places for values", MaxPlaces)
		}
		t.pieces = append(t.pieces, p)
		at += 2 + end + 2
	}
	return t, nil
}

// closing returns where "}}" stands outside quotes, -1 when it does not.
func closing(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(s[i:], "}}"):
			return i
		}
	}
	return -1
}

// place reads what stands between braces.
func place(s string) (piece, error) {
	if text, ok := unquote(s); ok {
		return piece{text: text}, nil
	}
	words, err := split(s)
	if err != nil {
		return piece{}, err
	}
	p := piece{name: words[0]}
	if !IsName(p.name) {
		return p, fmt.Errorf("%q is no name: write {{ name }} with letters, digits, _ and dots", clip(p.name))
	}
	for _, w := range words[1:] {
		name, argument, has := strings.Cut(w, ":")
		f := filter{name: strings.TrimSpace(name)}
		argument = strings.TrimSpace(argument)
		var ok bool
		switch f.name {
		case "upper", "lower", "trim":
			ok = !has
		case "default":
			f.text, ok = unquote(argument)
		case "truncate":
			f.n, err = strconv.Atoi(argument)
			ok = err == nil && f.n > 0 && f.n <= MaxOutput
		default:
			return p, fmt.Errorf("filter %q is none of upper, lower, trim, default, truncate", clip(f.name))
		}
		if !ok {
			return p, fmt.Errorf("filter %q is written upper, lower, trim, default:\"text\" or truncate:20", clip(w))
		}
		p.filters = append(p.filters, f)
	}
	return p, nil
}

// split parts at bars outside quotes.
func split(s string) ([]string, error) {
	var words []string
	quoted, from := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == '|':
			words = append(words, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quote is not closed")
	}
	return append(words, strings.TrimSpace(s[from:])), nil
}

func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' {
		return "", false
	}
	text, err := strconv.Unquote(s)
	return text, err == nil && utf8.ValidString(text)
}

// IsName tells whether s can be the name of a value.
func IsName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '_' && c != '.' && (c < '0' || c > '9')) || c == '.' && (i == len(s)-1 || s[i-1] == '.') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// Names returns the names that a template needs a value for, each once, in order of their first place. Those with a default are not among them.
func (t Template) Names() []string {
	var all []string
	seen := map[string]bool{}
	for _, p := range t.pieces {
		if p.name != "" && !seen[p.name] && !p.optional() {
			seen[p.name] = true
			all = append(all, p.name)
		}
	}
	return all
}

func (p *piece) optional() bool {
	for _, f := range p.filters {
		if f.name == "default" {
			return true
		}
	}
	return false
}

// Render fills values in. The error is a *MissingError, since sending a text with a hole is worse than not sending it, or a *LongError beyond limit bytes, 0
// being MaxOutput.
func (t Template) Render(values map[string]string, limit int) (string, error) {
	if limit <= 0 || limit > MaxOutput {
		limit = MaxOutput
	}
	var b strings.Builder
	for _, p := range t.pieces {
		text := p.text
		if p.name != "" {
			v, ok := values[p.name]
			if !ok && !p.optional() {
				return "", &MissingError{p.name}
			}
			text = p.apply(v)
		}
		if b.Len()+len(text) > limit {
			return "", &LongError{limit}
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

func (p *piece) apply(v string) string {
	v = strings.ToValidUTF8(v, "\uFFFD")
	for _, f := range p.filters {
		switch f.name {
		case "upper":
			v = strings.ToUpper(v)
		case "lower":
			v = strings.ToLower(v)
		case "trim":
			v = strings.TrimSpace(v)
		case "default":
			if v == "" {
				v = f.text
			}
		case "truncate":
			n := 0
			for i := range v {
				if n == f.n {
					v = v[:i]
					break
				}
				n++
			}
		}
	}
	return v
}

func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
