package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/callplan/phone"
)

// EveryContact is a word that stands for all contacts of an administrator where the name of a group is expected; no group has it as its name.
const EveryContact = "all"

// MaxGroups is how many groups a service provider may have, archived ones included.
const MaxGroups = 100_000

// Group is a set of contacts.
type Group struct {
	Meta
	Name        string // 1 to 255 of a-z, A-Z, 0-9 and hyphen, not only digits, unique for its owner
	Description string
	AdminID     uint64 // administrator that owns it; 0: nobody in particular
}

var groupKind = &kind[Group]{
	name: "group", table: tableGroups, letter: 'g', max: MaxGroups,
	meta: func(g *Group) *Meta { return &g.Meta }, append: appendGroup, decode: decodeGroup,
	owner:   func(g *Group) uint64 { return g.AdminID },
	indexes: []index[Group]{{'n', "name", func(g *Group) [][]byte { return [][]byte{groupNameKey(g.Provider, g.AdminID, g.Name)} }}},
	orders:  []order[Group]{{"name", 'A', func(b []byte, g *Group) []byte { return appendText(b, fold(g.Name)) }}},
	words:   func(g *Group) []string { return []string{g.Name, g.Description} },
}

func groupNameKey(provider string, admin uint64, name string) []byte {
	return append(appendText(appendName(nil, provider), fold(name)), idKey(admin)...)
}

// Groups returns the collection of groups.
func (s *Store) Groups() Records[Group] { return Records[Group]{s, groupKind} }

func (g *Group) check(t *tx, was *Group, wrong *Faults) error {
	wrong.required("name", g.Name, 255)
	switch {
	case strings.EqualFold(g.Name, EveryContact):
		wrong.add("name", "invalid", "%q stands for all contacts and cannot be the name of a group", EveryContact)
	case strings.Trim(g.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "":
		wrong.add("name", "invalid", "may have the letters a to z, digits and hyphens only")
	case g.Name != "" && strings.Trim(g.Name, "0123456789") == "":
		wrong.add("name", "invalid", "may not be of digits only: it could not be told from a number")
	}
	wrong.text("description", g.Description, 10_000)
	if err := checkOwner(t, &g.Meta, g.AdminID, was == nil, wrong); err != nil {
		return err
	}
	if was != nil && g.AdminID != was.AdminID {
		wrong.add("admin_id", "immutable", "the owner of a group cannot be changed")
	}
	return groupKind.unique(t, g, wrong)
}

// checkOwner checks the owner of a contact or a group, whose service provider it takes.
func checkOwner(r Reader, m *Meta, admin uint64, fresh bool, wrong *Faults) error {
	if !fresh {
		return nil
	}
	if admin != 0 {
		a, err := reference(r, administratorKind, wrong, "admin_id", admin)
		if err != nil || a == nil {
			return err
		}
		switch {
		case m.Provider == "":
			m.Provider = a.Provider
		case m.Provider != a.Provider && a.Provider != DefaultProvider && a.RoleID != RolePlatformOwner:
			wrong.add("admin_id", "invalid", "administrator %d belongs to service provider %q, not %q", admin, a.Provider, m.Provider)
		}
	}
	if m.Provider == "" {
		m.Provider = DefaultProvider
	}
	return wrong.inProvider(r, m)
}

func (g *Group) changed(*tx, *Group) error { return nil }
func (g *Group) removable() error          { return nil }

func (g *Group) drop(t *tx, limit int) (bool, error) {
	return dropAll(limit,
		func(n int) (bool, error) { return g.dropNotify(t, n) },
		func(n int) (bool, error) { return t.dropTo(linkGroup, n, g.ID) },
		func(n int) (bool, error) { return t.dropFrom(linkMember, n, g.ID) })
}

// dropNotify removes the links by which members of a group are told of actions; they are under the contacts, so they are found by the actions that the
// group may trigger, or might.
func (g *Group) dropNotify(t *tx, limit int) (left bool, err error) {
	for _, grant := range [...]linkKind{linkGroup, linkGroup.archived()} {
		granted, err := linksTo(t, grant, MaxActions, g.ID)
		if err != nil {
			return false, err
		}
		for _, one := range granted {
			for _, kind := range [...]linkKind{linkNotify, linkNotify.archived()} {
				if left, err = t.dropNotifyOf(kind, one[0], g.ID, limit); left || err != nil {
					return left, err
				}
			}
		}
	}
	return false, nil
}

// GroupByName returns the group of an administrator with a name, in any case, or ErrNotFound. Archived ones are found too.
func (s *Store) GroupByName(ctx context.Context, provider string, admin uint64, name string) (Group, error) {
	var g *Group
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		g, err = groupKind.first(r, groupKind.key('n', groupNameKey(provider, admin, name)))
		if err == nil && g == nil {
			err = fmt.Errorf("group %q: %w", name, ErrNotFound)
		}
		return err
	})
	if err != nil {
		return Group{}, err
	}
	return *g, nil
}

// maxMembers is how many contacts are put into a group, or taken out, at a time.
const maxMembers = 10_000

// AddMembers puts contacts into a group; those that are in it already stay. Contact and group must have the same owner and service provider.
func (s *Store) AddMembers(ctx context.Context, group uint64, at time.Time, who string, contacts ...uint64) error {
	if len(contacts) > maxMembers {
		return fmt.Errorf("%w: %d contacts at a time, at most %d are possible", ErrInvalid, len(contacts), maxMembers)
	}
	return linked(ctx, s, groupKind, group, at, who, "members", func(t *tx, g *Group) (n int, err error) {
		wrong := Faults{Kind: "member"}
		for _, id := range contacts {
			c, err := reference(t, contactKind, &wrong, "contacts", id)
			if err != nil {
				return 0, err
			}
			if c == nil {
				continue
			}
			if c.Provider != g.Provider || c.AdminID != g.AdminID {
				wrong.add("contacts", "unknown", "the contact %d has another owner than the group", id)
				continue
			}
			fresh, err := t.addLink(&link{kind: linkMember, ids: []uint64{group, id}, At: at, By: who})
			if err != nil {
				return 0, err
			}
			if fresh {
				n++
			}
		}
		return n, wrong.err()
	})
}

// RemoveMembers takes contacts out of a group; they are no longer told of actions for it. RestoreMembers takes that back.
func (s *Store) RemoveMembers(ctx context.Context, group uint64, at time.Time, who string, contacts ...uint64) error {
	if len(contacts) > maxMembers {
		return fmt.Errorf("%w: %d contacts at a time, at most %d are possible", ErrInvalid, len(contacts), maxMembers)
	}
	return linked(ctx, s, groupKind, group, at, who, "members", func(t *tx, g *Group) (n int, err error) {
		for _, id := range contacts {
			has, err := hasLink(t, linkMember, group, id)
			if err != nil {
				return 0, err
			}
			if !has {
				continue
			}
			n++
			if err := t.archiveLink(linkMember, at, who, group, id); err != nil {
				return 0, err
			}
			told, err := linksTo(t, linkNotify, MaxActions, id, group)
			if err != nil {
				return 0, err
			}
			for _, one := range told {
				if err := t.archiveLink(linkNotify, at, who, one[0], id, group); err != nil {
					return 0, err
				}
			}
		}
		return n, nil
	})
}

// Members returns ids of contacts in a group that are greater than after, in order, archived ones included; at most limit.
func (s *Store) Members(ctx context.Context, group, after uint64, limit int) (ids []uint64, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		ids, err = membersOf(r, group, after, limit)
		return err
	})
	return ids, err
}

func membersOf(r Reader, group, behind uint64, limit int) (ids []uint64, err error) {
	prefix := linkKey(linkMember, group)
	from := append(linkKey(linkMember, group, behind), 0)
	if behind == 0 {
		from = prefix
	}
	err = r.Scan(tableLinks, from, after(prefix), false, func(k, _ []byte) (bool, error) {
		ids = append(ids, lastID(k))
		return len(ids) < limit, nil
	})
	return ids, err
}

// GroupsOf returns the groups in use that a contact is in, in order of their ids.
func (s *Store) GroupsOf(ctx context.Context, contact uint64) (all []Group, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		all = nil
		ids, err := linksTo(r, linkMember, MaxGroups, contact)
		for _, id := range ids {
			if err != nil {
				return err
			}
			g, e := groupKind.find(r, id[0])
			if _, bad := damaged(e); !bad && e != nil {
				err = e
			}
			if g != nil && g.ArchivedAt.IsZero() {
				all = append(all, *g)
			}
		}
		return err
	})
	return all, err
}

// Recipient is where a message to a contact goes.
type Recipient struct {
	Contact uint64
	Number  phone.Number
}

// Recipients returns the numbers of the contacts in use of a group, each number once, in order of the contacts' ids; EveryContact stands for all contacts of
// the administrator. For 0, who is nobody in particular, a group that is nobody's in particular comes first, then the only one of this name. Contacts without a
// number are left out. ErrTooMany beyond limit.
func (s *Store) Recipients(ctx context.Context, provider string, admin uint64, group string, limit int) (all []Recipient, err error) {
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		seen := map[phone.Number]bool{{}: true}
		table, prefix, err := membersAt(r, provider, admin, group)
		if err != nil {
			return err
		}
		return r.Scan(table, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
			c, err := contactKind.find(r, lastID(k))
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			if err != nil || c == nil || c.Provider != provider || !c.ArchivedAt.IsZero() || seen[c.PhoneNumber] {
				return true, err
			}
			if len(all) == limit {
				return false, fmt.Errorf("group %q has more than %d contacts: %w", group, limit, ErrTooMany)
			}
			seen[c.PhoneNumber] = true
			all = append(all, Recipient{c.ID, c.PhoneNumber})
			return true, nil
		})
	})
	return slices.Clip(all), err
}

// membersAt returns where the contacts of a group are found: entries whose keys end with their ids.
func membersAt(r Reader, provider string, admin uint64, name string) (Table, []byte, error) {
	if strings.EqualFold(name, EveryContact) {
		return tableIndex, contactKind.key(byOwner, idKey(admin)), nil
	}
	g, err := groupKind.first(r, groupKind.key('n', groupNameKey(provider, admin, name)))
	if err != nil {
		return "", nil, err
	}
	if g == nil && admin == 0 {
		all := groupKind.key('n', appendText(appendName(nil, provider), fold(name)))
		n, err := count(r, all, 2)
		if err != nil {
			return "", nil, err
		}
		if n > 1 {
			return "", nil, fmt.Errorf("several groups are named %q, of different administrators: %w", name, ErrTooMany)
		}
		if g, err = groupKind.first(r, all); err != nil {
			return "", nil, err
		}
	}
	if g == nil || !g.ArchivedAt.IsZero() {
		return "", nil, fmt.Errorf("group %q: %w", name, ErrNotFound)
	}
	return tableLinks, linkKey(linkMember, g.ID), nil
}

// CountMembers returns how many contacts are in a group, archived ones included.
func (s *Store) CountMembers(ctx context.Context, group uint64) (n int, err error) {
	prefix := linkKey(linkMember, group)
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		n = 0
		return r.Scan(tableLinks, prefix, after(prefix), false, func(_, _ []byte) (bool, error) { n++; return true, nil })
	})
	return n, err
}

// ActionsOf returns the ids of the actions that the contacts of a group may trigger, archived ones included, in order.
func (s *Store) ActionsOf(ctx context.Context, group uint64) (ids []uint64, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		ids = nil
		all, err := linksTo(r, linkGroup, MaxActions, group)
		for _, one := range all {
			ids = append(ids, one[0])
		}
		return err
	})
	return ids, err
}
