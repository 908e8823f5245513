package store

import (
	"context"
	"slices"

	"trunkline/callplan/phone"
)

// Party is who a number belongs to, for a service provider. What is archived, or belongs to somebody archived, is not in it.
type Party struct {
	Administrator *Administrator // nil: it is nobody's
	Contacts      []Contact      // in order of ids
	Groups        []uint64       // of all contacts, each once, in order
}

// maxParty is how many contacts with one number are looked at.
const maxParty = 1000

// Party returns who a number belongs to. Names, and short numbers that are nobody's, are an empty party. Numbers are compared as SameLine does.
func (s *Store) Party(ctx context.Context, provider string, n phone.Number) (p Party, err error) {
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		p, err = readParty(r, provider, n, found)
		return err
	})
	return p, err
}

func readParty(r Reader, provider string, n phone.Number, found *[]*Damage) (p Party, err error) {
	if n.IsZero() || n.Kind() == phone.Alphanumeric {
		return p, nil
	}
	a, err := administratorKind.first(r, administratorKind.key('p', appendName(nil, line(n))))
	if d, bad := damaged(err); bad {
		*found = append(*found, d)
	} else if err != nil {
		return p, err
	}
	if a != nil && a.ArchivedAt.IsZero() && (a.Provider == provider || a.RoleID == RolePlatformOwner) {
		p.Administrator = a
	}
	prefix := contactKind.key('p', lineKey(provider, n))
	seen, live := 0, map[uint64]bool(nil) // owners, of which most have none
	err = r.Scan(tableIndex, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
		seen++
		c, err := contactKind.find(r, lastID(k))
		if d, bad := damaged(err); bad {
			*found = append(*found, d)
			return true, nil
		}
		if err != nil || c == nil || !c.ArchivedAt.IsZero() {
			return seen < maxParty, err
		}
		ok, known := live[c.AdminID]
		if !known {
			if ok, err = c.AdminID == 0, nil; !ok {
				if ok, err = isLive(r, administratorKind, c.AdminID); err != nil {
					return false, err
				}
			}
			if live == nil {
				live = map[uint64]bool{}
			}
			live[c.AdminID] = ok
		}
		if ok {
			p.Contacts = append(p.Contacts, *c)
		}
		return seen < maxParty, nil
	})
	if err != nil {
		return p, err
	}
	p.Groups, err = memberships(r, p.Contacts)
	return p, err
}

// memberships returns the ids of the groups in use that contacts are in, each once, in order.
func memberships(r Reader, contacts []Contact) (all []uint64, err error) {
	for i := range contacts {
		ids, err := linksTo(r, linkMember, maxParty, contacts[i].ID)
		if err != nil {
			return nil, err
		}
		for _, one := range ids {
			if has, err := isLive(r, groupKind, one[0]); err != nil {
				return nil, err
			} else if has {
				all = append(all, one[0])
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
