package modem

import "strings"

// lineLimit bounds one line. The longest line that a modem has reason to print is a PDU of 176 octets in hex.
const lineLimit = 4096

// line is what the splitter makes of the octets of a port.
type line struct {
	text     string // trimmed of noise and blanks; never empty unless prompt or overlong
	blank    bool   // an empty line stood directly before it
	prompt   bool   // a '>' that asks for a PDU; text is empty
	turn     int64  // splitter.turn when its first octet came
	overlong int    // length of a line that was dropped for being longer than lineLimit; text is empty
}

// splitter cuts octets into lines. CR and LF both end a line, control octets vanish, and octets beyond ASCII are noise at
// either end of a line. The zero value is ready.
type splitter struct {
	turn    func() int64 // counts commands; nil: always 0
	buf     []byte
	began   int64 // turn at the first octet of buf
	dropped int   // octets of an over-long line so far
	ended   int   // line ends since the last text: CR LF counts once
	cr      bool  // the octet before was a CR
}

// feed cuts p and calls emit for each line. wantPrompt is asked at each '>' that starts a line.
func (s *splitter) feed(p []byte, wantPrompt func() bool, emit func(line)) {
	for _, c := range p {
		switch {
		case c == '\n' && s.cr:
			s.cr = false
		case c == '\r' || c == '\n':
			s.cr = c == '\r'
			s.end(emit)
		case c < ' ' || c == 0x7f:
			// A NUL from a floating line, the Ctrl-Z of an echoed PDU, an escape.
		default:
			s.cr = false
			if c == '>' && s.dropped == 0 && isNoise(s.buf) && wantPrompt() {
				s.buf = s.buf[:0]
				emit(line{prompt: true, blank: s.ended > 1, turn: s.now()})
				s.ended = 0
				continue
			}
			s.add(c)
		}
	}
}

func (s *splitter) add(c byte) {
	if s.dropped > 0 {
		s.dropped++
		return
	}
	if len(s.buf) == lineLimit {
		s.dropped = lineLimit + 1
		s.buf = s.buf[:0]
		return
	}
	if len(s.buf) == 0 {
		s.began = s.now()
	}
	s.buf = append(s.buf, c)
}

func (s *splitter) now() int64 {
	if s.turn == nil {
		return 0
	}
	return s.turn()
}

func (s *splitter) end(emit func(line)) {
	blank := s.ended > 1
	if s.dropped > 0 {
		emit(line{overlong: s.dropped, blank: blank})
		s.dropped, s.ended = 0, 1
		return
	}
	text := clean(s.buf)
	s.buf = s.buf[:0]
	if text == "" {
		s.ended++
		return
	}
	s.ended = 1
	emit(line{text: text, blank: blank, turn: s.began})
}

// clean trims blanks and octets beyond ASCII from both ends.
func clean(b []byte) string {
	return string(trimNoise(b))
}

func trimNoise(b []byte) []byte {
	for len(b) > 0 && (b[0] <= ' ' || b[0] >= 0x7f) {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] <= ' ' || b[len(b)-1] >= 0x7f) {
		b = b[:len(b)-1]
	}
	return b
}

func isNoise(b []byte) bool { return len(trimNoise(b)) == 0 }

// prefixOf returns the name before the colon of "+NAME: …" or "^NAME:…", "" for a line without one. The sign belongs to it.
func prefixOf(s string) string {
	if s == "" || !strings.ContainsRune("+^*#!$%&_@", rune(s[0])) {
		return ""
	}
	i := strings.IndexByte(s, ':')
	if i < 2 {
		return ""
	}
	for _, c := range s[1:i] {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != ' ' {
			return ""
		}
	}
	return strings.ToUpper(s[:i])
}

// valueOf returns what follows the prefix and its colon, trimmed.
func valueOf(s string) string {
	if i := strings.IndexByte(s, ':'); i >= 0 && prefixOf(s) != "" {
		return strings.TrimSpace(s[i+1:])
	}
	return strings.TrimSpace(s)
}

// fields cuts a value at commas outside quotes and brackets. Quotes stay out of the fields; a missing closing quote ends the
// field at the end of the line.
func fields(v string) []string {
	var out []string
	var cur strings.Builder
	quoted, depth := false, 0
	for _, c := range v {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
			cur.WriteRune(c)
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(cur.String()))
			cur.Reset()
		default:
			if c == '(' {
				depth++
			} else if c == ')' && depth > 0 {
				depth--
			}
			cur.WriteRune(c)
		}
	}
	return append(out, strings.TrimSpace(cur.String()))
}

// smallNumber reads s as a decimal number from 0 to limit; ok is false for anything else.
func smallNumber(s string, limit int) (n int, ok bool) {
	if s == "" || len(s) > 9 || !isDigits(s) {
		return 0, false
	}
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n, n <= limit
}

// isHex tells whether s is a non-empty even number of hex digits.
func isHex(s string) bool {
	return s != "" && len(s)%2 == 0 && isHexDigits(s)
}

func isHexDigits(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'F') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// pduFits tells whether the hex line is an SMSC field followed by length octets of TPDU.
func pduFits(hex string, length int) bool {
	if len(hex) < 2 || !isHex(hex) {
		return false
	}
	return len(hex)/2 == int(nibble(hex[0])<<4|nibble(hex[1]))+1+length
}

func nibble(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
