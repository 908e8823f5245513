package httpd

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/router/access"
	"trunkline/store"
)

// An emergency goes to who opted out, at the highest priority, and an event tells who sent it. It needs a permission of its own, at every entrance; the class of answers cannot be asked for.
func TestEmergency(t *testing.T) {
	const number = "+4915112345678"
	g := serve(t, func(_ *Config, o *Options) {
		screening, err := router.NewScreening(router.ScreeningOptions{Config: router.DefaultScreening(), Store: o.Store})
		if err != nil {
			t.Fatal(err)
		}
		o.Router = router.New(router.Options{Config: router.Default(), Store: o.Store, Screening: screening, Measure: func(string, int) (int, error) { return 1, nil }})
	})
	ctx := t.Context()
	if _, err := g.store.AddOptOut(ctx, store.OptOut{Number: phone.FromAddress(number, false), At: time.Now(), Source: "api"}); err != nil {
		t.Fatal(err)
	}
	request := api.SubmitRequest{To: api.Recipients{number}, Text: "leave the house"}
	if _, err := g.client.Submit(ctx, request, ""); !is(err, http.StatusUnprocessableEntity) || !strings.Contains(err.Error(), "asked not to be written to") {
		t.Fatalf("not an emergency: %v", err)
	}
	page, err := g.client.Log(ctx, time.Time{}, time.Time{}, true, "")
	if err != nil || len(page.Items) != 1 || page.Items[0].Authorized || page.Items[0].StatusLabel != "UNSUPPORTED" || !strings.Contains(page.Items[0].Reason, "asked not to be written to") {
		t.Errorf("the log of what was refused: %+v, %v", page.Items, err)
	}
	request.Class = "answer"
	if _, err := g.client.Submit(ctx, request, ""); !is(err, http.StatusUnprocessableEntity) || !strings.Contains(err.Error(), "class: ") {
		t.Errorf("the class of answers: %v", err)
	}
	for name, p := range map[string]access.Principal{
		"a user of the machine": {Account: "uid:1", Role: access.PlatformOwner(), Permissions: localRights},
		"all but that":          {Account: "token:1", Role: access.PlatformOwner(), Permissions: access.Every &^ access.Of(access.MessageEmergency)},
		"out of scope":          access.Principal{Account: "token:1", Role: access.PlatformOwner(), Permissions: access.Every}.Within(access.Of(access.MessageSend)),
	} {
		before := g.lastEvent()
		_, err := g.server.submit(ctx, p, "", []byte(`{"to":"`+number+`","text":"x","class":"emergency"}`))
		if problem, known := problemOf(err); !known || problem.Status != http.StatusForbidden || !strings.Contains(problem.Detail, "message_emergency") || g.lastEvent() != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	before := g.lastEvent()
	request.Class = "emergency"
	a, err := g.client.Submit(ctx, request, "")
	if err != nil || len(a.Messages) != 1 || a.Messages[0].State != "waiting" || a.Messages[0].Priority != 9 || a.Messages[0].Class != "emergency" {
		t.Fatalf("%+v, %v", a, err)
	}
	events, err := g.store.Events(ctx, before, 10)
	if err != nil || len(events) != 2 || events[0].Type != "message.emergency" || events[0].Account != a.Messages[0].Account || events[0].Message.String() != a.Messages[0].ID {
		t.Errorf("%+v, %v", events, err)
	}
	// It is still let out in the moment of sending, and a bulk call is held to the same.
	if m, ok, err := g.store.Claim(ctx, store.Claim{Trunk: "desk", SIM: "1", At: time.Now()}); err != nil || !ok || m.ID.String() != a.Messages[0].ID {
		t.Errorf("%+v, %v, %v", m, ok, err)
	}
	if b, err := g.client.SubmitAll(ctx, []api.SubmitRequest{request}, ""); err != nil || b[0].Error != nil || b[0].Message.Class != "emergency" {
		t.Errorf("%+v, %v", b, err)
	}
}
