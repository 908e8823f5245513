package config

import (
	"errors"
	"strconv"
	"strings"
)

// maxDepth is how many tables and arrays may lie in each other. The file needs three; the bound keeps the parser's memory small.
const maxDepth = 16

var errDeep = errors.New("keys or arrays lie too deep in each other")

// keyLines returns the line on which each key of a TOML document first stands: tables, keys, elements of arrays, each by its path. The document need
// not be valid: what comes before the first mistake is located rightly. The error says that it is nested too deeply; the map holds what was found.
func keyLines(src string) (map[string]int, error) {
	s := &scanner{src: src, line: 1, lines: map[string]int{}, arrays: map[string]int{}}
	table := ""
	for s.blank(); s.pos < len(s.src) && s.err == nil; s.blank() {
		start := s.pos
		if s.peek() == '[' {
			table = s.header()
		} else {
			s.pair(table, 0)
		}
		if i := strings.IndexByte(s.src[s.pos:], '\n'); i >= 0 {
			s.pos += i // rest of the line: a comment
		} else {
			s.pos = len(s.src)
		}
		if s.pos == start {
			s.pos++
		}
	}
	return s.lines, s.err
}

// scanner walks over a TOML document. It understands just enough of it to tell keys from values.
type scanner struct {
	src    string
	pos    int
	line   int
	lines  map[string]int // path → line
	arrays map[string]int // path of an array of tables → number of tables so far
	err    error
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// spaces skips blanks on a line.
func (s *scanner) spaces() {
	for c := s.peek(); c == ' ' || c == '\t'; c = s.peek() {
		s.pos++
	}
}

// blank skips blanks, line ends and comments.
func (s *scanner) blank() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case '\n':
			s.line++
			s.pos++
		case ' ', '\t', '\r':
			s.pos++
		case '#':
			for s.pos < len(s.src) && s.src[s.pos] != '\n' {
				s.pos++
			}
		default:
			return
		}
	}
}

// header reads [table] or [[table]] and returns its path.
func (s *scanner) header() string {
	s.pos++
	list := s.peek() == '['
	if list {
		s.pos++
	}
	path := s.key("")
	if list {
		n := s.arrays[path]
		s.arrays[path] = n + 1
		path = index(path, n)
		s.note(path)
	}
	for s.peek() == ']' {
		s.pos++
	}
	return path
}

// pair reads key = value within a table.
func (s *scanner) pair(table string, depth int) {
	path := s.key(table)
	s.spaces()
	if s.peek() == '=' {
		s.pos++
		s.spaces()
		s.value(path, depth)
	}
}

// key reads a dotted key, notes the line of each table that it opens, and returns the path below table.
func (s *scanner) key(table string) string {
	path := table
	for depth := 0; ; depth++ {
		if depth > maxDepth {
			s.err = errDeep
			return path
		}
		s.spaces()
		var part string
		switch c := s.peek(); {
		case c == '"' || c == '\'':
			part = s.text()
		case bareByte(c):
			start := s.pos
			for bareByte(s.peek()) {
				s.pos++
			}
			part = s.src[start:s.pos]
		default:
			return path
		}
		path = join(path, part)
		s.note(path)
		s.spaces()
		if s.peek() != '.' {
			return path
		}
		s.pos++
		if n := s.arrays[path]; n > 0 { // a table below the last of an array of tables
			path = index(path, n-1)
		}
	}
}

func (s *scanner) note(path string) {
	if _, ok := s.lines[path]; !ok {
		s.lines[path] = s.line
	}
}

// value skips a value and notes what lies in it.
func (s *scanner) value(path string, depth int) {
	if depth > maxDepth {
		s.err = errDeep
	}
	if s.err != nil {
		return
	}
	switch s.peek() {
	case '"', '\'':
		s.text()
	case '[':
		s.pos++
		for i := 0; s.more(']'); i++ {
			element := index(path, i)
			s.note(element)
			s.value(element, depth+1)
		}
	case '{':
		s.pos++
		for s.more('}') {
			s.pair(path, depth+1)
		}
	default:
		for s.pos < len(s.src) && !strings.ContainsRune(",]}#\n", rune(s.src[s.pos])) {
			s.pos++
		}
	}
}

// more tells whether another element of an array or an inline table follows; it takes the closing bracket when none does. It always moves on or says no.
func (s *scanner) more(end byte) bool {
	s.blank()
	if s.peek() == ',' {
		s.pos++
		s.blank()
	}
	switch c := s.peek(); {
	case c == end:
		s.pos++
		return false
	case c == 0 || c == ',' || c == ']' || c == '}' || c == '=' || s.err != nil:
		return false
	case end == '}' && !bareByte(c) && c != '"' && c != '\'':
		return false
	}
	return true
}

// text reads a string of any of the four kinds and returns what it stands for; escapes of a single-line basic string are resolved.
func (s *scanner) text() string {
	quote := s.src[s.pos : s.pos+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s.src[s.pos:], triple) {
		s.pos += 3
		s.longText(triple)
		return ""
	}
	start := s.pos
	for s.pos++; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == '\\' && quote == `"`:
			s.pos++
		case c == '\n':
			return s.src[start+1 : s.pos]
		case c == quote[0]:
			s.pos++
			raw := s.src[start:s.pos]
			if plain, err := strconv.Unquote(raw); err == nil && quote == `"` {
				return plain
			}
			return raw[1 : len(raw)-1]
		}
	}
	s.pos = len(s.src)
	return s.src[start+1:]
}

// longText skips a multi-line string up to and with its end; up to two quotes may stand right before the end.
func (s *scanner) longText(end string) {
	for ; s.pos < len(s.src); s.pos++ {
		switch c := s.src[s.pos]; {
		case c == '\\' && end[0] == '"':
			if s.pos++; s.pos < len(s.src) && s.src[s.pos] == '\n' {
				s.line++
			}
		case c == '\n':
			s.line++
		case strings.HasPrefix(s.src[s.pos:], end):
			s.pos += 3
			for i := 0; i < 2 && s.peek() == end[0]; i++ {
				s.pos++
			}
			return
		}
	}
	s.pos = len(s.src)
}
