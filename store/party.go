package store

import (
	"context"
	"slices"
	"strconv"

	"trunkline/callplan/phone"
)

// Party is who a number belongs to, for a service provider. What is archived, or belongs to somebody archived, is not in it.
type Party struct {
	Administrator *Administrator // nil: it is nobody's
	Contacts      []Contact      // in order of ids
	Groups        []uint64       // of all contacts, each once, in order
}

// Holder is Party for what needs trust: only the administrator and the contacts that have exactly the number count, with its country code.
type Holder struct {
	Administrator *Administrator  // nil: it is nobody's
	Contacts      []ContactNumber // in order of ids
	Groups        []uint64        // of all contacts, each once, in order
}

// ContactNumber is what decisions about a number need of a contact that has it.
type ContactNumber struct {
	ID                  uint64
	AdminID             uint64 // administrator that owns it; 0: nobody in particular
	FirstName, LastName string
	PhoneNumber         phone.Number // its first; zero: it has none
	Restricted          bool         // nothing is sent to it and it triggers nothing
	Exact               bool         // it has exactly the number; else one on the same line
}

// FullName is the name as it is shown: first name, last name.
func (c *ContactNumber) FullName() string { return fullName(c.FirstName, c.LastName) }

// maxParty is how many contacts with one number are looked at.
const maxParty = 1000

// Party returns who a number belongs to. Names, and short numbers that are nobody's, are an empty party. Numbers are compared as SameLine does.
func (s *Store) Party(ctx context.Context, provider string, n phone.Number) (p Party, err error) {
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		p = Party{}
		if p.Administrator, err = administratorOn(r, provider, n, found); err != nil {
			return err
		}
		p.Contacts, err = contactsOn(r, provider, n, found, func(c *Contact, id uint64, payload []byte) (hides, error) {
			v, err := decodeContact(payload)
			if err != nil {
				return hides{}, err
			}
			*c = *v
			c.ID = id
			return hides{!v.ArchivedAt.IsZero(), v.AdminID}, nil
		})
		if err != nil {
			return err
		}
		ids := make([]uint64, len(p.Contacts))
		for i := range ids {
			ids[i] = p.Contacts[i].ID
		}
		p.Groups, err = groupsOf(r, ids...)
		return err
	})
	return p, err
}

// Holder returns who has exactly a number.
func (s *Store) Holder(ctx context.Context, provider string, n phone.Number) (h Holder, err error) {
	err = s.Look(ctx, func(l *Look) error {
		line, err := l.Line(provider, n)
		if err == nil {
			h, err = l.Holder(provider, n, line)
		}
		return err
	})
	return h, err
}

// Who names the holder in explanations: an administrator goes before a contact. It is empty when nobody has the number.
func (h *Holder) Who() string {
	switch {
	case h.Administrator != nil:
		return "administrator " + strconv.FormatUint(h.Administrator.ID, 10)
	case len(h.Contacts) > 0:
		return "contact " + strconv.FormatUint(h.Contacts[0].ID, 10)
	}
	return ""
}

// administratorOn returns the administrator in use whose number is on the same line, nil when there is none.
func administratorOn(r Reader, provider string, n phone.Number, found *[]*Damage) (*Administrator, error) {
	if n.IsZero() || n.Kind() == phone.Alphanumeric {
		return nil, nil
	}
	a, err := administratorKind.first(r, appendName(administratorKind.key('p'), line(n)))
	if d, bad := damaged(err); bad {
		*found = append(*found, d)
		return nil, nil
	}
	if err != nil || a == nil || !a.ArchivedAt.IsZero() || a.Provider != provider && a.RoleID != RolePlatformOwner {
		return nil, err
	}
	return a, nil
}

// hides is why a contact may not count.
type hides struct {
	archived bool
	owner    uint64 // that may be archived; 0: nobody
}

// lineWalk collects the contacts in use that have a number on one line, each as decode reads it.
type lineWalk[C any] struct {
	r      Reader
	found  *[]*Damage
	decode func(c *C, id uint64, payload []byte) (hides, error)
	all    []C
	seen   int
	live   map[uint64]bool // owners, of which most contacts have none
}

// contactsOn returns the contacts in use that have a number on the same line, in order of ids.
func contactsOn[C any](r Reader, provider string, n phone.Number, found *[]*Damage, decode func(c *C, id uint64, payload []byte) (hides, error)) ([]C, error) {
	if n.IsZero() || n.Kind() == phone.Alphanumeric {
		return nil, nil
	}
	prefix := appendName(contactKind.prefix('p', provider), line(n))
	w := &lineWalk[C]{r: r, found: found, decode: decode}
	err := r.Scan(tableIndex, prefix, after(prefix), false, w.visit)
	return w.all, err
}

func (w *lineWalk[C]) visit(k, _ []byte) (more bool, err error) {
	w.seen++
	id := lastID(k)
	key := idKey(id)
	value, err := w.r.Get(tableContacts, key)
	if err != nil || value == nil {
		return w.seen < maxParty, err
	}
	payload, err := unseal(tableContacts, key, value)
	if d, bad := damaged(err); bad {
		*w.found = append(*w.found, d)
		return true, nil
	}
	w.all = append(w.all, *new(C))
	last := len(w.all) - 1
	hide, err := w.decode(&w.all[last], id, payload)
	if err != nil {
		*w.found = append(*w.found, damage(tableContacts, key, err.Error()))
		w.all = w.all[:last]
		return true, nil
	}
	if counts, err := w.counts(hide); !counts || err != nil {
		w.all = w.all[:last]
		return w.seen < maxParty, err
	}
	return w.seen < maxParty, nil
}

// counts tells whether a contact and its owner are in use.
func (w *lineWalk[C]) counts(hide hides) (bool, error) {
	if hide.archived || hide.owner == 0 {
		return !hide.archived, nil
	}
	if live, known := w.live[hide.owner]; known {
		return live, nil
	}
	live, err := isLive(w.r, administratorKind, hide.owner)
	if w.live == nil {
		w.live = map[uint64]bool{}
	}
	w.live[hide.owner] = live
	return live, err
}

// groupsOf returns the ids of the groups in use that contacts are in, each once, in order.
func groupsOf(r Reader, contacts ...uint64) (all []uint64, err error) {
	for _, c := range contacts {
		prefix := reversePrefix(linkMember, c)
		seen := 0
		err := r.Scan(tableIndex, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
			seen++
			group := lastID(k)
			has, err := isLive(r, groupKind, group)
			if has {
				all = append(all, group)
			}
			return seen < maxParty, err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
