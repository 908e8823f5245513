package sip

import (
	"crypto/rand"
	"fmt"
	"net"
	"strings"

	"trunkline/store"
)

// message is one MESSAGE request before it is bound to a connection.
type message struct {
	to, from string // SIP addresses
	callID   string
	tag      string // of From
	cseq     int
	date     string
	text     string
	auth     string // line with credentials, empty: none
}

// newMessage makes the first request for a message. Each try is a call of its own: an answer to an earlier one must not be taken for its own.
func (t *Trunk) newMessage(m *store.Message) message {
	return message{to: m.To.String(), from: t.config.From, callID: m.ID.String() + "-" + random(), tag: random(), cseq: 1, date: m.CreatedAt.UTC().Format(dateFormat), text: m.Text}
}

// dateFormat is SIP-date, RFC 3261 §20.17.
const dateFormat = "Mon, 02 Jan 2006 15:04:05 GMT"

// random is a token that nobody guesses.
func random() string { return rand.Text()[:16] }

// bytes returns the request as it is sent from a local address. RFC 3428 §4 wants no Contact; branch is the transaction's, RFC 3261 §8.1.1.7.
func (m *message) bytes(transport, branch string, local net.Addr) []byte {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\r\n", a...) }
	line("MESSAGE %s SIP/2.0", m.to)
	line("Via: SIP/2.0/%s %s;branch=%s;rport", strings.ToUpper(transport), local, branch)
	line("Max-Forwards: 70")
	line("From: <%s>;tag=%s", m.from, m.tag)
	line("To: <%s>", m.to)
	line("Call-ID: %s", m.callID)
	line("CSeq: %d MESSAGE", m.cseq)
	line("Date: %s", m.date)
	if m.auth != "" {
		line("%s", m.auth)
	}
	line("Content-Type: text/plain;charset=UTF-8")
	line("Content-Length: %d", len(m.text))
	line("")
	return []byte(b.String() + m.text)
}
