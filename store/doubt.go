package store

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Doubt is a part whose answer was lost and of which the line was not asked yet what it sent last.
type Doubt struct {
	ID        MessageID
	Seq       int
	StartedAt time.Time // of the attempt
	Before    int       // reference that the line had given last before it, -1 when that is not known
	Code      string    // why its outcome is not known, as in Failure; "" when that was not noted
}

// unclearMark stands in the table of open messages where others have their state, before the parts of which evidence is awaited.
const unclearMark = 0xFF

func unclearKey(id MessageID, seq int) []byte {
	return append(append([]byte{unclearMark}, id[:]...), byte(seq))
}

// Doubts returns the parts of a line of which evidence is awaited and that are not Consulted, the oldest message first, at most 1000.
func (s *Store) Doubts(ctx context.Context, sim string) (all []Doubt, err error) {
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		return r.Scan(tableOpen, []byte{unclearMark}, nil, false, func(k, _ []byte) (bool, error) {
			id, ok := messageOf(entry{tableOpen, k})
			if !ok || len(k) != 1+idBytes+1 {
				return true, nil
			}
			m, err := readMessage(r, id)
			if d, bad := damaged(err); bad {
				*found = append(*found, d)
				return true, nil
			}
			if err != nil {
				return true, nil // its entry is wrong, which a check tells
			}
			if p := m.part(int(k[1+idBytes])); p != nil && p.unclear() && p.SIM == sim && !p.last().Consulted {
				d := Doubt{ID: id, Seq: p.Seq, StartedAt: p.last().StartedAt, Before: p.last().Before}
				if f := p.last().Failure; f != nil {
					d.Code = f.Code
				}
				all = append(all, d)
			}
			return len(all) < 1000, nil
		})
	})
	return all, err
}

// Consulted notes that the line was asked about a part, which told nothing, or that it cannot be asked any more since it sends something else.
func (s *Store) Consulted(ctx context.Context, id MessageID, seq int) error {
	_, err := s.change(ctx, id, func(t *tx, m *record) error {
		p := m.part(seq)
		if p == nil || !p.unclear() {
			return ErrAttempt
		}
		p.last().Consulted = true
		return t.save(m)
	})
	return err
}

// voidGuesses is for a part that is about to be sent: when the line gives it the reference that was expected for an earlier part whose answer was lost,
// that one did not take it, and a status report with it will be about the new part. Where it is not known what the line will give, that holds for all.
func (t *tx) voidGuesses(m *record, sim string, before int) error {
	var ids []MessageID
	collect := func(table Table, prefix []byte, limit int) error {
		n := 0
		return t.Scan(table, prefix, after(prefix), false, func(k, _ []byte) (bool, error) {
			if id, ok := messageOf(entry{table, k}); ok && id != m.ID && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
			n++
			return n < limit, nil
		})
	}
	var err error
	if before >= 0 {
		err = collect(tableRefs, refsPrefix(sim, (before+1)&255, m.To), maxGuesses)
	} else if err = collect(tableOpen, []byte{unclearMark}, maxGuesses); err == nil {
		err = collect(tableOpen, []byte{byte(Unknown)}, maxGuesses)
	}
	if err != nil {
		return err
	}
	m.voidGuesses(sim, before)
	for _, id := range ids {
		o, err := t.load(id)
		if _, bad := damaged(err); bad || errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if o.voidGuesses(sim, before) {
			if err := t.save(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxGuesses bounds how many parts are looked at before one is sent.
const maxGuesses = 256

// voidGuesses forgets which reference is expected for parts whose answer was lost, of one line, when it is the one after before; of all when that is
// not known.
func (m *Message) voidGuesses(sim string, before int) (changed bool) {
	for i := range m.Parts {
		p := &m.Parts[i]
		if (p.unclear() || p.State == Unknown) && p.SIM == sim && p.last() != nil && p.last().Before >= 0 && (before < 0 || p.last().Before == before) {
			p.last().Before, changed = -1, true
		}
	}
	return changed
}
