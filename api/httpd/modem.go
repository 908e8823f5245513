package httpd

import (
	"context"
	"net/http"
	"time"

	"trunkline/api"
)

// Control does things with modems. Its errors are *api.Problem, or internal. account is who asked, for the record.
type Control interface {
	USSD(ctx context.Context, account, name string, r api.USSDRequest) (api.USSDReply, error)
	AT(ctx context.Context, account, name, command string) (api.ATAnswer, error)
	Unlock(ctx context.Context, account, name string, r api.UnlockRequest) error
}

// How long what is asked of a modem may take: the network has 100 s for USSD, and a console command may wait behind a send.
const (
	ussdLimit    = 2 * time.Minute
	consoleLimit = 4 * time.Minute
	unlockLimit  = 90 * time.Second
)

func (s *Server) listModems(w http.ResponseWriter, _ *request) error {
	out := api.ModemList{Items: []api.Modem{}}
	if s.modems != nil {
		out.Items = append(out.Items, s.modems()...)
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) showModem(w http.ResponseWriter, r *request) error {
	m, err := s.modem(r.PathValue("name"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, m)
}

// modem finds a modem by name.
func (s *Server) modem(name string) (api.Modem, error) {
	if s.modems != nil {
		for _, m := range s.modems() {
			if m.Name == name {
				return m, nil
			}
		}
	}
	return api.Modem{}, api.NewProblem(http.StatusNotFound, api.CodeNotFound, "There is no such modem", "GET /v1/modems lists them")
}

var (
	ussdFields = []field[api.USSDRequest]{
		{"code", func(r *reader, at int32, v *api.USSDRequest) { v.Code, _ = r.str(at) }},
		{"reply", func(r *reader, at int32, v *api.USSDRequest) { v.Reply, _ = r.str(at) }},
		{"cancel", func(r *reader, at int32, v *api.USSDRequest) { v.Cancel = r.boolean(at) }},
	}
	atFields = []field[api.ATRequest]{
		{"command", func(r *reader, at int32, v *api.ATRequest) { v.Command, _ = r.str(at) }},
	}
	unlockFields = []field[api.UnlockRequest]{
		{"pin", func(r *reader, at int32, v *api.UnlockRequest) { v.PIN, _ = r.str(at) }},
		{"puk", func(r *reader, at int32, v *api.UnlockRequest) { v.PUK, _ = r.str(at) }},
		{"accept", func(r *reader, at int32, v *api.UnlockRequest) { v.Accept = r.boolean(at) }},
	}
)

// toModem checks what a request to a modem has in common with others: there is such a modem, and the body can be read. The context ends with the limit,
// for which the connection is kept open.
func toModem[T any](s *Server, w http.ResponseWriter, r *request, fields []field[T], limit time.Duration) (body T, ctx context.Context, cancel context.CancelFunc, err error) {
	if _, err = s.modem(r.PathValue("name")); err != nil {
		return body, nil, nil, err
	}
	if s.control == nil {
		return body, nil, nil, notReady("modems cannot be reached")
	}
	if body, err = decodeBody(s, r, fields); err != nil {
		return body, nil, nil, err
	}
	control := http.NewResponseController(w)
	control.SetReadDeadline(time.Time{}) // the timeout for a request's body must not end its answer
	control.SetWriteDeadline(time.Now().Add(limit + s.config.WriteTimeout))
	ctx, cancel = context.WithTimeout(r.Context(), limit)
	return body, ctx, cancel, nil
}

func (s *Server) ussd(w http.ResponseWriter, r *request) error {
	body, ctx, cancel, err := toModem(s, w, r, ussdFields, ussdLimit)
	if err != nil {
		return err
	}
	defer cancel()
	given := 0
	for _, is := range []bool{body.Code != "", body.Reply != "", body.Cancel} {
		if is {
			given++
		}
	}
	if given != 1 {
		return invalid([]api.FieldError{{Field: "code", Code: api.FieldRequired, Message: "exactly one of code, reply and cancel is wanted"}})
	}
	out, err := s.control.USSD(ctx, r.account, r.PathValue("name"), body)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) at(w http.ResponseWriter, r *request) error {
	body, ctx, cancel, err := toModem(s, w, r, atFields, consoleLimit)
	if err != nil {
		return err
	}
	defer cancel()
	out, err := s.control.AT(ctx, r.account, r.PathValue("name"), body.Command)
	if err != nil {
		return err
	}
	if out.Lines == nil {
		out.Lines = []string{}
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) unlock(w http.ResponseWriter, r *request) error {
	body, ctx, cancel, err := toModem(s, w, r, unlockFields, unlockLimit)
	if err != nil {
		return err
	}
	defer cancel()
	if err := s.control.Unlock(ctx, r.account, r.PathValue("name"), body); err != nil {
		return err
	}
	return s.showModem(w, r)
}
