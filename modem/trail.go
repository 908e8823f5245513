package modem

import (
	"strings"
	"time"
)

// trailPause is how long the second line of an indication is waited for.
const trailPause = time.Second

// headerLimit bounds the indications that wait for a second line at the same time: one may have cut another.
const headerLimit = 2

// longestNumber is what an identity number may have, in digits: an ICCID has 20.
const longestNumber = 22

// await notes an indication whose second line is due.
func (g *guard) await(h *urc) {
	if len(g.headers) == headerLimit {
		g.headers = g.headers[1:]
	}
	h.at = time.Now()
	g.headers = append(g.headers, h)
	if g.overdue != nil {
		g.overdue.Stop()
	}
	if h.kind != urcUSSD { // that waits as long as its text goes on
		g.overdue = time.AfterFunc(trailPause, g.giveUpTrails)
	}
}

// giveUpTrails hands on what came so far of indications whose rest does not come.
func (g *guard) giveUpTrails() {
	g.mu.Lock()
	var out []urc
	if len(g.headers) > 0 && time.Since(g.headers[len(g.headers)-1].at) >= trailPause {
		out = g.flushTrails()
	}
	g.mu.Unlock()
	for _, u := range out {
		g.metrics.urcs.WithLabelValues(u.kind.String()).Inc()
		g.on(u)
	}
}

// flushTrails ends the wait for second lines. The lock is held.
func (g *guard) flushTrails() (out []urc) {
	for _, h := range g.headers {
		h.lost = h.trailer == "" && h.kind != urcUSSD
		out = append(out, *h)
	}
	g.headers = nil
	return out
}

// trail sorts a line while indications wait for their second one. A line of one indication may have been cut by another one, which is then
// between its pieces. taken is false when the line has to be placed as any other.
func (g *guard) trail(e *exchange, l line) (out []urc, taken bool) {
	h := g.headers[len(g.headers)-1]
	if h.kind == urcUSSD {
		g.headers = g.headers[:len(g.headers)-1]
		return g.moreUSSD(h, e, l), true
	}
	text := l.text
	switch {
	case h.cut && h.trailer == "" && !l.blank && len(text) <= 8 && strings.Trim(text, `0123456789,"`) == "":
		h.text += text // the end of the first line
		return nil, true
	case isHexDigits(text):
		return g.trailHex(e, h, text)
	case e != nil && isFinal(text, e.id):
	case g.between(e, text):
		h.cut = true
		return nil, false
	case h.kind == urcDeliver && prefixOf(text) == "" && len(fields(valueOf(h.text))) > 2:
		// In text form the second line is the message itself.
		h.trailer = text
		g.headers = g.headers[:len(g.headers)-1]
		return []urc{*h}, true
	}
	return g.flushTrails(), false
}

// trailHex sorts a line of hex digits: it completes what waits for it, or is a piece of that.
func (g *guard) trailHex(e *exchange, h *urc, text string) (out []urc, taken bool) {
	for i := len(g.headers) - 1; i >= 0; i-- {
		w := g.headers[i]
		if length := announcedLength(w.text); pduFits(w.trailer+text, length) || length < 0 && isHex(text) {
			w.trailer += text
			g.headers = append(g.headers[:i:i], g.headers[i+1:]...)
			return []urc{*w}, true
		}
	}
	if e != nil && e.bare && len(e.answer) > 0 {
		// Perhaps the running command waits for it.
		if last := e.answer[len(e.answer)-1]; prefixOf(last) != "" && pduFits(text, announcedLength(last)) {
			return g.flushTrails(), false
		}
	}
	if e != nil && e.bare && len(e.answer) == 0 && len(text) <= longestNumber && isDigits(text) && !strings.HasPrefix(e.id, "+CMG") {
		return g.flushTrails(), false // the number that it asked for
	}
	h.trailer += text
	if missing(h.trailer, announcedLength(h.text)) {
		return nil, true
	}
	g.headers = g.headers[:len(g.headers)-1]
	return []urc{*h}, true
}

// missing tells whether hex is too short for an SMSC field followed by length octets of TPDU.
func missing(hex string, length int) bool {
	return len(hex) < 2 || len(hex) < 2*(int(nibble(hex[0])<<4|nibble(hex[1]))+1+length)
}

// between tells whether text is an indication that may have come between two pieces of another one.
func (g *guard) between(e *exchange, text string) bool {
	prefix := prefixOf(text)
	if prefix == "" {
		_, word := wordIndication(text)
		return word
	}
	_, known := prefixIndications[prefix]
	return known && (e == nil || !e.owns(prefix) || unsolicited(prefix, e.text, text))
}

// beginsIndication tells whether text is the beginning of the name of an indication, cut off within it.
func beginsIndication(text string) bool {
	for prefix := range prefixIndications {
		if text != "" && strings.HasPrefix(prefix, text) {
			return true
		}
	}
	return false
}
