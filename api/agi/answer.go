package agi

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// variable is one channel variable.
type variable struct{ name, value string }

// variables are what a channel gets for a decision. Candidates that it cannot dial are left out.
func variables(d *callplan.Decision, table *switches.Table, asker *switches.Switch, most int) []variable {
	out := []variable{{"ACTION", d.Action.String()}, {"PLAN", d.Plan}, {"PATH", d.Path}, {"COUNT", "0"}}
	n := 0
	for i := range d.Candidates {
		c := &d.Candidates[i]
		uri, ok := table.URI(c, asker.NextHop)
		if !ok {
			uri = ""
		}
		if n == most || uri == "" && c.Trunk == "" || !plain(uri) || !plain(c.Trunk) || !plain(c.Number) {
			continue
		}
		n++
		for _, v := range []variable{{"URI_", uri}, {"TRUNK_", c.Trunk}, {"NUMBER_", c.Number}} {
			if v.value != "" {
				out = append(out, variable{v.name + strconv.Itoa(n), v.value})
			}
		}
	}
	out[3].value = strconv.Itoa(n)
	return out
}

// plain tells whether a value means the same wherever a dialplan puts it: separators of arguments and of channels, and what begins expressions, are
// not among its characters.
func plain(s string) bool {
	for _, c := range s {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune(",&|^\"'`\\$(){}<>?", c) {
			return false
		}
	}
	return true
}

// set gives the channel one variable and waits for Asterisk to say that it has it.
func set(w io.Writer, r *bufio.Reader, v variable) error {
	if _, err := fmt.Fprintf(w, "SET VARIABLE TRUNKLINE_%s %s\n", v.name, quote(v.value)); err != nil {
		return err
	}
	line, err := readLine(r)
	for err == nil && line == "HANGUP" { // comes between answers when the caller is gone; the channel may have its variables nevertheless
		line, err = readLine(r)
	}
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "200 ") {
		return fmt.Errorf("a variable was refused with %.3s", line)
	}
	return nil
}

// quote writes a value as one argument of a command.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ' || c == 0x7f: // a line end would be another command
			b.WriteByte(' ')
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
