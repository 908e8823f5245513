package router

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"trunkline/callplan/phone"
	"trunkline/store"
)

const (
	usualPriority = 5
	maxTag        = 128
	maxTextBytes  = 255 * 160 * 4           // more cannot fit into 255 parts
	maxValidity   = 63 * 7 * 24 * time.Hour // 3GPP TS 23.040 §9.2.3.12.1
	maxAhead      = 366 * 24 * time.Hour    // of send_at
	maxPast       = 366 * 24 * time.Hour    // of send_at: what is late goes at once, years are a mistake
)

// Submit checks a submission and makes it durable, one message per recipient, all or none. The error is a *ValidationError that names every wrong
// field, or one of the store's. What screening or a quota refuses is kept too, as messages that are never sent.
func (r *Router) Submit(ctx context.Context, s Submission) (Accepted, error) {
	outcome := r.SubmitEach(ctx, []Submission{s})[0]
	return outcome.Accepted, outcome.Err
}

// Outcome is what Submit returns.
type Outcome struct {
	Accepted Accepted
	Err      error
}

// SubmitEach does what a Submit for each submission at the same time would; the results are in their order. A panic of one is its error.
func (r *Router) SubmitEach(ctx context.Context, submissions []Submission) []Outcome {
	all := make([]Outcome, len(submissions))
	wanted, of := make([]store.Acceptance, 0, len(submissions)), make([]int, 0, len(submissions))
	screened := r.screenEach(ctx, submissions)
	for i := range submissions {
		var a store.Acceptance
		if a, all[i].Accepted.Skipped, all[i].Err = r.prepare(ctx, &submissions[i], screened[i]); all[i].Err == nil || len(a.Refused) > 0 {
			wanted, of = append(wanted, a), append(of, i)
		}
	}
	for n, stored := range r.store.AcceptEach(ctx, wanted) {
		one, a := &all[of[n]], &wanted[n]
		if one.Err != nil { // only what was refused was to be kept
			r.kept(len(a.Refused), stored.Err)
			continue
		}
		if one.Err = stored.Err; one.Err != nil {
			one.Accepted = Accepted{}
			if quota := (*store.QuotaError)(nil); errors.As(one.Err, &quota) {
				r.keep(ctx, r.refusedByQuota(a.Messages, quota))
			}
			continue
		}
		one.Accepted.Messages, one.Accepted.Replayed = stored.Messages, stored.Replayed
		if !stored.Replayed {
			r.metrics.accepted.Add(float64(len(a.Messages)))
			r.nudgeAll(submissions[of[n]].Trunk)
		}
	}
	return all
}

// prepare makes of a submission what the store is to accept. With an error that is what is kept of those refused, if anything.
func (r *Router) prepare(ctx context.Context, s *Submission, of screened) (a store.Acceptance, skipped []Skipped, err error) {
	defer func() {
		if v := recover(); v != nil {
			a, err = store.Acceptance{}, panicked(v)
		}
	}()
	refused := of.refused
	if of.err != nil {
		return a, nil, of.err
	}
	now := r.store.Now()
	readable := len(s.Wrong) == 0
	s.Wrong = slices.Clip(s.Wrong)
	for _, one := range refused {
		s.Wrong = append(s.Wrong, one.FieldError)
	}
	skipped, err = r.expand(ctx, s)
	if err != nil {
		if readable && len(refused) == 0 {
			a.Refused = r.refusedMessages(s, refusedSkipped(skipped), now)
		}
		return a, nil, err
	}
	if a.Messages, err = r.check(s, now); err != nil {
		if wrong := (*ValidationError)(nil); readable && errors.As(err, &wrong) && len(wrong.Fields) == len(refused) { // nothing else is wrong
			a.Refused = r.refusedMessages(s, refused, now)
		}
		return a, nil, err
	}
	a.Refused = r.refusedMessages(s, refusedSkipped(skipped), now)
	if s.IdempotencyKey != "" {
		a.Key = &store.Key{Scope: s.Account, Key: s.IdempotencyKey, Hash: s.IdempotencyHash, At: now}
		if s.IdempotencyRoute != "" {
			a.Key.Scope += " " + s.IdempotencyRoute
		}
	}
	return a, skipped, nil
}

// panicked is the error of what was recovered from a panic, in the function that was deferred.
func panicked(v any) error { return fmt.Errorf("panic: %v\n%s", v, debug.Stack()) }

// check turns a submission into messages, or tells everything that is wrong with it.
func (r *Router) check(s *Submission, now time.Time) ([]store.Message, error) {
	bad := slices.Clip(s.Wrong)
	wrong := func(field, code, format string, a ...any) {
		if slices.ContainsFunc(s.Wrong, func(f FieldError) bool { return f.Field == field }) {
			return
		}
		bad = append(bad, FieldError{Field: field, Code: code, Message: fmt.Sprintf(format, a...)})
	}
	numbers := r.recipients(s.To, s.members, wrong)
	parts := r.parts(s.Text, wrong)
	if s.Trunk != "" && !slices.ContainsFunc(r.running(), func(l *lane) bool { return l.trunk.Name == s.Trunk }) {
		wrong("trunk", "unknown", "there is no trunk %q; known: %s", clip(s.Trunk), strings.Join(r.trunkNames(), ", "))
	}
	if len(s.Tag) > maxTag {
		wrong("tag", "too_long", "has %d bytes, at most %d are kept", len(s.Tag), maxTag)
	}
	priority := usualPriority
	if s.Class == store.ClassEmergency {
		priority = 9
	}
	if s.Priority != nil {
		if priority = *s.Priority; priority < 0 || priority > 9 {
			wrong("priority", "out_of_range", "%d is not between 0 (lowest) and 9 (highest)", priority)
		}
	}
	if s.ValidFor < 0 || s.ValidFor > maxValidity {
		wrong("valid_for", "out_of_range", "must be above zero and at most 63 weeks")
	}
	if !s.SendAt.IsZero() && (s.SendAt.Before(now.Add(-maxPast)) || s.SendAt.After(now.Add(maxAhead))) {
		wrong("send_at", "out_of_range", "%s is not within a year of now", s.SendAt.Format(time.RFC3339))
	}
	var ambiguous store.Ambiguity
	if s.OnAmbiguous != "" {
		var err error
		if ambiguous, err = store.ParseAmbiguity(s.OnAmbiguous); err != nil {
			wrong("on_ambiguous", "invalid", "%v", err)
		}
	}
	if len(bad) > 0 {
		return nil, &ValidationError{Fields: bad}
	}
	messages := make([]store.Message, len(numbers))
	for i, to := range numbers {
		m := &messages[i]
		*m = store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: to, Text: s.Text, Account: s.Account, Provider: s.Provider, Class: s.Class, Tag: s.Tag,
			Pin: s.Trunk, Priority: uint8(priority), Flash: s.Flash, CreatedAt: now, SendAt: s.SendAt.UTC(), Validity: s.ValidFor, OnAmbiguous: ambiguous, Parts: make([]store.Part, parts)}
		if s.SendAt.IsZero() {
			m.SendAt = time.Time{}
		}
		if s.ValidFor > 0 {
			start := now
			if m.SendAt.After(now) {
				start = m.SendAt
			}
			m.ExpiresAt = start.Add(s.ValidFor)
		}
		for p := range m.Parts {
			m.Parts[p] = store.Part{Seq: p + 1, State: store.Waiting, Reference: -1, Status: -1}
		}
		if m.Pin == "" {
			r.planOut(m, now)
		}
		if m.Pin == "" && m.State == store.Waiting && (m.Routing == nil || m.Routing.Trunk == "") {
			m.Prefer = r.prefer(to, parts)
		}
	}
	return messages, nil
}

type complain func(field, code, format string, a ...any)

// recipients reads the numbers of a submission, the last of which, members in count, come from groups.
func (r *Router) recipients(to []string, members int, wrong complain) []phone.Number {
	if len(to) == 0 {
		wrong("to", "required", "is empty; name at least one number")
		return nil
	}
	if named := len(to) - members; named > r.settings().RecipientsPerRequest {
		wrong("to", "too_many", "has %d numbers, at most %d are taken at once", named, r.settings().RecipientsPerRequest)
		return nil
	}
	numbers := make([]phone.Number, 0, len(to))
	var seen map[phone.Number]int
	if len(to) > 1 {
		seen = make(map[phone.Number]int, len(to))
	}
	for i, s := range to {
		field := "to"
		if len(to) > 1 {
			field = fmt.Sprintf("to[%d]", i)
		}
		n, err := phone.Parse(s)
		if err != nil {
			wrong(field, "invalid", "%v", err)
			continue
		}
		if first, again := seen[n]; again {
			wrong(field, "duplicate", "is the same number as to[%d]", first)
			continue
		}
		if seen != nil {
			seen[n] = i
		}
		numbers = append(numbers, n)
	}
	return numbers
}

func (r *Router) parts(text string, wrong complain) int {
	switch {
	case text == "":
		wrong("text", "required", "is empty; there is nothing to send")
	case len(text) > maxTextBytes:
		wrong("text", "too_long", "has %d bytes; at most %d parts can be sent", len(text), r.settings().PartsPerMessage)
	case !utf8.ValidString(text):
		wrong("text", "invalid", "is not valid UTF-8")
	default:
		n, err := r.measure(text, r.settings().PartsPerMessage)
		if err != nil {
			wrong("text", "too_long", "%v", err)
		}
		return n
	}
	return 0
}

func (r *Router) trunkNames() []string {
	lanes := r.running()
	names := make([]string, len(lanes))
	for i, l := range lanes {
		names[i] = l.trunk.Name
	}
	slices.Sort(names)
	return names
}

func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
