package httpd

import (
	"bytes"
	"slices"
	"strings"

	"trunkline/api"
)

// A lane answers POST /v1/messages and POST /v1/decide by itself, on many connections at a time, for as long as requests have the plain form in which
// programs send them. At the first that has not, the connection goes to net/http with everything that was read, and stays there. So a lane decides
// nothing: what it takes would be taken there too, and every doubt is settled there. It exists because net/http, and a goroutine for each connection, spend
// more on a request than the router and the store do on accepting the message in it, and far more than a plan on a call.

// laneRoute is what a request asks for.
type laneRoute uint8

const (
	laneSubmit laneRoute = iota
	laneDecide
	laneRTJSON // a decision in the form of Kamailio's module rtjson
)

// laneStarts are the lines with which requests begin, by laneRoute.
var laneStarts = [...]string{"POST /v1/messages HTTP/1.1\r\n", "POST /v1/decide HTTP/1.1\r\n", "POST /v1/decide?format=rtjson HTTP/1.1\r\n"}

// laneHead is what a lane needs of a head.
type laneHead struct {
	route  laneRoute
	size   int    // octets of the head with its empty line
	length int    // of the body
	key    string // Idempotency-Key, "" when there is none
}

// readLaneHead reads a whole head of the plain form from the beginning of b; ok is false when there is any doubt.
func readLaneHead(b []byte) (h laneHead, ok bool) {
	start := slices.IndexFunc(laneStarts[:], func(s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s })
	if start < 0 {
		return h, false
	}
	h.route = laneRoute(start)
	h.length = -1
	host, media := false, false
	for at := len(laneStarts[start]); ; {
		end := bytes.IndexByte(b[at:], '\n')
		if end < 1 || b[at+end-1] != '\r' {
			return h, false
		}
		line := b[at : at+end-1]
		at += end + 1
		if len(line) == 0 {
			h.size = at
			return h, host && media && h.length >= 0
		}
		colon := bytes.IndexByte(line, ':')
		if colon < 1 || !plain(line) {
			return h, false
		}
		value := bytes.Trim(line[colon+1:], " ")
		// A string of constant cases over a conversion does not allocate; names in other spellings are left to net/http.
		switch string(line[:colon]) {
		case "Host":
			if host || !plainHost(value) {
				return h, false
			}
			host = true
		case "Content-Type":
			if media || string(value) != "application/json" {
				return h, false
			}
			media = true
		case "Content-Length":
			if h.length >= 0 || len(value) == 0 || len(value) > 5 {
				return h, false
			}
			h.length = 0
			for _, c := range value {
				if c < '0' || c > '9' {
					return h, false
				}
				h.length = h.length*10 + int(c-'0')
			}
		case api.IdempotencyKey:
			if h.route != laneSubmit || h.key != "" || checkKey(string(value)) != nil {
				return h, false
			}
			h.key = string(value)
		case "Connection":
			if string(value) != "keep-alive" {
				return h, false
			}
		case "User-Agent", "Accept", "Accept-Encoding":
		default:
			return h, false
		}
	}
}

// plain tells whether a line has only printable ASCII.
func plain(line []byte) bool {
	for _, c := range line {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// plainHost tells whether a Host header is an ordinary name or address, with or without a port.
func plainHost(value []byte) bool {
	for _, c := range value {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte(".-_:[]", c) < 0 {
			return false
		}
	}
	return true
}
