package router

import (
	"bytes"
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"trunkline/callplan/phone"
	"trunkline/router/access"
	"trunkline/store"
)

// codeDigits is the length of the codes that are sent: a million codes and five tries (security of 20 bits).
const codeDigits = 6

// maxWaiting is how many runs may wait for a code from one number.
const maxWaiting = 3

// started is a program that is to be started once its run is stored.
type started struct {
	run    store.Run
	action store.Action
	from   *store.Message
}

// follow fills in what follows from a trial. The program, if any, is started when all of it is stored.
func (in *Inbound) follow(ctx context.Context, m *store.Message, t *Trial, h *store.Handling) (*started, error) {
	p := in.o.Screening.policy.Load()
	if t.Suspect {
		h.Events = append(h.Events, store.Event{Type: "optout.suspected", At: h.At, Message: m.ID, Reference: -1, Trunk: m.Trunk, Text: "the text may ask for no more messages; a person should read it within a day"})
	}
	if err := in.tokenTry(ctx, m, t, h, p); err != nil {
		return nil, err
	}
	switch t.Outcome {
	case OutcomeOptOut:
		return nil, in.optOut(ctx, m, t, h, p)
	case OutcomeOptIn:
		h.OptIn = true
		in.answer(h, m, t, p.StartReply, store.ClassAnswer)
	case OutcomeHelp:
		if in.guard.allow(&h.Marks, guardKey(guardHelp, m.From.String()), 1, 24*time.Hour, h.At) {
			in.answer(h, m, t, t.Answer, store.ClassAnswer)
		}
	case OutcomeNone, OutcomeRefused, OutcomeComplain:
		in.answer(h, m, t, t.Answer, "")
		if t.Outcome == OutcomeRefused && t.Action != nil {
			h.Begin = in.newRun(m, t, h.At, store.RunRefused)
		}
	case OutcomeConfig:
		return nil, in.config(ctx, m, t, h)
	case OutcomeCode:
		return in.confirm(ctx, m, t, h)
	case OutcomeRun, OutcomeChallenge, OutcomePair:
		return in.act(ctx, m, t, h)
	}
	return nil, nil
}

// optOut keeps that the sender is not to be written to. It is answered once: not when it was kept before.
func (in *Inbound) optOut(ctx context.Context, m *store.Message, t *Trial, h *store.Handling, p *policy) error {
	if m.From.IsZero() || m.From.Kind() == phone.Alphanumeric {
		return nil
	}
	scope := ""
	if p.OptOutScope == "trunk" {
		scope = m.Trunk
	}
	already, err := in.o.Store.OptedOut(ctx, m.From, scope)
	if err != nil {
		return err
	}
	h.OptOut = &store.OptOut{Number: m.From, Trunk: scope, At: h.At, Source: "message", Word: t.Word, Message: m.ID}
	if !already && in.guard.allow(&h.Marks, guardKey(guardStop, m.From.String()), 1, 24*time.Hour, h.At) {
		in.answer(h, m, t, p.StopReply, store.ClassAnswer)
	}
	return nil
}

// answer adds an answer to the sender, unless there is none, he cannot be answered, or he seems to be a machine.
func (in *Inbound) answer(h *store.Handling, m *store.Message, t *Trial, text, class string) {
	if text == "" || !trusted(m.From) {
		return
	}
	if !in.guard.answer(&h.Marks, m.From.String(), text, h.At) {
		t.step("loop guard", "the number got this answer often enough")
		in.log.Warn("an answer is not sent: the number got it often enough", "message", m.ID, "to", m.From)
		return
	}
	if reply, ok := in.o.Router.compose(in.payer(t), t.Provider, m.From, text, m.Trunk, class, h.At); ok {
		h.Replies = append(h.Replies, reply)
	}
}

// payer is the account that answers and notices of an action are charged to: its manager's.
func (in *Inbound) payer(t *Trial) string {
	if t.Action != nil && t.Action.AdminID != 0 {
		return store.AdminAccount(t.Action.AdminID)
	}
	return gatewayAccount
}

// gatewayAccount is the account of messages that the gateway sends by itself.
const gatewayAccount = "gateway"

// newRun makes the record of a run.
func (in *Inbound) newRun(m *store.Message, t *Trial, at time.Time, state store.RunState) *store.Run {
	r := &store.Run{ID: m.ID, Provider: t.Provider, Action: t.Action.Name, ActionID: t.Action.ID, Sender: m.From, Trunk: m.Trunk, Who: t.Who, State: state, Reason: t.Reason, At: at, Exit: -1}
	for _, a := range t.Action.Arguments {
		if v, ok := t.Values[a.Name]; ok {
			r.Values = append(r.Values, store.RunValue{Name: a.Name, Value: v})
		}
	}
	return r
}

// act starts an action, or what must come before it.
func (in *Inbound) act(ctx context.Context, m *store.Message, t *Trial, h *store.Handling) (*started, error) {
	p := in.o.Screening.policy.Load()
	refuse := func(field, format string, a ...any) {
		t.end(OutcomeRefused, field, format, a...)
		h.Begin = in.newRun(m, t, h.At, store.RunRefused)
	}
	if limit := cmp.Or(t.Action.SenderLimit, p.SenderLimit); !in.guard.allow(&h.Marks, guardKey(guardSender, m.From.String(), t.Action.ID), limit, time.Hour, h.At) {
		refuse("sender", "the sender started it %d times in this hour", limit)
		return nil, nil
	}
	if limit := cmp.Or(t.Action.HourLimit, p.ActionLimit); !in.guard.allow(&h.Marks, guardKey(guardAction, t.Action.ID), limit, time.Hour, h.At) {
		refuse("action", "it was started %d times in this hour", limit)
		return nil, nil
	}
	if t.Outcome == OutcomeChallenge || t.Outcome == OutcomePair {
		wait, err := in.o.Store.TryWait(ctx, codeTries(m.From), h.At)
		if err != nil {
			return nil, err
		}
		if wait > 0 {
			refuse("authentication", "there were too many wrong codes from this number; it is locked out for %s", plainDuration(wait))
			return nil, nil
		}
	}
	switch t.Outcome {
	case OutcomeChallenge:
		return nil, in.challenge(ctx, m, t, h, []phone.Number{t.onFile(in, m.From)}, p.CodeFor, refuse)
	case OutcomePair:
		others, err := in.others(ctx, m, t)
		if err != nil {
			return nil, err
		}
		if len(others) == 0 {
			refuse("authentication", "nobody else may start it, so that nobody can confirm")
			in.answer(h, m, t, t.Action.Name+": nobody else can confirm this.", "")
			return nil, nil
		}
		in.answer(h, m, t, fmt.Sprintf("%s waits until a second person confirms, within %s.", t.Action.Name, plainDuration(p.PairFor)), "")
		return nil, in.challenge(ctx, m, t, h, others, p.PairFor, refuse)
	}
	if t.Level == 3 {
		locked, ok, err := in.oneTime(ctx, t, h.At, p)
		if err != nil {
			return nil, err
		}
		if !ok {
			refuse("code", "the one-time password is wrong, or there is none on file, or there were too many wrong ones")
			switch {
			case locked:
				in.alarm(ctx, t, h, fmt.Sprintf("Too many wrong one-time passwords for %s from %s; locked for %s.", t.Action.Name, m.From, plainDuration(p.LockFor)))
			case in.guard.allow(&h.Marks, guardKey(guardWrong, m.From.String()), 1, time.Hour, h.At):
				in.answer(h, m, t, "That code is wrong.", "")
			}
			return nil, nil
		}
	}
	return in.perform(ctx, m, t, h, in.newRun(m, t, h.At, store.RunRunning))
}

// plainDuration writes a duration for people: whole minutes.
func plainDuration(d time.Duration) string {
	return fmt.Sprintf("%d min", max(1, int(d.Round(time.Minute)/time.Minute)))
}

// challenge lets a run wait for a code that is sent to some numbers.
func (in *Inbound) challenge(ctx context.Context, m *store.Message, t *Trial, h *store.Handling, to []phone.Number, good time.Duration, refuse func(field, format string, a ...any)) error {
	for _, n := range to {
		waiting, err := in.o.Store.OpenRuns(ctx, store.RunWaiting, n)
		if err != nil {
			return err
		}
		if len(waiting) >= maxWaiting {
			refuse("authentication", "%d runs wait for a code from this number already", len(waiting))
			return nil
		}
	}
	code, err := access.NewCode(in.o.Random, codeDigits)
	if err != nil {
		return fmt.Errorf("make a code: %w", err)
	}
	salt := make([]byte, 16)
	if _, err := io.ReadFull(in.o.Random, salt); err != nil {
		return fmt.Errorf("make a salt: %w", err)
	}
	r := in.newRun(m, t, h.At, store.RunWaiting)
	r.Confirmers, r.Salt, r.Code, r.Until = to, salt, access.HashCode(salt, code), h.At.Add(good)
	h.Begin = r
	var asked []string
	for _, v := range r.Values {
		asked = append(asked, v.Value)
	}
	what := strings.TrimSpace(t.Action.Name + " " + strings.Join(asked, " "))
	text := fmt.Sprintf("%s: answer %s within %s to run it. If you did not ask for it, do nothing.", what, code, plainDuration(good))
	if t.Level == 4 {
		text = fmt.Sprintf("%s (%s) asks for %s. To confirm, answer %s within %s.", t.Who, m.From, what, code, plainDuration(good))
	}
	for _, n := range to {
		if one, ok := in.o.Router.compose(in.payer(t), t.Provider, n, text, m.Trunk, "", h.At); ok {
			one.Secret = true
			h.Replies = append(h.Replies, one)
		}
	}
	return nil
}

// maxOthers is how many people are asked to confirm.
const maxOthers = 8

// others returns the numbers on file of people other than the sender who may start the action.
func (in *Inbound) others(ctx context.Context, m *store.Message, t *Trial) (all []phone.Number, err error) {
	add := func(n phone.Number) {
		if !n.IsZero() && !n.SameLine(m.From) && len(all) < maxOthers && !slices.ContainsFunc(all, n.SameLine) && !slices.ContainsFunc(t.party.Contacts, func(c store.ContactNumber) bool { return c.PhoneNumber.SameLine(n) }) {
			all = append(all, n)
		}
	}
	grants, err := in.o.Store.Grants(ctx, t.Action.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range append([]uint64{t.Action.AdminID}, grants.Administrators...) {
		if id == 0 {
			continue
		}
		a, err := in.o.Store.Administrators().Read(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && !a.ArchivedAt.IsZero() {
			continue
		}
		if err != nil {
			return nil, err
		}
		if t.party.Administrator == nil || t.party.Administrator.ID != a.ID {
			add(a.PhoneNumber)
		}
	}
	for _, g := range grants.Groups {
		members, err := in.o.Store.Members(ctx, g, 0, 4*maxOthers)
		if err != nil {
			return nil, err
		}
		for _, id := range members {
			c, err := in.o.Store.Contacts().Read(ctx, id)
			if errors.Is(err, store.ErrNotFound) || err == nil && (!c.ArchivedAt.IsZero() || c.Restricted) {
				continue
			}
			if err != nil {
				return nil, err
			}
			add(c.PhoneNumber)
		}
	}
	return all, nil
}

// oneTime uses up a one-time password. locked is true when this wrong one locks its owner out: it does from the one on that makes too many, until a right one comes.
func (in *Inbound) oneTime(ctx context.Context, t *Trial, at time.Time, p *policy) (locked, ok bool, err error) {
	administrator, id := strings.HasPrefix(t.Who, "administrator"), uint64(0)
	if administrator {
		id = t.party.Administrator.ID
	} else if c := in.contact(t); c != nil {
		id = c.ID
	}
	_, err = in.o.Store.UseFactor(ctx, administrator, id, func(f *store.Factor) {
		locked, ok = false, false
		if at.Before(f.LockedUntil) {
			return
		}
		step, right := access.VerifyTOTP(f.Secret, t.Code, at, f.Last)
		if right {
			f.Last, f.Failures, ok = step, 0, true
			return
		}
		if f.Failures++; f.Failures >= p.CodeTries {
			f.LockedUntil, locked = at.Add(p.LockFor), true
		}
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, false, nil
	}
	return locked, ok, err
}

// confirm decides about a code that came.
func (in *Inbound) confirm(ctx context.Context, m *store.Message, t *Trial, h *store.Handling) (*started, error) {
	waiting, err := in.o.Store.OpenRuns(ctx, store.RunWaiting, m.From)
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	p := in.o.Screening.policy.Load()
	kept := "(code)"
	h.Text = &kept
	wait, err := in.o.Store.TryLogin(ctx, []string{codeTries(m.From)}, h.At, forgetProofs, p.proofDelay)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		t.end(OutcomeRefused, "code", "there were too many wrong codes from this number; it is locked out for %s", plainDuration(wait))
		return nil, nil
	}
	slices.SortFunc(waiting, func(a, b store.Run) int { return bytes.Compare(b.ID[:], a.ID[:]) }) // the newest first
	for i := range waiting {
		r := &waiting[i]
		if subtle.ConstantTimeCompare(access.HashCode(r.Salt, t.Code), r.Code) == 1 && h.At.Before(r.Until) && r.Tries < p.CodeTries {
			if err := in.o.Store.LoginSucceeded(ctx, []string{codeTries(m.From)}, nil); err != nil {
				return nil, err
			}
			return in.confirmed(ctx, m, t, h, r)
		}
	}
	r := waiting[0]
	h.Action, h.Change = r.Action, &r
	t.end(OutcomeRefused, "code", "the code is wrong")
	if r.Tries++; r.Tries < p.CodeTries {
		return nil, nil
	}
	r.State, r.Reason = store.RunRefused, fmt.Sprintf("%d wrong codes", r.Tries)
	a, err := in.o.Store.Actions().Read(ctx, r.ActionID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	t.Action = &a
	in.answer(h, m, t, r.Action+": too many wrong codes; it does not run.", "")
	in.alarm(ctx, t, h, fmt.Sprintf("%d wrong codes for %s from %s; it was refused.", r.Tries, r.Action, m.From))
	return nil, nil
}

// confirmed starts a run whose code came, if its sender may still start it.
func (in *Inbound) confirmed(ctx context.Context, m *store.Message, t *Trial, h *store.Handling, r *store.Run) (*started, error) {
	h.Action, h.Change = r.Action, r
	end := func(reason string) (*started, error) {
		r.State, r.Reason = store.RunRefused, reason
		t.end(OutcomeRefused, "action", "%s", reason)
		return nil, nil
	}
	a, err := in.o.Store.Actions().Read(ctx, r.ActionID)
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && !usable(&a):
		return end("the action is no longer there, or not enabled")
	case err != nil:
		return nil, err
	}
	t.Action, t.Level, t.Provider = &a, level(&a, false), r.Provider
	err = in.o.Store.Look(ctx, func(l *store.Look) error {
		who := asked{look: l, provider: r.Provider, number: r.Sender}
		party, err := who.exactly()
		if err == nil {
			t.party = *party
			t.listed, err = l.Listed(a.ID, party)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !in.permitted(t, false) {
		return end("the sender may not start it any more")
	}
	if !m.From.SameLine(r.Sender) {
		r.By = m.From.String()
	}
	t.Values = map[string]string{}
	for _, v := range r.Values {
		t.Values[v.Name] = v.Value
	}
	asked, err := in.o.Store.Message(ctx, r.ID)
	if errors.Is(err, store.ErrNotFound) {
		return end("the message that asked for it is gone")
	}
	if err != nil {
		return nil, err
	}
	r.State, r.Reason = store.RunRunning, "confirmed by code"
	return in.perform(ctx, &asked, t, h, r)
}

// alarm tells the manager of an action of something that may be an attack.
func (in *Inbound) alarm(ctx context.Context, t *Trial, h *store.Handling, text string) {
	h.Events = append(h.Events, store.Event{Type: "action.alarm", At: h.At, Message: h.ID, Reference: -1, Code: h.Action, Text: text})
	if t.Action == nil {
		return
	}
	people, err := in.audience(ctx, t.Action, nil)
	if err != nil {
		in.log.Error("who is to be told of an alarm cannot be read", "err", err)
		return
	}
	h.Replies = append(h.Replies, in.notices(people, t, "Alarm: "+t.Action.Name, text, h)...)
}
