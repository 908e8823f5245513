package store

import (
	"context"
	"fmt"

	"trunkline/callplan/phone"
)

// Bounds on subscribers.
const (
	MaxSubscribers       = 1_000_000 // of a service provider, archived ones included
	MaxSubscriberNumbers = 1000      // of a subscriber
)

// Subscriber is a customer of a service provider, who has numbers.
type Subscriber struct {
	Meta
	Name        string // 1 to 64 characters, unique for its service provider in any case
	DisplayName string // at most 250 characters, like all that follow but Notes
	FirstName   string
	LastName    string
	Email       string
	Address     string
	Phone       string // to reach him; need not be one of Numbers
	Notes       string // at most 2048 characters
	Numbers     []phone.Number
	ContactID   uint64 // entry of the address book; 0: none
}

var subscriberKind = &kind[Subscriber]{
	name: "subscriber", table: tableSubscribers, letter: 'b', max: MaxSubscribers,
	meta: func(s *Subscriber) *Meta { return &s.Meta }, append: appendSubscriber, decode: decodeSubscriber,
	indexes: []index[Subscriber]{
		{'n', "name", func(s *Subscriber) [][]byte { return [][]byte{appendName(appendName(nil, s.Provider), fold(s.Name))} }},
		{'p', "numbers", func(s *Subscriber) (all [][]byte) {
			for _, n := range s.Numbers {
				all = append(all, appendText(nil, n.String()))
			}
			return all
		}}},
	orders: []order[Subscriber]{{"name", 'A', func(b []byte, s *Subscriber) []byte { return appendText(b, fold(s.Name)) }}},
	words: func(s *Subscriber) []string {
		all := []string{s.Name, s.DisplayName, s.FirstName, s.LastName, s.Email}
		for _, n := range s.Numbers {
			all = append(all, n.String())
		}
		return all
	},
}

// Subscribers returns the collection of subscribers.
func (s *Store) Subscribers() Records[Subscriber] { return Records[Subscriber]{s, subscriberKind} }

func (s *Subscriber) check(t *tx, was *Subscriber, wrong *Faults) error {
	wrong.required("name", s.Name, 64)
	for _, f := range []struct{ field, s string }{{"display_name", s.DisplayName}, {"first_name", s.FirstName}, {"last_name", s.LastName}, {"phone", s.Phone}} {
		wrong.word(f.field, f.s, 250)
	}
	wrong.text("address", s.Address, 250)
	wrong.text("notes", s.Notes, 2048)
	wrong.email("email", s.Email)
	if len(s.Numbers) > MaxSubscriberNumbers {
		wrong.add("numbers", "too_long", "has %d numbers, at most %d are possible", len(s.Numbers), MaxSubscriberNumbers)
		return nil
	}
	seen := map[phone.Number]bool{}
	for i, n := range s.Numbers {
		switch {
		case n.IsZero() || n.Kind() == phone.Alphanumeric:
			wrong.add(fmt.Sprintf("numbers[%d]", i), "invalid", "is no number")
		case seen[n]:
			wrong.add(fmt.Sprintf("numbers[%d]", i), "invalid", "stands twice")
		}
		seen[n] = true
	}
	if s.ContactID != 0 && (was == nil || was.ContactID != s.ContactID) { // one that was purged since may stay
		c, err := reference(t, contactKind, wrong, "contact_id", s.ContactID)
		if err != nil {
			return err
		}
		if c != nil && c.Provider != s.Provider {
			wrong.add("contact_id", "unknown", "there is no contact %d", s.ContactID)
		}
	}
	if was == nil {
		if err := wrong.inProvider(t, &s.Meta); err != nil {
			return err
		}
	}
	return subscriberKind.unique(t, s, wrong)
}

func (s *Subscriber) changed(*tx, *Subscriber) error { return nil }
func (s *Subscriber) removable() error               { return nil }
func (s *Subscriber) drop(*tx, int) (bool, error)    { return false, nil }

// SubscriberOf returns the subscriber in use who has a number, or ErrNotFound.
func (s *Store) SubscriberOf(ctx context.Context, n phone.Number) (Subscriber, error) {
	var found *Subscriber
	err := s.view(ctx, func(r Reader, _ *[]*Damage) (err error) {
		if found, err = subscriberOf(r, n); err == nil && found == nil {
			err = fmt.Errorf("subscriber with that number: %w", ErrNotFound)
		}
		return err
	})
	if err != nil {
		return Subscriber{}, err
	}
	return *found, nil
}

// subscriberOf returns the subscriber in use who has a number, nil when nobody has.
func subscriberOf(r Reader, n phone.Number) (*Subscriber, error) {
	if n.IsZero() {
		return nil, nil
	}
	s, err := subscriberKind.first(r, subscriberKind.key('p', appendText(nil, n.String())))
	if err != nil || s == nil || !s.ArchivedAt.IsZero() {
		return nil, err
	}
	return s, nil
}
