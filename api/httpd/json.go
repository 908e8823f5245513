package httpd

import (
	"bytes"
	"fmt"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"trunkline/api"
)

// Bounds of a JSON body.
const (
	maxDepth  = 32
	maxValues = 16384
)

// kind is the kind of a JSON value.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// node is one value of a document. Its members or elements follow it; next leads from one to the other.
type node struct {
	kind             kind
	parent, next     int32 // index of the container and of the next value in it; -1: none
	keyFrom, keyTo   int32 // name in an object, between the quotes, as written
	from, to         int32 // the value as written; of a string without the quotes
	count            int32 // values in a container
	escaped, keyEscs bool  // the string, the name has a backslash
}

// document is one JSON text, read strictly: RFC 8259, and besides no name twice in an object, valid UTF-8, no lone surrogates, nothing after the
// value, at most maxDepth levels and maxValues values. encoding/json takes the last of two equal names and folds their case, so that two programs
// read different things from one body; this reader leaves no choice.
//
// Values are found by index; 0 is the whole. A document is valid as long as the octets that it was read from.
type document struct {
	text  []byte
	whole string // a copy of text, of which the strings in it are parts then; "": each is a copy of its own
	nodes []node
	pos   int
}

var documents = sync.Pool{New: func() any { return &document{nodes: make([]node, 0, 64)} }}

// release gives the document back for reuse, unless it grew big.
func (d *document) release() {
	d.text, d.whole = nil, ""
	if cap(d.nodes) <= 1024 {
		documents.Put(d)
	}
}

// jsonError is a wrong place in a document.
type jsonError struct{ api.FieldError }

func (e *jsonError) Error() string { return e.Field + ": " + e.Message }

// fail returns an error for a field; an empty field is the body as a whole.
func fail(field, code, format string, a ...any) error {
	if field == "" {
		field = "body"
	}
	return &jsonError{api.FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, a...)}}
}

// parse reads a whole text. The error is a *jsonError.
func (d *document) parse(text []byte) error {
	d.text, d.nodes, d.pos = text, d.nodes[:0], 0
	d.space()
	if d.pos == len(text) {
		return fail("", api.FieldRequired, "is empty; a JSON object belongs there")
	}
	if err := d.value(node{parent: -1}, 0); err != nil {
		return err
	}
	d.space()
	if d.pos < len(text) {
		return fail("", api.FieldMalformed, "has more text after the JSON value, at offset %d", d.pos)
	}
	return nil
}

func (d *document) space() {
	for d.pos < len(d.text) {
		switch d.text[d.pos] {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return
		}
	}
}

// peek returns the next octet, 0 at the end; a NUL in the text is an error wherever peek is asked.
func (d *document) peek() byte {
	if d.pos < len(d.text) {
		return d.text[d.pos]
	}
	return 0
}

func (d *document) unexpected(want string) error {
	if d.pos >= len(d.text) {
		return fail("", api.FieldMalformed, "ends where %s is expected", want)
	}
	r, _ := utf8.DecodeRune(d.text[d.pos:])
	return fail("", api.FieldMalformed, "has %q at offset %d where %s is expected", r, d.pos, want)
}

// value reads one value into a new node, of which parent and name are given.
func (d *document) value(template node, depth int) error {
	if depth > maxDepth {
		return fail("", api.FieldTooDeep, "is nested more than %d levels deep", maxDepth)
	}
	if len(d.nodes) == maxValues {
		return fail(d.path(template.parent), api.FieldTooMany, "takes the body over %d values", maxValues)
	}
	at := int32(len(d.nodes))
	template.next, template.from = -1, int32(d.pos)
	d.nodes = append(d.nodes, template)
	n := &d.nodes[at]
	switch c := d.peek(); {
	case c == '"':
		from, to, escaped, err := d.str()
		if err != nil {
			return d.within(at, err)
		}
		n.kind, n.from, n.to, n.escaped = kindString, from, to, escaped
		return nil
	case c == '{':
		n.kind = kindObject
		return d.object(at, depth)
	case c == '[':
		n.kind = kindArray
		return d.array(at, depth)
	case c == '-' || c >= '0' && c <= '9':
		n.kind = kindNumber
		if err := d.number(); err != nil {
			return err
		}
	default:
		switch rest := d.text[d.pos:]; {
		case bytes.HasPrefix(rest, []byte("true")):
			n.kind, d.pos = kindBool, d.pos+4
		case bytes.HasPrefix(rest, []byte("false")):
			n.kind, d.pos = kindBool, d.pos+5
		case bytes.HasPrefix(rest, []byte("null")):
			n.kind, d.pos = kindNull, d.pos+4
		default:
			return d.unexpected("a value")
		}
	}
	n.to = int32(d.pos)
	return nil
}

func (d *document) array(at int32, depth int) error {
	d.pos++
	d.space()
	last := int32(-1)
	if d.peek() == ']' {
		d.pos++
		return d.close(at)
	}
	for {
		d.space()
		child := int32(len(d.nodes))
		if err := d.value(node{parent: at}, depth+1); err != nil {
			return err
		}
		d.link(at, last, child)
		last = child
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
		case ']':
			d.pos++
			return d.close(at)
		default:
			return d.unexpected("a comma or the end of the list")
		}
	}
}

func (d *document) object(at int32, depth int) error {
	d.pos++
	d.space()
	if d.peek() == '}' {
		d.pos++
		return d.close(at)
	}
	last := int32(-1)
	var names map[string]bool // only for objects with many members
	for {
		d.space()
		if d.peek() != '"' {
			return d.unexpected("a name in quotes")
		}
		member := node{parent: at}
		var err error
		if member.keyFrom, member.keyTo, member.keyEscs, err = d.str(); err != nil {
			return err
		}
		d.space()
		if d.peek() != ':' {
			return d.unexpected("a colon")
		}
		d.pos++
		d.space()
		child := int32(len(d.nodes))
		if err := d.value(member, depth+1); err != nil {
			return err
		}
		if names, err = d.unique(at, child, names); err != nil {
			return err
		}
		d.link(at, last, child)
		last = child
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
		case '}':
			d.pos++
			return d.close(at)
		default:
			return d.unexpected("a comma or the end of the object")
		}
	}
}

// unique refuses a name that the object has already. Few names are compared one by one, many are kept in a set, so that the work stays linear.
func (d *document) unique(object, child int32, names map[string]bool) (map[string]bool, error) {
	const few = 16
	count := d.nodes[object].count
	name := d.key(child)
	again := false
	switch {
	case count < few:
		for c := object + 1; count > 0; count-- {
			if again = d.keyIs(c, name); again {
				break
			}
			c = d.nodes[c].next
		}
	case names == nil:
		names = make(map[string]bool, 4*few)
		for c := object + 1; c >= 0; c = d.nodes[c].next {
			names[d.key(c)] = true
		}
		fallthrough
	default:
		again = names[name]
		names[name] = true
	}
	if again {
		return names, fail(d.path(child), api.FieldDuplicate, "comes twice in one object")
	}
	return names, nil
}

// link makes child the one after last in its container.
func (d *document) link(container, last, child int32) {
	d.nodes[container].count++
	if last >= 0 {
		d.nodes[last].next = child
	}
}

func (d *document) close(at int32) error {
	d.nodes[at].to = int32(d.pos)
	return nil
}

// within names the value that a wrong string is.
func (d *document) within(at int32, err error) error {
	if path := d.path(at); path != "" {
		err.(*jsonError).Field = path
	}
	return err
}

// str reads a string and returns where it stands between its quotes.
func (d *document) str() (from, to int32, escaped bool, err error) {
	d.pos++
	from = int32(d.pos)
	d.pos += plainLength(d.text[d.pos:])
	ascii := byte(0) // every further octet or-ed together
	for d.pos < len(d.text) {
		c := d.text[d.pos]
		ascii |= c
		switch {
		case c == '"':
			if ascii >= utf8.RuneSelf && !utf8.Valid(d.text[from:d.pos]) {
				return 0, 0, false, fail("", api.FieldMalformed, "is not valid UTF-8")
			}
			d.pos++
			return from, int32(d.pos - 1), escaped, nil
		case c == '\\':
			escaped = true
			if err := d.escape(); err != nil {
				return 0, 0, false, err
			}
		case c < 0x20:
			return 0, 0, false, fail("", api.FieldMalformed, "has a bare control character %#02x in a string, at offset %d", c, d.pos)
		default:
			d.pos++
		}
	}
	return 0, 0, false, fail("", api.FieldMalformed, "ends within a string")
}

// plainLength returns how many octets at the beginning mean themselves in a JSON string: ASCII but for quotes, backslashes and control characters. It looks at eight
// at a time and leaves the rest to its caller.
func plainLength[T string | []byte](s T) (n int) {
	const each = 0x0101010101010101
	for ; n+8 <= len(s); n += 8 {
		x := uint64(s[n]) | uint64(s[n+1])<<8 | uint64(s[n+2])<<16 | uint64(s[n+3])<<24 | uint64(s[n+4])<<32 | uint64(s[n+5])<<40 | uint64(s[n+6])<<48 | uint64(s[n+7])<<56
		// Beyond ASCII the high bit is set; of what is less, or equal to one of the two, a subtraction sets it.
		if (x|(x-' '*each)|(x^'"'*each-each)|(x^'\\'*each-each))&(0x80*each) != 0 {
			break
		}
	}
	return n
}

// escape reads one escape sequence; a surrogate must be half of a pair.
func (d *document) escape() error {
	start := d.pos
	d.pos++
	switch d.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		d.pos++
		return nil
	case 'u':
		r, ok := hex4(d.text[d.pos+1:])
		d.pos += 5
		switch {
		case !ok:
			return fail("", api.FieldMalformed, "has an escape without four hexadecimal digits at offset %d", start)
		case !utf16.IsSurrogate(r):
			return nil
		}
		if bytes.HasPrefix(d.text[d.pos:], []byte(`\u`)) {
			if low, ok := hex4(d.text[d.pos+2:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
				d.pos += 6
				return nil
			}
		}
		return fail("", api.FieldMalformed, "has half of a surrogate pair at offset %d", start)
	}
	return fail("", api.FieldMalformed, "has an unknown escape at offset %d", start)
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// number reads a number as RFC 8259 §6 writes it.
func (d *document) number() error {
	digits := func() bool {
		start := d.pos
		for c := d.peek(); c >= '0' && c <= '9'; c = d.peek() {
			d.pos++
		}
		return d.pos > start
	}
	if d.peek() == '-' {
		d.pos++
	}
	if d.peek() == '0' {
		d.pos++
	} else if !digits() {
		return d.unexpected("a digit")
	}
	if d.peek() == '.' {
		d.pos++
		if !digits() {
			return d.unexpected("a digit")
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if !digits() {
			return d.unexpected("a digit")
		}
	}
	return nil
}
