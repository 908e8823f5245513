package sip

import "bytes"

// maxHeaders is how many header lines a request may have.
const maxHeaders = 128

// headEnd returns where the body begins: behind the first empty line. It is -1 when there is no empty line yet.
func headEnd(b []byte) int {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4
	}
	return -1
}

// skipEmpty drops the line ends that may precede a request (RFC 3261 §7.5) or keep a connection alive (RFC 5626 §3.5.1).
func skipEmpty(b []byte) []byte {
	for len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		b = b[2:]
	}
	return b
}

// unfold joins header lines that go on in the next line (RFC 3261 §7.3.1), in place: the line end becomes white space.
func unfold(head []byte) {
	for from := 0; ; {
		i := bytes.IndexByte(head[from:], '\n')
		if i < 0 {
			return
		}
		from += i + 1
		if from < len(head) && (head[from] == ' ' || head[from] == '\t') && from >= 2 && head[from-2] == '\r' {
			head[from-2], head[from-1] = ' ', ' '
		}
	}
}

// contentLength finds the one Content-Length of a head; -1 when there is none, or none that can be relied upon.
func contentLength(head []byte) int {
	length := -1
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte("\r\n"))
		head = rest
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || kindOf(string(bytes.TrimRight(name, " \t"))) != kindLength {
			continue
		}
		n := number(string(bytes.Trim(value, " \t")), 1<<30)
		if n < 0 || length >= 0 {
			return -1
		}
		length = n
	}
	return length
}
