package httpd

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/router/access"
	"trunkline/store"
)

// route is one thing that can be asked. The table of routes makes both the mux and the OpenAPI document, so that neither can have what the other lacks.
type route struct {
	method, pattern string
	id              string // operationId
	summary         string
	need            access.Permission // what it needs; a route without it is served to nobody
	query           []parameter
	headers         []parameter
	body            any // value of the type of the body; nil: none
	status          int // of the answer when all is well
	answer          any // value of its type; nil: not JSON
	media           string
	problems        []int // further statuses that are answered with a Problem
	handle          func(s *Server, w http.ResponseWriter, r *request) error
}

// parameter is a query parameter or a header.
type parameter struct {
	name, doc string
	integer   bool
}

// request is what handlers get.
type request struct {
	*http.Request
	server  *Server
	known   login.Known       // who asks, and how that is known; nobody on public routes
	who     access.Principal  // of known
	need    access.Permission // what the route needs
	account string            // of who
	query   url.Values
}

// of checks whether the request may touch an object of a service provider, "" being the platform's own. When not, the object is answered as a missing one.
func (r *request) of(provider string) error {
	if r.who.Can(r.need, provider) {
		return nil
	}
	return store.ErrNotFound
}

// answer notes what was written, for metrics and for panics.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// endpoint serves every method of one pattern.
type endpoint struct {
	server *Server
	routes map[string]*served // by method
	allow  string
}

// served is a route with its metrics at hand.
type served struct {
	*route
	metrics routeMetrics
}

// newMux makes the mux of a table of routes.
func (s *Server) newMux(table []route) *http.ServeMux {
	mux := http.NewServeMux()
	endpoints := map[string]*endpoint{}
	for i := range table {
		r := &table[i]
		e := endpoints[r.pattern]
		if e == nil {
			e = &endpoint{server: s, routes: map[string]*served{}}
			endpoints[r.pattern] = e
			mux.Handle(r.pattern, e)
		}
		e.routes[r.method] = &served{r, s.metrics.route(r.method + " " + r.pattern)}
	}
	for _, e := range endpoints {
		var methods []string
		for m := range e.routes {
			methods = append(methods, m)
		}
		slices.Sort(methods)
		e.allow = strings.Join(methods, ", ")
	}
	mux.Handle("/", &endpoint{server: s, routes: map[string]*served{}})
	return mux
}

// ServeHTTP finds the route of a method and answers for it, whatever happens.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := e.server
	start := time.Now()
	found := e.routes[r.Method]
	if found == nil && r.Method == http.MethodHead {
		found = e.routes[http.MethodGet]
	}
	a := answer{ResponseWriter: w}
	req := request{Request: r, server: e.server}
	counted := s.metrics.other
	if found != nil {
		counted = found.metrics
	}
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.log.Error("a request made the server panic", "route", e.name(found), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			if a.status == 0 {
				p, _ := problemOf(fmt.Errorf("panic"))
				writeProblem(&a, r.URL.Path, p)
			}
		}
		took := time.Since(start)
		counted.count(a.status, took)
		s.logRequest(r.Context(), r.Method, e.name(found), r.URL.RawQuery, a.status, took, req.account)
	}()
	if err := e.serve(found, &a, &req); err != nil {
		s.fail(&a, r, err)
	}
}

// serve checks what all routes have in common and calls the handler.
func (e *endpoint) serve(found *served, w http.ResponseWriter, r *request) (err error) {
	if r.URL.RawQuery != "" {
		if r.query, err = readQuery(r.URL.RawQuery, found); err != nil {
			return err
		}
	}
	switch {
	case found == nil && e.allow == "":
		return api.NewProblem(http.StatusNotFound, api.CodeNotFound, "There is no such path", "")
	case found == nil:
		w.Header().Set("Allow", e.allow)
		return api.NewProblem(http.StatusMethodNotAllowed, api.CodeMethodNotAllowed, "The method is not allowed here", "allowed are "+e.allow)
	}
	r.need = found.need
	if err := e.server.sameSite(w, r.Request); err != nil {
		return err
	}
	if r.need != access.Public {
		if r.known, err = e.server.identify(r.Request); err != nil {
			return err
		}
		r.who, r.account = r.known.Principal, r.known.Account
	}
	if !r.who.Ever(r.need) {
		return forbidden(r.need)
	}
	return found.handle(e.server, w, r)
}

// logRequest tells of an answered request, without anything that was in it.
func (s *Server) logRequest(ctx context.Context, method, route, query string, status int, took time.Duration, account string) {
	if s.log.Enabled(ctx, slog.LevelDebug) {
		s.log.Debug("request", "method", clip(method), "route", route, "query", redact(query), "status", status, "took", took, "account", account)
	}
}

// name names a route in logs: its pattern, never the path, which may hold anything.
func (e *endpoint) name(found *served) string {
	if found == nil {
		return "none"
	}
	return found.pattern
}

// fail answers with the problem of an error. When the answer has begun already, there is nothing more to say.
func (s *Server) fail(a *answer, r *http.Request, err error) {
	p, known := problemOf(err)
	if !known {
		s.log.Error("request failed", "method", r.Method, "err", err)
	}
	if p.Status == http.StatusRequestEntityTooLarge || r.ContentLength > s.config.BodyLimit {
		lingerOver(a, r.Body)
	}
	if a.status == 0 {
		writeProblem(a, r.URL.Path, p)
	}
}

// lingerOver makes the server wait a moment before it closes a connection whose body was not read: a client that is still writing would otherwise
// find the connection broken before it sees the answer. net/http does so for what its own MaxBytesReader refuses.
func lingerOver(a *answer, body io.ReadCloser) {
	http.MaxBytesReader(a.ResponseWriter, body, 0).Read(make([]byte, 1))
}

// readQuery reads the query of a URL strictly: known names only, each once, and never a token, which would end in logs.
func readQuery(raw string, found *served) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if values.Has("token") || values.Has("access_token") {
		p := api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "Credentials do not belong into the address", "")
		p.Errors = []api.FieldError{{Field: "token", Code: api.FieldUnsupported, Message: "is not taken from the query, since addresses end in logs; revoke it if it is a real one"}}
		return nil, p
	}
	if err != nil {
		return nil, badParameter("query", api.FieldMalformed, "is not properly encoded")
	}
	if found == nil {
		return values, nil
	}
	var wrong []api.FieldError
	for name, v := range values {
		known := slices.ContainsFunc(found.query, func(p parameter) bool { return p.name == name })
		switch {
		case !known:
			wrong = append(wrong, api.FieldError{Field: clip(strings.ToValidUTF8(name, "\uFFFD")), Code: api.FieldUnknown, Message: "is no parameter of this request" + knownParameters(found.query)})
		case len(v) > 1:
			wrong = append(wrong, api.FieldError{Field: name, Code: api.FieldDuplicate, Message: "comes twice"})
		}
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b api.FieldError) int { return strings.Compare(a.Field, b.Field) })
		return nil, malformed(wrong[:min(len(wrong), 100)]...)
	}
	return values, nil
}

func knownParameters(ps []parameter) string {
	if len(ps) == 0 {
		return "; it has none"
	}
	var names []string
	for _, p := range ps {
		names = append(names, p.name)
	}
	return "; known are " + strings.Join(names, ", ")
}

// redact shows the names in a query, but no values: they may be tokens or telephone numbers.
func redact(raw string) string {
	values, _ := url.ParseQuery(raw)
	var names []string
	for name := range values {
		names = append(names, clip(name)+"=…")
	}
	slices.Sort(names)
	return strings.Join(names[:min(len(names), 16)], "&")
}
