package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// Meta is what every provisioned record has. The store sets all of it but Provider, and that only when a record is added.
type Meta struct {
	ID         uint64    // from 1, per kind, never given again
	UUID       uuid.UUID // random; may be given when a record is added
	Provider   string    // service provider that it belongs to; of a service provider its own name
	CreatedAt  time.Time
	UpdatedAt  time.Time
	CreatedBy  string // as in Event.Account
	UpdatedBy  string
	ArchivedAt time.Time // kept, its names stay taken, but it is not used for anything; zero: it is not
}

// Records is the collection of one kind of provisioned record. Its methods are transactions; each change is told by an event "contact.added", ".changed",
// ".archived", ".restored" or ".purged" (or "group…", "administrator…", "action…", "provider…"), whose code is the service provider and the id: "default/7".
type Records[T any] struct {
	s *Store
	k *kind[T]
}

// kind says how one kind of provisioned record is kept. Everything but what is in its functions is the same for all.
type kind[T any] struct {
	name    string // in events and errors
	table   Table
	letter  byte // of its index entries
	max     int  // how many there may be of a service provider; 0: as many as there is room for
	meta    func(*T) *Meta
	append  func([]byte, *T) []byte
	decode  func([]byte) (*T, error)
	owner   func(*T) uint64 // administrator that owns it; nil: nobody does
	indexes []index[T]
	orders  []order[T]
	words   func(*T) []string // by whose beginnings it is found; nil: it is not
}

// rules is what a record knows of its kind. Every *T of a kind[T] has it.
type rules[T any] interface {
	// check says what is wrong with a record that is to be stored, and completes it. was is nil of a new one.
	check(t *tx, was *T, wrong *Faults) error
	// changed does what follows from a change.
	changed(t *tx, was *T) error
	// removable refuses to archive what must always be there.
	removable() error
	// drop removes what goes with a record that is purged, at most limit records at a time.
	drop(t *tx, limit int) (left bool, err error)
}

func rulesOf[T any](v *T) rules[T] { return any(v).(rules[T]) }

// index finds records by values.
type index[T any] struct {
	letter byte
	field  string // that is wrong when the value is taken; empty: it need not be unique
	values func(*T) [][]byte
}

// order sorts the records of a service provider.
type order[T any] struct {
	name   string
	letter byte
	key    func([]byte, *T) []byte
}

// Letters of the index entries that all kinds have; those of a kind are others.
const (
	byProvider = 'i'
	byUUID     = 'u'
	byArchived = 'a'
	byWord     = 'w'
	byOwner    = 'o'
)

// Add stores new records, all or none, and returns them with their ids. *Faults says what is wrong with the first that cannot be stored.
func (c Records[T]) Add(ctx context.Context, at time.Time, who string, all ...T) ([]T, error) {
	ids := make([]uuid.UUID, len(all))
	for i := range ids {
		ids[i] = uuid.New()
	}
	var out []T
	err := c.s.update(ctx, func(t *tx) error {
		out = slices.Clone(all)
		for i := range out {
			m := c.k.meta(&out[i])
			*m = Meta{UUID: m.UUID, Provider: m.Provider, CreatedAt: at, UpdatedAt: at, CreatedBy: who, UpdatedBy: who}
			if m.UUID == uuid.Nil {
				m.UUID = ids[i]
			}
			if err := c.k.add(t, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func (k *kind[T]) add(t *tx, v *T) error {
	m := k.meta(v)
	wrong := Faults{Kind: k.name}
	if err := rulesOf(v).check(t, nil, &wrong); err != nil {
		return err
	}
	if err := wrong.err(); err != nil {
		return err
	}
	if k.max > 0 {
		n, err := count(t, k.prefix(byProvider, m.Provider), k.max)
		if err == nil && n >= k.max {
			err = fmt.Errorf("%ss of %q: %w", k.name, m.Provider, ErrTooMany)
		}
		if err != nil {
			return err
		}
	}
	id, err := t.number(k.name)
	if err != nil {
		return err
	}
	m.ID = id
	return k.save(t, nil, v, "added")
}

// Edit changes a record that is not archived; fn may run more than once, and its error ends it without a trace. What fn does to Meta is ignored.
func (c Records[T]) Edit(ctx context.Context, id uint64, at time.Time, who string, fn func(*T) error) (T, error) {
	return c.change(ctx, id, func(t *tx, was *T) (*T, error) {
		if !c.k.meta(was).ArchivedAt.IsZero() {
			return nil, ErrArchived
		}
		now, err := c.k.read(t, id) // a copy that shares nothing with what it was
		if err != nil {
			return nil, err
		}
		if err := fn(now); err != nil {
			return nil, err
		}
		m := c.k.meta(now)
		*m = *c.k.meta(was)
		m.UpdatedAt, m.UpdatedBy = at, who
		wrong := Faults{Kind: c.k.name}
		if err := rulesOf(now).check(t, was, &wrong); err != nil {
			return nil, err
		}
		if err := wrong.err(); err != nil {
			return nil, err
		}
		if err := c.k.save(t, was, now, "changed"); err != nil {
			return nil, err
		}
		return now, rulesOf(now).changed(t, was)
	})
}

// Archive puts a record out of use and keeps it; nothing happens when it is archived already. What depends on it is hidden with it and comes back with it.
func (c Records[T]) Archive(ctx context.Context, id uint64, at time.Time, who string) (T, error) {
	return c.mark(ctx, id, at, who, "archived", func(m *Meta) error { m.ArchivedAt = at; return nil })
}

// Restore takes an archived record back into use. ErrNotArchived when it is none.
func (c Records[T]) Restore(ctx context.Context, id uint64, at time.Time, who string) (T, error) {
	return c.mark(ctx, id, at, who, "restored", func(m *Meta) error {
		if m.ArchivedAt.IsZero() {
			return ErrNotArchived
		}
		m.ArchivedAt = time.Time{}
		return nil
	})
}

func (c Records[T]) mark(ctx context.Context, id uint64, at time.Time, who, event string, fn func(*Meta) error) (T, error) {
	return c.change(ctx, id, func(t *tx, was *T) (*T, error) {
		now := *was
		m := c.k.meta(&now)
		if event == "archived" {
			if !m.ArchivedAt.IsZero() {
				return was, nil
			}
			if err := rulesOf(was).removable(); err != nil {
				return nil, err
			}
		}
		if err := fn(m); err != nil {
			return nil, err
		}
		m.UpdatedAt, m.UpdatedBy = at, who
		return &now, c.k.save(t, was, &now, event)
	})
}

// purgeSteps is how many records one transaction of Purge removes with the one that is purged.
const purgeSteps = 500

// Purge removes an archived record for good, with what only belongs to it. When it is cut short the record is still there. ErrNotArchived when it is not archived.
func (c Records[T]) Purge(ctx context.Context, id uint64, at time.Time, who string) error {
	for left := true; left; {
		_, err := c.change(ctx, id, func(t *tx, was *T) (_ *T, err error) {
			left = false
			m := c.k.meta(was)
			if m.ArchivedAt.IsZero() {
				return nil, ErrNotArchived
			}
			if left, err = rulesOf(was).drop(t, purgeSteps); err != nil || left {
				return was, err
			}
			return was, c.k.remove(t, was, at, who)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// remove deletes a record with its index entries.
func (k *kind[T]) remove(t *tx, v *T, at time.Time, who string) error {
	m := k.meta(v)
	for _, e := range k.entries(v) {
		if err := t.Delete(e.table, e.key); err != nil {
			return err
		}
	}
	if err := t.Delete(k.table, idKey(m.ID)); err != nil {
		return err
	}
	return t.event(Event{Type: k.name + ".purged", At: at, Reference: -1, Code: recordCode(m), Account: who})
}

// Read returns one record, archived or not, or ErrNotFound.
func (c Records[T]) Read(ctx context.Context, id uint64) (T, error) {
	var v *T
	err := c.s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		v, err = c.k.read(r, id)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return *v, nil
}

// ByUUID returns the record with a UUID, or ErrNotFound.
func (c Records[T]) ByUUID(ctx context.Context, id uuid.UUID) (T, error) {
	var v *T
	err := c.s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		v, err = c.k.first(r, c.k.key(byUUID, id[:]))
		if err == nil && v == nil {
			err = fmt.Errorf("%s %s: %w", c.k.name, id, ErrNotFound)
		}
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return *v, nil
}

// All returns every record in order of its id, archived ones included. It is for kinds of which there are few. Damaged records are left out.
func (c Records[T]) All(ctx context.Context) ([]T, error) {
	var all []T
	err := c.s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		return r.Scan(c.k.table, nil, nil, false, func(k, v []byte) (bool, error) {
			one, err := c.k.open(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			if err == nil {
				all = append(all, *one)
			}
			return true, err
		})
	})
	return all, err
}

// ArchivedBefore returns the ids of at most limit records that were archived before a time, the oldest first.
func (c Records[T]) ArchivedBefore(ctx context.Context, before time.Time, limit int) ([]uint64, error) {
	var ids []uint64
	prefix := c.k.key(byArchived)
	err := c.s.view(ctx, func(r Reader, _ *[]*Damage) error {
		ids = nil
		return r.Scan(tableIndex, prefix, appendTime(slices.Clone(prefix), before), false, func(k, _ []byte) (bool, error) {
			ids = append(ids, lastID(k))
			return len(ids) < limit, nil
		})
	})
	return ids, err
}

func (c Records[T]) change(ctx context.Context, id uint64, fn func(t *tx, was *T) (*T, error)) (T, error) {
	var now *T
	err := c.s.update(ctx, func(t *tx) error {
		was, err := c.k.read(t, id)
		if err != nil {
			return err
		}
		now, err = fn(t, was)
		var wrong *Faults
		if err != nil && !errors.As(err, &wrong) {
			err = fmt.Errorf("%s %d: %w", c.k.name, id, err)
		}
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return *now, nil
}

// save writes a record, its index entries and the event of its change. was is nil of a new one.
func (k *kind[T]) save(t *tx, was, now *T, event string) error {
	var old []entry
	if was != nil {
		old = k.entries(was)
	}
	for _, e := range k.entries(now) {
		if i, ok := slices.BinarySearchFunc(old, e, entry.compare); ok {
			old = slices.Delete(old, i, i+1)
			continue
		}
		if err := t.Put(e.table, e.key, nil); err != nil {
			return err
		}
	}
	for _, e := range old {
		if err := t.Delete(e.table, e.key); err != nil {
			return err
		}
	}
	m := k.meta(now)
	key := idKey(m.ID)
	if err := t.Put(k.table, key, seal(k.table, key, k.append(newFrame(256), now))); err != nil {
		return err
	}
	return t.event(Event{Type: k.name + "." + event, At: m.UpdatedAt, Reference: -1, Code: recordCode(m), Account: m.UpdatedBy})
}

func (k *kind[T]) read(r Reader, id uint64) (*T, error) {
	v, err := k.find(r, id)
	if err == nil && v == nil {
		err = fmt.Errorf("%s %d: %w", k.name, id, ErrNotFound)
	}
	return v, err
}

// find returns a record, nil when there is none.
func (k *kind[T]) find(r Reader, id uint64) (*T, error) {
	key := idKey(id)
	value, err := r.Get(k.table, key)
	if err != nil || value == nil {
		return nil, err
	}
	return k.open(key, value)
}

// first returns the first record of an index that is at a prefix, nil when there is none.
func (k *kind[T]) first(r Reader, prefix []byte) (*T, error) {
	key, _, err := r.First(tableIndex, prefix)
	if err != nil || key == nil {
		return nil, err
	}
	return k.find(r, lastID(key))
}

func (k *kind[T]) open(key, value []byte) (*T, error) {
	if len(key) != 8 {
		return nil, damage(k.table, key, "key is no number of a record")
	}
	payload, err := unseal(k.table, key, value)
	if err != nil {
		return nil, err
	}
	v, err := k.decode(payload)
	if err != nil {
		return nil, damage(k.table, key, err.Error())
	}
	k.meta(v).ID = binary.BigEndian.Uint64(key)
	return v, nil
}

// number returns the next number of a series.
func (t *tx) number(series string) (uint64, error) {
	key := []byte("last " + series)
	value, err := t.Get(tableMeta, key)
	if err != nil {
		return 0, err
	}
	last := uint64(0)
	if value != nil {
		payload, err := unseal(tableMeta, key, value)
		if err != nil {
			return 0, err
		}
		if len(payload) != 8 {
			return 0, damage(tableMeta, key, "it is no number")
		}
		last = binary.BigEndian.Uint64(payload)
	}
	last++
	return last, t.Put(tableMeta, key, seal(tableMeta, key, binary.BigEndian.AppendUint64(newFrame(8), last)))
}

func idKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

// lastID returns the id at the end of a key.
func lastID(k []byte) uint64 {
	if len(k) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(k[len(k)-8:])
}

func recordCode(m *Meta) string { return m.Provider + "/" + strconv.FormatUint(m.ID, 10) }

// count returns how many entries of the table of indexes begin with a prefix, and stops at a limit.
func count(r Reader, prefix []byte, limit int) (n int, err error) {
	err = r.Scan(tableIndex, prefix, after(prefix), false, func(_, _ []byte) (bool, error) {
		n++
		return n < limit, nil
	})
	return n, err
}
