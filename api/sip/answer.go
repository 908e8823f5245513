package sip

import (
	"net/netip"
	"strconv"

	"github.com/cespare/xxhash/v2"
)

// allowed is what the server takes; it stands in answers 200 and 405.
const allowed = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"

// reason returns the reason phrase of a status; 400 has one for each defect.
func reason(status int) string {
	switch status {
	case 200:
		return "OK"
	case 302:
		return "Moved Temporarily"
	case 400:
		return "Bad Request"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 414:
		return "Request-URI Too Long"
	case 416:
		return "Unsupported URI Scheme"
	case 420:
		return "Bad Extension"
	case 480:
		return "Temporarily Unavailable"
	case 481:
		return "Call/Transaction Does Not Exist"
	case 483:
		return "Too Many Hops"
	case 486:
		return "Busy Here"
	case 503:
		return "Service Unavailable"
	case 505:
		return "Version Not Supported"
	case 513:
		return "Message Too Large"
	case 603:
		return "Decline"
	case 608:
		return "Rejected"
	}
	return "Unknown"
}

// statuses are all that are answered, for metrics.
var statuses = [...]int{200, 302, 400, 403, 404, 405, 414, 416, 420, 480, 481, 483, 486, 503, 505, 513, 603, 608}

// appendHead begins the answer to a request: status line and the headers that are copied (RFC 3261 §8.2.6.2), with every Via in its order. What the
// request does not have is left out: it is answered 400 then.
func (m *message) appendHead(out []byte, status int, phrase string, from netip.AddrPort) []byte {
	out = append(out, "SIP/2.0 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, ' ')
	out = append(out, phrase...)
	top := true
	for i := range m.headers {
		h := &m.headers[i]
		if h.kind != kindVia {
			continue
		}
		out = append(out, "\r\nVia: "...)
		if top && m.via.host != "" {
			out = m.via.append(out, from)
		} else {
			out = append(out, h.value...)
		}
		top = false
	}
	if m.count[kindFrom] > 0 {
		out = append(append(out, "\r\nFrom: "...), m.first[kindFrom]...)
	}
	if m.count[kindTo] > 0 {
		out = append(append(out, "\r\nTo: "...), m.first[kindTo]...)
		if !m.tagged && m.to.uri != "" {
			out = m.appendTag(append(out, ";tag="...))
		}
	}
	if m.count[kindCallID] > 0 {
		out = append(append(out, "\r\nCall-ID: "...), m.first[kindCallID]...)
	}
	if m.count[kindCSeq] > 0 {
		out = append(append(out, "\r\nCSeq: "...), m.first[kindCSeq]...)
	}
	return append(out, "\r\n"...)
}

// append writes the topmost Via with where the request really came from: received when it is another address than Via says or the sender asks with
// rport, which gets the port (RFC 3261 §18.2.1, RFC 3581 §4). What the sender wrote there himself is not repeated.
func (v *via) append(out []byte, from netip.AddrPort) []byte {
	out = append(append(append(out, v.sent...), v.params...), v.more...)
	source := from.Addr().Unmap().WithZone("")
	if v.rport || v.at.at.Addr() != source {
		out = append(out, ";received="...)
		out = source.AppendTo(out)
	}
	if v.rport {
		out = append(out, ";rport="...)
		out = strconv.AppendUint(out, uint64(from.Port()), 10)
	}
	return append(out, v.rest...)
}

// appendTag appends the To tag. It follows from what a retransmission has in common with its request, so that both get the same (RFC 3261 §8.2.7).
func (m *message) appendTag(out []byte) []byte {
	start := len(out)
	for _, s := range [...]string{m.first[kindCallID], m.first[kindFrom], m.cseqNumber, m.via.branch, m.uri} {
		out = append(out, s...)
	}
	h := xxhash.Sum64(out[start:])
	var text [16]byte
	for i := range text {
		text[i] = "0123456789abcdef"[h>>60]
		h <<= 4
	}
	return append(out[:start], text[:]...)
}

// end closes an answer without a body.
func end(out []byte) []byte { return append(out, "Content-Length: 0\r\n\r\n"...) }
