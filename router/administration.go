package router

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"trunkline/store"
)

// Administration carries out what follows from changes of administrators: their quotas hold from then on, and they are told by mail.
type Administration struct {
	o AdministrationOptions
}

// AdministrationOptions is what an Administration works with. Store, Books and Router are needed.
type AdministrationOptions struct {
	Store  *store.Store
	Books  *Books
	Router *Router
	Mail   string // trunk that carries mail; empty: nobody is told
	// Invite makes a code with which an administrator sets a password once, until a time; who is told in the event. nil: nobody who forgot his password is sent one.
	Invite func(ctx context.Context, administrator uint64, who string) (code string, until time.Time, err error)
	Logger *slog.Logger
}

// NewAdministration returns an Administration that does nothing until Load and Run.
func NewAdministration(o AdministrationOptions) *Administration {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Administration{o: o}
}

// Load brings the quotas of all administrators into force.
func (a *Administration) Load(ctx context.Context) error {
	all, err := a.o.Store.Administrators().All(ctx)
	if err != nil {
		return err
	}
	quotas := make(map[string]Quota, len(all))
	for i := range all {
		if q, err := ParseQuota(all[i].SMSQuota); err == nil {
			quotas[all[i].Account()] = q
		}
	}
	a.o.Books.administrators.Store(&quotas)
	return nil
}

// keyAdministration is under which the number of the last event is kept that was dealt with.
const keyAdministration = "administration"

// administrationPause is how long is waited after an error.
const administrationPause = 10 * time.Second

// Run follows the feed until ctx ends.
func (a *Administration) Run(ctx context.Context) error {
	for {
		err := a.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		a.o.Logger.Error("changes of administrators cannot be followed; trying again", "err", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(administrationPause):
		}
	}
}

func (a *Administration) follow(ctx context.Context) error {
	at, err := a.begin(ctx)
	if err != nil {
		return err
	}
	if err := a.Load(ctx); err != nil {
		return err
	}
	for {
		changed := a.o.Store.Changed()
		for {
			events, err := a.o.Store.Events(ctx, at, 0)
			if err != nil {
				return err
			}
			if len(events) == 0 {
				break
			}
			for i := range events {
				if err := a.deal(ctx, &events[i]); err != nil {
					return err
				}
				at = events[i].Seq
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// begin returns the number of the last event that was dealt with; a store that is new to this begins with what happens from now on.
func (a *Administration) begin(ctx context.Context) (uint64, error) {
	kept, err := a.o.Store.Remembered(ctx, keyAdministration)
	if err != nil {
		return 0, err
	}
	last, err := a.o.Store.LastEvent(ctx)
	if err != nil || len(kept) != 8 {
		return last, err
	}
	return min(last, binary.BigEndian.Uint64(kept)), nil
}

// deal carries out what follows from one event. It may come again after a crash: a mail has its event as the key of its idempotency.
func (a *Administration) deal(ctx context.Context, e *store.Event) error {
	kind, what, _ := strings.Cut(e.Type, ".")
	if kind != "administrator" && kind != "quota" {
		return nil
	}
	if what == "forgot" {
		return a.forgot(ctx, e)
	}
	admin, err := a.about(ctx, e)
	if err == nil && kind == "administrator" {
		err = a.Load(ctx)
	}
	switch {
	case errors.Is(err, store.ErrNotFound): // purged, or an account that is no administrator's
	case err != nil:
		return err
	case what == "reached":
		_, err := a.o.Store.Administrators().Edit(ctx, admin.ID, e.At, "", func(d *store.Administrator) error { d.LastQuotaReached = e.At; return nil })
		if err != nil && !errors.Is(err, store.ErrArchived) {
			return err
		}
		fallthrough
	case e.Type == "administrator.added", e.Type == "administrator.archived", kind == "quota":
		if err := a.mail(ctx, e, what, admin); err != nil {
			return err
		}
	}
	return a.done(ctx, e)
}

// done keeps that an event was dealt with.
func (a *Administration) done(ctx context.Context, e *store.Event) error {
	return a.o.Store.Remember(ctx, keyAdministration, binary.BigEndian.AppendUint64(nil, e.Seq))
}

// about returns the administrator whom an event is about.
func (a *Administration) about(ctx context.Context, e *store.Event) (admin store.Administrator, err error) {
	id, ok := store.AccountAdmin(e.Account)
	if e.Code != "" {
		n, err := strconv.ParseUint(e.Code[strings.LastIndexByte(e.Code, '/')+1:], 10, 64)
		id, ok = n, err == nil
	}
	if !ok {
		return admin, store.ErrNotFound
	}
	return a.o.Store.Administrators().Read(ctx, id)
}

// letters are what administrators are told, by the second word of the event's type: subject and text in English and in French. %[1]s is the name of whom it is
// about, %[2]s the username, %[3]s what the event says.
var letters = map[string][2][2]string{
	"added":     {{"Your account", "Hello %[1]s,\n\nthere is an account for you on the gateway: %[2]s.\n"}, {"Votre compte", "Bonjour %[1]s,\n\nun compte a été ouvert pour vous sur la passerelle : %[2]s.\n"}},
	"archived":  {{"Your account was closed", "Hello %[1]s,\n\nyour account %[2]s on the gateway was closed.\n"}, {"Votre compte est fermé", "Bonjour %[1]s,\n\nvotre compte %[2]s sur la passerelle a été fermé.\n"}},
	"reached":   {{"Your quota is used up", "Hello %[1]s,\n\nyour quota is used up: %[3]s.\n"}, {"Votre quota est épuisé", "Bonjour %[1]s,\n\nvotre quota est épuisé : %[3]s.\n"}},
	"changed":   {{"Your quota was changed", "Hello %[1]s,\n\nyour quota was changed: %[3]s.\n"}, {"Votre quota a changé", "Bonjour %[1]s,\n\nvotre quota a changé : %[3]s.\n"}},
	"requested": {{"A quota is asked for", "%[1]s (%[2]s) asks for another quota: %[3]s.\n"}, {"Demande de quota", "%[1]s (%[2]s) demande un autre quota : %[3]s.\n"}},
}

// mail queues what an administrator is told; a request for a quota goes to the super administrator.
func (a *Administration) mail(ctx context.Context, e *store.Event, what string, about store.Administrator) error {
	letter, known := letters[what]
	to := about
	var err error
	if what == "requested" {
		if to, err = a.o.Store.SuperAdministrator(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if !known || to.Email == "" || a.o.Mail == "" {
		return nil
	}
	provider, err := a.o.Store.Provider(ctx, to.Provider)
	if err != nil {
		return err
	}
	text := letter[0]
	if strings.HasPrefix(provider.Locale, "fr") {
		text = letter[1]
	}
	name := about.FullName()
	if name == "" {
		name = about.Username
	}
	now := a.o.Store.Now()
	return a.queue(ctx, e, composeMail("", to.Provider, a.o.Mail, to.Email, text[0], fmt.Sprintf(text[1], name, about.Username, e.Text), now), to.ID)
}

// queue has a mail about an event sent, once.
func (a *Administration) queue(ctx context.Context, e *store.Event, m store.Message, to uint64) error {
	key := &store.Key{Scope: keyAdministration, Key: strconv.FormatUint(e.Seq, 10), Hash: sha256.Sum256([]byte(e.Type)), At: m.CreatedAt}
	if _, err := a.o.Store.Accept(ctx, store.Acceptance{Messages: []store.Message{m}, Key: key}); err != nil {
		return fmt.Errorf("queue a mail to administrator %d: %w", to, err)
	}
	a.o.Router.nudgeAll(a.o.Mail)
	return nil
}
