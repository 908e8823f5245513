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
	seen, live := 0, map[uint64]bool{0: true}
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
		if _, known := live[c.AdminID]; !known {
			if live[c.AdminID], err = isLive(r, administratorKind, c.AdminID); err != nil {
				return false, err
			}
		}
		if live[c.AdminID] {
			p.Contacts = append(p.Contacts, *c)
		}
		return seen < maxParty, nil
	})
	if err != nil {
		return p, err
	}
	for i := range p.Contacts {
		ids, err := linksTo(r, linkMember, maxParty, p.Contacts[i].ID)
		if err != nil {
			return p, err
		}
		for _, one := range ids {
			if has, err := isLive(r, groupKind, one[0]); err != nil {
				return p, err
			} else if has {
				p.Groups = append(p.Groups, one[0])
			}
		}
	}
	slices.Sort(p.Groups)
	p.Groups = slices.Compact(p.Groups)
	return p, nil
}
