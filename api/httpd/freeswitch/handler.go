package freeswitch

import (
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// Decider decides calls; *callplan.Book is one. Decide resets d and keeps nothing of f.
type Decider interface {
	Decide(f *callplan.Facts, d *callplan.Decision)
}

// Options is what a Handler works with. Plans and Table are needed; all else may be zero.
type Options struct {
	Config    Config // valid
	Plans     Decider
	Table     *switches.Table   // who may ask
	Decisions *switches.Metrics // counts decisions; nil: nobody does
	Ready     func() error      // why calls cannot be decided now; nil: they always can
	Logger    *slog.Logger      // nil: none
}

// Handler answers POST requests of mod_xml_curl at Path.
type Handler struct {
	config  Config
	plans   Decider
	table   *switches.Table
	decided *switches.Metrics
	ready   func() error
	log     *slog.Logger
	room    sync.Pool // of decisions
}

// New returns a handler.
func New(o Options) *Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{config: o.Config, plans: o.Plans, table: o.Table, decided: o.Decisions, ready: o.Ready, log: o.Logger,
		room: sync.Pool{New: func() any { return new(callplan.Decision) }}}
}

// bodyLimit is the longest request, in bytes: FreeSWITCH sends every variable of the channel.
const bodyLimit = 256 << 10

// longestCallID is the most octets of a Call-ID that count.
const longestCallID = 255

// ServeHTTP answers a switch that a section [switch.NAME] names, and nobody else. Whatever is not a question for the dialplan of a call gets "not
// found", on which FreeSWITCH goes on with its own files; so it does when the answer is an error.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	asker := h.table.Find(from.Addr())
	if err != nil || asker == nil {
		http.Error(w, "this address may not ask: no section [switch.NAME] of the configuration names it", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "mod_xml_curl posts", http.StatusMethodNotAllowed)
		return
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		http.Error(w, "the body must be application/x-www-form-urlencoded", http.StatusUnsupportedMediaType)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if long := new(http.MaxBytesError); errors.As(err, &long) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "the body cannot be read as a form of at most "+strconv.Itoa(bodyLimit)+" bytes", status)
		return
	}
	if h.ready != nil && h.ready() != nil {
		w.Header().Set("Retry-After", "5")
		http.Error(w, "nothing is decided now", http.StatusServiceUnavailable)
		return
	}
	out, err := h.answer(r.PostForm, asker)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	w.Header().Set("Cache-Control", "no-store")
	w.Write(out)
}

// answer decides the call that a form describes.
func (h *Handler) answer(form url.Values, asker *switches.Switch) ([]byte, error) {
	if form.Get("section") != "dialplan" {
		return []byte(notFound), nil
	}
	f := facts(form, asker)
	f.At, f.TrunksDown = time.Now(), h.table.Down()
	if err := f.Check(); err != nil {
		return nil, err
	}
	d := h.room.Get().(*callplan.Decision)
	defer h.room.Put(d)
	h.plans.Decide(&f, d)
	h.decided.Count(switches.FreeSWITCH, d.Action)
	actions := h.actions(d, asker)
	if len(actions) == 0 {
		return []byte(notFound), nil
	}
	return dialplan(first(form, "Hunt-Context", "Caller-Context"), actions), nil
}

// facts are what FreeSWITCH says of a call. While it hunts through its dialplan, the Hunt- values are the current ones. Channel variables that begin with
// trunkline_ set what the call itself does not say.
func facts(form url.Values, asker *switches.Switch) callplan.Facts {
	f := callplan.Facts{
		Called:      first(form, "Hunt-Destination-Number", "Caller-Destination-Number"),
		Calling:     first(form, "Hunt-Caller-ID-Number", "Caller-Caller-ID-Number"),
		CallID:      first(form, "variable_sip_call_id", "Unique-ID", "Channel-Call-UUID"),
		OPC:         form.Get("variable_trunkline_opc"),
		CallingLATA: form.Get("variable_trunkline_calling_lata"),
		CalledLATA:  form.Get("variable_trunkline_called_lata"),
		ZIP:         form.Get("variable_trunkline_zip"),
	}
	if n := len(f.CallID) - longestCallID; n > 0 { // its end differs just as well, and a draw only needs a difference
		f.CallID = f.CallID[n:]
	}
	hidden := strings.EqualFold(first(form, "Hunt-Privacy-Hide-Number", "Caller-Privacy-Hide-Number"), "true")
	if hidden || strings.EqualFold(f.Calling, "anonymous") || strings.EqualFold(f.Calling, "unknown") {
		f.Calling = ""
	}
	f.Provider = asker.Provider(form.Get("variable_sip_req_host"), form.Get("variable_trunkline_group"))
	return f
}

// first returns the first value that is given.
func first(form url.Values, names ...string) string {
	for _, n := range names {
		if v := form.Get(n); v != "" {
			return v
		}
	}
	return ""
}
