package alertmanager

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A template is text with words in braces. It has no conditions, loops or functions: what can go into a text message needs none, and nothing in it can
// take long or grow without bound.
type template []piece

// piece is a literal text, or a word that stands for a value.
type piece struct {
	text string
	word string // "status", or "labels." and a name; empty for a literal
}

var (
	textWords  = []string{"status", "count", "alerts", "receiver", "group", "labels.", "annotations."}
	alertWords = []string{"status", "labels.", "annotations."}
)

// parse reads a template in which the words of a list may stand; one that ends with a dot stands for every name behind it.
//
//	template = { literal | "{{" | "}}" | "{" word "}" }
func parse(s string, words []string) (t template, err error) {
	for len(s) > 0 {
		i := strings.IndexAny(s, "{}")
		switch {
		case i < 0:
			return append(t, piece{text: s}), nil
		case i > 0:
			t = append(t, piece{text: s[:i]})
			s = s[i:]
		case strings.HasPrefix(s, "{{") || strings.HasPrefix(s, "}}"):
			t = append(t, piece{text: s[:1]})
			s = s[2:]
		case s[0] == '}':
			return nil, fmt.Errorf("a } stands alone; write it twice for the character itself")
		default:
			word, rest, ok := strings.Cut(s[1:], "}")
			if !ok {
				return nil, fmt.Errorf("a { is not closed; write it twice for the character itself")
			}
			if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(word, w) && strings.HasSuffix(w, ".") != (w == word) }) {
				return nil, fmt.Errorf("{%s} is not known; there are {%s}", clip(word), strings.ReplaceAll(strings.Join(words, "}, {"), ".}", ".NAME}"))
			}
			t = append(t, piece{word: word})
			s = rest
		}
	}
	return t, nil
}

// expand fills a template in; values come on one line.
func (t template) expand(value func(word string) string) string {
	var b strings.Builder
	for _, p := range t {
		if p.word == "" {
			b.WriteString(p.text)
			continue
		}
		b.WriteString(value(p.word))
	}
	return b.String()
}

// oneLine makes a value from outside fit for a text: no control characters, no invisible marks, no runs of blanks.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
