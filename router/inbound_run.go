package router

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"trunkline/callplan/phone"
	"trunkline/router/program"
	"trunkline/router/template"
	"trunkline/store"
)

// Bounds on what an action sends by itself.
const (
	maxAnswerParts = 4   // of an answer
	noticeOutput   = 100 // characters of the output of a program in a notice
)

// perform does what an action is for. All but programs happen in the transaction that stores the run; a program is returned, to be started after it.
func (in *Inbound) perform(ctx context.Context, m *store.Message, t *Trial, h *store.Handling, r *store.Run) (*started, error) {
	if h.Change == nil {
		h.Begin = r
	}
	a := t.Action
	values := in.values(m, t)
	fail := func(format string, args ...any) {
		r.State, r.Reason = store.RunFailed, fmt.Sprintf(format, args...)
		in.answer(h, m, t, a.Name+" failed.", "")
		in.log.Warn("an action failed", "action", a.Name, "message", m.ID, "reason", r.Reason)
	}
	text, err := "", error(nil)
	if a.Text != "" && a.Kind != store.ActionProgram {
		if text, err = render(a.Text, values); err != nil {
			fail("the text of the action: %v", err)
			return nil, nil
		}
	}
	r.State = store.RunDone
	switch a.Kind {
	case store.ActionReply:
		in.answer(h, m, t, text, "")
		return nil, nil // nothing was done that others would have to know of
	case store.ActionForward:
		sent, err := in.forward(ctx, m, t, h, text)
		if err != nil {
			return nil, err
		}
		if sent == 0 {
			fail("nobody that it forwards to can be written to: %s", a.Target)
			return nil, nil
		}
		r.Reason = fmt.Sprintf("forwarded to %d", sent)
	case store.ActionWebhook:
		h.Events = append(h.Events, store.Event{Type: "action." + a.Name, At: h.At, Message: m.ID, Reference: -1, Trunk: m.Trunk, Code: a.Name, Account: t.Who})
		in.answer(h, m, t, text, "")
	case store.ActionBuiltin:
		answer, err := in.builtin(ctx, m, t, h)
		var refused *builtinError
		if errors.As(err, &refused) {
			r.State, r.Reason = store.RunFailed, refused.text
			in.answer(h, m, t, refused.text, "")
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		in.answer(h, m, t, answer, "")
		return nil, nil
	case store.ActionProgram:
		r.State = store.RunRunning
		return &started{run: *r, action: *a, from: m}, nil
	default:
		fail("kind %q is not known here", a.Kind)
		return nil, nil
	}
	return nil, in.tell(ctx, t, h, r, m.From)
}

// values are the names that the texts of actions know.
func (in *Inbound) values(m *store.Message, t *Trial) map[string]string {
	v := map[string]string{"sender": m.From.String(), "action": t.Action.Name, "who": t.Who, "text": m.Text, "trunk": m.Trunk, "time": m.ReceivedAt.UTC().Format(time.RFC3339)}
	if admin := t.party.Administrator; admin != nil {
		v["name"] = admin.FullName()
	} else if c := in.contact(t); c != nil {
		v["name"] = c.FullName()
	}
	for name, value := range t.Values {
		v["args."+strings.ReplaceAll(name, "-", "_")] = value
	}
	return v
}

func render(text string, values map[string]string) (string, error) {
	parsed, err := template.Parse(text)
	if err != nil {
		return "", err
	}
	return parsed.Render(values, 0)
}

// tell adds notices about a run that ended to its contacts, manager and supervisors.
func (in *Inbound) tell(ctx context.Context, t *Trial, h *store.Handling, r *store.Run, from phone.Number) error {
	people, err := in.audience(ctx, t.Action, t.party.Groups)
	if err != nil {
		return err
	}
	h.Replies = append(h.Replies, in.notices(people.without(from), t, t.Action.Name+": "+r.State.String(), noticeText(t.Action.Name, r), h)...)
	return nil
}

func noticeText(name string, r *store.Run) string {
	text := fmt.Sprintf("%s by %s: %s", name, r.Who, r.State)
	if r.Output != "" {
		out := []rune(plainText(r.Output))
		text += ": " + string(out[:min(len(out), noticeOutput)])
	}
	return text
}

// begin starts the program of a run that is stored. Its context ends when the gateway has waited long enough for it.
func (in *Inbound) begin(ctx context.Context, s started) {
	in.running.Go(func() {
		r, err := in.o.Store.Run(ctx, s.run.ID) // with its count of changes
		if err != nil {
			in.log.Error("a run was not found after it was stored; its program is not started", "run", s.run.ID, "err", err)
			return
		}
		input := programInput{Action: r.Action, Message: r.ID.String(), Sender: r.Sender.String(), Who: r.Who, Trunk: r.Trunk, Provider: in.o.Store.ProviderName(r.Provider), Text: s.from.Text, Arguments: map[string]string{}, ConfirmedBy: r.By}
		for _, v := range r.Values {
			input.Arguments[v.Name] = v.Value
		}
		res, err := in.o.Programs.Run(ctx, program.Request{Program: s.action.Target, Values: input.Arguments, Input: input,
			Env: map[string]string{"EVENT_ID": r.ID.String(), "SENDER": r.Sender.String(), "ACTION": r.Action}})
		switch {
		case err != nil:
			r.State, r.Reason = store.RunFailed, err.Error()
		case ctx.Err() != nil:
			r.State, r.Reason = store.RunInterrupted, "the gateway stopped and ended its program"
		case res.TimedOut:
			r.State, r.Reason = store.RunFailed, fmt.Sprintf("it was ended after %s", res.Took.Round(time.Millisecond))
		case res.Signal != "":
			r.State, r.Reason = store.RunFailed, "a signal ended it: "+res.Signal
		case res.Exit != 0:
			r.State, r.Reason = store.RunFailed, fmt.Sprintf("it ended with status %d", res.Exit)
		default:
			r.State, r.Reason = store.RunDone, ""
		}
		r.Exit, r.Output = res.Exit, res.Output
		in.ended(context.WithoutCancel(ctx), r, s.action, true)
	})
}

// programInput is what a program reads from its standard input, as JSON.
type programInput struct {
	Action      string            `json:"action"`
	Message     string            `json:"message"` // id
	Provider    string            `json:"provider"`
	Sender      string            `json:"sender"`
	Who         string            `json:"who"`
	ConfirmedBy string            `json:"confirmed_by,omitempty"`
	Trunk       string            `json:"trunk"`
	Text        string            `json:"text"`
	Arguments   map[string]string `json:"arguments"`
}

// ended stores what became of a run, answers its sender and tells those who are to know.
func (in *Inbound) ended(ctx context.Context, r store.Run, a store.Action, answer bool) {
	h := store.Handling{ID: r.ID, At: in.o.Now().UTC()}
	t := Trial{Provider: r.Provider, Action: &a, Who: r.Who, Values: map[string]string{}}
	m := store.Message{ID: r.ID, From: r.Sender, Trunk: r.Trunk, ReceivedAt: r.At}
	for {
		err := in.endOnce(ctx, &r, &t, &h, &m, answer)
		if err == nil || errors.Is(err, store.ErrRunChanged) || errors.Is(err, store.ErrNotFound) {
			return
		}
		var quota *store.QuotaError
		if errors.As(err, &quota) {
			if err = in.o.Store.EndRun(ctx, r, h.At, nil, nil); err == nil {
				in.metrics.ended(&r)
				in.log.Warn("the result of an action is told to nobody: the account has no room for it", "run", r.ID, "account", quota.Account)
				return
			}
		}
		in.log.Error("what became of a run cannot be stored; trying again", "run", r.ID, "err", err)
		select {
		case <-in.o.Store.Failed():
			return // it shows as interrupted after the next start
		case <-time.After(storeTrouble):
		}
	}
}

func (in *Inbound) endOnce(ctx context.Context, r *store.Run, t *Trial, h *store.Handling, m *store.Message, answer bool) (err error) {
	h.Replies, h.Marks = nil, nil
	if t.party, err = in.o.Store.Holder(ctx, r.Provider, r.Sender); err != nil {
		return err
	}
	if answer {
		for _, v := range r.Values {
			t.Values[v.Name] = v.Value
		}
		in.answer(h, m, t, in.result(m, t, r), "")
	}
	if err := in.tell(ctx, t, h, r, r.Sender); err != nil {
		return err
	}
	if err := in.o.Store.EndRun(ctx, *r, h.At, h.Replies, nil, h.Marks...); err != nil {
		return err
	}
	in.metrics.ended(r)
	in.o.Router.nudgeAll("")
	return nil
}

// result is what the sender is told of a program's run.
func (in *Inbound) result(m *store.Message, t *Trial, r *store.Run) string {
	name := t.Action.Name
	switch {
	case r.State != store.RunDone && r.Exit > 0:
		return fmt.Sprintf("%s failed (status %d).", name, r.Exit)
	case r.State != store.RunDone:
		return name + " failed."
	}
	out := strings.TrimSpace(plainText(r.Output))
	if t.Action.Text != "" {
		values := in.values(m, t)
		values["output"] = out
		text, err := render(t.Action.Text, values)
		if err == nil {
			return text
		}
		in.log.Warn("the text of an action cannot be filled in", "action", name, "err", err)
	}
	if out == "" {
		return name + ": done."
	}
	return out
}

// recover tells of runs that an earlier start of the gateway began and did not see the end of. They may have done something, and are not begun again unless the
// action says that it does not matter.
func (in *Inbound) recover(ctx, programs context.Context) error {
	left, err := in.o.Store.OpenRuns(ctx, store.RunRunning, phone.Number{})
	if err != nil {
		return err
	}
	for _, r := range left {
		a, err := in.o.Store.Actions().Read(ctx, r.ActionID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		m, failed := in.o.Store.Message(ctx, r.ID)
		if a.Repeat && usable(&a) && failed == nil {
			in.begin(programs, started{run: r, action: a, from: &m})
			continue
		}
		if a.ID == 0 {
			a.Name = r.Action
		}
		r.State, r.Reason = store.RunInterrupted, "the gateway ended while it ran: it may have done something, or not"
		in.ended(ctx, r, a, false)
		in.log.Warn("a run of an action was interrupted", "run", r.ID, "action", r.Action)
	}
	return nil
}

// plainText leaves out what could change how a text is shown.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			return -1
		}
		return r
	}, s)
}

// compose makes a message that the gateway sends by itself. A text that needs too many parts is cut. ok is false when there is nothing to send.
func (r *Router) compose(account, provider string, to phone.Number, text, prefer, class string, at time.Time) (store.Message, bool) {
	text = strings.TrimSpace(strings.ToValidUTF8(plainText(text), "\uFFFD"))
	if text == "" || to.IsZero() || r.measure == nil {
		return store.Message{}, false
	}
	limit := min(maxAnswerParts, r.settings().PartsPerMessage)
	parts, err := r.measure(text, limit)
	for runes := []rune(text); err != nil && len(runes) > 8; parts, err = r.measure(text, limit) {
		runes = runes[:len(runes)*7/8]
		text = string(runes) + "…"
	}
	if err != nil {
		return store.Message{}, false
	}
	m := store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: to, Text: text, Account: account, Provider: provider, Prefer: prefer, Class: class,
		Priority: usualPriority, CreatedAt: at, Parts: make([]store.Part, parts)}
	for p := range m.Parts {
		m.Parts[p] = store.Part{Seq: p + 1, State: store.Waiting, Reference: -1, Status: -1}
	}
	return m, true
}
