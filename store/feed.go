package store

import (
	"context"
	"encoding/binary"
)

const maxEvents = 1000

// Events returns the events behind a number, oldest first, at most limit (1 to 1000, else 1000). To follow the feed, take Changed first, read until
// nothing comes, then wait.
func (s *Store) Events(ctx context.Context, after uint64, limit int) ([]Event, error) {
	if limit < 1 || limit > maxEvents {
		limit = maxEvents
	}
	if after == 1<<64-1 {
		return nil, nil
	}
	var events []Event
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		events = nil
		return r.Scan(tableEvents, eventKey(after+1), nil, false, func(k, v []byte) (bool, error) {
			e, err := openEvent(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			events = append(events, *e)
			return len(events) < limit, nil
		})
	})
	return events, err
}

// LastEvent returns the number of the newest event, 0 when there is none.
func (s *Store) LastEvent(ctx context.Context) (last uint64, err error) {
	err = s.engine.View(ctx, func(r Reader) error {
		last, err = lastEvent(r)
		return err
	})
	return last, err
}

// Append writes an event about something else than a message; its number is set here.
func (s *Store) Append(ctx context.Context, e Event) error {
	return s.update(ctx, func(t *tx) error { return t.event(e) })
}

func openEvent(key, value []byte) (*Event, error) {
	if len(key) != 8 {
		return nil, damage(tableEvents, key, "key is no event number")
	}
	payload, err := unseal(tableEvents, key, value)
	if err != nil {
		return nil, err
	}
	e, err := decodeEvent(binary.BigEndian.Uint64(key), payload)
	if err != nil {
		return nil, damage(tableEvents, key, err.Error())
	}
	return e, nil
}
