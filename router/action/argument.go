package action

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Types of arguments.
const (
	Int       = "int"
	Str       = "str"
	List      = "list"      // one of the choices
	MultiList = "multilist" // some of the choices
	Date      = "date"      // 2026-11-21 or 2026/11/21
	Time      = "time"      // 15:04
	Float     = "float"
)

// Types lists every type of argument.
func Types() []string { return []string{Int, Str, List, MultiList, Date, Time, Float} }

// Bounds on arguments.
const (
	MaxArguments = 16
	MaxValue     = 256 // characters of one value
	MaxChoices   = 64
	maxPattern   = 256
)

// Argument is one thing that an action wants to know.
type Argument struct {
	Name        string // as in templates: letters, digits and _
	Type        string // empty: Str
	Required    bool
	Choices     []string // of List and MultiList
	Pattern     string   // regular expression (RE2) that the whole value must match; of Str, empty: printable and no "-" at its beginning
	Description string
}

// Complaint says what is wrong with an argument, in words for the sender.
type Complaint struct{ Argument, Text string }

func (c *Complaint) Error() string { return c.Text }

// CheckArguments says what is wrong with the arguments of an action, each error beginning with the field and a colon.
func CheckArguments(all []Argument) (errs []error) {
	if len(all) > MaxArguments {
		return []error{fmt.Errorf("arguments: there are %d, at most %d are taken", len(all), MaxArguments)}
	}
	seen, optional := map[string]bool{}, ""
	for i, a := range all {
		wrong := func(field, format string, v ...any) {
			errs = append(errs, fmt.Errorf("arguments[%d].%s: %s", i, field, fmt.Sprintf(format, v...)))
		}
		switch {
		case !isName(a.Name):
			wrong("name", "%q is not 1 to 32 of a-z, 0-9 and _, beginning with a letter", clip(a.Name))
		case seen[a.Name]:
			wrong("name", "%q is there twice", a.Name)
		}
		seen[a.Name] = true
		if a.Type != "" && !slices.Contains(Types(), a.Type) {
			wrong("type", "%q is none of %s", clip(a.Type), strings.Join(Types(), ", "))
		}
		choice := a.Type == List || a.Type == MultiList
		switch {
		case choice && len(a.Choices) == 0:
			wrong("choices", "a %s needs some", a.Type)
		case !choice && len(a.Choices) > 0:
			wrong("choices", "only list and multilist have choices")
		case len(a.Choices) > MaxChoices:
			wrong("choices", "there are %d, at most %d are taken", len(a.Choices), MaxChoices)
		}
		for k, c := range a.Choices {
			if c == "" || utf8.RuneCountInString(c) > MaxValue || strings.ContainsFunc(c, func(r rune) bool { return !unicode.IsPrint(r) || r == ',' || unicode.IsSpace(r) }) {
				wrong(fmt.Sprintf("choices[%d]", k), "must be one printable word without commas")
			}
		}
		if a.Pattern != "" {
			if _, err := compile(a.Pattern); err != nil {
				wrong("pattern", "%v", err)
			}
		}
		if a.Required && optional != "" {
			wrong("required", "arguments are given in order, so that none can be required behind %s, which is optional", optional)
		}
		if !a.Required && optional == "" {
			optional = a.Name
		}
	}
	return errs
}

func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

func compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("has %d bytes, at most %d are taken", len(pattern), maxPattern)
	}
	re, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return nil, fmt.Errorf("is no regular expression: %w", err)
	}
	return re, nil
}

// read returns the value of an argument in canonical form.
func (a *Argument) read(v string) (string, *Complaint) {
	wrong := func() (string, *Complaint) {
		return "", &Complaint{a.Name, fmt.Sprintf("Wrong value for argument %s", a.Name)}
	}
	if utf8.RuneCountInString(v) > MaxValue {
		return "", &Complaint{a.Name, fmt.Sprintf("Argument %s is longer than %d characters", a.Name, MaxValue)}
	}
	if !utf8.ValidString(v) || strings.ContainsFunc(v, hidden) {
		return wrong()
	}
	switch a.Type {
	case Int:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return wrong()
		}
		v = strconv.FormatInt(n, 10)
	case Float:
		if _, err := strconv.ParseFloat(v, 64); err != nil || strings.ContainsAny(v, "xXpPnNiI_") {
			return wrong()
		}
	case Date:
		d, err := time.Parse("2006-01-02", strings.ReplaceAll(v, "/", "-"))
		if err != nil {
			return wrong()
		}
		v = d.Format("2006-01-02")
	case Time:
		d, err := time.Parse("15:04", v)
		if err != nil {
			return wrong()
		}
		v = d.Format("15:04")
	case List:
		i := slices.IndexFunc(a.Choices, func(c string) bool { return strings.EqualFold(c, v) })
		if i < 0 {
			return "", a.choose()
		}
		v = a.Choices[i]
	case MultiList:
		var some []string
		for one := range strings.SplitSeq(v, ",") {
			i := slices.IndexFunc(a.Choices, func(c string) bool { return strings.EqualFold(c, strings.TrimSpace(one)) })
			if i < 0 {
				return "", a.choose()
			}
			if !slices.Contains(some, a.Choices[i]) {
				some = append(some, a.Choices[i])
			}
		}
		v = strings.Join(some, ",")
	default:
		if a.Pattern == "" && strings.HasPrefix(v, "-") {
			return wrong() // it would be read as an option
		}
	}
	if a.Pattern != "" {
		if re, err := compile(a.Pattern); err != nil || !re.MatchString(v) {
			return wrong()
		}
	}
	return v, nil
}

func (a *Argument) choose() *Complaint {
	return &Complaint{a.Name, fmt.Sprintf("Valid value(s) for %s argument are %s", a.Name, strings.Join(a.Choices, ", "))}
}

// hidden tells whether a character can change what a reader or a terminal shows.
func hidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
