package store

import (
	"context"
	"encoding/binary"
	"slices"
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

// Line returns the contacts in use that have a number on the same line, in order of ids. Names, and short numbers that are nobody's, are on none.
func (l *Look) Line(provider string, n phone.Number) ([]ContactNumber, error) {
	return contactsOn(l.r, provider, n, l.found, func(c *ContactNumber, id uint64, payload []byte) (hides, error) {
		archived, err := decodeContactNumber(c, payload, n)
		c.ID = id
		return hides{archived, c.AdminID}, err
	})
}

// Holder returns who has exactly a number; line is what Line returned of it.
func (l *Look) Holder(provider string, n phone.Number, line []ContactNumber) (h Holder, err error) {
	a, err := administratorOn(l.r, provider, n, l.found)
	if err != nil {
		return h, err
	}
	if a != nil && a.PhoneNumber == n {
		h.Administrator = a
	}
	var ids [4]uint64
	exact := ids[:0]
	for i := range line {
		if line[i].Exact {
			exact = append(exact, line[i].ID)
		}
	}
	if h.Contacts = line; len(exact) < len(line) {
		h.Contacts = slices.DeleteFunc(slices.Clone(line), func(c ContactNumber) bool { return !c.Exact })
	}
	h.Groups, err = groupsOf(l.r, exact...)
	return h, err
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

// ActionByKeyword returns the action of a service provider with a keyword, in any case, nil when there is none. Archived and disabled ones are found too.
func (l *Look) ActionByKeyword(provider, keyword string) (*Action, error) {
	return actionKind.first(l.r, appendName(actionKind.prefix('k', provider), strings.ToLower(keyword)))
}

// ActionByJanuaID returns the action of a service provider with a number of the encoded form, nil when there is none.
func (l *Look) ActionByJanuaID(provider string, id uint64) (*Action, error) {
	return actionKind.first(l.r, binary.BigEndian.AppendUint64(actionKind.prefix('j', provider), id))
}

// Listed says which lists of an action name somebody.
type Listed struct {
	Administrator bool // that of the administrators
	Group         bool // that of the groups
}

// Listed tells which lists of an action name a holder. The work depends on how many groups the holder is in, not on how long the lists are.
func (l *Look) Listed(action uint64, h *Holder) (has Listed, err error) {
	if h.Administrator != nil {
		if has.Administrator, err = hasLink(l.r, linkAdmin, action, h.Administrator.ID); err != nil {
			return has, err
		}
	}
	for _, g := range h.Groups {
		if has.Group, err = hasLink(l.r, linkGroup, action, g); has.Group || err != nil {
			break
		}
	}
	return has, err
}

// CodeAwaited tells whether a run waits for a code from a number, and perhaps no longer takes it.
func (l *Look) CodeAwaited(from phone.Number) (bool, error) {
	k, _, err := l.r.First(tableOpenRuns, appendName([]byte{byte(RunWaiting)}, line(from)))
	return k != nil, err
}
