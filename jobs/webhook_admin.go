package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"trunkline/store"
)

// MaxOverlap is the longest time for which an old secret is used beside a new one.
const MaxOverlap = 30 * 24 * time.Hour

// Add makes an endpoint, and returns it with its secret, which nobody is told again. It gets what happens from now on. The error is an *InvalidError,
// store.ErrTooMany, or one of the store. who is for the record, here and below.
func (w *Webhooks) Add(ctx context.Context, s WebhookSpec, who string) (store.Webhook, string, error) {
	s.trim()
	if err := s.validate(w.fence); err != nil {
		return store.Webhook{}, "", err
	}
	now := w.store.Now()
	key := newSecret()
	hook := store.Webhook{ID: store.NewWebhookID(), URL: s.URL, Description: s.Description, Types: s.Types, CreatedAt: now, UpdatedAt: now,
		Secrets: []store.WebhookSecret{{Key: key, CreatedAt: now}}}
	if err := w.store.AddWebhook(ctx, hook, who); err != nil {
		return store.Webhook{}, "", err
	}
	w.nudge()
	return hook, SecretText(key), nil
}

// Edit changes what fn changes; fn may run more than once. The error is as that of Add, store.ErrNotFound or store.ErrArchived.
func (w *Webhooks) Edit(ctx context.Context, id store.WebhookID, fn func(*WebhookSpec), who string) (store.Webhook, error) {
	hook, err := w.store.Webhook(ctx, id)
	if err != nil {
		return store.Webhook{}, err
	}
	change := func(h *store.Webhook) error {
		s := WebhookSpec{URL: h.URL, Description: h.Description, Types: h.Types}
		fn(&s)
		s.trim()
		h.URL, h.Description, h.Types = s.URL, s.Description, s.Types
		return s.validate(w.fence)
	}
	if err := change(&hook); err != nil {
		return store.Webhook{}, err
	}
	defer w.nudge()
	return w.store.EditWebhook(ctx, id, w.store.Now(), who, change)
}

// Rotate makes a new secret and returns it; nobody is told again. The one before is used beside it for overlap (0 to MaxOverlap), so that receivers can
// change in peace; older ones end now.
func (w *Webhooks) Rotate(ctx context.Context, id store.WebhookID, overlap time.Duration, who string) (store.Webhook, string, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return store.Webhook{}, "", &InvalidError{[]FieldError{{"overlap", "out_of_range", fmt.Sprintf("is not between 0 and %s", MaxOverlap)}}}
	}
	now := w.store.Now()
	key := newSecret()
	hook, err := w.store.EditWebhook(ctx, id, now, who, func(h *store.Webhook) error {
		secrets := []store.WebhookSecret{{Key: key, CreatedAt: now}}
		if overlap > 0 && len(h.Secrets) > 0 {
			old := h.Secrets[0]
			old.ExpiresAt = now.Add(overlap)
			secrets = append(secrets, old)
		}
		h.Secrets = secrets
		return nil
	})
	if err != nil {
		return store.Webhook{}, "", err
	}
	w.nudge()
	return hook, SecretText(key), nil
}

// Pause stops deliveries to an endpoint until it is resumed.
func (w *Webhooks) Pause(ctx context.Context, id store.WebhookID, who string) (store.Webhook, error) {
	defer w.nudge()
	return w.store.PauseWebhook(ctx, id, store.Pause{Code: store.PauseAsked, Text: "paused by " + who, At: w.store.Now()})
}

// Resume takes deliveries up again where they stopped; with skip, with what happens from now on.
func (w *Webhooks) Resume(ctx context.Context, id store.WebhookID, skip bool, who string) (store.Webhook, error) {
	defer w.nudge()
	return w.store.ResumeWebhook(ctx, id, skip, w.store.Now(), who)
}

// Archive ends deliveries to an endpoint and keeps its records.
func (w *Webhooks) Archive(ctx context.Context, id store.WebhookID, who string) (store.Webhook, error) {
	defer w.nudge()
	return w.store.ArchiveWebhook(ctx, id, w.store.Now(), who)
}

// Restore makes an archived endpoint a paused one.
func (w *Webhooks) Restore(ctx context.Context, id store.WebhookID, who string) (store.Webhook, error) {
	return w.store.RestoreWebhook(ctx, id, w.store.Now(), who)
}

// Purge removes an archived endpoint and all its deliveries for good.
func (w *Webhooks) Purge(ctx context.Context, id store.WebhookID, who string) error {
	return w.store.PurgeWebhook(ctx, id, w.store.Now(), who)
}

// Replay has one event delivered once more.
func (w *Webhooks) Replay(ctx context.Context, id store.WebhookID, seq uint64) (store.Delivery, error) {
	defer w.nudge()
	return w.store.ReplayDelivery(ctx, id, seq, w.store.Now())
}

// ReplayDead has everything that was given up delivered once more, and returns how much that is.
func (w *Webhooks) ReplayDead(ctx context.Context, id store.WebhookID) (int, error) {
	if _, err := w.store.Webhook(ctx, id); err != nil {
		return 0, err
	}
	defer w.nudge()
	return w.store.ReplayDead(ctx, id, w.store.Now())
}

// ReplaySince has everything that happened since a time delivered once more, as far as the feed keeps it.
func (w *Webhooks) ReplaySince(ctx context.Context, id store.WebhookID, since time.Time, who string) (store.Webhook, error) {
	after, err := w.store.EventsSince(ctx, since)
	if err != nil {
		return store.Webhook{}, err
	}
	defer w.nudge()
	return w.store.RewindWebhook(ctx, id, after, w.store.Now(), who)
}

// Test sends an event "webhook.test" at once, also to an endpoint that is paused, and returns what came of it. Nothing of it is kept.
func (w *Webhooks) Test(ctx context.Context, id store.WebhookID) (store.DeliveryTry, error) {
	hook, err := w.store.Webhook(ctx, id)
	if err != nil {
		return store.DeliveryTry{}, err
	}
	if !hook.ArchivedAt.IsZero() {
		return store.DeliveryTry{}, fmt.Errorf("webhook %s: %w", id, store.ErrArchived)
	}
	now := w.store.Now()
	e := store.Event{Type: "webhook.test", At: now, Code: id.String()}
	body, err := json.Marshal(Body{Type: e.Type, Timestamp: now, Data: json.RawMessage(`{"text":"If you can read and verify this, deliveries will arrive."}`)})
	if err != nil {
		return store.DeliveryTry{}, err
	}
	t, ok := w.sender.send(ctx, &hook, EventID(w.store.Instance().ID, &e), body)
	if !ok {
		return store.DeliveryTry{}, ctx.Err()
	}
	return t.DeliveryTry, nil
}
