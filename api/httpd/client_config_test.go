package httpd

import (
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/store"
)

// An administrator gets his phone token and the actions that he may start with it, in the numbering of the encoded form; a token of a program gets neither.
func TestClientConfig(t *testing.T) {
	g := serve(t, func(_ *Config, o *Options) { o.Login = login.New(login.Options{Store: o.Store}) })
	ctx, now := t.Context(), time.Now()
	if _, err := g.client.ClientConfig(ctx); !is(err, http.StatusForbidden) {
		t.Errorf("who is no administrator: %v", err)
	}
	admins, err := g.store.Administrators().Add(ctx, now, "", store.Administrator{Username: "anna", RoleID: store.ProviderRole(store.DefaultProvider)}, store.Administrator{Username: "bob", RoleID: store.ProviderRole(store.DefaultProvider)})
	if err != nil {
		t.Fatal(err)
	}
	arguments := []store.ActionArgument{{Name: "room", Type: "str", Required: true}, {Name: "light", Type: "list", Choices: []string{"on", "off"}}}
	action := func(name string, admin uint64, authentication, enabled bool) store.Action {
		all, err := g.store.Actions().Add(ctx, now, "", store.Action{Name: name, Module: "test:" + name, Keyword: name, Kind: store.ActionReply, Text: "x", AdminID: admin, Authentication: authentication, Enabled: enabled, Arguments: arguments})
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	action("own", admins[0].ID, true, true)
	granted := action("granted", admins[1].ID, true, true)
	action("bobs", admins[1].ID, true, true)
	action("plain", admins[0].ID, false, true)
	action("off", admins[0].ID, true, false)
	if err := g.store.AllowAdministrator(ctx, granted.ID, admins[0].ID, now, ""); err != nil {
		t.Fatal(err)
	}
	if err := g.server.login.SetLocalUsers(ctx, admins[0].ID, []uint32{uint32(os.Getuid())}, ""); err != nil {
		t.Fatal(err)
	}
	first, err := g.client.ClientConfig(ctx)
	if err != nil || first.PhoneToken != "" {
		t.Fatalf("%+v, %v", first, err)
	}
	made, err := g.client.NewPhoneToken(ctx)
	if err != nil || len(made.PhoneToken) != 8 {
		t.Fatalf("%+v, %v", made, err)
	}
	again, err := g.client.ClientConfig(ctx)
	names := func(c api.ClientConfig) (all []string) {
		for _, a := range c.Actions {
			all = append(all, a.Name)
		}
		return all
	}
	if err != nil || again.PhoneToken != made.PhoneToken || !slices.Equal(names(again), []string{"granted", "own"}) {
		t.Fatalf("%+v, %v", again, err)
	}
	if a := again.Actions[0]; a.JanuaID != granted.JanuaID || len(a.Arguments) != 2 || a.Arguments[0].Name != "light" || a.Arguments[1].Name != "room" || !slices.Equal(a.Arguments[0].Choices, []string{"on", "off"}) {
		t.Errorf("%+v", a)
	}
	if a, err := g.store.AdministratorByPhoneToken(ctx, made.PhoneToken); err != nil || a.ID != admins[0].ID || !a.HasClient {
		t.Errorf("%+v, %v", a, err)
	}
	other, err := g.client.NewPhoneToken(ctx)
	if err != nil || other.PhoneToken == made.PhoneToken {
		t.Errorf("%+v, %v", other, err)
	}
	if _, err := g.store.AdministratorByPhoneToken(ctx, made.PhoneToken); err == nil {
		t.Error("the token before is still good")
	}
}
