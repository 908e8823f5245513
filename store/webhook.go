package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// WebhookID is a UUID of version 7. The zero value is no endpoint.
type WebhookID [16]byte

// NewWebhookID returns a new id. Ids are made outside transactions, since a transaction may run again.
func NewWebhookID() WebhookID { return WebhookID(uuid.Must(uuid.NewV7())) }

// ParseWebhookID reads the canonical form.
func ParseWebhookID(s string) (WebhookID, error) {
	id, err := uuid.Parse(s)
	return WebhookID(id), err
}

// String returns the canonical form.
func (id WebhookID) String() string { return uuid.UUID(id).String() }

// MaxWebhooks is how many endpoints there may be, archived ones included: each reads the feed by itself.
const MaxWebhooks = 64

// Webhook is an endpoint: a URL that is told of events.
type Webhook struct {
	ID          WebhookID
	URL         string
	Description string
	Types       []string        // which events: full names, or beginnings such as "message.*"; empty: all
	Secrets     []WebhookSecret // newest first, one or two
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Pause       *Pause    // nil: it is delivered to
	ArchivedAt  time.Time // kept, but never delivered to; zero: it is not
}

// Active tells whether events are delivered to the endpoint.
func (w *Webhook) Active() bool { return w.Pause == nil && w.ArchivedAt.IsZero() }

// WebhookSecret is a key that deliveries are signed with. It prints masked; only Key tells it.
type WebhookSecret struct {
	Key       []byte
	CreatedAt time.Time
	ExpiresAt time.Time // then it is not used any more; zero: it stays
}

func (s WebhookSecret) String() string       { return "secret of " + s.CreatedAt.Format(time.RFC3339) }
func (s WebhookSecret) GoString() string     { return s.String() }
func (s WebhookSecret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Codes of pauses.
const (
	PauseAsked   = "asked"   // somebody asked for it
	PauseGone    = "gone"    // the endpoint said that it wants no more
	PauseFailing = "failing" // nothing could be delivered for days
)

// Pause says why nothing is delivered.
type Pause struct {
	Code string // one of the codes above
	Text string
	At   time.Time
}

// WebhookCursor is how far an endpoint is.
type WebhookCursor struct {
	Position     uint64    // every event up to this number was dealt with, or has a delivery that waits
	MovedAt      time.Time // it was last moved by hand
	MovedTo      uint64    // by that; what was delivered before MovedAt counts no more behind it
	FailingSince time.Time // first failure since the last success; zero: it is well
}

// ErrTooMany says that there are as many records as there may be.
var ErrTooMany = errors.New("there are as many as there may be")

// ErrArchived says that a record is archived, so that the step is not possible.
var ErrArchived = errors.New("it is archived")

// ErrNotArchived says that only an archived record can be restored or purged.
var ErrNotArchived = errors.New("it is not archived")

// AddWebhook stores a new endpoint. It is told of what happens from now on. ErrTooMany beyond MaxWebhooks.
func (s *Store) AddWebhook(ctx context.Context, w Webhook, who string) error {
	if w.ID == (WebhookID{}) || w.URL == "" || len(w.Secrets) == 0 || w.CreatedAt.IsZero() {
		return fmt.Errorf("%w: an endpoint needs an id, a URL, a secret and a time of creation", ErrInvalid)
	}
	return s.update(ctx, func(t *tx) error {
		n := 0
		err := t.Scan(tableWebhooks, nil, nil, false, func(_, _ []byte) (bool, error) { n++; return true, nil })
		if err != nil {
			return err
		}
		if n >= MaxWebhooks {
			return fmt.Errorf("%d endpoints: %w", n, ErrTooMany)
		}
		last, err := lastEvent(t)
		if err != nil {
			return err
		}
		if err := t.putCursor(w.ID, &WebhookCursor{Position: last}); err != nil {
			return err
		}
		return t.saveWebhook(&w, w.CreatedAt, "webhook.added", "added by "+who)
	})
}

// EditWebhook changes an endpoint that is not archived: fn sets URL, Description, Types or Secrets, and may run more than once;
// its error ends it without a trace.
func (s *Store) EditWebhook(ctx context.Context, id WebhookID, at time.Time, who string, fn func(*Webhook) error) (Webhook, error) {
	return s.changeWebhook(ctx, id, func(t *tx, w *Webhook) error {
		if !w.ArchivedAt.IsZero() {
			return ErrArchived
		}
		if err := fn(w); err != nil {
			return err
		}
		return t.saveWebhook(w, at, "webhook.changed", "changed by "+who)
	})
}

// PauseWebhook stops deliveries to an endpoint; what happens meanwhile waits in the event feed, for as long as that keeps it. A pause that is there
// already stays as it is.
func (s *Store) PauseWebhook(ctx context.Context, id WebhookID, p Pause) (Webhook, error) {
	return s.changeWebhook(ctx, id, func(t *tx, w *Webhook) error {
		if !w.ArchivedAt.IsZero() {
			return ErrArchived
		}
		return t.pause(w, p)
	})
}

func (t *tx) pause(w *Webhook, p Pause) error {
	if !w.Active() {
		return nil
	}
	w.Pause = &p
	return t.saveWebhook(w, p.At, "webhook.paused", p.Code+": "+p.Text)
}

// ResumeWebhook takes deliveries up again where they stopped; with skip, with what happens from now on.
func (s *Store) ResumeWebhook(ctx context.Context, id WebhookID, skip bool, at time.Time, who string) (Webhook, error) {
	return s.changeWebhook(ctx, id, func(t *tx, w *Webhook) error {
		if !w.ArchivedAt.IsZero() {
			return ErrArchived
		}
		c, err := readCursor(t, id)
		if err != nil {
			return err
		}
		text := "resumed by " + who
		first, err := firstEvent(t)
		if err != nil {
			return err
		}
		switch {
		case skip:
			if c.Position, err = lastEvent(t); err != nil {
				return err
			}
			c.MovedAt, c.MovedTo = at, c.Position
			text += "; what happened meanwhile is passed over"
		case first > c.Position+1:
			text += fmt.Sprintf("; %d events of meanwhile are no longer kept", first-1-c.Position)
		}
		c.FailingSince = time.Time{}
		if err := t.putCursor(id, c); err != nil {
			return err
		}
		if w.Pause == nil && !skip {
			return nil
		}
		w.Pause = nil
		return t.saveWebhook(w, at, "webhook.resumed", text)
	})
}

// RewindWebhook lets an endpoint begin again behind an event, so that it gets everything since then once more.
func (s *Store) RewindWebhook(ctx context.Context, id WebhookID, after uint64, at time.Time, who string) (Webhook, error) {
	return s.changeWebhook(ctx, id, func(t *tx, w *Webhook) error {
		if !w.ArchivedAt.IsZero() {
			return ErrArchived
		}
		c, err := readCursor(t, id)
		if err != nil {
			return err
		}
		// Position may be a moment old, and behind where the endpoint is to begin again.
		c.Position, c.MovedAt, c.MovedTo = min(c.Position, after), at, after
		if err := t.putCursor(id, c); err != nil {
			return err
		}
		return t.saveWebhook(w, at, "webhook.rewound", fmt.Sprintf("set back to event %d by %s", after, who))
	})
}

// ArchiveWebhook ends deliveries to an endpoint and keeps its records.
func (s *Store) ArchiveWebhook(ctx context.Context, id WebhookID, at time.Time, who string) (Webhook, error) {
	return s.changeWebhook(ctx, id, func(t *tx, w *Webhook) error {
		if !w.ArchivedAt.IsZero() {
			return nil
		}
		w.ArchivedAt = at
		return t.saveWebhook(w, at, "webhook.archived", "archived by "+who)
	})
}

// RestoreWebhook makes an archived endpoint a paused one, so that somebody says where it goes on. ErrNotArchived when it is none.
func (s *Store) RestoreWebhook(ctx context.Context, id WebhookID, at time.Time, who string) (Webhook, error) {
	return s.changeWebhook(ctx, id, func(t *tx, w *Webhook) error {
		if w.ArchivedAt.IsZero() {
			return ErrNotArchived
		}
		w.ArchivedAt = time.Time{}
		w.Pause = &Pause{Code: PauseAsked, Text: "restored by " + who, At: at}
		return t.saveWebhook(w, at, "webhook.restored", "restored by "+who)
	})
}

// purgeSlice is how many deliveries one transaction of PurgeWebhook removes.
const purgeSlice = 500

// PurgeWebhook removes an archived endpoint and all its deliveries for good. When it is cut short the endpoint is still there. ErrNotArchived when it
// is not archived.
func (s *Store) PurgeWebhook(ctx context.Context, id WebhookID, at time.Time, who string) error {
	for more := true; more; {
		err := s.update(ctx, func(t *tx) error {
			more = false
			w, err := readWebhook(t, id)
			if err != nil {
				return err
			}
			if w.ArchivedAt.IsZero() {
				return ErrNotArchived
			}
			if more, err = t.dropPrefix(id, purgeSlice); err != nil || more {
				return err
			}
			if err := t.Delete(tableCursors, id[:]); err != nil {
				return err
			}
			if err := t.Delete(tableWebhooks, id[:]); err != nil {
				return err
			}
			return t.event(Event{Type: "webhook.purged", At: at, Reference: -1, Code: id.String(), Text: "purged by " + who})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropPrefix removes up to limit keys of an endpoint from the tables of deliveries; more tells that there are others.
func (t *tx) dropPrefix(id WebhookID, limit int) (more bool, err error) {
	var drop []entry
	for _, table := range []Table{tableRetries, tableUndelivered, tableDeliveries} {
		err := t.Scan(table, id[:], after(id[:]), false, func(k, _ []byte) (bool, error) {
			if more = len(drop) == limit; more {
				return false, nil
			}
			drop = append(drop, entry{table, bytes.Clone(k)})
			return true, nil
		})
		if err != nil || more {
			break
		}
	}
	for _, e := range drop {
		if err := t.Delete(e.table, e.key); err != nil {
			return false, err
		}
	}
	return more, err
}

// Webhook returns one endpoint, or ErrNotFound.
func (s *Store) Webhook(ctx context.Context, id WebhookID) (Webhook, error) {
	var w *Webhook
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		w, err = readWebhook(r, id)
		return err
	})
	if err != nil {
		return Webhook{}, err
	}
	return *w, nil
}

// Webhooks returns every endpoint, the oldest first, archived ones included. Damaged records are left out.
func (s *Store) Webhooks(ctx context.Context) ([]Webhook, error) {
	var all []Webhook
	err := s.view(ctx, func(r Reader, found *[]*Damage) error {
		all = nil
		return r.Scan(tableWebhooks, nil, nil, false, func(k, v []byte) (bool, error) {
			w, err := openWebhook(k, v)
			if d, ok := damaged(err); ok {
				*found = append(*found, d)
				return true, nil
			}
			all = append(all, *w)
			return true, nil
		})
	})
	return all, err
}

// WebhookCursor returns how far an endpoint is.
func (s *Store) WebhookCursor(ctx context.Context, id WebhookID) (WebhookCursor, error) {
	var c *WebhookCursor
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		c, err = readCursor(r, id)
		return err
	})
	if err != nil {
		return WebhookCursor{}, err
	}
	return *c, nil
}

// AdvanceWebhook notes that an endpoint has dealt with every event up to a number. It does nothing when somebody moved the cursor since movedAt.
func (s *Store) AdvanceWebhook(ctx context.Context, id WebhookID, position uint64, movedAt time.Time) error {
	return s.update(ctx, func(t *tx) error {
		c, err := readCursor(t, id)
		if err != nil || !c.MovedAt.Equal(movedAt) || position <= c.Position {
			return err
		}
		c.Position = position
		return t.putCursor(id, c)
	})
}

func (s *Store) changeWebhook(ctx context.Context, id WebhookID, fn func(*tx, *Webhook) error) (Webhook, error) {
	var w *Webhook
	err := s.update(ctx, func(t *tx) (err error) {
		if w, err = readWebhook(t, id); err != nil {
			return err
		}
		return fn(t, w)
	})
	if err != nil {
		return Webhook{}, fmt.Errorf("webhook %s: %w", id, err)
	}
	return *w, nil
}

// saveWebhook writes an endpoint and the event that tells what happened to it; the code of the event is the id.
func (t *tx) saveWebhook(w *Webhook, at time.Time, event, text string) error {
	w.UpdatedAt = at
	if err := t.Put(tableWebhooks, w.ID[:], seal(tableWebhooks, w.ID[:], appendWebhook(newFrame(128+len(w.URL)), w))); err != nil {
		return err
	}
	return t.event(Event{Type: event, At: at, Reference: -1, Code: w.ID.String(), Text: text})
}

func readWebhook(r Reader, id WebhookID) (*Webhook, error) {
	value, err := r.Get(tableWebhooks, id[:])
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("webhook %s: %w", id, ErrNotFound)
	}
	return openWebhook(id[:], value)
}

func openWebhook(key, value []byte) (*Webhook, error) {
	if len(key) != idBytes {
		return nil, damage(tableWebhooks, key, "key is no id")
	}
	payload, err := unseal(tableWebhooks, key, value)
	if err != nil {
		return nil, err
	}
	w, err := decodeWebhook(WebhookID(key), payload)
	if err != nil {
		return nil, damage(tableWebhooks, key, err.Error())
	}
	return w, nil
}

// readCursor returns the cursor of an endpoint. One that is missing or damaged begins with the oldest event: twice is better than never.
func readCursor(r Reader, id WebhookID) (*WebhookCursor, error) {
	value, err := r.Get(tableCursors, id[:])
	if err != nil || value == nil {
		return &WebhookCursor{}, err
	}
	c, err := openCursor(id[:], value)
	if _, ok := damaged(err); ok {
		return &WebhookCursor{}, nil
	}
	return c, err
}

func openCursor(key, value []byte) (*WebhookCursor, error) {
	payload, err := unseal(tableCursors, key, value)
	if err != nil {
		return nil, err
	}
	c, err := decodeCursor(payload)
	if err != nil {
		return nil, damage(tableCursors, key, err.Error())
	}
	return c, nil
}

func (t *tx) putCursor(id WebhookID, c *WebhookCursor) error {
	return t.Put(tableCursors, id[:], seal(tableCursors, id[:], appendCursor(newFrame(32), c)))
}

// eventFloor returns the number up to which events may be forgotten: the last one that every active endpoint has dealt with, else last.
func eventFloor(r Reader, last uint64) (uint64, error) {
	err := r.Scan(tableWebhooks, nil, nil, false, func(k, v []byte) (bool, error) {
		w, err := openWebhook(k, v)
		if err != nil || !w.Active() {
			return true, nil // damage is met elsewhere
		}
		c, err := readCursor(r, w.ID)
		if err == nil {
			last = min(last, c.Position+1)
		}
		return true, err
	})
	return last, err
}
