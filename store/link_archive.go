package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A link that is taken away is archived: it counts for nothing, and can be restored or purged, as records can. Archived links are kept under kinds of their own, so that
// nobody who asks what counts ever meets one. Those that were archived with another, as notices are with the membership that they hang on, have its time, and come
// back with it.

// archived returns the kind of links of a kind that are archived.
func (k linkKind) archived() linkKind { return k &^ 0x20 } // the letter in upper case

// live returns the kind that links of an archived kind had.
func (k linkKind) live() linkKind { return k | 0x20 }

// archivable are all kinds of links that are archived.
var archivable = [...]linkKind{linkNotify, linkMember, linkGroup, linkAdmin}

// archiveLink puts a link out of use; nothing happens when it is not there.
func (t *tx) archiveLink(kind linkKind, at time.Time, who string, ids ...uint64) error {
	key := linkKey(kind, ids...)
	value, err := t.Get(tableLinks, key)
	if err != nil || value == nil {
		return err
	}
	l, err := openLink(key, value)
	if err != nil {
		return err
	}
	if err := t.dropLink(kind, ids...); err != nil {
		return err
	}
	l.kind, l.ArchivedAt, l.ArchivedBy = kind.archived(), at, who
	return t.putLink(l)
}

// archivedLink returns an archived link, nil when there is none.
func archivedLink(r Reader, kind linkKind, ids ...uint64) (*link, error) {
	key := linkKey(kind.archived(), ids...)
	value, err := r.Get(tableLinks, key)
	if err != nil || value == nil {
		return nil, err
	}
	return openLink(key, value)
}

// restoreLink takes an archived link back into use.
func (t *tx) restoreLink(l *link) error {
	if err := t.dropLink(l.kind, l.ids...); err != nil {
		return err
	}
	l.kind, l.ArchivedAt, l.ArchivedBy = l.kind.live(), time.Time{}, ""
	return t.putLink(l)
}

// restoreNotices restores the links by which a contact is told of actions for being in a group that were archived at a time, where both may still be. A zero contact or
// action stands for every one.
func (t *tx) restoreNotices(action, contact, group uint64, at time.Time) error {
	var all [][]uint64
	if contact != 0 {
		found, err := linksTo(t, linkNotify.archived(), MaxActions, contact, group)
		if err != nil {
			return err
		}
		for _, ids := range found {
			all = append(all, []uint64{ids[0], contact, group})
		}
	} else {
		found, err := linksFrom(t, linkNotify.archived(), maxGrants, action)
		if err != nil {
			return err
		}
		for _, ids := range found {
			if ids[1] == group {
				all = append(all, []uint64{action, ids[0], group})
			}
		}
	}
	for _, ids := range all {
		l, err := archivedLink(t, linkNotify, ids...)
		if err != nil {
			return err
		}
		if l == nil || !l.ArchivedAt.Equal(at) {
			continue
		}
		may, err := hasLink(t, linkGroup, ids[0], group)
		if err != nil {
			return err
		}
		in, err := hasLink(t, linkMember, group, ids[1])
		if err != nil {
			return err
		}
		if may && in {
			if err := t.restoreLink(l); err != nil {
				return err
			}
		}
	}
	return nil
}

// RestoreMembers puts contacts back into a group that were taken out of it, with the notices that ended then. *Faults says who was not in it.
func (s *Store) RestoreMembers(ctx context.Context, group uint64, at time.Time, who string, contacts ...uint64) error {
	return linked(ctx, s, groupKind, group, at, who, "members", func(t *tx, _ *Group) (n int, err error) {
		wrong := Faults{Kind: "member"}
		for _, id := range contacts {
			l, err := archivedLink(t, linkMember, group, id)
			if err != nil {
				return 0, err
			}
			if l == nil {
				wrong.add("contacts", "unknown", "the contact %d was not taken out of the group, or that is purged", id)
				continue
			}
			if c, err := reference(t, contactKind, &wrong, "contacts", id); err != nil || c == nil {
				if err != nil {
					return 0, err
				}
				continue
			}
			archived := l.ArchivedAt
			if err := t.restoreLink(l); err != nil {
				return 0, err
			}
			if err := t.restoreNotices(0, id, group, archived); err != nil {
				return 0, err
			}
			n++
		}
		return n, wrong.err()
	})
}

// PurgeMembers forgets for good that contacts were in a group. Who is in it stays.
func (s *Store) PurgeMembers(ctx context.Context, group uint64, at time.Time, who string, contacts ...uint64) error {
	return linked(ctx, s, groupKind, group, at, who, "members", func(t *tx, _ *Group) (n int, err error) {
		for _, id := range contacts {
			dropped, err := t.purgeLink(linkMember, group, id)
			if err != nil {
				return 0, err
			}
			n += dropped
		}
		return n, nil
	})
}

// purgeLink removes an archived link, with the notices that hang on it.
func (t *tx) purgeLink(kind linkKind, ids ...uint64) (n int, err error) {
	has, err := hasLink(t, kind.archived(), ids...)
	if err != nil || !has {
		return 0, err
	}
	if kind == linkGroup {
		for left := true; left; {
			if left, err = t.dropNotifyOf(linkNotify.archived(), ids[0], ids[1], purgeSteps); err != nil {
				return 0, err
			}
		}
	}
	return 1, t.dropLink(kind.archived(), ids...)
}

// FormerMembers returns at most limit ids of contacts that were taken out of a group and can be put back, in order.
func (s *Store) FormerMembers(ctx context.Context, group uint64, limit int) (ids []uint64, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		ids = nil
		found, err := linksFrom(r, linkMember.archived(), limit, group)
		for _, one := range found {
			ids = append(ids, one[0])
		}
		return err
	})
	return ids, err
}

// FormerGrants returns what was taken back of who may trigger an action and who is told of it, and can be restored.
func (s *Store) FormerGrants(ctx context.Context, action uint64) (g Grants, err error) {
	err = s.view(ctx, func(r Reader, _ *[]*Damage) error {
		g = Grants{}
		for kind, add := range map[linkKind]func(ids []uint64){
			linkGroup:  func(ids []uint64) { g.Groups = append(g.Groups, ids[0]) },
			linkAdmin:  func(ids []uint64) { g.Administrators = append(g.Administrators, ids[0]) },
			linkNotify: func(ids []uint64) { g.Notify = append(g.Notify, Notice{ids[0], ids[1]}) },
		} {
			found, err := linksFrom(r, kind.archived(), maxGrants, action)
			if err != nil {
				return err
			}
			for _, ids := range found {
				add(ids)
			}
		}
		return nil
	})
	return g, err
}

// RestoreGroup lets a group trigger an action again of which that was taken back, with the notices that ended then. ErrNotFound when it was not.
func (s *Store) RestoreGroup(ctx context.Context, action, group uint64, at time.Time, who string) error {
	return s.regrant(ctx, action, at, who, linkGroup, []uint64{group}, func(t *tx, l *link, wrong *Faults) error {
		_, err := reference(t, groupKind, wrong, "group", group)
		return err
	}, func(t *tx, archived time.Time) error { return t.restoreNotices(action, 0, group, archived) })
}

// RestoreAdministrator lets an administrator trigger an action again.
func (s *Store) RestoreAdministrator(ctx context.Context, action, admin uint64, at time.Time, who string) error {
	return s.regrant(ctx, action, at, who, linkAdmin, []uint64{admin}, func(t *tx, l *link, wrong *Faults) error {
		_, err := reference(t, administratorKind, wrong, "administrator", admin)
		return err
	}, nil)
}

// RestoreNotify lets a contact be told of an action again for being in a group.
func (s *Store) RestoreNotify(ctx context.Context, action, contact, group uint64, at time.Time, who string) error {
	return s.regrant(ctx, action, at, who, linkNotify, []uint64{contact, group}, func(t *tx, l *link, wrong *Faults) error {
		return t.mayNotify(action, contact, group, wrong)
	}, nil)
}

func (s *Store) regrant(ctx context.Context, action uint64, at time.Time, who string, kind linkKind, ids []uint64, check func(*tx, *link, *Faults) error, then func(*tx, time.Time) error) error {
	return linked(ctx, s, actionKind, action, at, who, "granted", func(t *tx, a *Action) (int, error) {
		l, err := archivedLink(t, kind, append([]uint64{action}, ids...)...)
		if err == nil && l == nil {
			err = fmt.Errorf("what was taken back of action %d: %w", action, ErrNotFound)
		}
		if err != nil {
			return 0, err
		}
		wrong := Faults{Kind: "action"}
		if err := check(t, l, &wrong); err != nil {
			return 0, err
		}
		if err := wrong.err(); err != nil {
			return 0, err
		}
		archived := l.ArchivedAt
		if err := t.restoreLink(l); err != nil {
			return 0, err
		}
		if then != nil {
			return 1, then(t, archived)
		}
		return 1, nil
	})
}

// PurgeGrants forgets for good what was taken back of an action. What counts stays.
func (s *Store) PurgeGrants(ctx context.Context, action uint64, g Grants, at time.Time, who string) error {
	return linked(ctx, s, actionKind, action, at, who, "revoked", func(t *tx, _ *Action) (n int, err error) {
		purge := func(kind linkKind, ids ...uint64) {
			if err == nil {
				var one int
				one, err = t.purgeLink(kind, append([]uint64{action}, ids...)...)
				n += one
			}
		}
		for _, id := range g.Groups {
			purge(linkGroup, id)
		}
		for _, id := range g.Administrators {
			purge(linkAdmin, id)
		}
		for _, one := range g.Notify {
			purge(linkNotify, one.Contact, one.Group)
		}
		return n, err
	})
}

// purgeLinks purges links that were archived before a time.
func (s *Store) purgeLinks(ctx context.Context, before time.Time, limit int) (n int, err error) {
	var old []*link
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		old = nil
		for _, kind := range archivable {
			prefix := []byte{byte(kind.archived())}
			err := r.Scan(tableLinks, prefix, after(prefix), false, func(k, v []byte) (bool, error) {
				l, err := openLink(k, v)
				if d, bad := damaged(err); bad {
					*found = append(*found, d)
					return true, nil
				}
				if err == nil && l.ArchivedAt.Before(before) {
					old = append(old, l)
				}
				return len(old) < limit, err
			})
			if err != nil || len(old) >= limit {
				return err
			}
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return 0, err
	}
	err = s.update(ctx, func(t *tx) error {
		for _, l := range old {
			now, err := archivedLink(t, l.kind.live(), l.ids...)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			if now == nil || !now.ArchivedAt.Before(before) {
				continue // somebody was quicker
			}
			if err := t.dropLink(l.kind, l.ids...); err != nil {
				return err
			}
		}
		return nil
	})
	return len(old), err
}
