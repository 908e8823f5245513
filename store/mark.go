package store

import (
	"bytes"
	"context"
	"time"
)

// MarkKey says what is counted: a kind and a digest, so that no number of anybody is in it.
type MarkKey [17]byte

// Mark counts one more of something whose number in a stretch of time is bounded, such as equal answers to one number. It is stored with what it counts, in
// Handle and EndRun, so that a bound holds over restarts.
type Mark struct {
	Key          MarkKey
	Since, Until time.Time // the stretch that it counts in; Since tells stretches apart
}

// Marked is how many marks there are in a stretch of time.
type Marked struct {
	Key   MarkKey
	Since time.Time
	N     int
}

// subjectMark is the subject of usage under which marks are counted: rows are forgotten as those of quotas are, some time after their stretch is over.
const subjectMark = "mark"

func markKey(k MarkKey, since time.Time) []byte {
	return appendTime(append(appendName(nil, subjectMark), k[:]...), since)
}

// mark counts marks.
func (t *tx) mark(all []Mark) error {
	for _, m := range all {
		if _, err := t.addUsage(markKey(m.Key, m.Since), 1, m.Until); err != nil {
			return err
		}
	}
	return nil
}

// Marked returns what was counted in stretches that began after a time. Damaged records are left out.
func (s *Store) Marked(ctx context.Context, since time.Time) (all []Marked, err error) {
	prefix := appendName(nil, subjectMark)
	err = s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		return r.Scan(tableUsage, prefix, after(prefix), false, func(k, v []byte) (bool, error) {
			rest, ok := bytes.CutPrefix(k, prefix)
			if !ok || len(rest) != len(MarkKey{})+timeBytes {
				return true, nil
			}
			m := Marked{Key: MarkKey(rest[:len(MarkKey{})]), Since: readTime(rest[len(MarkKey{}):])}
			if !m.Since.After(since) {
				return true, nil
			}
			u, err := parseUsage(k, v)
			if d, bad := damaged(err); bad {
				*found = append(*found, d)
				return true, nil
			}
			m.N = u.parts
			all = append(all, m)
			return true, err
		})
	})
	return all, err
}
