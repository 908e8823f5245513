package httpd

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router/access"
	"trunkline/store"
)

// logRoutes are the routes of the log of messages and of what follows from it.
var logRoutes = []route{
	{method: "GET", pattern: "/v1/log", id: "log", need: access.Anyone, summary: "List messages as a log with names and labels: what was given to a network or refused, and what came in", query: messageParameters,
		status: http.StatusOK, answer: api.LogPage{}, problems: []int{400, 401}, handle: (*Server).showLog},
	{method: "DELETE", pattern: "/v1/log", id: "deleteLog", need: access.SettingsEdit, summary: "Delete the messages of a stretch of time; those to which something may still happen stay",
		query:  []parameter{{name: "since", doc: "accepted or received not before this time, RFC 3339"}, {name: "until", doc: "accepted or received before this time, RFC 3339; needed"}},
		status: http.StatusOK, answer: api.LogDeleted{}, problems: []int{400, 401, 403, 503}, handle: (*Server).deleteLog},
	{method: "GET", pattern: "/v1/usage", id: "usage", need: access.Anyone, summary: "Tell how much was sent in the window of a quota",
		query:  []parameter{{name: "admin", doc: "id of an administrator; absent: the caller. Others' needs easy0_statistics_view"}},
		status: http.StatusOK, answer: api.Usage{}, problems: []int{400, 401, 404}, handle: (*Server).usage},
	{method: "GET", pattern: "/v1/statistics", id: "statistics", need: access.Anyone, summary: "Tell how many parts were sent in each month of a year",
		query: []parameter{{name: "admin", doc: "id of an administrator; absent: the caller, of those with easy0_statistics_view all"},
			{name: "year", doc: "absent: this one", integer: true}},
		status: http.StatusOK, answer: api.Statistics{}, problems: []int{400, 401, 404}, handle: (*Server).statistics},
}

func (s *Server) showLog(w http.ResponseWriter, r *request) error {
	q, err := visibleMessages(r)
	if err != nil {
		return err
	}
	page, err := s.store.Messages(r.Context(), q)
	if err != nil {
		return err
	}
	book := nameBook{s: s, ctx: r.Context(), admins: map[uint64]*store.Administrator{}, numbers: map[string]string{}, managers: map[string]uint64{}}
	out := api.LogPage{Items: []api.LogEntry{}, Next: page.Next}
	for i := range page.Items {
		m := &page.Items[i]
		status, label := m.LogStatus()
		if status == store.LogNone {
			continue
		}
		e, err := book.entry(m)
		if err != nil {
			return err
		}
		e.Status, e.StatusLabel = status, label
		out.Items = append(out.Items, e)
	}
	return writeJSON(w, http.StatusOK, out)
}

// nameBook finds the names that a page of the log shows, each once.
type nameBook struct {
	s        *Server
	ctx      context.Context
	admins   map[uint64]*store.Administrator // nil: there is none
	numbers  map[string]string               // by service provider and number
	managers map[string]uint64               // by service provider and action
	super    *uint64
}

func (b *nameBook) entry(m *store.Message) (e api.LogEntry, err error) {
	e = api.LogEntry{ID: m.ID.String(), DateTime: m.SentAt.UTC(), RawMessage: shownText(m), Authorized: m.Verdict == nil || m.Verdict.Authorized, NumberOfSlices: max(1, len(m.Parts))}
	if !e.Authorized {
		e.Reason = m.Verdict.Text
	}
	if e.DateTime.IsZero() {
		e.DateTime = m.CreatedAt.UTC()
	}
	if len(m.Parts) > 0 {
		e.Reference = known(m.Parts[0].Reference)
	}
	if m.Direction == store.In {
		e.Recipient, e.RecipientPhoneNumber, e.DateTime = "Server", m.From.String(), m.ReceivedAt.UTC()
		if e.Sender, err = b.name(m.Tenant(), m.From); err == nil {
			e.AdminID, err = b.manager(m)
		}
		return e, err
	}
	e.RecipientPhoneNumber, e.Sender = m.To.String(), m.Account
	if e.Recipient, err = b.name(m.Tenant(), m.To); err != nil {
		return e, err
	}
	id, ok := store.AccountAdmin(m.Account)
	if !ok {
		return e, nil
	}
	a, err := b.admin(id)
	if err != nil {
		return e, err
	}
	if a == nil { // it was purged: what it sent is the super administrator's
		e.AdminID, err = b.superID()
		return e, err
	}
	e.AdminID = id
	if name := a.FullName(); name != "" {
		e.Sender = name
	}
	return e, nil
}

// name returns the full name of whom a number belongs to, administrators first, else the number.
func (b *nameBook) name(provider string, n phone.Number) (string, error) {
	key := provider + "\x00" + n.String()
	if name, ok := b.numbers[key]; ok {
		return name, nil
	}
	name := n.String()
	p, err := b.s.store.Party(b.ctx, provider, n)
	switch {
	case err != nil:
		return "", err
	case p.Administrator != nil && p.Administrator.FullName() != "":
		name = p.Administrator.FullName()
	case len(p.Contacts) > 0 && p.Contacts[0].FullName() != "":
		name = p.Contacts[0].FullName()
	}
	b.numbers[key] = name
	return name, nil
}

func (b *nameBook) admin(id uint64) (*store.Administrator, error) {
	if a, ok := b.admins[id]; ok {
		return a, nil
	}
	a, err := b.s.store.Administrators().Read(b.ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		b.admins[id] = nil
		return nil, nil
	case err != nil:
		return nil, err
	}
	b.admins[id] = &a
	return &a, nil
}

func (b *nameBook) superID() (uint64, error) {
	if b.super == nil {
		a, err := b.s.store.SuperAdministrator(b.ctx)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
		b.super = &a.ID
	}
	return *b.super, nil
}

// manager returns the manager of the action that a message triggered, else the super administrator.
func (b *nameBook) manager(m *store.Message) (uint64, error) {
	if m.Action == "" {
		return b.superID()
	}
	key := m.Tenant() + "\x00" + m.Action
	if id, ok := b.managers[key]; ok {
		return id, nil
	}
	a, err := b.s.store.ActionByName(b.ctx, m.Tenant(), m.Action)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	id := a.AdminID
	if id == 0 {
		if id, err = b.superID(); err != nil {
			return 0, err
		}
	}
	b.managers[key] = id
	return id, nil
}

func (s *Server) deleteLog(w http.ResponseWriter, r *request) error {
	var since, until time.Time
	for name, at := range map[string]*time.Time{"since": &since, "until": &until} {
		text := r.query.Get(name)
		if text == "" {
			continue
		}
		var err error
		if *at, err = time.Parse(time.RFC3339, text); err != nil {
			return badParameter(name, api.FieldInvalid, "is no RFC 3339 time, e.g. 2026-12-24T18:00:00Z")
		}
	}
	if until.IsZero() {
		return badParameter("until", api.FieldRequired, "says up to when messages are deleted")
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(replayLimit))
	var out api.LogDeleted
	for from := []byte(nil); ; {
		d, err := s.store.DeleteMessages(r.Context(), r.who.Role.Provider(), since, until, from)
		if err != nil {
			return err
		}
		out.Deleted += d.Deleted
		if from = d.Next; from == nil {
			break
		}
	}
	s.log.Info("messages were deleted from the log", "account", r.account, "messages", out.Deleted, "until", until.UTC().Format(time.RFC3339))
	return writeJSON(w, http.StatusOK, out)
}

// accountParameter returns the account that the parameter admin names, the caller's when it is absent.
func (s *Server) accountParameter(r *request) (string, error) {
	text := r.query.Get("admin")
	if text == "" || text == "me" {
		return r.account, nil
	}
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return "", badParameter("admin", api.FieldInvalid, "is no id of an administrator, which is a number")
	}
	a, err := s.store.Administrators().Read(r.Context(), id)
	if err != nil {
		return "", err
	}
	if a.Account() != r.account && !r.who.Can(access.StatisticsView, a.Provider) {
		return "", store.ErrNotFound
	}
	return a.Account(), nil
}

func (s *Server) usage(w http.ResponseWriter, r *request) error {
	account, err := s.accountParameter(r)
	if err != nil {
		return err
	}
	now := s.store.Now()
	out := api.Usage{Account: account}
	parts, window, ok, err := s.store.Used(r.Context(), account, now)
	if err != nil {
		return err
	}
	if ok {
		out.Sent, out.Unit, out.Since, out.Until = parts, string(rune(window.Kind)), window.Start.UTC(), window.End.UTC()
		if window.Limit != store.Unlimited {
			out.Quota = &window.Limit
		}
	} else {
		sent, err := s.store.Sent(r.Context(), account, "", now, 1)
		if err != nil {
			return err
		}
		out.Sent = sent[0]
	}
	if r.who.Ever(access.StatisticsView) {
		all, err := s.store.Sent(r.Context(), "", r.who.Role.Provider(), now, 1)
		if err != nil {
			return err
		}
		out.Global = &all[0]
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) statistics(w http.ResponseWriter, r *request) error {
	account, err := s.accountParameter(r)
	if err != nil {
		return err
	}
	provider := ""
	if r.query.Get("admin") == "" && r.who.Ever(access.StatisticsView) {
		account, provider = "", r.who.Role.Provider()
	}
	year := s.store.Now().Year()
	if text := r.query.Get("year"); text != "" {
		if year, err = strconv.Atoi(text); err != nil || year < 1970 || year > 2200 {
			return badParameter("year", api.FieldOutOfRange, "is no year from 1970 to 2200")
		}
	}
	sent, err := s.store.Sent(r.Context(), account, provider, time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC), 12)
	if err != nil {
		return err
	}
	out := api.Statistics{Year: year, NumResults: len(sent)}
	for i, n := range sent {
		out.Objects = append(out.Objects, api.MonthPart{Month: time.Month(i + 1).String()[:3], Value: n})
	}
	return writeJSON(w, http.StatusOK, out)
}
