package router

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/callplan/phone"
	"trunkline/router/screen"
	"trunkline/store"
)

// Codes of verdicts that need the store, beside those of package screen.
const (
	CodeOptedOut   = "opted_out"        // the number asked not to be written to
	CodeRestricted = "restricted"       // the contact is restricted: nothing is sent to it, and it starts nothing
	CodeOwnOnly    = "recipient_filter" // the administrator may write to its own contacts only
	CodeDuplicate  = "duplicate"        // the message came before
	CodeNoText     = "no_text"          // it is data, or parts of it are missing
)

// Screening decides whom the gateway listens to and whom it writes to, by the lists in the store. It is safe for concurrent use.
type Screening struct {
	store  *store.Store
	policy atomic.Pointer[policy]
	lists  atomic.Pointer[screen.Lists]
	change sync.Mutex // held while the lists are read anew

	screened *prometheus.CounterVec
	sent     map[string]prometheus.Counter // of recipients, by code
}

// ScreeningOptions is what a Screening works with.
type ScreeningOptions struct {
	Config     ScreenConfig // that passed Validate
	Store      *store.Store
	Registerer prometheus.Registerer // nil: verdicts are counted but not shown
}

// NewScreening returns a Screening; Load must follow.
func NewScreening(o ScreeningOptions) (*Screening, error) {
	s := &Screening{store: o.Store}
	s.screened, s.sent = newScreened(o.Registerer)
	s.lists.Store(&screen.Lists{})
	return s, s.Reconfigure(o.Config)
}

// Reconfigure sets the configuration from now on.
func (s *Screening) Reconfigure(c ScreenConfig) error {
	p, err := newPolicy(c)
	if err == nil {
		s.policy.Store(p)
	}
	return err
}

// Load reads the lists in the store. It must be called after each change of them.
func (s *Screening) Load(ctx context.Context) error {
	s.change.Lock()
	defer s.change.Unlock()
	all, err := s.store.ListEntries().All(ctx)
	if err != nil {
		return fmt.Errorf("read the lists of screening: %w", err)
	}
	entries := make([]screen.Entry, 0, len(all))
	for i := range all {
		if !all[i].ArchivedAt.IsZero() {
			continue
		}
		e, err := EntryOf(&all[i])
		if err != nil {
			return fmt.Errorf("entry %d of the lists: %w", all[i].ID, err)
		}
		entries = append(entries, e)
	}
	lists, err := screen.Compile(entries)
	if err == nil {
		s.lists.Store(lists)
	}
	return err
}

// EntryOf returns a stored entry as screening uses it, in canonical form. The error begins with the field that is wrong and a colon.
func EntryOf(e *store.ListEntry) (screen.Entry, error) {
	kind, err := screen.ParseKind(e.Kind)
	if err != nil {
		return screen.Entry{}, fmt.Errorf("kind: %w", err)
	}
	direction, err := screen.ParseDirection(e.Direction)
	if err != nil {
		return screen.Entry{}, fmt.Errorf("direction: %w", err)
	}
	out := screen.Entry{ID: strconv.FormatUint(e.ID, 10), Allow: e.Allow, Direction: direction, Provider: e.Provider, Subscriber: e.Subscriber, Kind: kind, Value: e.Value}
	if e.Global {
		out.Provider = ""
	}
	return out.Check()
}

// Add stores an entry of a list and uses it from now on. A *ValidationError says what is wrong with it.
func (s *Screening) Add(ctx context.Context, e store.ListEntry, at time.Time, who string) (store.ListEntry, error) {
	checked, err := EntryOf(&e)
	if err != nil {
		field, text, _ := strings.Cut(err.Error(), ": ")
		return e, &ValidationError{Fields: []FieldError{{Field: field, Code: "invalid", Message: text}}}
	}
	e.Value, e.Direction = checked.Value, checked.Direction.String()
	added, err := s.store.ListEntries().Add(ctx, at, who, e)
	if err != nil {
		return e, err
	}
	return added[0], s.Load(context.WithoutCancel(ctx))
}

// asked is who has a number, read once for all that one decision wants to know.
type asked struct {
	look     *store.Look
	provider string
	number   phone.Number

	contacts []store.ContactNumber // on the same line, once reached
	reached  bool
	holder   *store.Holder // of exactly this number; nil: not found out yet
}

// line returns the contacts with a number on the same line.
func (a *asked) line() (_ []store.ContactNumber, err error) {
	if !a.reached {
		a.contacts, err = a.look.Line(a.provider, a.number)
		a.reached = err == nil
	}
	return a.contacts, err
}

// exactly returns who has exactly the number.
func (a *asked) exactly() (*store.Holder, error) {
	if a.holder == nil {
		line, err := a.line()
		if err != nil {
			return nil, err
		}
		h, err := a.look.Holder(a.provider, a.number, line)
		if err != nil {
			return nil, err
		}
		a.holder = &h
	}
	return a.holder, nil
}

// people finds out who of a kind has the number, for package screen.
func (a *asked) people(k screen.Kind) (all []string, err error) {
	if k == screen.Contact {
		line, err := a.line()
		for i := range line {
			if line[i].Exact {
				all = append(all, strconv.FormatUint(line[i].ID, 10))
			}
		}
		return all, err
	}
	h, err := a.exactly()
	switch {
	case err != nil:
	case k == screen.Group:
		for _, g := range h.Groups {
			all = append(all, strconv.FormatUint(g, 10))
		}
	case h.Administrator != nil:
		all = append(all, h.Administrator.Username)
	}
	return all, err
}

// subscriber returns the subscriber of the service provider that a number belongs to, "" when none does.
func (a *asked) subscriber(n phone.Number) (string, error) {
	if n.IsZero() || n.Kind() == phone.Alphanumeric {
		return "", nil
	}
	found, err := a.look.SubscriberOf(n)
	if err != nil || found == nil || found.Provider != a.provider {
		return "", err
	}
	return found.Name, nil
}

// Incoming decides about a message that came in. steps takes what was looked at, when it is not nil.
func (s *Screening) Incoming(ctx context.Context, provider string, m *store.Message, steps *[]screen.Step) (v screen.Verdict, err error) {
	err = s.store.Look(ctx, func(l *store.Look) error {
		v, err = s.incoming(&asked{look: l, provider: provider, number: m.From}, m, steps)
		return err
	})
	return v, err
}

func (s *Screening) incoming(who *asked, m *store.Message, steps *[]screen.Step) (screen.Verdict, error) {
	switch {
	case !m.DuplicateOf.IsZero():
		return screen.Verdict{Code: CodeDuplicate, Text: "it came before as message " + m.DuplicateOf.String()}, nil
	case m.Data != nil || m.Incomplete || m.Port != 0:
		return screen.Verdict{Code: CodeNoText, Text: "it is data, for a port, or has parts missing, and starts nothing"}, nil
	}
	subscriber, err := who.subscriber(m.To)
	if err != nil {
		return screen.Verdict{}, err
	}
	v, err := s.policy.Load().screen.Incoming(s.lists.Load(), screen.Query{Number: m.From, Provider: who.provider, Subscriber: subscriber, People: who.people, Steps: steps})
	if err != nil || !v.Authorized {
		return v, err
	}
	return who.restricted(v)
}

// restricted refuses what passed when a contact with the number is restricted.
func (a *asked) restricted(v screen.Verdict) (screen.Verdict, error) {
	line, err := a.line()
	for i := range line {
		if line[i].Restricted {
			return screen.Verdict{Code: CodeRestricted, Text: "the contact is restricted: nothing is sent to it and it starts nothing"}, err
		}
	}
	return v, err
}

// Outgoing decides about a message that is to be sent. steps takes what was looked at, when it is not nil: then it is a trial, which is not counted.
func (s *Screening) Outgoing(ctx context.Context, provider, account string, to phone.Number, steps *[]screen.Step) (v screen.Verdict, err error) {
	err = s.store.Look(ctx, func(l *store.Look) error {
		if steps == nil {
			v, err = s.recipient(l, provider, account, to)
		} else {
			v, err = s.outgoing(&asked{look: l, provider: provider, number: to}, account, steps)
		}
		return err
	})
	return v, err
}

// recipient decides about a message that is to be sent, and counts the verdict.
func (s *Screening) recipient(l *store.Look, provider, account string, to phone.Number) (screen.Verdict, error) {
	v, err := s.outgoing(&asked{look: l, provider: provider, number: to}, account, nil)
	if err == nil {
		s.sent[v.Code].Inc()
	}
	return v, err
}

func (s *Screening) outgoing(who *asked, account string, steps *[]screen.Step) (screen.Verdict, error) {
	note := func(rule, result string) {
		if steps != nil {
			*steps = append(*steps, screen.Step{Rule: rule, Result: result})
		}
	}
	v, err := s.policy.Load().screen.Outgoing(s.lists.Load(), screen.Query{Number: who.number, Provider: who.provider, People: who.people, Steps: steps})
	if err != nil || !v.Authorized {
		return v, err
	}
	if v, err = who.restricted(v); err != nil || !v.Authorized {
		note("restricted contacts", "one has this number")
		return v, err
	}
	if id, ok := store.AccountAdmin(account); ok {
		own, err := who.own(id)
		if err != nil {
			return screen.Verdict{}, err
		}
		if !own {
			note("recipient filter", "the number is of no contact of "+account)
			return screen.Verdict{Code: CodeOwnOnly, Text: account + " may write to its own contacts only, and none of them has this number"}, nil
		}
		note("recipient filter", "passed")
	}
	out, err := who.look.OptedOut(who.number, "")
	if err != nil {
		return screen.Verdict{}, err
	}
	if out {
		note("opt-outs", "the number asked not to be written to")
		return screen.Verdict{Code: CodeOptedOut, Text: "the recipient asked not to be written to"}, nil
	}
	note("opt-outs", "none")
	return v, nil
}

// own tells whether an administrator may write to the number by its recipient filter.
func (a *asked) own(id uint64) (bool, error) {
	admin, err := a.look.Administrator(id)
	if err != nil || !admin.RecipientFilter {
		return err == nil, err
	}
	line, err := a.line()
	for i := range line {
		if line[i].AdminID == admin.ID {
			return true, err
		}
	}
	return false, err
}

// screened is what screening says of a submission.
type screened struct {
	refused []refusal // recipients that nothing is sent to
	err     error
}

// screenEach screens the recipients of submissions, of all of them on one state of the store. What fails for one fails for that alone.
func (r *Router) screenEach(ctx context.Context, submissions []Submission) []screened {
	all := make([]screened, len(submissions))
	if r.screening == nil || r.screenLot(ctx, submissions, all) == nil {
		return all
	}
	for i := range submissions {
		all[i].err = r.screenLot(ctx, submissions[i:i+1], all[i:i+1])
	}
	return all
}

// screenLot screens the recipients of submissions, until something fails.
func (r *Router) screenLot(ctx context.Context, submissions []Submission, all []screened) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked(v)
		}
	}()
	return r.store.Look(ctx, func(l *store.Look) (err error) {
		for i := range submissions {
			if all[i].refused, err = r.screenOut(l, &submissions[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// screenOut says which recipients of a submission are refused.
func (r *Router) screenOut(l *store.Look, s *Submission) (wrong []refusal, err error) {
	if len(s.To) > r.settings().RecipientsPerRequest {
		return nil, nil // told with the rest
	}
	for i, to := range s.To {
		n, err := phone.Parse(to)
		if err != nil {
			continue // likewise
		}
		v, err := r.screening.recipient(l, s.tenant(), s.Account, n)
		if err != nil {
			return nil, err
		}
		if !s.refuses(&v) {
			continue
		}
		field := "to"
		if len(s.To) > 1 {
			field = fmt.Sprintf("to[%d]", i)
		}
		wrong = append(wrong, refusal{FieldError{Field: field, Code: v.Code, Message: v.Text}, n})
	}
	return wrong, nil
}

// refused tells why nothing is sent to a number; an empty code says that it is not refused.
func (r *Router) refused(ctx context.Context, s *Submission, to phone.Number) (code, text string, err error) {
	if r.screening == nil {
		return "", "", nil
	}
	v, err := r.screening.Outgoing(ctx, s.tenant(), s.Account, to, nil)
	if err != nil || !s.refuses(&v) {
		return "", "", err
	}
	return v.Code, v.Text, nil
}

// refuses tells whether nothing of a submission is sent to a number, by the verdict about that.
func (s *Submission) refuses(v *screen.Verdict) bool {
	return !v.Authorized && (v.Code != CodeOptedOut || s.Class == "")
}
