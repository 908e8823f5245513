package store

import (
	"context"
	"time"
)

// Doubt is a part whose answer was lost and of which the line was not asked yet what it sent last.
type Doubt struct {
	ID        MessageID
	Seq       int
	StartedAt time.Time // of the attempt
	Before    int       // reference that the line had given last before it, -1 when that is not known
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
				all = append(all, Doubt{ID: id, Seq: p.Seq, StartedAt: p.last().StartedAt, Before: p.last().Before})
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
