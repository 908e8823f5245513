package emulator

import (
	"errors"
	"strconv"
	"strings"
)

// op is the form in which a command was given.
type op uint8

const (
	opExec op = iota // AT+CSQ
	opRead           // AT+CREG?
	opTest           // AT+CNMI=?
	opSet            // AT+CMGD=1,0 and the digits of ATE0
)

// call is one command of a command line. Name is in upper case and has its
// leading sign ("+CMGS", "&F", "E", "S3", "D"); args is what follows the equals
// sign, as typed.
type call struct {
	name string
	op   op
	args string
}

// errSyntax says that a command line does not follow the grammar below.
var errSyntax = errors.New("command line is malformed")

// parseLine splits what stands between "AT" and the carriage return:
//
//	line     = *( basic [";"] / extended (";" / end) )
//	basic    = ["&"] letter *digit / "S" 1*digit [ "?" / "=?" / "=" *digit ]
//	         / "D" *any [";"]
//	extended = sign name [ "?" / "=?" / "=" value ]
//	sign     = "+" / "^" / "*" / "#" / "$" / "%" / "!"
//
// Blanks between commands are ignored, a semicolon inside quotes does not end a
// value, and letters may be of either case. V.250 §5.2, §5.3, §5.4.
func parseLine(line string) ([]call, error) {
	var calls []call
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ' || c == ';':
			i++
		case strings.IndexByte("+^*#$%!", c) >= 0:
			one, n, err := parseExtended(line[i:])
			if err != nil {
				return calls, err
			}
			calls, i = append(calls, one), i+n
		default:
			one, n, err := parseBasic(line[i:])
			if err != nil {
				return calls, err
			}
			calls, i = append(calls, one), i+n
		}
	}
	return calls, nil
}

// parseBasic takes one command of V.250 basic syntax from the start of s.
func parseBasic(s string) (call, int, error) {
	i, name := 0, ""
	if s[0] == '&' {
		i, name = 1, "&"
	}
	if i == len(s) || !isLetter(s[i]) {
		return call{}, 0, errSyntax
	}
	name += strings.ToUpper(s[i : i+1])
	i++
	if name == "D" { // V.250 §6.3.1: the rest of the line is the dial string
		return call{name: name, op: opSet, args: strings.TrimSpace(s[i:])}, len(s), nil
	}
	digits := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if name != "S" {
		c := call{name: name}
		if i > digits {
			c.op, c.args = opSet, s[digits:i]
		}
		return c, i, nil
	}
	if i == digits {
		return call{}, 0, errSyntax
	}
	c := call{name: name + s[digits:i]}
	switch rest := s[i:]; {
	case strings.HasPrefix(rest, "=?"):
		c.op = opTest
		i += 2
	case strings.HasPrefix(rest, "?"):
		c.op = opRead
		i++
	case strings.HasPrefix(rest, "="):
		i++
		value := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		c.op, c.args = opSet, s[value:i]
	}
	return c, i, nil
}

// parseExtended takes one command of extended syntax from the start of s, with
// the semicolon that ends it.
func parseExtended(s string) (call, int, error) {
	i := 1
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	if i == 1 {
		return call{}, 0, errSyntax
	}
	c := call{name: strings.ToUpper(s[:i])}
	value := i
	for quoted := false; i < len(s) && (quoted || s[i] != ';'); i++ {
		if s[i] == '"' {
			quoted = !quoted
		}
	}
	tail := strings.TrimSpace(s[value:i])
	if i < len(s) {
		i++ // the semicolon
	}
	switch {
	case tail == "":
	case tail == "?":
		c.op = opRead
	case tail == "=?":
		c.op = opTest
	case tail[0] == '=':
		c.op, c.args = opSet, tail[1:]
	default:
		return call{}, 0, errSyntax
	}
	return c, i, nil
}

func isLetter(c byte) bool { return 'A' <= c&^0x20 && c&^0x20 <= 'Z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// isNameByte reports whether c may stand in the name of an extended command.
// V.250 §5.4.1.
func isNameByte(c byte) bool {
	return isLetter(c) || isDigit(c) || strings.IndexByte("!%-./:_", c) >= 0
}

// arg is one parameter of a command; the zero value is one that was left out.
type arg struct {
	text   string
	quoted bool
}

// args are the parameters of a set command. Reading beyond the last one gives
// parameters that were left out.
type args []arg

// splitArgs cuts the text after the equals sign at its commas. Quotes are taken
// off and protect commas, a quote that is not closed to the end of the line; what
// is not quoted loses its outer blanks.
func splitArgs(s string) args {
	if s == "" {
		return nil
	}
	var out args
	for start, i, quoted := 0, 0, false; i <= len(s); i++ {
		if i < len(s) {
			if s[i] == '"' {
				quoted = !quoted
			}
			if quoted || s[i] != ',' {
				continue
			}
		}
		out = append(out, oneArg(s[start:i]))
		start = i + 1
	}
	return out
}

func oneArg(s string) arg {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return arg{text: s[1 : len(s)-1], quoted: true}
	}
	return arg{text: strings.Trim(s, `"`), quoted: strings.HasPrefix(s, `"`)}
}

// text returns parameter i, "" when it was left out.
func (a args) text(i int) string {
	if i >= len(a) {
		return ""
	}
	return a[i].text
}

// number returns parameter i, or def when it was left out; ok is false when it
// is not a decimal number that fits an int.
func (a args) number(i, def int) (n int, ok bool) {
	if a.text(i) == "" {
		return def, true
	}
	n, err := strconv.Atoi(a.text(i))
	return n, err == nil
}
