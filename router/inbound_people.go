package router

import (
	"context"
	"errors"
	"slices"
	"strings"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// reachable is somebody who is told of an action.
type reachable struct {
	number phone.Number // zero: none is known
	email  string       // empty: none is known
}

type audience []reachable

// without leaves out who has a number.
func (a audience) without(n phone.Number) audience {
	return slices.DeleteFunc(slices.Clone(a), func(p reachable) bool { return !n.IsZero() && p.number.SameLine(n) })
}

// maxAudience bounds who is told of one run.
const maxAudience = 100

// audience returns who is told of a run: the contacts that are told for the groups of its sender, the manager of the action, and the administrators on its list.
// Each number and each address of mail is there once.
func (in *Inbound) audience(ctx context.Context, a *store.Action, groups []uint64) (all audience, err error) {
	add := func(n phone.Number, email string) {
		for _, p := range all {
			if !n.IsZero() && p.number.SameLine(n) {
				n = phone.Number{}
			}
			if strings.EqualFold(p.email, email) {
				email = ""
			}
		}
		if len(all) < maxAudience && (!n.IsZero() || email != "") {
			all = append(all, reachable{n, email})
		}
	}
	if a.ID == 0 {
		return nil, nil
	}
	grants, err := in.o.Store.Grants(ctx, a.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, id := range append([]uint64{a.AdminID}, grants.Administrators...) {
		if id == 0 {
			continue
		}
		admin, err := in.o.Store.Administrators().Read(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if admin.ArchivedAt.IsZero() {
			add(admin.PhoneNumber, admin.Email)
		}
	}
	for _, n := range grants.Notify {
		if !slices.Contains(groups, n.Group) {
			continue
		}
		c, err := in.o.Store.Contacts().Read(ctx, n.Contact)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if c.ArchivedAt.IsZero() && !c.Restricted {
			add(c.PhoneNumber, c.Email)
		}
	}
	return all, nil
}

// notices makes the messages and mails that tell people of something. They are charged to the manager of the action, and the loop guard holds for them too.
func (in *Inbound) notices(people audience, t *Trial, subject, text string, h *store.Handling) (all []store.Message) {
	trunk := ""
	if in.o.Mail != nil {
		trunk = in.o.Mail()
	}
	for _, p := range people {
		if trusted(p.number) && in.guard.answer(&h.Marks, p.number.String(), text, h.At) {
			if m, ok := in.o.Router.compose(in.payer(t), t.Provider, p.number, text, "", "", h.At); ok {
				all = append(all, m)
			}
		}
		if p.email != "" && trunk != "" {
			all = append(all, composeMail(in.payer(t), t.Provider, trunk, p.email, subject, text, h.At))
		}
	}
	return all
}

// forward adds what a message is forwarded as: the text of the action, or what came with its sender. It returns to how many.
func (in *Inbound) forward(ctx context.Context, m *store.Message, t *Trial, h *store.Handling, text string) (int, error) {
	if text == "" {
		text = m.From.String() + ": " + m.Text
	}
	numbers, err := in.recipientsOf(ctx, t.Provider, t.Action.AdminID, t.Action.Target)
	if err != nil {
		return 0, err
	}
	sent := 0
	for _, n := range numbers {
		if n.SameLine(m.From) {
			continue // it would come back
		}
		v, err := in.o.Screening.Outgoing(ctx, t.Provider, gatewayAccount, n, nil)
		if err != nil {
			return 0, err
		}
		one, ok := in.o.Router.compose(in.payer(t), t.Provider, n, text, m.Trunk, "", h.At)
		switch {
		case !ok:
		case !v.Authorized:
			if in.o.Router.keeps(one.Account, h.At) {
				h.Replies = append(h.Replies, refuse(one, v.Code, v.Text)) // to be seen
			}
		case in.guard.answer(&h.Marks, n.String(), text, h.At):
			h.Replies = append(h.Replies, one)
			sent++
		}
	}
	return sent, nil
}

// recipientsOf reads a list of numbers and names of groups, parted by commas; what is neither is left out. Each number is there once.
func (in *Inbound) recipientsOf(ctx context.Context, provider string, admin uint64, list string) (all []phone.Number, err error) {
	add := func(n phone.Number) {
		if len(all) < maxForwards && !slices.ContainsFunc(all, n.SameLine) {
			all = append(all, n)
		}
	}
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		if n, err := phone.Parse(word); err == nil {
			add(n)
			continue
		}
		found, err := in.o.Store.Recipients(ctx, provider, admin, word, maxForwards)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, one := range found {
			add(one.Number)
		}
	}
	return all, nil
}

// maxForwards bounds to how many one message is forwarded.
const maxForwards = 100
