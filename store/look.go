package store

import (
	"context"
	"fmt"
	"strings"

	"trunkline/callplan/phone"
)

// Look is one consistent state of the store, for decisions that read several things: together they cost one transaction, and they agree with each other.
type Look struct {
	s     *Store
	r     Reader
	found *[]*Damage
}

// Look gives fn the state of this moment. It is valid until fn returns; fn must be short, may run more than once, and must ask nothing of the Store itself.
func (s *Store) Look(ctx context.Context, fn func(l *Look) error) error {
	return s.view(ctx, func(r Reader, found *[]*Damage) error { return fn(&Look{s, r, found}) })
}

// Party is Store.Party.
func (l *Look) Party(provider string, n phone.Number) (Party, error) {
	return readParty(l.r, provider, n, l.found)
}

// Holder is Store.Holder.
func (l *Look) Holder(provider string, n phone.Number) (Party, error) {
	p, err := l.Party(provider, n)
	if err != nil {
		return p, err
	}
	return l.HolderOf(p, n)
}

// HolderOf is Holder for a party that is known. It shares memory with that.
func (l *Look) HolderOf(p Party, n phone.Number) (_ Party, err error) {
	if p.Administrator != nil && p.Administrator.PhoneNumber != n {
		p.Administrator = nil
	}
	exact := 0
	for i := range p.Contacts {
		if p.Contacts[i].has(n) {
			exact++
		}
	}
	if exact == len(p.Contacts) {
		return p, nil
	}
	all := p.Contacts
	p.Contacts = make([]Contact, 0, exact)
	for i := range all {
		if all[i].has(n) {
			p.Contacts = append(p.Contacts, all[i])
		}
	}
	p.Groups, err = memberships(l.r, p.Contacts)
	return p, err
}

// SubscriberOf returns the subscriber in use who has a number, nil when nobody has.
func (l *Look) SubscriberOf(n phone.Number) (*Subscriber, error) { return subscriberOf(l.r, n) }

// OptedOut is Store.OptedOut.
func (l *Look) OptedOut(n phone.Number, trunk string) (bool, error) {
	return optedOut(l.r, l.s.instance.ID, n, trunk)
}

// Administrator returns an administrator, archived or not, or ErrNotFound.
func (l *Look) Administrator(id uint64) (*Administrator, error) {
	return administratorKind.read(l.r, id)
}

// ActionByKeyword returns the action of a service provider with a keyword, in any case, or ErrNotFound. Archived and disabled ones are found too.
func (l *Look) ActionByKeyword(provider, keyword string) (Action, error) {
	return actionAt(l.r, actionKind.key('k', providerKey(provider, strings.ToLower(keyword))))
}

// ActionByJanuaID returns the action of a service provider with a number of the encoded form, or ErrNotFound.
func (l *Look) ActionByJanuaID(provider string, id uint64) (Action, error) {
	return actionAt(l.r, actionKind.key('j', appendName(nil, provider), idKey(id)))
}

// actionAt returns the action that an index has at a prefix, or ErrNotFound.
func actionAt(r Reader, prefix []byte) (Action, error) {
	a, err := actionKind.first(r, prefix)
	if err == nil && a == nil {
		err = fmt.Errorf("action: %w", ErrNotFound)
	}
	if err != nil {
		return Action{}, err
	}
	return *a, nil
}

// Listed says which lists of an action name somebody.
type Listed struct {
	Administrator bool // that of the administrators
	Group         bool // that of the groups
}

// Listed tells which lists of an action name a party. The work depends on how many groups the party is in, not on how long the lists are.
func (l *Look) Listed(action uint64, p *Party) (has Listed, err error) {
	if p.Administrator != nil {
		if has.Administrator, err = hasLink(l.r, linkAdmin, action, p.Administrator.ID); err != nil {
			return has, err
		}
	}
	for _, g := range p.Groups {
		if has.Group, err = hasLink(l.r, linkGroup, action, g); has.Group || err != nil {
			break
		}
	}
	return has, err
}

// CodeAwaited tells whether a run waits for a code from a number, and perhaps no longer takes it.
func (l *Look) CodeAwaited(from phone.Number) (awaited bool, err error) {
	prefix := appendName([]byte{byte(RunWaiting)}, line(from))
	err = l.r.Scan(tableOpenRuns, prefix, after(prefix), false, func([]byte, []byte) (bool, error) {
		awaited = true
		return false, nil
	})
	return awaited, err
}

// ActionByKeyword is Look.ActionByKeyword.
func (s *Store) ActionByKeyword(ctx context.Context, provider, keyword string) (a Action, err error) {
	err = s.Look(ctx, func(l *Look) error {
		a, err = l.ActionByKeyword(provider, keyword)
		return err
	})
	return a, err
}
