package httpd

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"trunkline/api"
)

// guard reads along on a connection and refuses what two programs could read in two ways: lines that end with a bare LF, folded header lines,
// Content-Length given twice or together with Transfer-Encoding (RFC 9112 §2.2, §5.2, §6.3), and heads over a limit. Bodies must come with their
// length: net/http drops a Content-Length beside Transfer-Encoding before a handler can see it, and no client of a local API needs chunks.
// Everything else is left to net/http.
//
// The zero value with a limit stands at the beginning of a request.
type guard struct {
	limit  int    // longest head, in bytes
	head   int    // octets of the head so far
	line   []byte // begun in an earlier call
	first  bool   // the request line is read
	length int64  // of the body, -1: not given
	coding bool   // Transfer-Encoding is given
	body   int64  // octets of the body still to come
}

// feed looks at the next octets and returns what they are refused for.
func (g *guard) feed(b []byte) *api.Problem {
	for len(b) > 0 {
		if g.body > 0 {
			skip := min(int64(len(b)), g.body)
			g.body -= skip
			b = b[skip:]
			continue
		}
		if g.head == 0 {
			g.length, g.coding, g.first = -1, false, false
		}
		end := bytes.IndexByte(b, '\n') + 1
		whole := end > 0
		if !whole {
			end = len(b)
		}
		if g.head += end; g.head > g.limit {
			return headTooLarge(g.limit)
		}
		line := b[:end]
		b = b[end:]
		if !whole || len(g.line) > 0 {
			g.line = append(g.line, line...)
			line = g.line
		}
		if !whole {
			return nil
		}
		if p := g.check(line); p != nil {
			return p
		}
		g.line = g.line[:0]
	}
	return nil
}

// check looks at a whole line of a head.
func (g *guard) check(line []byte) *api.Problem {
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return badParameter("header", api.FieldMalformed, "has a line that ends without CR")
	}
	line = line[:len(line)-2]
	switch {
	case !g.first && len(line) == 0:
		return badParameter("header", api.FieldMalformed, "begins with an empty line")
	case !g.first:
		g.first = true
		return nil
	case len(line) == 0:
		return g.end()
	case line[0] == ' ' || line[0] == '\t':
		return badParameter("header", api.FieldMalformed, "has a folded line")
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case len(name) == len("Content-Length") && strings.EqualFold(string(name), "Content-Length"):
		n, err := strconv.ParseUint(string(bytes.Trim(value, " \t")), 10, 62)
		if err != nil || g.length >= 0 {
			return badParameter("Content-Length", api.FieldMalformed, "is not one number")
		}
		g.length = int64(n)
	case len(name) == len("Transfer-Encoding") && strings.EqualFold(string(name), "Transfer-Encoding"):
		g.coding = true
	}
	return nil
}

// end is reached with the empty line after a head.
func (g *guard) end() *api.Problem {
	switch {
	case g.coding && g.length >= 0:
		return badParameter("Transfer-Encoding", api.FieldConflict, "comes together with Content-Length")
	case g.coding:
		p := api.NewProblem(http.StatusLengthRequired, api.CodeLengthRequired, "The body must come with its length", "")
		p.Errors = []api.FieldError{{Field: "Transfer-Encoding", Code: api.FieldUnsupported, Message: "is not taken; send Content-Length instead"}}
		return p
	}
	g.body, g.head = max(0, g.length), 0
	return nil
}

func headTooLarge(limit int) *api.Problem {
	p := api.NewProblem(http.StatusRequestHeaderFieldsTooLarge, api.CodeHeaderTooLarge, "The head of the request is too large", "")
	p.Errors = []api.FieldError{{Field: "header", Code: api.FieldTooLarge, Message: "is longer than the limit of " + strconv.Itoa(limit) + " bytes"}}
	return p
}
