package router

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"trunkline/router/action"
	"trunkline/store"
)

// Built-in actions, named by Action.Target.
const (
	BuiltinHelp    = "help"    // lists what the sender may start
	BuiltinStatus  = "status"  // how the gateway is
	BuiltinUsage   = "usage"   // parts sent and left of an administrator's quota
	BuiltinStats   = "stats"   // parts sent in each month of the year
	BuiltinSendSMS = "sendsms" // an administrator sends a message; arguments to and message
	BuiltinRole    = "role"    // whom the gateway takes the sender for
)

// Builtins lists the built-in actions. The request of a phone client for its configuration is none of them: it has a form of its own.
func Builtins() []string {
	return []string{BuiltinHelp, BuiltinStatus, BuiltinUsage, BuiltinStats, BuiltinSendSMS, BuiltinRole}
}

// builtinError is why a built-in action did nothing, in words for its sender.
type builtinError struct{ text string }

func (e *builtinError) Error() string { return e.text }

// builtin does what a built-in action is for and returns the answer.
func (in *Inbound) builtin(ctx context.Context, m *store.Message, t *Trial, h *store.Handling) (string, error) {
	switch t.Action.Target {
	case BuiltinHelp:
		return in.help(ctx, t)
	case BuiltinStatus:
		if in.o.Status == nil {
			return "The gateway is running.", nil
		}
		return in.o.Status(), nil
	case BuiltinRole:
		return in.role(ctx, t)
	case BuiltinUsage, BuiltinStats, BuiltinSendSMS:
		admin := t.party.Administrator
		if admin == nil {
			return "", &builtinError{"Only administrators may do that."}
		}
		switch t.Action.Target {
		case BuiltinUsage:
			return in.usage(ctx, admin, h.At)
		case BuiltinStats:
			return in.stats(ctx, admin, h.At)
		}
		return in.sendSMS(ctx, m, t, admin)
	}
	return "", &builtinError{t.Action.Name + " names no built-in action that is known here."}
}

// maxHelp is how many actions the answer of help names.
const maxHelp = 20

// help lists the actions that the sender may start.
func (in *Inbound) help(ctx context.Context, t *Trial) (string, error) {
	var lines []string
	cursor := ""
	for {
		page, err := in.o.Store.Actions().List(ctx, store.Listing[store.Action]{Provider: t.Provider, Order: "name", Limit: 100, Cursor: cursor})
		if err != nil {
			return "", err
		}
		before := len(lines)
		err = in.o.Store.Look(ctx, func(l *store.Look) (err error) {
			lines = lines[:before]
			for i := range page.Items {
				a := &page.Items[i]
				if !usable(a) || a.Keyword == "" {
					continue
				}
				one := Trial{Provider: t.Provider, Action: a, party: t.party, Level: level(a, false), silent: true}
				if one.listed, err = l.Listed(a.ID, &t.party); err != nil {
					return err
				}
				if in.permitted(&one, false) {
					lines = append(lines, action.Usage(a.Keyword, arguments(a)))
				}
			}
			return nil
		})
		if err != nil {
			return "", err
		}
		if cursor = page.Next; cursor == "" || len(lines) >= maxHelp {
			break
		}
	}
	return strings.Join(lines[:min(len(lines), maxHelp)], "\n"), nil
}

// role tells whom the sender is taken for: an administrator, with its level and role, before a contact, with the groups of its owner that it is in.
func (in *Inbound) role(ctx context.Context, t *Trial) (string, error) {
	if a := t.party.Administrator; a != nil {
		level := "supervisor"
		if a.Level == store.SuperAdministrator {
			level = "super administrator"
		}
		return fmt.Sprintf("You are %s: %s, %s.", cmp.Or(a.FullName(), a.Username), level, in.o.Store.RoleName(a.RoleID)), nil
	}
	c := in.contact(t)
	if c == nil {
		return "You are nobody that is known here.", nil
	}
	var groups []string
	for _, id := range t.party.Groups {
		g, err := in.o.Store.Groups().Read(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		if g.AdminID == c.AdminID {
			groups = append(groups, g.Name)
		}
	}
	slices.Sort(groups)
	belongs := "in no group"
	if len(groups) > 0 {
		belongs = "in the groups " + strings.Join(groups, ", ")
	}
	return fmt.Sprintf("You are %s: a contact, %s.", cmp.Or(c.FullName(), c.PhoneNumber.String()), belongs), nil
}

// usage tells how much of its quota an administrator has used.
func (in *Inbound) usage(ctx context.Context, admin *store.Administrator, at time.Time) (string, error) {
	used, w, ok, err := in.o.Store.Used(ctx, admin.Account(), at)
	switch {
	case err != nil:
		return "", err
	case !ok || w.Limit == store.Unlimited:
		return "No quota is set for you.", nil
	}
	return fmt.Sprintf("%d of %d parts are used, until %s.", used, w.Limit, w.End.Format("2006-01-02 15:04")), nil
}

// maxStats bounds how many messages are looked at for the answer of stats.
const maxStats = 100_000

// stats tells how many parts an administrator sent in each month of the year so far.
func (in *Inbound) stats(ctx context.Context, admin *store.Administrator, at time.Time) (string, error) {
	var months [12]int
	q := store.Query{Direction: store.Out, Account: admin.Account(), Since: time.Date(at.Year(), 1, 1, 0, 0, 0, 0, time.UTC), Limit: 1000}
	for looked := 0; looked < maxStats; {
		page, err := in.o.Store.Messages(ctx, q)
		if err != nil {
			return "", err
		}
		for i := range page.Items {
			m := &page.Items[i]
			if status, _ := m.LogStatus(); status != store.LogNone && status != store.LogUnsupported {
				months[m.CreatedAt.Month()-1] += len(m.Parts)
			}
		}
		looked += len(page.Items)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	var lines []string
	for month := time.January; month <= at.Month(); month++ {
		lines = append(lines, fmt.Sprintf("%s %d", month.String()[:3], months[month-1]))
	}
	return strings.Join(lines, ", "), nil
}

// sendSMS sends a message for an administrator, to numbers and groups.
func (in *Inbound) sendSMS(ctx context.Context, m *store.Message, t *Trial, admin *store.Administrator) (string, error) {
	to, text := t.Values["to"], t.Values["message"]
	if to == "" || text == "" {
		return "", &builtinError{"No recipients and/or message"}
	}
	numbers, err := in.recipientsOf(ctx, t.Provider, admin.ID, to)
	if err != nil {
		return "", err
	}
	if len(numbers) == 0 {
		return "", &builtinError{"No recipients was found in database to send SMS to " + to}
	}
	s := Submission{Account: admin.Account(), Provider: t.Provider, Text: text, Tag: "sendsms", IdempotencyKey: "run/" + m.ID.String(), IdempotencyHash: sha256.Sum256([]byte(to + "\x00" + text))}
	for _, n := range numbers {
		s.To = append(s.To, n.String())
	}
	_, err = in.o.Router.Submit(ctx, s)
	var wrong *ValidationError
	var quota *store.QuotaError
	switch {
	case errors.As(err, &wrong):
		return "", &builtinError{"Not sent: " + wrong.Fields[0].Message}
	case errors.As(err, &quota):
		return "", &builtinError{"Not sent: your quota is used up."}
	case err != nil:
		return "", err
	}
	return "SMS message has been queued", nil
}

// config tells a phone client where its configuration is, and gives its administrator a token when there is none.
func (in *Inbound) config(ctx context.Context, m *store.Message, t *Trial, h *store.Handling) error {
	token, err := NewPhoneToken(in.o.Random)
	if err != nil {
		return err
	}
	_, err = in.o.Store.Administrators().Edit(ctx, t.party.Administrator.ID, h.At, gatewayAccount, func(a *store.Administrator) error {
		a.HasClient = true
		if a.PhoneToken == "" {
			a.PhoneToken = token
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("give %s a phone client: %w", t.Who, err)
	}
	h.Action = "get_config"
	in.answer(h, m, t, "1:"+strings.TrimSuffix(in.o.Client, "/")+"/v1/account/client", "")
	return nil
}

// NewPhoneToken returns eight random letters and digits: 47 bits.
func NewPhoneToken(random io.Reader) (string, error) {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
	out := make([]byte, 0, phoneToken)
	for b := make([]byte, 1); len(out) < phoneToken; {
		if _, err := io.ReadFull(random, b); err != nil {
			return "", fmt.Errorf("make a token: %w", err)
		}
		if n := int(b[0]); n < 256/len(letters)*len(letters) { // each letter as likely as any other
			out = append(out, letters[n%len(letters)])
		}
	}
	return string(out), nil
}
