package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration file.
type Problem struct {
	File string
	Line int    // from 1; 0 when it belongs to no line, e.g. a key that is missing
	Key  string // path of the key, e.g. "modem.desk.send_timeout"; empty when it is about the whole file
	What string
	Hint string // what to do instead; may be empty
}

// String returns "FILE:LINE: KEY: WHAT (HINT)", leaving out what is empty.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.What)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Error is everything that is wrong with a configuration file, in order of lines. It never holds the value of a key that was not understood, since that
// may be a secret.
type Error struct{ Problems []Problem }

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problems collects what is wrong with one file.
type problems struct {
	file  string
	lines map[string]int
	all   []Problem
}

// add notes a problem of a key; its line is that of the key or of the nearest table that holds it.
func (p *problems) add(key, hint, format string, a ...any) {
	p.all = append(p.all, Problem{File: p.file, Line: p.line(key), Key: key, What: fmt.Sprintf(format, a...), Hint: hint})
}

func (p *problems) line(key string) int {
	for key != "" {
		if n, ok := p.lines[key]; ok {
			return n
		}
		key = parent(key)
	}
	return 0
}

// has tells whether a problem of a key is known already.
func (p *problems) has(key string) bool {
	return slices.ContainsFunc(p.all, func(q Problem) bool { return q.Key == key })
}

// err returns nil when nothing was added, else an *Error.
func (p *problems) err() error {
	if len(p.all) == 0 {
		return nil
	}
	slices.SortStableFunc(p.all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.Key, b.Key))
	})
	return &Error{Problems: p.all}
}
