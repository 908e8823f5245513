package httpd

import (
	"fmt"
	"net/http"
	"strings"

	"trunkline/api"
	"trunkline/router"
)

// bulkFields are the members of the body of POST /v1/messages/bulk.
var bulkFields = []field[[]router.Submission]{{"messages", readBulk}}

// readBulk reads a list of messages. What is wrong with the values of one is noted in it, under names that are those of the message.
func readBulk(r *reader, at int32, all *[]router.Submission) {
	list := r.doc.nodes[at]
	if list.kind != kindArray {
		r.wrongType(at, "a list of messages")
		return
	}
	if list.count == 0 || list.count > api.BulkLimit {
		r.mangle(at, api.FieldOutOfRange, fmt.Sprintf("has %d messages, from 1 to %d are taken at once", list.count, api.BulkLimit))
		return
	}
	for i, c := 0, r.doc.first(at); c >= 0; i, c = i+1, r.doc.next(c) {
		one := reader{doc: r.doc}
		var s submission
		decodeObject(&one, c, submitFields, &s)
		readSendTime(&one, &s)
		if one.mangled {
			r.mangled = true
			for _, f := range one.wrong {
				r.add(f.Field, f.Code, f.Message)
			}
		}
		prefix := fmt.Sprintf("messages[%d].", i)
		for _, f := range one.wrong {
			f.Field = strings.TrimPrefix(f.Field, prefix)
			s.Wrong = append(s.Wrong, f)
		}
		*all = append(*all, s.Submission)
	}
}

// submitBulk accepts messages one by one. When the store fails on the way, the results say so from there on, and the call can be repeated with its key.
func (s *Server) submitBulk(w http.ResponseWriter, r *request) error {
	if err := checkMedia(r.Header["Content-Type"]); err != nil {
		return err
	}
	key, err := idempotencyKey(r.Header)
	if err != nil {
		return err
	}
	if room := len(fmt.Sprintf("/%d", api.BulkLimit)); len(key) > maxKey-room {
		return badParameter(api.IdempotencyKey, api.FieldTooLong, fmt.Sprintf("is longer than %d characters, which leaves no room for the place of each message", maxKey-room))
	}
	body, err := readBody(r.Request, nil, s.config.BodyLimit)
	if err != nil {
		return err
	}
	all, err := readBulkRequest(body)
	if err != nil {
		return err
	}
	for i := range all {
		if err := submitted(&all[i], r.who); err != nil {
			return err
		}
	}
	if key != "" {
		running := key + " bulk" // a key has no blank
		if !s.keys.begin(r.account, running) {
			return keyRunning()
		}
		defer s.keys.end(r.account, running)
	}
	done, err := s.router.Bulk(r.Context(), key, all)
	if err != nil && len(done) == 0 {
		return err
	}
	results := make([]api.BulkResult, len(all))
	for i := range results {
		switch {
		case i >= len(done):
			results[i].Error, _ = problemOf(err)
		case done[i].Err != nil:
			results[i].Error, _ = problemOf(done[i].Err)
			results[i].Replayed = done[i].Replayed
		default:
			m := s.messageOf(&done[i].Message)
			results[i].Message, results[i].Replayed = &m, done[i].Replayed
		}
	}
	return writeJSON(w, http.StatusOK, api.BulkResponse{Results: results})
}

// readBulkRequest reads the body of POST /v1/messages/bulk. The error is the problem of a body that cannot be read.
func readBulkRequest(body []byte) (all []router.Submission, err error) {
	doc := documents.Get().(*document)
	defer doc.release()
	if err := doc.parse(body); err != nil {
		return nil, malformed(err.(*jsonError).FieldError)
	}
	r := reader{doc: doc}
	decodeObject(&r, 0, bulkFields, &all)
	if !r.mangled && len(all) == 0 {
		r.mangled = true
		r.add("messages", api.FieldRequired, "is missing; give a list of messages")
	}
	if r.mangled {
		return nil, malformed(fieldErrors(&router.ValidationError{Fields: r.wrong})...)
	}
	return all, nil
}
