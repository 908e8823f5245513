package main

import (
	"fmt"
	"strings"
	"unicode"
)

// oneScreen makes text that came from elsewhere harmless to show: control characters, escapes, line and bidirectional marks are written as Go escapes,
// but for the line feed and the tab.
func oneScreen(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd") // a lone 0x9b starts a sequence on some terminals
	if strings.IndexFunc(s, hostile) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hostile(r) {
			b.WriteString(escapeRune(r))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// oneLine is oneScreen for a table or a log: line feeds and tabs are escaped too.
func oneLine(s string) string {
	s = oneScreen(s)
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(s)
}

// indent puts four blanks in front of every line.
func indent(s string) string { return "    " + strings.ReplaceAll(s, "\n", "\n    ") }

// hostile tells whether a terminal or a reader could be misled by a character.
func hostile(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case unicode.IsControl(r): // C0, DEL, C1
		return true
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0x200E, r == 0x200F, r == 0x061C: // bidirectional marks
		return true
	case r == 0x2028 || r == 0x2029 || r == 0xFEFF: // line and paragraph separator, byte order mark
		return true
	}
	return false
}

func escapeRune(r rune) string {
	if r < 0x100 {
		return fmt.Sprintf(`\x%02x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
