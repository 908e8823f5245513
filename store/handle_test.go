package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// screened is a store in which what comes in waits for a decision.
func screened(t *testing.T) *store.Store {
	t.Helper()
	s, _ := open(t, store.Options{Screened: true})
	return s
}

func received(t *testing.T, s *store.Store, from, text string, at time.Time) store.Message {
	t.Helper()
	got, err := s.Receive(t.Context(), store.Arrival{Trunk: "desk", SIM: "8949", Raw: []byte(from + text + at.String()), At: at, Message: store.Message{ID: store.NewMessageID(), Direction: store.In, State: store.Received,
		From: phone.FromAddress(from, false), Text: text, Trunk: "desk", CreatedAt: at, ReceivedAt: at, Parts: []store.Part{{Seq: 1, State: store.Received, Reference: -1, Status: -1}}}})
	if err != nil || len(got.Messages) != 1 {
		t.Fatal(got, err)
	}
	return got.Messages[0]
}

// reply is a message as it is accepted beside something else.
func reply(t *testing.T, to string, at time.Time) store.Message {
	t.Helper()
	return outgoing(t, 1, func(m *store.Message) { m.To, m.CreatedAt = number(t, to), at })
}

func TestHandleOnce(t *testing.T) {
	s, at := screened(t), time.Now().UTC()
	m := received(t, s, "+4915112345678", "tok:1", at)
	waiting, err := s.Unhandled(t.Context(), 10)
	if err != nil || len(waiting) != 1 || waiting[0].ID != m.ID {
		t.Fatal(waiting, err)
	}
	check(t, s)
	cut := "1"
	h := store.Handling{ID: m.ID, At: at, Verdict: store.Verdict{Authorized: true, Code: "allowed"}, Text: &cut, Action: "wake", Begin: &store.Run{Action: "wake", State: store.RunRunning, At: at, Exit: -1},
		Replies: []store.Message{reply(t, "+4915112345678", at)}, Events: []store.Event{{Type: "action.wake", At: at, Message: m.ID, Reference: -1}}}
	got, err := s.Handle(t.Context(), h)
	if err != nil || got.Unhandled || got.Text != "1" || got.Action != "wake" || got.Verdict.Code != "allowed" {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := s.Handle(t.Context(), h); !errors.Is(err, store.ErrHandled) {
		t.Errorf("handled twice: %v", err)
	}
	if waiting, err := s.Unhandled(t.Context(), 10); err != nil || len(waiting) != 0 {
		t.Error(waiting, err)
	}
	runs, err := s.OpenRuns(t.Context(), store.RunRunning, phone.Number{})
	if err != nil || len(runs) != 1 || runs[0].ID != m.ID {
		t.Fatal(runs, err)
	}
	check(t, s)
	r := runs[0]
	r.State, r.Exit, r.Output = store.RunDone, 0, "up"
	if err := s.EndRun(t.Context(), r, at.Add(time.Second), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.EndRun(t.Context(), r, at, nil, nil); !errors.Is(err, store.ErrRunChanged) {
		t.Errorf("ended twice: %v", err)
	}
	if r, err := s.Run(t.Context(), m.ID); err != nil || r.State != store.RunDone || r.EndedAt.IsZero() || r.Output != "up" {
		t.Errorf("%+v, %v", r, err)
	}
	all, next, err := s.Runs(t.Context(), "", store.MessageID{}, 10)
	if err != nil || len(all) != 1 || !next.IsZero() {
		t.Error(all, next, err)
	}
	if d, err := s.ExpireRuns(t.Context(), at.Add(time.Hour), nil); err != nil || d.Deleted != 1 {
		t.Error(d, err)
	}
	check(t, s)
}

func TestRunsWaitUnderEachConfirmer(t *testing.T) {
	s, at := screened(t), time.Now().UTC()
	m := received(t, s, "+4915112345678", "open", at)
	a, b := phone.FromAddress("+4915100000001", false), phone.FromAddress("+4915100000002", false)
	run := &store.Run{Action: "open", State: store.RunWaiting, At: at, Confirmers: []phone.Number{a, b}, Code: []byte{1}, Until: at.Add(time.Minute)}
	if _, err := s.Handle(t.Context(), store.Handling{ID: m.ID, At: at, Begin: run}); err != nil {
		t.Fatal(err)
	}
	check(t, s)
	for n, want := range map[phone.Number]int{a: 1, b: 1, m.From: 0} {
		if got, err := s.OpenRuns(t.Context(), store.RunWaiting, n); err != nil || len(got) != want {
			t.Errorf("%s: %d, %v", n, len(got), err)
		}
	}
	waiting, err := s.OpenRuns(t.Context(), store.RunWaiting, phone.Number{})
	if err != nil || len(waiting) != 1 {
		t.Fatal(waiting, err)
	}
	answer := received(t, s, "+4915100000002", "123456", at)
	changed := waiting[0]
	changed.State = store.RunRunning
	if _, err := s.Handle(t.Context(), store.Handling{ID: answer.ID, At: at, Change: &changed}); err != nil {
		t.Fatal(err)
	}
	late := received(t, s, "+4915100000001", "123456", at)
	if _, err := s.Handle(t.Context(), store.Handling{ID: late.ID, At: at, Change: &changed}); !errors.Is(err, store.ErrRunChanged) {
		t.Errorf("%v", err)
	}
	if got, _ := s.Unhandled(t.Context(), 10); len(got) != 1 {
		t.Error("what was not stored counts as handled")
	}
	check(t, s)
}

// An opt-out is looked at when a trunk claims the message: one that comes between accepting and sending still holds.
func TestOptOutHoldsAtTheClaim(t *testing.T) {
	s, at := screened(t), time.Now().UTC()
	usual, answer, other := reply(t, "+4915112345678", at), reply(t, "015112345678", at), reply(t, "+4915112345679", at)
	answer.Class = store.ClassAnswer
	if _, err := s.Accept(t.Context(), store.Acceptance{Messages: []store.Message{usual, answer, other}}); err != nil {
		t.Fatal(err)
	}
	m := received(t, s, "+4915112345678", "STOP", at)
	if _, err := s.Handle(t.Context(), store.Handling{ID: m.ID, At: at, OptOut: &store.OptOut{Number: m.From, At: at, Source: "message", Word: "stop", Message: m.ID}}); err != nil {
		t.Fatal(err)
	}
	var carried []store.MessageID
	for {
		m, ok, err := s.Claim(t.Context(), store.Claim{Trunk: "desk", SIM: "8949", At: at})
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		carried = append(carried, m.ID)
	}
	if len(carried) != 2 || carried[0] != answer.ID || carried[1] != other.ID {
		t.Errorf("carried %v", carried)
	}
	if m, err := s.Message(t.Context(), usual.ID); err != nil || m.State != store.Error || m.Failure.Code != "opted_out" {
		t.Errorf("%+v, %v", m, err)
	}
	check(t, s)
}

func TestOptOuts(t *testing.T) {
	ctx := context.Background()
	s, at := screened(t), time.Now().UTC()
	n := phone.FromAddress("+4915112345678", false)
	is := func(trunk string, want bool) {
		t.Helper()
		if got, err := s.OptedOut(ctx, n, trunk); err != nil || got != want {
			t.Errorf("through %q: %v, %v; want %v", trunk, got, err, want)
		}
	}
	is("desk", false)
	if _, err := s.AddOptOut(ctx, store.OptOut{Number: n, Trunk: "desk", At: at, Source: "api"}); err != nil {
		t.Fatal(err)
	}
	is("desk", true)
	is("roof", false)
	is("", false)
	if _, err := s.AddOptOut(ctx, store.OptOut{Number: n, At: at, Source: "api"}); err != nil {
		t.Fatal(err)
	}
	is("roof", true)
	all, next, err := s.OptOuts(ctx, "", 1)
	if err != nil || len(all) != 1 || next == "" {
		t.Fatal(all, next, err)
	}
	if rest, next, err := s.OptOuts(ctx, next, 10); err != nil || len(rest) != 1 || next != "" {
		t.Error(rest, next, err)
	}
	if err := s.RemoveOptOut(ctx, n, at, "uid:0"); err != nil {
		t.Fatal(err)
	}
	is("desk", false)
	if err := s.RemoveOptOut(ctx, n, at, "uid:0"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := s.EraseOptOut(ctx, n, at, "uid:0"); err != nil {
		t.Fatal(err)
	}
	is("roof", true)
	if all, _, _ := s.OptOuts(ctx, "", 10); len(all) != 1 || !all[0].Number.IsZero() {
		t.Errorf("%+v", all)
	}
	check(t, s)
}

// The code of one time step counts once, also when two come at the same time.
func TestFactorIsUsedOnce(t *testing.T) {
	s, at := screened(t), time.Now().UTC()
	if _, err := s.UseFactor(t.Context(), false, 7, func(*store.Factor) {}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := s.PutFactor(t.Context(), store.Factor{ID: 7, Secret: []byte("secret")}, at, "uid:0"); err != nil {
		t.Fatal(err)
	}
	granted := make(chan bool)
	for range 8 {
		go func() {
			ok := false
			_, err := s.UseFactor(t.Context(), false, 7, func(f *store.Factor) {
				if ok = f.Last < 5; ok {
					f.Last = 5
				}
			})
			granted <- ok && err == nil
		}()
	}
	n := 0
	for range 8 {
		if <-granted {
			n++
		}
	}
	if n != 1 {
		t.Errorf("granted %d times", n)
	}
	check(t, s)
	if err := s.RemoveFactor(t.Context(), false, 7, at, "uid:0"); err != nil {
		t.Error(err)
	}
}

func TestListEntries(t *testing.T) {
	s, at := screened(t), time.Now().UTC()
	e := store.ListEntry{Kind: "number", Direction: "both", Value: "+4915112345678"}
	added, err := s.ListEntries().Add(t.Context(), at, "uid:0", e)
	if err != nil || added[0].Provider != store.DefaultProvider {
		t.Fatal(added, err)
	}
	if _, err := s.ListEntries().Add(t.Context(), at, "uid:0", e); !errors.Is(err, store.ErrExists) {
		t.Errorf("%v", err)
	}
	for _, bad := range []store.ListEntry{{}, {Kind: "number", Direction: "both", Value: "1", Meta: store.Meta{Provider: "nobody"}}, {Kind: "number", Direction: "in", Value: "1", Global: true, Subscriber: "jo"}} {
		if _, err := s.ListEntries().Add(t.Context(), at, "uid:0", bad); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := s.ListEntries().Archive(t.Context(), added[0].ID, at, "uid:0"); err != nil {
		t.Fatal(err)
	}
	check(t, s)
	if err := s.ListEntries().Purge(t.Context(), added[0].ID, at, "uid:0"); err != nil {
		t.Fatal(err)
	}
	check(t, s)
}
