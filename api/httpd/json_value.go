package httpd

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// first returns the first value in a container, -1 when it is empty; next the one after.
func (d *document) first(at int32) int32 {
	if d.nodes[at].count == 0 {
		return -1
	}
	return at + 1
}

func (d *document) next(at int32) int32 { return d.nodes[at].next }

// key returns the name of a member.
func (d *document) key(at int32) string {
	n := &d.nodes[at]
	return unescape(d.text[n.keyFrom:n.keyTo], n.keyEscs)
}

// keyIs tells whether a member has this name, without making a string of it.
func (d *document) keyIs(at int32, name string) bool {
	n := &d.nodes[at]
	if n.keyEscs {
		return d.key(at) == name
	}
	return string(d.text[n.keyFrom:n.keyTo]) == name
}

// raw returns a value as it is written; of a string without its quotes.
func (d *document) raw(at int32) []byte {
	n := &d.nodes[at]
	return d.text[n.from:n.to]
}

// content returns the value of a string.
func (d *document) content(at int32) string {
	n := &d.nodes[at]
	if d.whole != "" && !n.escaped {
		return d.whole[n.from:n.to]
	}
	return unescape(d.text[n.from:n.to], n.escaped)
}

// unescape returns the string that b is the checked JSON form of.
func unescape(b []byte, escaped bool) string {
	if !escaped {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if b[i] != '\\' {
			out = append(out, b[i])
			i++
			continue
		}
		switch c := b[i+1]; c {
		case 'u':
			r, _ := hex4(b[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				low, _ := hex4(b[i+2:])
				r = utf16.DecodeRune(r, low)
				i += 6
			}
			out = utf8.AppendRune(out, r)
			continue
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		default: // quote, backslash, slash
			out = append(out, c)
		}
		i += 2
	}
	return string(out)
}

// path names a value from the top, e.g. to[1] or context.name; the top itself is "".
func (d *document) path(at int32) string {
	if at <= 0 {
		return ""
	}
	parent := d.nodes[at].parent
	prefix := d.path(parent)
	if d.nodes[parent].kind == kindArray {
		index := d.nodes[parent].count // not linked yet: it will be the last
		for i, c := int32(0), d.first(parent); c >= 0; i, c = i+1, d.next(c) {
			if c == at {
				index = i
				break
			}
		}
		return prefix + "[" + strconv.Itoa(int(index)) + "]"
	}
	name := clip(d.key(at))
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// clip shortens what a caller sent for an error message.
func clip(s string) string {
	const longest = 64
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
