package callplan

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// kind is what a JSON value is.
type kind uint8

const (
	isNull kind = iota
	isFalse
	isTrue
	isNumber
	isText
	isList
	isObject
	isDeep // a list or object nested too deeply: only known to be well-formed
)

func (k kind) String() string {
	return [...]string{"null", "false", "true", "a number", "text", "a list", "an object", "something nested very deeply"}[k]
}

// node is a JSON value with what encoding/json does not keep: literals of numbers, the order of members, and members that stand twice.
type node struct {
	kind  kind
	text  string   // of text: the characters; of a number: its literal
	keys  []string // of an object
	items []*node  // of a list or an object
	raw   string   // as it stands in the document
}

// member returns the value of a key, nil when the object lacks it. Of members that stand twice it is the last.
func (n *node) member(key string) *node {
	if n == nil || n.kind != isObject {
		return nil
	}
	for i := len(n.keys) - 1; i >= 0; i-- {
		if n.keys[i] == key {
			return n.items[i]
		}
	}
	return nil
}

// absent tells whether a value counts as not given: null, false, "", [] or {}.
func (n *node) absent() bool {
	if n == nil {
		return true
	}
	switch n.kind {
	case isNull, isFalse:
		return true
	case isText:
		return n.text == ""
	case isList, isObject:
		return len(n.items) == 0
	}
	return false
}

// show returns the value as it stands in the document, cut to fit in a message.
func (n *node) show() string {
	if n == nil {
		return "nothing"
	}
	s := strings.Join(strings.Fields(n.raw), " ")
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// syntaxError says where a document is not JSON.
type syntaxError struct {
	line, column int
	reason       string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.line, e.column, e.reason)
}

// jsonReader reads one document, RFC 8259 to the letter.
type jsonReader struct {
	doc   string
	pos   int
	depth int // how deeply values are kept
}

// readJSON returns the value of a document; values nested more than depth levels deep are only checked. The error is a *syntaxError.
func readJSON(doc string, depth int) (n *node, err error) {
	r := &jsonReader{doc: doc, depth: depth}
	defer func() {
		if e, ok := recover().(*syntaxError); ok {
			n, err = nil, e
		}
	}()
	if bad := strings.IndexFunc(doc, func(c rune) bool { return c == utf8.RuneError }); bad >= 0 {
		if _, size := utf8.DecodeRuneInString(doc[bad:]); size == 1 {
			r.pos = bad
			r.fail("octet 0x%02x is no UTF-8", doc[bad])
		}
	}
	r.blank()
	n = r.value(0)
	if r.blank(); r.pos < len(doc) {
		r.fail("%q after the end of the value", r.rest())
	}
	return n, nil
}

func (r *jsonReader) fail(format string, a ...any) {
	before := r.doc[:min(r.pos, len(r.doc))]
	panic(&syntaxError{strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n'), fmt.Sprintf(format, a...)})
}

// rest returns the next characters for a message.
func (r *jsonReader) rest() string {
	s := r.doc[min(r.pos, len(r.doc)):]
	if len(s) > 20 {
		s = strings.ToValidUTF8(s[:20], "")
	}
	return s
}

func (r *jsonReader) blank() {
	for r.pos < len(r.doc) {
		switch r.doc[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// peek returns the next octet, 0 at the end.
func (r *jsonReader) peek() byte {
	if r.pos < len(r.doc) {
		return r.doc[r.pos]
	}
	return 0
}

func (r *jsonReader) value(level int) *node {
	start := r.pos
	n := &node{}
	switch c := r.peek(); {
	case c == '{' || c == '[':
		if level >= r.depth {
			r.skip()
			n.kind = isDeep
			break
		}
		r.composite(n, level)
	case c == '"':
		n.kind, n.text = isText, r.text()
	case c == '-' || c >= '0' && c <= '9':
		n.kind, n.text = isNumber, r.number()
	case r.word("null"):
		n.kind = isNull
	case r.word("true"):
		n.kind = isTrue
	case r.word("false"):
		n.kind = isFalse
	case r.pos >= len(r.doc):
		r.fail("the document ends where a value is expected")
	default:
		r.fail("%q is no JSON value", r.rest())
	}
	n.raw = r.doc[start:r.pos]
	return n
}

func (r *jsonReader) word(w string) bool {
	if strings.HasPrefix(r.doc[r.pos:], w) {
		r.pos += len(w)
		return true
	}
	return false
}

// composite reads a list or an object.
func (r *jsonReader) composite(n *node, level int) {
	n.kind = isList
	end := byte(']')
	if r.peek() == '{' {
		n.kind, end = isObject, '}'
	}
	r.pos++
	if r.blank(); r.peek() == end {
		r.pos++
		return
	}
	for {
		if n.kind == isObject {
			n.keys = append(n.keys, r.key())
		}
		n.items = append(n.items, r.value(level+1))
		if r.next(end) {
			return
		}
	}
}

// key reads the name of a member and its colon.
func (r *jsonReader) key() string {
	if r.peek() != '"' {
		r.fail("%q where the name of a member is expected", r.rest())
	}
	key := r.text()
	if r.blank(); r.peek() != ':' {
		r.fail("no colon after the member's name %q", key)
	}
	r.pos++
	r.blank()
	return key
}

// next goes to the next item, or tells that the end was met.
func (r *jsonReader) next(end byte) bool {
	r.blank()
	switch r.peek() {
	case end:
		r.pos++
		return true
	case ',':
		r.pos++
		r.blank()
		return false
	}
	if r.pos >= len(r.doc) {
		r.fail("the document ends before %q", end)
	}
	r.fail("%q where a comma or %q is expected", r.rest(), end)
	return true
}

// skip reads a list or an object of any depth without keeping it, and without recursion.
func (r *jsonReader) skip() {
	var ends []byte
	for {
		if len(ends) > 0 && ends[len(ends)-1] == '}' {
			r.key()
		}
		switch c := r.peek(); c {
		case '{', '[':
			end := c + 2 // '[' and ']', '{' and '}' are two apart
			r.pos++
			if r.blank(); r.peek() != end {
				ends = append(ends, end)
				continue
			}
			r.pos++
		default:
			r.value(0)
		}
		for len(ends) > 0 && r.next(ends[len(ends)-1]) {
			ends = ends[:len(ends)-1]
		}
		if len(ends) == 0 {
			return
		}
	}
}

func (r *jsonReader) number() string {
	start := r.pos
	digits := func() {
		first := r.pos
		for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
			r.pos++
		}
		if r.pos == first {
			r.fail("a digit is missing in a number")
		}
	}
	if r.peek() == '-' {
		r.pos++
	}
	if r.peek() == '0' {
		r.pos++
	} else {
		digits()
	}
	if r.peek() == '.' {
		r.pos++
		digits()
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.pos++
		if c := r.peek(); c == '+' || c == '-' {
			r.pos++
		}
		digits()
	}
	return r.doc[start:r.pos]
}

func (r *jsonReader) text() string {
	r.pos++
	start := r.pos
	for r.pos < len(r.doc) { // most texts have no escapes
		switch c := r.doc[r.pos]; {
		case c == '"':
			r.pos++
			return r.doc[start : r.pos-1]
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			r.fail("control character 0x%02x in a text: write \\u%04x", c, c)
		}
		r.pos++
	}
	r.fail("a text without closing quotation mark")
	return ""
}

// escaped goes on with a text in which an escape was met.
func (r *jsonReader) escaped(start int) string {
	b := []byte(r.doc[start:r.pos])
	for r.pos < len(r.doc) {
		c := r.doc[r.pos]
		r.pos++
		switch {
		case c == '"':
			return string(b)
		case c < ' ':
			r.pos--
			r.fail("control character 0x%02x in a text: write \\u%04x", c, c)
		case c != '\\':
			b = append(b, c)
			continue
		case r.peek() == 'u':
			r.pos++
			b = utf8.AppendRune(b, r.unicode())
			continue
		default:
			i := strings.IndexByte(`"\/bfnrt`, r.peek())
			if i < 0 || r.pos >= len(r.doc) {
				r.fail("%q is no escape", `\`+r.rest())
			}
			b = append(b, "\"\\/\b\f\n\r\t"[i])
			r.pos++
		}
	}
	r.fail("a text without closing quotation mark")
	return ""
}

// unicode reads the digits of a \u escape, and of a second one when they are half of a character.
func (r *jsonReader) unicode() rune {
	unit := func() rune {
		if r.pos+4 <= len(r.doc) {
			if v, err := strconv.ParseUint(r.doc[r.pos:r.pos+4], 16, 32); err == nil && r.doc[r.pos] != '+' {
				r.pos += 4
				return rune(v)
			}
		}
		r.fail("\\u needs four hexadecimal digits")
		return 0
	}
	c := unit()
	if !utf16.IsSurrogate(c) {
		return c
	}
	if r.word(`\u`) {
		if whole := utf16.DecodeRune(c, unit()); whole != utf8.RuneError {
			return whole
		}
	}
	r.fail("\\u%04x is half of a character", c)
	return 0
}
