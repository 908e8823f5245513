package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/router"
	"trunkline/store"
)

// malformed says that a request could not be read.
func malformed(fields ...api.FieldError) *api.Problem {
	p := api.NewProblem(http.StatusBadRequest, api.CodeMalformed, "The request cannot be read", "")
	p.Errors = fields
	return p
}

// invalid says that a request was read but has values that cannot be.
func invalid(fields []api.FieldError) *api.Problem {
	p := api.NewProblem(http.StatusUnprocessableEntity, api.CodeInvalid, "The request has wrong values", "")
	p.Errors = fields
	return p
}

// badParameter says what is wrong with a query parameter, a path element or a header.
func badParameter(name, code, message string) *api.Problem {
	return malformed(api.FieldError{Field: name, Code: code, Message: message})
}

// tooLarge says that a body is longer than the limit.
func tooLarge(limit int64) *api.Problem {
	p := api.NewProblem(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "The body is too large", "")
	p.Errors = []api.FieldError{{Field: "body", Code: api.FieldTooLarge, Message: "is longer than the limit of " + strconv.FormatInt(limit, 10) + " bytes"}}
	return p
}

// retryAfter is when a caller may try again after a 503, in seconds.
const retryAfter = "5"

// stable maps errors that other packages declare to status and code. What is not here, and not a *api.Problem, is "internal".
var stable = []struct {
	err    error
	status int
	code   string
	title  string
}{
	{store.ErrNotFound, http.StatusNotFound, api.CodeNotFound, "There is no such record"},
	{login.ErrDenied, http.StatusUnauthorized, api.CodeUnauthorized, "It is not shown who asks"},
	{login.ErrSecondFactor, http.StatusUnauthorized, api.CodeSecondFactor, "A code of the second factor is needed"},
	{login.ErrBusy, http.StatusTooManyRequests, api.CodeTooManyTries, "Too many passwords are being checked"},
	{login.ErrSet, http.StatusConflict, api.CodeConflict, "There is a second factor already"},
	{login.ErrNotSet, http.StatusConflict, api.CodeConflict, "There is no second factor"},
	{login.ErrDirectory, http.StatusServiceUnavailable, api.CodeNotReady, "The directory that knows the passwords cannot be asked"},
	{login.ErrElsewhere, http.StatusConflict, api.CodeConflict, "The password is kept in the directory, and changed there"},
	{store.ErrBackup, http.StatusConflict, api.CodeConflict, "Another backup is being made"},
	{store.ErrFull, http.StatusServiceUnavailable, api.CodeFull, "The disk is full"},
	{store.ErrReadOnly, http.StatusServiceUnavailable, api.CodeReadOnly, "The store cannot be written"},
	{store.ErrStopped, http.StatusServiceUnavailable, api.CodeStopped, "The store stopped after a failed sync"},
	{context.Canceled, http.StatusServiceUnavailable, api.CodeNotReady, "The request was given up"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, api.CodeNotReady, "The request took too long"},
}

// problemOf returns the problem that an error is answered with. known is false when it is "internal": then its text belongs into the log only.
func problemOf(err error) (p *api.Problem, known bool) {
	var validation *router.ValidationError
	var transition *store.TransitionError
	var long *http.MaxBytesError
	var quota *store.QuotaError
	var wait *login.WaitError
	switch {
	case errors.As(err, &p):
		return p, true
	case errors.As(err, &validation):
		return invalid(fieldErrors(validation)), true
	case errors.As(err, &transition):
		return api.NewProblem(http.StatusConflict, api.CodeConflict, "The message is in a state that does not allow it", transition.Error()), true
	case errors.As(err, &quota):
		p = api.NewProblem(http.StatusTooManyRequests, api.CodeQuota, "The quota has no room for it", quota.Error())
		p.RetryAfter = max(1, int64(quota.End.Sub(quota.At)/time.Second))
		return p, true
	case errors.As(err, &wait):
		p = api.NewProblem(http.StatusTooManyRequests, api.CodeTooManyTries, "Too many tries", wait.Error())
		p.RetryAfter = int64(wait.Wait/time.Second) + 1
		return p, true
	case errors.As(err, &long):
		return tooLarge(long.Limit), true
	case errors.Is(err, store.ErrCursor):
		return badParameter("cursor", api.FieldInvalid, "is no cursor that this query returned"), true
	case errors.Is(err, store.ErrKeyReused):
		p = api.NewProblem(http.StatusUnprocessableEntity, api.CodeKeyReused, "The idempotency key was used for another request", "")
		p.Errors = []api.FieldError{{Field: api.IdempotencyKey, Code: api.FieldDuplicate, Message: "came before with another method, path or body; take a new key"}}
		return p, true
	}
	for _, s := range stable {
		if errors.Is(err, s.err) {
			detail := ""
			for _, known := range []error{store.ErrLow, store.ErrOut} {
				if errors.Is(err, known) {
					detail = known.Error()
				}
			}
			return api.NewProblem(s.status, s.code, s.title, detail), true
		}
	}
	return api.NewProblem(http.StatusInternalServerError, api.CodeInternal, "The daemon failed", "the reason is in its log"), false
}

// whenToRetry returns the value of Retry-After for a problem that passes.
func whenToRetry(p *api.Problem) string {
	if p.RetryAfter > 0 {
		return strconv.FormatInt(p.RetryAfter, 10)
	}
	return retryAfter
}

// writeProblem answers with a problem.
func writeProblem(w http.ResponseWriter, path string, p *api.Problem) {
	if p.Instance == "" {
		shown := *p
		shown.Instance = clip(path)
		p = &shown
	}
	b, err := json.Marshal(p)
	if err != nil { // cannot be: a problem is strings and numbers
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", api.ProblemMedia)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	h.Set("Cache-Control", "no-store")
	switch p.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", whenToRetry(p))
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusRequestEntityTooLarge:
		h.Set("Connection", "close")
	}
	w.WriteHeader(p.Status)
	w.Write(b)
}

// appendProblem appends a whole HTTP answer with a problem, for answers that do not go through net/http. An empty path is a connection that is
// closed after it, since it was refused before there was a request.
func appendProblem(out []byte, path string, p *api.Problem) []byte {
	shown := *p
	shown.Instance = path
	b, err := json.Marshal(&shown)
	if err != nil { // cannot be: a problem is strings and numbers
		panic(err)
	}
	out = appendHead(out, p.Status, api.ProblemMedia, len(b))
	if path == "" {
		out = append(out, "Connection: close\r\n"...)
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		out = append(out, "Retry-After: "+whenToRetry(p)+"\r\n"...)
	}
	return append(append(out, "\r\n"...), b...)
}
