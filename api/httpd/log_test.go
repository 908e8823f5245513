package httpd

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/store"
)

func dial(t *testing.T, s string) phone.Number {
	t.Helper()
	n, err := phone.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The log shows names, labels and owners, and what was never sent is not in it; what is old is deleted by date, and statistics count what was sent.
func TestMessageLog(t *testing.T) {
	g := serve(t, nil)
	ctx := t.Context()
	now := time.Now().UTC()
	if _, err := g.store.Administrators().Add(ctx, now, "", store.Administrator{Username: "root", Level: 1, LastName: "Root"},
		store.Administrator{Username: "anna", FirstName: "Anna", LastName: "Abel"}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.store.Contacts().Add(ctx, now, "", store.Contact{AdminID: 2, FirstName: "Bert", LastName: "Bach", PhoneNumber: dial(t, "+4915100000002")}); err != nil {
		t.Fatal(err)
	}
	add := func(state store.State, parts int, to string) {
		m := store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: dial(t, to), Text: "=1+1", Account: "admin:2", Priority: 5, CreatedAt: now}
		for i := range parts {
			m.Parts = append(m.Parts, store.Part{Seq: i + 1, State: store.Waiting, Reference: -1, Status: -1})
		}
		if state == store.Debug {
			m.State = store.Debug
		}
		if _, err := g.store.Accept(ctx, store.Acceptance{Messages: []store.Message{m}}); err != nil {
			t.Fatal(err)
		}
		if state == store.Canceled {
			if _, err := g.store.Cancel(ctx, m.ID, now); err != nil {
				t.Fatal(err)
			}
		}
		if state != store.Sent {
			return
		}
		if _, ok, err := g.store.Claim(ctx, store.Claim{Trunk: "test", SIM: "1", At: now}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		for i := range parts {
			if err := g.store.Mark(ctx, m.ID, i+1, now); err != nil {
				t.Fatal(err)
			}
			if _, err := g.store.Settle(ctx, store.Outcome{ID: m.ID, Seq: i + 1, At: now, State: store.Sent, Reference: 40 + i}); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(store.Sent, 2, "+4915100000002")
	add(store.Canceled, 1, "+4915100000002")
	add(store.Debug, 1, "+4915199999999")
	add(store.Waiting, 1, "+4915100000002")
	page, err := g.client.Log(ctx, time.Time{}, time.Time{}, true, "")
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	sent, shown := page.Items[0], page.Items[1]
	if sent.Sender != "Anna Abel" || sent.Recipient != "Bert Bach" || sent.RecipientPhoneNumber != "+4915100000002" || sent.StatusLabel != "SENT" || sent.Status != 0 || sent.NumberOfSlices != 2 ||
		sent.AdminID != 2 || !sent.Authorized || sent.Reference == nil || *sent.Reference != 40 || sent.RawMessage != "=1+1" {
		t.Errorf("%+v", sent)
	}
	if shown.StatusLabel != "UNSUPPORTED" || shown.Recipient != "+4915199999999" {
		t.Errorf("%+v", shown)
	}
	usage, err := g.client.Usage(ctx, 2)
	if err != nil || usage.Account != "admin:2" || usage.Sent != 2 || usage.Global == nil || *usage.Global != 2 {
		t.Errorf("%+v, %v", usage, err)
	}
	stats, err := g.client.Statistics(ctx, 2, 0)
	if err != nil || stats.NumResults != 12 || len(stats.Objects) != 12 || stats.Objects[now.Month()-1] != (api.MonthPart{Month: now.Month().String()[:3], Value: 2}) {
		t.Errorf("%+v, %v", stats, err)
	}
	if _, err := g.client.Usage(ctx, 9); !is(err, http.StatusNotFound) {
		t.Error(err)
	}
	if _, err := g.client.DeleteLog(ctx, time.Time{}, time.Time{}); !is(err, http.StatusBadRequest) {
		t.Error(err)
	}
	if n, err := g.client.DeleteLog(ctx, time.Time{}, now.Add(-time.Hour)); err != nil || n != 0 {
		t.Error(n, err)
	}
	if n, err := g.client.DeleteLog(ctx, time.Time{}, now.Add(time.Hour)); err != nil || n < 2 {
		t.Error(n, err)
	}
	all, err := g.client.Messages(ctx, api.MessageQuery{})
	if err != nil || !slices.ContainsFunc(all.Items, func(m api.Message) bool { return m.State == "waiting" }) {
		t.Errorf("what waits was deleted: %+v, %v", all, err)
	}
}

// A person is shown, left alone and forgotten: afterwards neither number nor text is anywhere, and nothing is sent to it.
func TestPersons(t *testing.T) {
	g := serve(t, nil)
	ctx := t.Context()
	c, err := g.client.Contacts().Add(ctx, api.ContactFields{LastName: "Abel", PhoneNumber: "+4915112345678"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		g.submit("+4915112345678", "a secret text")
	}
	g.submit("+4915187654321", "to another")
	if p, err := g.client.Person(ctx, "0151-12345678", ""); err != nil || len(p.Contacts) != 1 || p.OptedOut || p.Restricted {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := g.client.Restrict(ctx, "+4915112345678", "", true); err != nil || !p.Restricted || !p.Contacts[0].Restricted {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := g.client.Restrict(ctx, "+4915112345678", "", false); err != nil || p.Restricted {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := g.client.Restrict(ctx, "+4915155555555", "", true); err != nil || !p.Restricted || len(p.Contacts) != 1 {
		t.Errorf("a number that nobody knows: %+v, %v", p, err)
	}
	e, err := g.client.Erase(ctx, "+4915112345678", "")
	if err != nil || e != (api.Erased{Contacts: 1, Messages: 3}) {
		t.Errorf("%+v, %v", e, err)
	}
	if p, err := g.client.Person(ctx, "+4915112345678", ""); err != nil || len(p.Contacts) != 0 || !p.OptedOut {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := g.client.Contacts().Read(ctx, fmt.Sprint(c.ID)); !is(err, http.StatusNotFound) {
		t.Error(err)
	}
	all, err := g.client.Messages(ctx, api.MessageQuery{})
	if err != nil || len(all.Items) != 4 {
		t.Fatalf("%+v, %v", all, err)
	}
	kept := 0
	for _, m := range all.Items {
		if strings.Contains(m.To, "5112345678") || strings.Contains(m.Text, "secret") {
			t.Errorf("still there: %+v", m)
		}
		if m.Text == "to another" && m.State == "waiting" {
			kept++
		}
	}
	if kept != 1 {
		t.Errorf("messages of others: %+v", all.Items)
	}
	if _, err := g.client.Erase(ctx, "nobody", ""); !is(err, http.StatusBadRequest) {
		t.Error(err)
	}
	check, err := g.store.Check(ctx, func(d store.Damage) { t.Error(&d) })
	if err != nil || check.Damaged > 0 {
		t.Error(err)
	}
}
