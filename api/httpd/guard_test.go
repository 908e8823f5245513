package httpd

import (
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	const ok = "POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab\ncd"
	for _, c := range []struct {
		name, stream string
		status       int // 0: passes
		field        string
	}{
		{"one request", ok, 0, ""},
		{"two requests", ok + ok, 0, ""},
		{"no body", "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + ok, 0, ""},
		{"empty body", "GET / HTTP/1.1\r\ncontent-length: 0\r\n\r\n" + ok, 0, ""},
		{"length and chunks", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n", 400, "Transfer-Encoding"},
		{"chunks and length", "POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\nCONTENT-LENGTH: 4\r\n\r\n", 400, "Transfer-Encoding"},
		{"chunks", "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "Transfer-Encoding"},
		{"two lengths", "POST /x HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n", 400, "Content-Length"},
		{"list of lengths", "POST /x HTTP/1.1\r\nContent-Length: 4, 4\r\n\r\n", 400, "Content-Length"},
		{"signed length", "POST /x HTTP/1.1\r\nContent-Length: +4\r\n\r\n", 400, "Content-Length"},
		{"huge length", "POST /x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, "Content-Length"},
		{"no length", "POST /x HTTP/1.1\r\nContent-Length:\r\n\r\n", 400, "Content-Length"},
		{"bare LF in a header", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, "header"},
		{"bare LF in the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "header"},
		{"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "header"},
		{"folded line", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400, "header"},
		{"line folded by a tab", "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", 400, "header"},
		{"empty line first", "\r\nGET / HTTP/1.1\r\n\r\n", 400, "header"},
		{"bad second request", ok + "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "header"},
		{"long head", "GET / HTTP/1.1\r\nX: " + strings.Repeat("y", 5000) + "\r\n\r\n", 431, "header"},
		{"long head of short lines", "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 900) + "\r\n", 431, "header"},
		{"long line without an end", strings.Repeat("y", 5000), 431, "header"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []int{1, 2, 3, 7, 64, len(c.stream)} {
				g := guard{limit: 4096}
				status, field := 0, ""
				for s := c.stream; len(s) > 0 && status == 0; {
					n := min(step, len(s))
					if p := g.feed([]byte(s[:n])); p != nil {
						status, field = p.Status, p.Errors[0].Field
					}
					s = s[n:]
				}
				if status != c.status || field != c.field {
					t.Errorf("in steps of %d: got %d %q, want %d %q", step, status, field, c.status, c.field)
				}
			}
		})
	}
}

// FuzzGuard: how a stream is cut into reads makes no difference, and nothing panics.
func FuzzGuard(f *testing.F) {
	f.Add("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n", 3)
	f.Add("GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", 5)
	f.Fuzz(func(t *testing.T, stream string, step int) {
		whole, cut := guard{limit: 256}, guard{limit: 256}
		want := whole.feed([]byte(stream)) != nil
		step = max(1, step%64)
		got := false
		for s := stream; len(s) > 0 && !got; {
			n := min(step, len(s))
			got = cut.feed([]byte(s[:n])) != nil
			s = s[n:]
		}
		if got != want {
			t.Errorf("in steps of %d refused is %v, at once %v", step, got, want)
		}
	})
}
