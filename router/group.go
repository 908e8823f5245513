package router

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// MaxGroupRecipients is to how many contacts one submission to groups may go.
const MaxGroupRecipients = 10_000

// maxGroups is how many groups one submission may name.
const maxGroups = 100

// Skipped is a contact of a group to which nothing is sent, and why.
type Skipped struct {
	Contact uint64
	To      phone.Number
	Code    string // that of the screening
	Text    string
}

// expand puts the numbers of the contacts in the groups of a submission behind its own, each number once. Those that may not be written to are skipped, so that one
// of them does not keep a group from being told. The error is a *ValidationError when a group is not there or has nobody left; then those that were skipped are returned with it.
func (r *Router) expand(ctx context.Context, s *Submission) ([]Skipped, error) {
	if len(s.Groups) == 0 {
		return nil, nil
	}
	bad := func(code, format string, a ...any) error {
		return &ValidationError{Fields: append(s.Wrong[:len(s.Wrong):len(s.Wrong)], FieldError{Field: "group", Code: code, Message: fmt.Sprintf(format, a...)})}
	}
	if len(s.Groups) > maxGroups {
		return nil, bad("too_many", "names %d groups, at most %d are taken at once", len(s.Groups), maxGroups)
	}
	admin, _ := store.AccountAdmin(s.Account)
	seen := map[phone.Number]bool{}
	for _, to := range s.To {
		if n, err := phone.Parse(to); err == nil {
			seen[n] = true
		}
	}
	var skipped []Skipped
	to := s.To[:len(s.To):len(s.To)]
	for _, name := range s.Groups {
		found, err := r.store.Recipients(ctx, s.tenant(), admin, strings.TrimSpace(name), MaxGroupRecipients)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil, bad("unknown", "there is no group %q of yours", clip(name))
		case errors.Is(err, store.ErrTooMany):
			return nil, bad("too_many", "%v", err)
		case err != nil:
			return nil, err
		}
		for _, one := range found {
			if seen[one.Number] {
				continue
			}
			seen[one.Number] = true
			code, text, err := r.refused(ctx, s, one.Number)
			if err != nil {
				return nil, err
			}
			if code != "" {
				skipped = append(skipped, Skipped{one.Contact, one.Number, code, text})
				continue
			}
			to = append(to, one.Number.String())
		}
	}
	switch s.members = len(to) - len(s.To); {
	case len(to) == 0:
		return skipped, bad("empty", "nobody in it can be sent to")
	case s.members > MaxGroupRecipients:
		return nil, bad("too_many", "has %d contacts in all, at most %d are taken at once", s.members, MaxGroupRecipients)
	}
	s.To = to
	return skipped, nil
}
