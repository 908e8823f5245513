package httpd

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"trunkline/api"
	"trunkline/api/switches"
	"trunkline/callplan"
	"trunkline/router"
)

// Decider decides calls; *callplan.Book is one. Decide resets d and keeps nothing of f.
type Decider interface {
	Decide(f *callplan.Facts, d *callplan.Decision)
}

// decideLimit is how many calls one request may ask about.
const decideLimit = 1000

// usualProvider is the service provider that always exists.
const usualProvider = "default"

// question is a DecideRequest while it is read.
type question struct{ callplan.Facts }

// decideFields are the members of one call in the body of POST /v1/decide.
var decideFields = []field[question]{
	{"provider", func(r *reader, at int32, q *question) { q.Provider = r.fact(at) }},
	{"kind", readKind},
	{"calling", func(r *reader, at int32, q *question) { q.Calling = r.fact(at) }},
	{"called", func(r *reader, at int32, q *question) { q.Called = r.fact(at) }},
	{"at", readAt},
	{"opc", func(r *reader, at int32, q *question) { q.OPC = r.fact(at) }},
	{"calling_lata", func(r *reader, at int32, q *question) { q.CallingLATA = r.fact(at) }},
	{"called_lata", func(r *reader, at int32, q *question) { q.CalledLATA = r.fact(at) }},
	{"zip", func(r *reader, at int32, q *question) { q.ZIP = r.fact(at) }},
	{"call_id", func(r *reader, at int32, q *question) { q.CallID = r.fact(at) }},
	{"trunks_down", readTrunksDown},
}

// fact returns a string of usual length.
func (r *reader) fact(at int32) string {
	s, _ := r.str(at)
	if len(s) > 255 {
		r.refuse(at, api.FieldTooLong, "has "+strconv.Itoa(len(s))+" bytes, at most 255 are taken")
	}
	return s
}

func readKind(r *reader, at int32, q *question) {
	if q.Kind, _ = r.str(at); q.Kind != "voice" && q.Kind != "sms" {
		r.refuse(at, api.FieldInvalid, "is neither voice nor sms")
	}
}

func readAt(r *reader, at int32, q *question) {
	s, ok := r.str(at)
	if !ok {
		return
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() {
		r.refuse(at, api.FieldInvalid, "is no time, e.g. 2026-06-10T15:00:00Z")
	}
	q.At = t
}

func readTrunksDown(r *reader, at int32, q *question) {
	if r.doc.nodes[at].kind != kindArray {
		r.wrongType(at, "a list of names of trunks")
		return
	}
	if n := r.doc.nodes[at].count; n > 1000 {
		r.refuse(at, api.FieldTooMany, "names "+strconv.Itoa(int(n))+" trunks, at most 1000 are taken")
		return
	}
	for c := r.doc.first(at); c >= 0; c = r.doc.next(c) {
		q.TrunksDown = append(q.TrunksDown, r.fact(c))
	}
}

// decisions are reused: a decision keeps the room for its candidates.
var decisions = sync.Pool{New: func() any { return new(callplan.Decision) }}

// switchKey is the key of the switch in the context of a request that came over TCP.
type switchKey struct{}

// asker returns the switch that asks: the one behind the connection, or on the socket the one that the request names; nil is any program on this machine.
func (s *Server) asker(ctx context.Context, name string) (*switches.Switch, error) {
	if a, ok := ctx.Value(switchKey{}).(*switches.Switch); ok {
		if name != "" {
			return nil, badParameter("switch", api.FieldUnsupported, "is taken on the unix socket only; here the address says which switch asks")
		}
		return a, nil
	}
	if name == "" {
		return nil, nil
	}
	a := s.switches.ByName(name)
	if a == nil {
		return nil, badParameter("switch", api.FieldUnknown, "names no section [switch.NAME] of the configuration")
	}
	return a, nil
}

// decideCalls is POST /v1/decide.
func (s *Server) decideCalls(w http.ResponseWriter, r *request) error {
	if err := checkMedia(r.Header["Content-Type"]); err != nil {
		return err
	}
	if coding := r.Header["Content-Encoding"]; len(coding) > 0 {
		return unsupported("Content-Encoding", "is not taken; send the JSON as it is")
	}
	format := r.query.Get("format")
	if format != "" && format != "rtjson" {
		return badParameter("format", api.FieldInvalid, "is neither left out nor rtjson")
	}
	asker, err := s.asker(r.Context(), r.query.Get("switch"))
	if err != nil {
		return err
	}
	buf := bodies.Get().(*[]byte)
	defer func() {
		if cap(*buf) <= 64<<10 {
			bodies.Put(buf)
		}
	}()
	if *buf, err = readBody(r.Request, (*buf)[:0], s.config.BodyLimit); err != nil {
		return err
	}
	if *buf, err = s.decideIn((*buf)[:0], *buf, asker, format != ""); err != nil {
		return err
	}
	writeBody(w, http.StatusOK, *buf)
	return nil
}

// decideIn appends the answer to the calls in a body. out may lie over body, of which nothing is needed once it is written.
func (s *Server) decideIn(out, body []byte, asker *switches.Switch, rtjson bool) ([]byte, error) {
	if s.decides != nil {
		if err := s.decides(); err != nil {
			return out, api.NewProblem(http.StatusServiceUnavailable, api.CodeNotReady, "Nothing is decided now", "")
		}
	}
	questions, list, err := readQuestions(body, asker)
	if err != nil {
		return out, err
	}
	if list && rtjson {
		return out, badParameter("format", api.FieldConflict, "takes one call, not a list")
	}
	d := decisions.Get().(*callplan.Decision)
	defer decisions.Put(d)
	if list {
		out = append(out, '[')
	}
	now := time.Now()
	for i := range questions {
		f := &questions[i].Facts
		if asker == nil {
			f.Provider = s.store.ProviderKey(f.Provider)
		}
		s.complete(f, asker, now)
		s.plans.Decide(f, d)
		if i > 0 {
			out = append(out, ',')
		}
		if rtjson {
			s.decided.Count(switches.RTJSON, d.Action)
			out = s.appendRTJSON(out, d, asker)
		} else {
			s.decided.Count(switches.HTTP, d.Action)
			out = appendDecision(out, d)
		}
	}
	if list {
		out = append(out, ']')
	}
	return out, nil
}

// decideSafely is decideIn, but a panic is an error.
func (s *Server) decideSafely(out, body []byte, asker *switches.Switch, rtjson bool) (_ []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return s.decideIn(out, body, asker, rtjson)
}

// complete fills in what the gateway knows of every call.
func (s *Server) complete(f *callplan.Facts, asker *switches.Switch, now time.Time) {
	if f.At.IsZero() {
		f.At = now
	}
	switch {
	case f.Provider != "":
	case asker != nil:
		f.Provider = asker.Provider("", "")
	default:
		f.Provider = usualProvider
	}
	if down := s.switches.Down(); len(f.TrunksDown) == 0 {
		f.TrunksDown = down
	} else {
		f.TrunksDown = slices.Concat(f.TrunksDown, down)
	}
}

// readQuestions reads one call or a list of calls. A switch may only ask for the service providers that it is set up for; another one's name is to it
// as one that does not exist.
func readQuestions(body []byte, asker *switches.Switch) (out []question, list bool, err error) {
	doc := documents.Get().(*document)
	defer doc.release()
	if err := doc.parse(body); err != nil {
		return nil, false, malformed(err.(*jsonError).FieldError)
	}
	r := reader{doc: doc}
	read := func(at int32) {
		var q question
		decideObject(&r, at, asker, &q)
		out = append(out, q)
	}
	if list = doc.nodes[0].kind == kindArray; !list {
		read(0)
	} else if n := doc.nodes[0].count; n == 0 || n > decideLimit {
		r.refuse(0, api.FieldOutOfRange, "has "+strconv.Itoa(int(n))+" calls; 1 to "+strconv.Itoa(decideLimit)+" are decided at once")
	} else {
		out = make([]question, 0, n)
		for c := doc.first(0); c >= 0; c = doc.next(c) {
			read(c)
		}
	}
	switch {
	case r.mangled:
		return nil, list, malformed(fieldErrors(&router.ValidationError{Fields: r.wrong})...)
	case len(r.wrong) > 0:
		return nil, list, invalid(fieldErrors(&router.ValidationError{Fields: r.wrong}))
	}
	return out, list, nil
}

func decideObject(r *reader, at int32, asker *switches.Switch, q *question) {
	decodeObject(r, at, decideFields, q)
	if asker == nil || q.Provider == "" {
		return
	}
	var ok bool
	if q.Provider, ok = asker.Serves(q.Provider); !ok {
		r.add(member(r.doc.path(at), "provider"), api.FieldUnknown, "names no service provider")
	}
}

// member is the path of a member of the value at a path.
func member(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// appendDecision writes an api.Decision.
func appendDecision(out []byte, d *callplan.Decision) []byte {
	out = append(append(out, `{"action":"`...), d.Action.String()...)
	out = append(out, '"')
	if d.Plan != "" {
		out = appendString(append(out, `,"plan":`...), d.Plan)
		out = appendString(append(out, `,"path":`...), d.Path)
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if i == 0 {
			out = append(out, `,"candidates":[`...)
		} else {
			out = append(out, ',')
		}
		out = append(append(out, `{"type":"`...), c.Type.String()...)
		out = append(out, '"')
		for _, m := range [...]struct{ name, value string }{{`,"trunk":`, c.Trunk}, {`,"number":`, c.Number}, {`,"uri":`, c.URI}} {
			if m.value != "" {
				out = appendString(append(out, m.name...), m.value)
			}
		}
		out = append(out, '}')
	}
	if len(d.Candidates) > 0 {
		out = append(out, ']')
	}
	return append(out, '}')
}

// appendRTJSON writes an api.RTJSON. Candidates that the switch cannot reach by SIP are left out.
func (s *Server) appendRTJSON(out []byte, d *callplan.Decision, asker *switches.Switch) []byte {
	hop := ""
	if asker != nil {
		hop = asker.NextHop
	}
	out = append(append(out, `{"version":"1.0","routing":"serial","action":"`...), d.Action.String()...)
	out = append(out, `","routes":[`...)
	first := true
	for i := range d.Candidates {
		uri, ok := s.switches.URI(&d.Candidates[i], hop)
		if !ok {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(appendString(append(out, `{"uri":`...), uri), '}')
	}
	return append(out, "]}"...)
}
