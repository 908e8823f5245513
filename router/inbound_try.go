package router

import (
	"cmp"
	"context"
	"crypto/subtle"
	"fmt"
	"strconv"
	"strings"

	"trunkline/callplan/phone"
	"trunkline/router/action"
	"trunkline/router/screen"
	"trunkline/store"
)

// Outcomes of a Trial.
const (
	OutcomeNone      = "none"      // no action; call plans may route the message
	OutcomeOptOut    = "opt_out"   // the sender is not written to any more
	OutcomeOptIn     = "opt_in"    // the sender is written to again
	OutcomeHelp      = "help"      // the answer to a help word
	OutcomeCode      = "code"      // it is a code that a run waits for, or might be
	OutcomeRefused   = "refused"   // it asks for an action, which does not run
	OutcomeComplain  = "complain"  // arguments are wrong, and the sender is told
	OutcomeChallenge = "challenge" // a code is sent to the number on file
	OutcomePair      = "pair"      // codes are sent to others, one of whom must confirm
	OutcomeRun       = "run"       // the action runs
	OutcomeConfig    = "config"    // a phone client is told where its configuration is
)

// Trial says what follows from a message, and why, without doing it.
type Trial struct {
	Provider string
	Verdict  screen.Verdict
	Steps    []screen.Step
	Outcome  string
	Reason   string // why, for people
	Field    string // what is wrong when it is refused or complained about, e.g. an argument, "authentication", "code", "sender"
	Answer   string // text for the sender; empty: none
	Word     string // opt-out or help word; also of a suspicion
	Suspect  bool   // perhaps a wish to be left alone, which a person should read
	Action   *store.Action
	Who      string // who the sender is taken for
	Level    int    // proof that the action asks for
	Values   action.Values
	Code     string  // one-time password in the text
	Text     *string // what is kept instead of the text, without its token

	asked  asked
	party  store.Holder
	listed store.Listed
	silent bool // nobody reads the steps
	token  bool // it showed a token, and that was right
}

func (t *Trial) step(rule, format string, a ...any) {
	if !t.silent {
		t.Steps = append(t.Steps, screen.Step{Rule: rule, Result: fmt.Sprintf(format, a...)})
	}
}

func (t *Trial) end(outcome, field, format string, a ...any) {
	t.Outcome, t.Field, t.Reason = outcome, field, fmt.Sprintf(format, a...)
}

// Try says what would follow from a message that came in. Nothing is stored, sent or run, and no limit is used up. The error is the store's.
func (in *Inbound) Try(ctx context.Context, m *store.Message) (Trial, error) {
	return in.decide(ctx, m, false)
}

// decide is Try, on one state of the store, and without the steps when they are not wanted.
func (in *Inbound) decide(ctx context.Context, m *store.Message, silent bool) (t Trial, err error) {
	err = in.o.Store.Look(ctx, func(l *store.Look) error {
		t = Trial{Provider: cmp.Or(m.Provider, in.o.Router.TrunkProvider(m.Trunk)), Outcome: OutcomeNone, silent: silent}
		t.asked = asked{look: l, provider: t.Provider, number: m.From}
		return in.try(l, m, &t)
	})
	t.asked = asked{}
	return t, err
}

func (in *Inbound) try(l *store.Look, m *store.Message, t *Trial) (err error) {
	steps := &t.Steps
	if t.silent {
		steps = nil
	}
	if t.Verdict, err = in.o.Screening.incoming(&t.asked, m, steps); err != nil {
		return err
	}
	if t.Verdict.Code == CodeDuplicate || t.Verdict.Code == CodeNoText {
		t.Reason = t.Verdict.Text
		return nil
	}
	if done, err := in.tryWords(l, m, t); err != nil || done {
		return err
	}
	if code := strings.TrimSpace(m.Text); t.Verdict.Authorized && len(code) == codeDigits && strings.Trim(code, "0123456789") == "" {
		awaited, err := l.CodeAwaited(m.From)
		if err != nil {
			return err
		}
		if awaited {
			t.Code = code
			t.step("codes", "a run waits for a code from this number")
			t.end(OutcomeCode, "code", "a run waits for a code from this number")
			return nil
		}
	}
	return in.tryAction(l, m, t)
}

// tryWords looks for the words that carriers and laws give a meaning.
func (in *Inbound) tryWords(l *store.Look, m *store.Message, t *Trial) (done bool, err error) {
	p := in.o.Screening.policy.Load()
	wish, word := p.words.Read(m.Text)
	t.Word = word
	switch wish {
	case screen.Stop:
		t.step("opt-out words", "%q means stop", word)
		t.end(OutcomeOptOut, "", "the text means stop")
		return true, nil
	case screen.Start:
		out, err := l.OptedOut(m.From, m.Trunk)
		if err != nil {
			return false, err
		}
		if out {
			t.step("opt-out words", "%q means start, and the sender had opted out", word)
			t.end(OutcomeOptIn, "", "the text means start")
			return true, nil
		}
	case screen.Help:
		keyword, _ := action.Keyword(m.Text)
		a, err := l.ActionByKeyword(t.Provider, keyword)
		if err != nil {
			return false, err
		}
		if a != nil && usable(a) || p.HelpReply == "" {
			break // an action of this name goes first
		}
		t.step("opt-out words", "%q asks for help", word)
		t.end(OutcomeHelp, "", "the text asks for help")
		t.Answer = p.HelpReply
		return true, nil
	case screen.Suspect:
		t.Suspect = true
		t.step("opt-out words", "%q may be a wish to be left alone: a person should read it", word)
		return false, nil
	}
	t.step("opt-out words", "none")
	return false, nil
}

func usable(a *store.Action) bool { return a.Enabled && a.ArchivedAt.IsZero() }

// tryAction looks for the action that a text asks for, and decides whether it runs.
func (in *Inbound) tryAction(l *store.Look, m *store.Message, t *Trial) error {
	if len(m.Text) > action.MaxText {
		t.end(OutcomeNone, "text", "the text is too long to start an action")
		return nil
	}
	word, rest := action.Keyword(m.Text)
	encoded, isEncoded := action.Encoded{}, false
	var a *store.Action
	var err error
	if word != "" {
		a, err = l.ActionByKeyword(t.Provider, word)
	} else if encoded, isEncoded = action.ParseEncoded(m.Text); isEncoded {
		if encoded.ID == 0 {
			return in.tryConfig(m, t)
		}
		a, err = l.ActionByJanuaID(t.Provider, uint64(encoded.ID))
	}
	if err != nil {
		return err
	}
	known := a != nil && usable(a)
	if isEncoded && (known || len(encoded.Token) == phoneToken) {
		_, cut, _ := strings.Cut(m.Text, ":")
		t.Text = &cut
	}
	if !known {
		t.step("actions", "the text starts none")
		t.end(OutcomeNone, "action", "no action has this keyword or number")
		t.Answer = in.unknown(m, t)
		return nil
	}
	t.step("actions", "it asks for %s", a.Name)
	t.Action = a
	if !t.Verdict.Authorized {
		t.end(OutcomeRefused, "sender", "%s", t.Verdict.Text)
		t.Answer = in.unknown(m, t)
		return nil
	}
	party, err := t.asked.exactly()
	if err != nil {
		return err
	}
	t.party = *party
	if t.listed, err = l.Listed(a.ID, &t.party); err != nil {
		return err
	}
	t.Level = level(a, isEncoded)
	if !in.permitted(t, isEncoded) {
		t.Answer = in.unknown(m, t)
		return nil
	}
	if isEncoded {
		if !in.tokenFits(t, encoded.Token) {
			t.Answer = in.unknown(m, t)
			return nil
		}
		values, complaints := action.FromEncoded(arguments(a), encoded.Given)
		in.judge(t, values, complaints)
		return nil
	}
	if t.Level == 3 {
		before, code, ok := action.Code(rest)
		if !ok {
			t.end(OutcomeRefused, "authentication", "the action wants a one-time password of six digits at the end of the text")
			t.Answer = "A one-time code is needed at the end of the text."
			return nil
		}
		rest, t.Code = before, code
		kept := strings.TrimSpace(word + " " + rest)
		t.Text = &kept // a code is not kept
	}
	if len(a.Arguments) == 0 && (a.Kind == store.ActionForward || a.Kind == store.ActionWebhook) {
		rest = "" // they take the text as it is
	}
	values, complaints := action.FromWords(arguments(a), rest)
	in.judge(t, values, complaints)
	return nil
}

// unknown is the answer to whom nothing is to be told: the same for an unknown action, one of others, and one that he may not start.
func (in *Inbound) unknown(m *store.Message, t *Trial) string {
	if t.Verdict.Code == screen.CodeDenied || !trusted(m.From) {
		return ""
	}
	return in.o.Screening.policy.Load().UnknownText
}

// level is the proof that an action asks for. An action with a keyword that asks for authentication asks for a code at least; in the encoded form the token is
// a proof of its own.
func level(a *store.Action, encoded bool) int {
	if a.Authentication && !encoded {
		return max(a.Level, 2)
	}
	return a.Level
}

// permitted decides whether the sender may start the action at all: the owner of the platform, its manager, those on its lists, and anybody when it is not
// filtered and asks for no proof.
func (in *Inbound) permitted(t *Trial, encoded bool) bool {
	a := t.Action
	if admin := t.party.Administrator; admin != nil {
		switch {
		case admin.Level == store.SuperAdministrator, a.AdminID == admin.ID, t.listed.Administrator:
			t.Who = t.party.Who()
			t.step("permission", "%s may start it", t.Who)
			return true
		}
	}
	if !encoded && t.listed.Group {
		t.Who = "contact " + strconv.FormatUint(in.contact(t).ID, 10)
		t.step("permission", "%s is in a group that may start it", t.Who)
		return true
	}
	if !a.Filtered && t.Level == 0 && !encoded {
		t.Who = cmp.Or(t.party.Who(), "anybody")
		t.step("permission", "anybody may start it")
		return true
	}
	t.step("permission", "the sender is on none of its lists")
	t.end(OutcomeRefused, "action", "the sender is on none of the lists of the action")
	return false
}

// contact returns the contact that the sender is: one of the action's manager first, then the lowest id.
func (in *Inbound) contact(t *Trial) *store.ContactNumber {
	var best *store.ContactNumber
	for i := range t.party.Contacts {
		c := &t.party.Contacts[i]
		own := c.AdminID == t.Action.AdminID
		switch {
		case best == nil, own && best.AdminID != t.Action.AdminID:
			best = c
		case c.ID < best.ID && own == (best.AdminID == t.Action.AdminID):
			best = c
		}
	}
	return best
}

// tokenFits compares the token of the encoded form with that of the administrator who has the number.
func (in *Inbound) tokenFits(t *Trial, token string) bool {
	admin := t.party.Administrator
	if admin == nil || !t.Action.Authentication {
		t.end(OutcomeRefused, "action", "the encoded form is for administrators, and for actions with authentication")
		return false
	}
	if admin.PhoneToken == "" || subtle.ConstantTimeCompare([]byte(admin.PhoneToken), []byte(token)) != 1 {
		t.step("token", "is wrong")
		t.end(OutcomeRefused, "token", "the token is not that of %s", t.Who)
		return false
	}
	t.step("token", "fits")
	t.token = true
	return true
}

// judge decides by the arguments and the level.
func (in *Inbound) judge(t *Trial, values action.Values, complaints []action.Complaint) {
	if complaints != nil {
		t.step("arguments", "%s", complaints[0].Text)
		t.end(OutcomeComplain, cmp.Or(complaints[0].Argument, "arguments"), "%s", complaints[0].Text)
		t.Answer = complaints[0].Text + ". Usage: " + action.Usage(cmp.Or(t.Action.Keyword, t.Action.Name), arguments(t.Action))
		return
	}
	t.Values = values
	t.step("arguments", "%d are right", len(values))
	switch t.Level {
	case 2:
		t.end(OutcomeChallenge, "authentication", "a code is sent to the number on file; the action runs when it comes back")
	case 4:
		t.end(OutcomePair, "authentication", "a second person has to confirm")
	default:
		t.end(OutcomeRun, "", "%s may start it", t.Who)
	}
	t.step("level", "%d: %s", t.Level, t.Reason)
}

// arguments returns the arguments of an action as package action reads them.
func arguments(a *store.Action) []action.Argument {
	all := make([]action.Argument, len(a.Arguments))
	for i, g := range a.Arguments {
		all[i] = action.Argument{Name: g.Name, Type: g.Type, Required: g.Required, Choices: g.Choices, Description: g.Description}
	}
	return all
}

// phoneToken is the length of the tokens of phone clients.
const phoneToken = 8

// tryConfig is for the text by which a phone client asks where its configuration is.
func (in *Inbound) tryConfig(m *store.Message, t *Trial) error {
	party, err := t.asked.exactly()
	if err != nil {
		return err
	}
	t.party = *party
	cut := "0"
	t.Text = &cut
	switch {
	case !t.Verdict.Authorized:
		t.end(OutcomeRefused, "sender", "%s", t.Verdict.Text)
	case t.party.Administrator == nil:
		t.end(OutcomeRefused, "sender", "only administrators have a phone client")
	case in.o.Client == "":
		t.end(OutcomeRefused, "action", "no address for phone clients is configured")
	default:
		t.Who = t.party.Who()
		t.end(OutcomeConfig, "", "%s gets its configuration", t.Who)
		return nil
	}
	t.Answer = in.unknown(m, t)
	return nil
}

// onFile is the number to which a code is sent: the one that is kept of the person, not the one that stands in the message.
func (t *Trial) onFile(in *Inbound, from phone.Number) phone.Number {
	if a := t.party.Administrator; a != nil && strings.HasPrefix(t.Who, "administrator") {
		return a.PhoneNumber
	}
	if c := in.contact(t); c != nil && !c.PhoneNumber.IsZero() {
		return c.PhoneNumber
	}
	return from // it is exactly one of the numbers on file
}
