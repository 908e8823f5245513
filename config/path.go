package config

import (
	"strconv"
)

// A key path is written as in TOML: parts joined by dots, a part that is no bare key in double quotes, elements of arrays as [N] from 0.

// join appends a part to a path.
func join(path, part string) string {
	if !bare(part) {
		part = strconv.Quote(part)
	}
	if path == "" {
		return part
	}
	return path + "." + part
}

// index appends the number of an element to a path.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// bare tells whether a key needs no quotes (TOML 1.0, "Keys").
func bare(s string) bool {
	for i := 0; i < len(s); i++ {
		if !bareByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func bareByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// parent returns the path without its last part or element, "" at the top.
func parent(path string) string {
	quoted := false
	last := -1
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case (c == '.' || c == '[') && !quoted:
			last = i
		}
	}
	return path[:max(last, 0)]
}
