package router

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// refusedNow returns the messages that are kept as refused.
func (d *desk) refusedNow() (all []store.Message) {
	d.t.Helper()
	page, err := d.store.Messages(d.t.Context(), store.Query{Direction: store.Out, State: store.Error, Ascending: true, Limit: 1000})
	if err != nil {
		d.t.Fatal(err)
	}
	return page.Items
}

// What screening refuses is answered with an error and kept with its reason, and nothing of it can be sent. What is wrong otherwise leaves no trace.
func TestRefusedIsKept(t *testing.T) {
	const denied, other = "+61491570011", "+61491570012"
	account := func(d *desk) string { return store.AdminAccount(d.sue.ID) }
	for name, test := range map[string]struct {
		submission Submission
		refused    int // kept
		accepted   int
	}{
		"one":                    {Submission{To: []string{denied}, Text: "hello"}, 1, 0},
		"one of two":             {Submission{To: []string{other, denied}, Text: "hello"}, 1, 0},
		"named twice":            {Submission{To: []string{denied, denied}, Text: "hello"}, 1, 0},
		"another is none":        {Submission{To: []string{denied, "x"}, Text: "hello"}, 0, 0},
		"without text":           {Submission{To: []string{denied}}, 0, 0},
		"priority is wrong too":  {Submission{To: []string{denied}, Text: "hello", Priority: new(11)}, 0, 0},
		"the caller found more":  {Submission{To: []string{denied}, Text: "hello", Wrong: []FieldError{{Field: "flash", Code: "type"}}}, 0, 0},
		"nobody":                 {Submission{To: []string{other}, Text: "hello"}, 0, 1},
		"some of a group":        {Submission{Groups: []string{"some"}, Text: "hello"}, 1, 1},
		"all of a group":         {Submission{Groups: []string{"none"}, Text: "hello"}, 1, 0},
		"all of a group, no tag": {Submission{Groups: []string{"none"}, Text: "hello", Tag: fmt.Sprintf("%0200d", 1)}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil, nil)
			ctx, now := t.Context(), time.Now().UTC()
			if _, err := d.screen.Add(ctx, store.ListEntry{Kind: "number", Value: denied, Direction: "out"}, now, "test"); err != nil {
				t.Fatal(err)
			}
			contacts, err := d.store.Contacts().Add(ctx, now, "test", store.Contact{AdminID: d.sue.ID, LastName: "X", PhoneNumber: number(denied)}, store.Contact{AdminID: d.sue.ID, LastName: "Y", PhoneNumber: number(other)})
			if err != nil {
				t.Fatal(err)
			}
			groups, err := d.store.Groups().Add(ctx, now, "test", store.Group{AdminID: d.sue.ID, Name: "some"}, store.Group{AdminID: d.sue.ID, Name: "none"})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(d.store.AddMembers(ctx, groups[0].ID, now, "test", contacts[0].ID, contacts[1].ID), d.store.AddMembers(ctx, groups[1].ID, now, "test", contacts[0].ID)); err != nil {
				t.Fatal(err)
			}
			s := test.submission
			s.Account = account(d)
			a, err := d.o.Router.Submit(ctx, s)
			var wrong *ValidationError
			if len(a.Messages) != test.accepted || (test.accepted == 0) != errors.As(err, &wrong) {
				t.Fatalf("%+v, %v", a, err)
			}
			kept := d.refusedNow()
			if len(kept) != test.refused {
				t.Fatalf("%d are kept, want %d: %+v", len(kept), test.refused, kept)
			}
			for _, m := range kept {
				status, label := m.LogStatus()
				if m.To != number(denied) || m.Account != s.Account || m.Failure == nil || m.Failure.Code != "denied" || m.Verdict == nil || m.Verdict.Authorized || m.Verdict.Text == "" ||
					m.Charge != nil || status != store.LogUnsupported || label != "UNSUPPORTED" || m.Parts[0].State != store.Canceled {
					t.Errorf("%+v: %d %s", m, status, label)
				}
			}
			counts, err := d.store.Counts(ctx)
			if err != nil || counts[store.Waiting] != test.accepted {
				t.Errorf("%v, %v", counts, err)
			}
			d.sound()
		})
	}
}

// Who is refused all the time does not fill the disk: so many are kept in an hour of one account, and another account's still are.
func TestRefusedIsBounded(t *testing.T) {
	d := newDesk(t, nil, nil)
	now := time.Now().UTC()
	var all []refusal
	for i := range maxRefused + 5 {
		n, err := phone.Parse(fmt.Sprintf("+6149%07d", i))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, refusal{FieldError{Code: "denied"}, n})
	}
	for _, test := range []struct {
		account string
		at      time.Time
		want    int
	}{{"uid:1", now, maxRefused}, {"uid:1", now.Add(59 * time.Minute), 0}, {"uid:2", now.Add(59 * time.Minute), maxRefused}, {"uid:1", now.Add(time.Hour), maxRefused}} {
		if got := d.o.Router.refusedMessages(&Submission{Account: test.account, Text: "x"}, all, test.at); len(got) != test.want {
			t.Errorf("%s at %s: %d are kept, want %d", test.account, test.at, len(got), test.want)
		}
	}
}
