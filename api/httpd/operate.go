package httpd

import (
	"errors"
	"net/http"

	"trunkline/api"
	"trunkline/router"
	"trunkline/store"
)

// What operators decide about messages of which nobody knows what became of them, and about those that are held.

// settleStates are what a message can be said to have become.
var settleStates = map[string]store.State{"sent": store.Sent, "delivered": store.Delivered, "failed": store.Error}

var settleFields = []field[api.SettleRequest]{
	{"state", func(r *reader, at int32, v *api.SettleRequest) {
		text, ok := r.str(at)
		if _, known := settleStates[text]; ok && !known {
			r.refuse(at, api.FieldInvalid, "is none of sent, delivered and failed")
		}
		v.State = text
	}},
}

// decodeBody reads the JSON body of a request by a table of its members.
func decodeBody[T any](s *Server, r *request, members []field[T]) (v T, err error) {
	if err = checkMedia(r.Header["Content-Type"]); err != nil {
		return v, err
	}
	b, err := readBody(r.Request, nil, s.config.BodyLimit)
	if err != nil {
		return v, err
	}
	doc := documents.Get().(*document)
	defer doc.release()
	if err := doc.parse(b); err != nil {
		return v, malformed(err.(*jsonError).FieldError)
	}
	in := reader{doc: doc}
	decodeObject(&in, 0, members, &v)
	switch wrong := fieldErrors(&router.ValidationError{Fields: in.wrong}); {
	case in.mangled:
		return v, malformed(wrong...)
	case len(wrong) > 0:
		return v, invalid(wrong)
	}
	return v, nil
}

func (s *Server) resendMessage(w http.ResponseWriter, r *request) error {
	return s.decide(w, r, func(id store.MessageID) (store.Message, error) { return s.router.Resend(r.Context(), id, r.account) })
}

func (s *Server) releaseMessage(w http.ResponseWriter, r *request) error {
	return s.decide(w, r, func(id store.MessageID) (store.Message, error) { return s.router.Release(r.Context(), id, r.account) })
}

func (s *Server) settleMessage(w http.ResponseWriter, r *request) error {
	return s.decide(w, r, func(id store.MessageID) (store.Message, error) {
		body, err := decodeBody(s, r, settleFields)
		if err != nil {
			return store.Message{}, err
		}
		if body.State == "" {
			return store.Message{}, invalid([]api.FieldError{{Field: "state", Code: api.FieldRequired, Message: "say what became of it: sent, delivered or failed"}})
		}
		return s.router.Resolve(r.Context(), id, settleStates[body.State], r.account)
	})
}

// decide answers with the message after a decision about it.
func (s *Server) decide(w http.ResponseWriter, r *request, fn func(store.MessageID) (store.Message, error)) error {
	id, err := messageID(r)
	if err != nil {
		return err
	}
	if _, err := s.visible(r, id); err != nil {
		return err
	}
	m, err := fn(id)
	if errors.Is(err, store.ErrInvalid) {
		return badParameter("id", api.FieldInvalid, "is a message that came in, of which nothing is to be decided")
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.messageOf(&m))
}
