package httpd

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"trunkline/api"
	"trunkline/router"
	"trunkline/router/access"
	"trunkline/store"
)

// submission is a SubmitRequest while it is read: the time zone is needed before the time.
type submission struct {
	router.Submission
	sendAt   int32 // index of send_at and time_zone in the document, 0: absent
	timeZone int32
}

// submitFields are the members of the body of POST /v1/messages.
var submitFields = []field[submission]{
	{"to", readRecipients},
	{"group", func(r *reader, at int32, s *submission) {
		s.Groups = readNames(r, at, "the name of a group in quotes, or a list of such,")
	}},
	{"text", func(r *reader, at int32, s *submission) { s.Text, _ = r.str(at) }},
	{"trunk", func(r *reader, at int32, s *submission) { s.Trunk, _ = r.str(at) }},
	{"tag", func(r *reader, at int32, s *submission) { s.Tag, _ = r.str(at) }},
	{"priority", readPriority},
	{"flash", func(r *reader, at int32, s *submission) { s.Flash = r.boolean(at) }},
	{"valid_for", readValidFor},
	{"class", readClass},
	{"on_ambiguous", func(r *reader, at int32, s *submission) { s.OnAmbiguous, _ = r.str(at) }},
	{"send_at", func(_ *reader, at int32, s *submission) { s.sendAt = at }},
	{"time_zone", func(_ *reader, at int32, s *submission) { s.timeZone = at }},
}

func readRecipients(r *reader, at int32, s *submission) {
	s.To = readNames(r, at, "a number in quotes, or a list of such,")
}

// readNames reads one string or a list of them.
func readNames(r *reader, at int32, what string) (all []string) {
	switch r.doc.nodes[at].kind {
	case kindString:
		return []string{r.doc.content(at)}
	case kindArray:
		all = make([]string, 0, r.doc.nodes[at].count)
		for c := r.doc.first(at); c >= 0; c = r.doc.next(c) {
			one, _ := r.str(c) // a wrong one keeps its place, so that the others are counted right
			all = append(all, one)
		}
	default:
		r.wrongType(at, what)
	}
	return all
}

func readPriority(r *reader, at int32, s *submission) {
	n, ok := r.integer(at)
	switch {
	case !ok:
	case n < 0 || n > 9:
		r.refuse(at, api.FieldOutOfRange, "is not between 0 (lowest) and 9 (highest)")
	default:
		p := int(n)
		s.Priority = &p
	}
}

// readClass reads why a message may go to who asked not to be written to. The class of answers is the gateway's own.
func readClass(r *reader, at int32, s *submission) {
	class, ok := r.str(at)
	if ok && class != store.ClassEmergency {
		r.refuse(at, api.FieldInvalid, "is not emergency, which is the only class that can be asked for")
	}
	s.Class = class
}

func readValidFor(r *reader, at int32, s *submission) {
	switch r.doc.nodes[at].kind {
	case kindString:
		d, err := duration(r.doc.content(at))
		if err != nil {
			r.refuse(at, api.FieldInvalid, err.Error())
			return
		}
		s.ValidFor = d
	case kindNumber:
		n, ok := r.integer(at)
		if !ok {
			return
		}
		s.ValidFor = time.Duration(max(-1, min(n, int64(maxValidity/time.Second)+1))) * time.Second
	default:
		r.wrongType(at, "a duration such as \"24h\" or a number of seconds")
		return
	}
	if s.ValidFor <= 0 || s.ValidFor > maxValidity {
		r.refuse(at, api.FieldOutOfRange, "must be above zero and at most 63 weeks (10584h)")
	}
}

// readSendTime reads send_at and time_zone, which need each other.
func readSendTime(r *reader, s *submission) {
	var loc *time.Location
	if s.timeZone != 0 {
		name, ok := r.str(s.timeZone)
		if !ok {
			return
		}
		var err error
		if loc, err = zone(name); err != nil {
			r.refuse(s.timeZone, api.FieldUnknown, err.Error())
			return
		}
		if s.sendAt == 0 {
			r.refuse(s.timeZone, api.FieldConflict, "is of no use without send_at")
			return
		}
	}
	if s.sendAt == 0 {
		return
	}
	text, ok := r.str(s.sendAt)
	if !ok {
		return
	}
	t, err := sendTime(text, loc)
	if err != nil {
		r.refuse(s.sendAt, api.FieldInvalid, err.Error())
	}
	s.SendAt = t
}

// readSubmission reads the body of POST /v1/messages. What is wrong with single fields is in the submission; mangled tells that some of it is no value
// that the field could ever have. The error is the problem of a body that cannot be read at all.
func readSubmission(body []byte) (_ router.Submission, mangled bool, err error) {
	doc := documents.Get().(*document)
	defer doc.release()
	if err := doc.parse(body); err != nil {
		return router.Submission{}, true, malformed(err.(*jsonError).FieldError)
	}
	if len(body) <= wholeBody {
		doc.whole = string(body)
	}
	x := readings.Get().(*reading)
	defer func() {
		*x = reading{}
		readings.Put(x)
	}()
	x.doc = doc
	decodeObject(&x.reader, 0, submitFields, &x.submission)
	readSendTime(&x.reader, &x.submission)
	x.Wrong = x.wrong
	return x.Submission, x.mangled, nil
}

// wholeBody is the longest body that is copied as a whole, instead of each of its strings.
const wholeBody = 4 << 10

// reading is what it takes to read a submission.
type reading struct {
	reader
	submission
}

var readings = sync.Pool{New: func() any { return new(reading) }}

// submitted makes a submission that of who asks. The error says that he may not send it.
func submitted(s *router.Submission, who access.Principal) error {
	if s.Account, s.Provider = who.Account, who.Role.Provider(); s.Class != "" && !who.Ever(access.MessageEmergency) {
		return forbidden(access.MessageEmergency)
	}
	return nil
}

// submission reads the body of POST /v1/messages into what the router is to be asked, for who asks. mangled is for outcome.
func (s *Server) submission(who access.Principal, key string, body []byte) (_ router.Submission, mangled bool, err error) {
	sub, mangled, err := readSubmission(body)
	if err == nil {
		err = submitted(&sub, who)
	}
	if err == nil && key != "" {
		sub.IdempotencyKey, sub.IdempotencyHash = key, requestHash(http.MethodPost, "/v1/messages", body)
	}
	return sub, mangled, err
}

// outcome turns the router's answer to a submission into that of the route.
func outcome(accepted router.Accepted, err error, mangled bool) (router.Accepted, error) {
	if v, ok := err.(*router.ValidationError); ok && mangled {
		return accepted, malformed(fieldErrors(v)...)
	}
	return accepted, err
}

// submit is POST /v1/messages apart from how the request came: it reads the body, and returns when the messages are on disk.
func (s *Server) submit(ctx context.Context, who access.Principal, key string, body []byte) (router.Accepted, error) {
	sub, mangled, err := s.submission(who, key, body)
	if err != nil {
		return router.Accepted{}, err
	}
	if key != "" {
		if !s.keys.begin(sub.Account, key) {
			return router.Accepted{}, keyRunning()
		}
		defer s.keys.end(sub.Account, key)
	}
	accepted, err := s.router.Submit(ctx, sub)
	return outcome(accepted, err, mangled)
}

// bodies are buffers for requests of usual size.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

func (s *Server) submitMessages(w http.ResponseWriter, r *request) error {
	if err := checkMedia(r.Header["Content-Type"]); err != nil {
		return err
	}
	if coding := r.Header["Content-Encoding"]; len(coding) > 0 {
		return unsupported("Content-Encoding", "is not taken; send the JSON as it is")
	}
	key, err := idempotencyKey(r.Header)
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
	accepted, err := s.submit(r.Context(), r.who, key, *buf)
	if err != nil {
		return err
	}
	if accepted.Replayed {
		w.Header().Set(api.IdempotentReplayed, "true")
	}
	writeBody(w, http.StatusAccepted, s.appendSubmitted((*buf)[:0], &accepted))
	return nil
}

// checkMedia accepts application/json, in UTF-8 if it says so, and nothing else: what a browser sends without asking first must not pass.
func checkMedia(values []string) error {
	if len(values) == 1 {
		if values[0] == "application/json" {
			return nil
		}
		media, params, err := mime.ParseMediaType(values[0])
		charset, given := params["charset"]
		if err == nil && media == "application/json" && (!given && len(params) == 0 || given && len(params) == 1 && strings.EqualFold(charset, "utf-8")) {
			return nil
		}
	}
	return unsupported("Content-Type", "must be application/json")
}

func unsupported(header, message string) error {
	p := api.NewProblem(http.StatusUnsupportedMediaType, api.CodeUnsupportedMedia, "The body is not plain JSON", "")
	p.Errors = []api.FieldError{{Field: header, Code: api.FieldUnsupported, Message: message}}
	return p
}

// readBody reads a body of at most limit bytes into buf. A longer one is refused, by its announced length without reading it at all.
func readBody(r *http.Request, buf []byte, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return buf, tooLarge(limit)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case int64(len(buf)) > limit:
			return buf, tooLarge(limit)
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return buf, badParameter("body", api.FieldMalformed, "ended too early")
		}
	}
}
