package sip

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// Decider decides calls; *callplan.Book is one. Decide resets d and keeps nothing of f. It is safe for concurrent use and always answers the same for
// the same facts.
type Decider interface {
	Decide(f *callplan.Facts, d *callplan.Decision)
}

// responder makes answers. It is not changed while it works, apart from limits and metrics, and is safe for concurrent use.
type responder struct {
	config   Config
	plans    Decider
	ready    func() error
	table    *switches.Table
	counted  *switches.Metrics
	own      []place
	known    map[string]place // of the addresses in the configuration
	carriers map[string]hop   // by trunk, those with an address
	named    bool             // the configuration names headers with facts
	limits   *limiter
	capacity *capacity
	metrics  *metrics
	start    time.Time
	now      func() time.Time
}

// worker is what one reader of requests reuses.
type worker struct {
	message  message
	facts    callplan.Facts
	decision callplan.Decision
	out      []byte
}

// respond answers one request and returns the answer, which is valid until the worker's next one; nil when none is due. text may be changed. whole is
// false when the request was longer than the limit, so that text is not all of it.
func (r *responder) respond(w *worker, text []byte, whole bool, from netip.AddrPort, now time.Time) []byte {
	asker := r.table.Find(from.Addr())
	if asker == nil {
		r.metrics.absorbed[absorbStranger].Inc()
		return nil
	}
	rate := r.limits.take(from.Addr(), asker.Rate, now.Sub(r.start))
	if rate == ignore {
		r.metrics.absorbed[absorbRate].Inc()
		return nil
	}
	m := &w.message
	if !m.read(text, r.named) {
		r.metrics.absorbed[absorbGarbage].Inc()
		return nil
	}
	switch m.method { // RFC 3261 §8.2.7: without state there is nothing that they could end
	case "ACK":
		r.metrics.absorbed[absorbACK].Inc()
		return nil
	case "CANCEL":
		r.metrics.absorbed[absorbCancel].Inc()
		return nil
	}
	w.out = w.out[:0]
	switch {
	case rate == refuse || !r.capacity.take(now.Sub(r.start)):
		r.overload(w, from)
	case !whole:
		r.plain(w, 513, from)
	case !is(m.version, "SIP/2.0"):
		r.plain(w, 505, from)
	case m.defect != "":
		r.defect(w, m.defect, from)
	case m.length > m.behind:
		r.defect(w, "Content-Length Beyond The End", from) // RFC 3261 §18.3
	default:
		r.request(w, asker, from, now)
	}
	return w.out
}

// plain answers with a status and nothing else.
func (r *responder) plain(w *worker, status int, from netip.AddrPort) {
	r.begin(w, status, from)
	w.out = end(w.out)
}

func (r *responder) begin(w *worker, status int, from netip.AddrPort) {
	r.metrics.answer(status)
	w.out = w.message.appendHead(w.out, status, reason(status), from)
}

// defect answers 400 with what is wrong.
func (r *responder) defect(w *worker, phrase string, from netip.AddrPort) {
	r.metrics.answer(400)
	w.out = end(w.message.appendHead(w.out, 400, phrase, from))
}

// overload answers 503 with the time to come back after.
func (r *responder) overload(w *worker, from netip.AddrPort) {
	r.begin(w, 503, from)
	w.out = append(w.out, "Retry-After: "...)
	w.out = strconv.AppendInt(w.out, int64(r.config.RetryAfter/time.Second), 10)
	w.out = end(append(w.out, "\r\n"...))
}

// request answers a request that is well-formed (RFC 3261 §8.2: method first, then the Request-URI and the headers).
func (r *responder) request(w *worker, asker *switches.Switch, from netip.AddrPort, now time.Time) {
	m := &w.message
	invite := m.method == "INVITE"
	if !invite && m.method != "OPTIONS" && m.method != "BYE" {
		r.begin(w, 405, from)
		w.out = end(append(w.out, allowed...))
		return
	}
	u, kind, ok := parseURI(m.uri)
	switch {
	case !ok:
		r.defect(w, "Malformed Request-URI", from)
	case kind == schemeOther:
		r.plain(w, 416, from)
	case len(u.user) > longestFact:
		r.plain(w, 414, from)
	case u.header: // RFC 3261 §19.1.1: not in a Request-URI
		r.defect(w, "Headers In The Request-URI", from)
	case m.maxForwards == 0 && m.method != "OPTIONS":
		r.plain(w, 483, from)
	case m.count[kindRequire] > 0 && m.unsupported(nil) != nil:
		r.begin(w, 420, from)
		w.out = end(m.unsupported(append(w.out, "Unsupported: "...)))
	case m.method == "OPTIONS":
		r.begin(w, 200, from)
		w.out = end(append(w.out, allowed...))
	case !invite || m.tagged: // no dialog was ever begun here
		r.plain(w, 481, from)
	case m.count[kindDiversion] > 0 && m.diversions() > r.config.Diversions:
		r.plain(w, 483, from)
	case r.ready != nil && r.ready() != nil:
		r.overload(w, from)
	default:
		r.invite(w, u, kind, asker, from, now)
	}
}

// invite answers a call with what the plans decide.
func (r *responder) invite(w *worker, u uri, kind int, asker *switches.Switch, from netip.AddrPort, now time.Time) {
	d := &w.decision
	c := calledOf(u, kind)
	r.facts(&w.facts, &w.message, u, c, asker, now)
	r.plans.Decide(&w.facts, d)
	r.counted.Count(switches.SIP, d.Action)
	action := d.Action
	if action == callplan.NoMatch {
		action = callplan.Continue
		if r.config.NoMatch == "terminate" {
			action = callplan.Terminate
		}
	}
	if action == callplan.Terminate {
		r.plain(w, r.config.TerminateStatus, from)
		return
	}
	m := &w.message
	to := redirect{responder: r, m: m, u: u, c: c, asker: asker, from: from, out: m.appendHead(w.out, 302, reason(302), from),
		called: placeOf(u.host, u.port), source: netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())}
	if action == callplan.Route {
		to.candidates(d, w.facts.Called)
	} else {
		to.unchanged()
	}
	if to.count == 0 {
		w.out = to.out[:0]
		r.plain(w, r.config.NotFoundStatus, from)
		return
	}
	r.metrics.answer(302)
	w.out = end(to.out)
}

// understood are extensions that a switch may require of a server that only ever sends final answers: none of them changes what it does.
func understood(tag string) bool {
	switch strings.ToLower(tag) {
	case "100rel", "timer", "privacy", "histinfo", "replaces", "norefersub", "tdialog", "from-change":
		return true
	}
	return false
}

// unsupported appends the option tags that are required and not understood as a list with its line end (RFC 3261 §8.2.2.3); without any it returns nil.
func (m *message) unsupported(out []byte) []byte {
	n := 0
	for i := range m.headers {
		if m.headers[i].kind != kindRequire {
			continue
		}
		for tag := range strings.SplitSeq(m.headers[i].value, ",") {
			if tag = trim(tag); !isToken(tag) || understood(tag) {
				continue
			}
			if n++; n > 1 {
				out = append(out, ", "...)
			}
			out = append(out, tag...)
		}
	}
	if n == 0 {
		return nil
	}
	return append(out, "\r\n"...)
}
