package modem

import "time"

// take sorts one line and hands its indications on. The reader calls it.
func (g *guard) take(l line) {
	g.mu.Lock()
	shown := l.text
	if e := g.ex; e != nil && e.shown != e.text && !isFinal(l.text, e.id) {
		// While a secret is under way any line may be its echo.
		shown = "…"
	}
	if shown != "" {
		g.log.Log(bg, LevelTrace, "from modem", "line", shown)
	}
	out := g.sort(l)
	g.mu.Unlock()
	for _, u := range out {
		g.metrics.urcs.WithLabelValues(u.kind.String()).Inc()
		if u.kind == urcBoot {
			g.restarted()
		}
		g.on(u)
	}
}

// sort decides whose a line is: of the running exchange, or an indication. It returns the indications that are complete.
func (g *guard) sort(l line) (out []urc) {
	g.lastLine = time.Now()
	e := g.ex
	if e != nil && (e.turn == 0 || l.turn < e.turn || e.final != "" || e.cause != nil) {
		e = nil
	}
	switch {
	case l.overlong > 0:
		g.damaged("line", "line dropped: too long", "octets", l.overlong, "limit", lineLimit)
		g.prev, g.cut = "", false
		return nil
	case l.prompt && e == nil:
		g.asks = true
		return nil
	case l.prompt:
		e.phase = prompted
		e.timer.Stop()
		g.link.feed(">")
		return nil
	}
	text := l.text
	if len(g.headers) > 0 {
		var taken bool
		if out, taken = g.trail(e, l); taken {
			return out
		}
	}
	if joined, ok := g.repair(e, l); ok {
		text = joined
	}
	return append(out, g.place(e, text, l.blank)...)
}

// place puts a whole line where it belongs.
func (g *guard) place(e *exchange, text string, blank bool) []urc {
	if e != nil && e.isEcho(text) {
		g.echo = true
		g.remember("", false)
		return nil
	}
	if final, rest, ok := splitGlued(text); ok {
		return append(g.place(e, rest, blank), g.place(e, final, blank)...)
	}
	id := ""
	if e != nil {
		id = e.id
	}
	if isFinal(text, id) {
		if g.owed && text == "OK" {
			e = nil // it ends what was given up, not what runs
		}
		g.remember(text, false)
		g.finish(e, text)
		return nil
	}
	prefix := prefixOf(text)
	u, word := urc{}, false
	switch {
	case prefix != "" && e != nil && e.owns(prefix) && g.answers(e, prefix, text):
		g.keep(e, text)
		return nil
	case prefix != "":
		u = indicationOf(prefix, text)
	default:
		if u, word = wordIndication(text); !word {
			if e != nil && e.bare && e.phase != asking {
				g.keep(e, text)
			} else {
				g.remember(text, false)
			}
			return nil
		}
	}
	// An indication. When it began where the line before ended, it may have cut that line in two.
	if !blank && g.prev != "" {
		g.cut = true
	} else if blank && !g.cut {
		g.prev = ""
	}
	if u.twoLines() {
		g.await(&u)
		return nil
	}
	g.owed = g.owed || endsSend(prefix)
	return []urc{u}
}

// answers tells whether a line with the prefix of the running command is its answer.
func (g *guard) answers(e *exchange, prefix, text string) bool {
	if endsSend(prefix) {
		// Before the PDU or the command is out this is the late answer to one that was given up.
		return e.phase == handedOver
	}
	return !unsolicited(prefix, e.text, text)
}

// endsSend tells whether a line is the answer to sending or storing a message; no modem prints one unasked.
func endsSend(prefix string) bool { return prefix == "+CMGS" || prefix == "+CMSS" || prefix == "+CMGW" }

// repair joins the line with what stood before the indication that cut it. Only a line that means nothing by itself is
// joined.
func (g *guard) repair(e *exchange, l line) (string, bool) {
	if !g.cut {
		return "", false
	}
	if l.blank || prefixOf(l.text) != "" {
		return "", false
	}
	if _, word := wordIndication(l.text); word {
		return "", false
	}
	if e == nil || g.orphan {
		// It belongs to no answer: only the beginning of an indication can have been cut.
		_, known := prefixIndications[prefixOf(g.prev+l.text)]
		if !known || g.kept {
			return "", false
		}
	} else if isFinal(l.text, e.id) {
		return "", false
	}
	if g.kept && prefixOf(g.prev) != "" && pduFits(l.text, announcedLength(g.prev)) {
		return "", false
	}
	if g.kept {
		e.answer = e.answer[:len(e.answer)-1]
	}
	joined := g.prev + l.text
	g.remember("", false)
	return joined, true
}

func (g *guard) remember(text string, kept bool) {
	g.prev, g.kept, g.cut, g.orphan = text, kept, false, false
}

// keep adds a line to the answer.
func (g *guard) keep(e *exchange, text string) {
	g.remember(text, true)
	g.owed = false
	e.octets += len(text)
	if len(e.answer) >= answerLines || e.octets > answerBytes {
		g.endLocked(e, errAnswerTooLong)
		return
	}
	e.answer = append(e.answer, text)
	if e.idle {
		e.timer.Reset(e.limit)
	}
	if e.lone > 0 && prefixOf(text) == e.id {
		e.timer.Stop()
		e.timer = time.AfterFunc(e.lone, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.ex == e && e.final == "" && e.cause == nil {
				g.finish(e, "OK")
			}
		})
	}
}

// finish ends e with a final result.
func (g *guard) finish(e *exchange, final string) {
	g.owed = false
	if e == nil {
		g.strays++
		if g.ex == nil && !g.syncing {
			g.damaged("stray", "modem answers what nobody asked: very late, or another program uses this port")
		}
		return
	}
	if final == "OK" && (e.phase == asking || e.phase == prompted) {
		// A send has no OK before its PDU: this one belongs to an answer that came late.
		g.strays++
		return
	}
	e.final = final
	if final == "OK" {
		g.link.feed("OK")
	} else {
		g.link.feed("ERROR")
	}
}

// damaged counts and logs input that is not as it should be.
func (g *guard) damaged(field, msg string, args ...any) {
	g.metrics.damaged.WithLabelValues(field).Inc()
	g.limiter.warn(field, msg, append([]any{"field", field}, args...)...)
}
