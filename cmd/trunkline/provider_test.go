package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A service provider that the configuration names is renamed while its switch asks and its trunk receives; the configuration follows when it is convenient.
func TestProviderRename(t *testing.T) {
	web := freeAddress(t)
	text := func(provider string) string {
		return "[decide]\nlisten = \"" + web + "\"\n[switch.here]\nnetworks = [\"127.0.0.0/8\"]\nprovider = \"acme\"\nhosts = [\"sip.acme.example=acme\"]\n[router.trunk.alpha]\nprovider = \"" + provider + "\"\n"
	}
	r := newReloadingWith(t, text("acme"), "alpha")
	ctx := t.Context()
	verb := func(code int, args ...string) string {
		t.Helper()
		got := call(t, "", append(args, "--socket", filepath.Join(r.dir, "s"))...)
		if got.code != code {
			t.Errorf("%q ended with %d: %s%s", args, got.code, got.out, got.err)
		}
		return got.out + got.err
	}
	verb(exitDone, "provider", "add", "--name", "acme")
	plan := `{"name":"main","service_provider":"acme","priority":1,"rules":[{"criteria":{"always":true},"destination":{"terminate":true}}]}`
	if _, err := r.client.PublishPlan(ctx, []byte(plan), time.Time{}, ""); err != nil {
		t.Fatal(err)
	}
	decided := func(body string) int {
		t.Helper()
		res, err := http.Post("http://"+web+"/v1/decide", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var text strings.Builder
		if err := res.Write(&text); err != nil {
			t.Fatal(err)
		}
		if res.StatusCode == http.StatusOK && !strings.Contains(text.String(), `"plan":"main"`) {
			t.Errorf("%s: %s", body, text.String())
		}
		return res.StatusCode
	}
	out := verb(exitDone, "provider", "rename", "acme", "beta")
	for _, want := range []string{"router.trunk.alpha.provider: acme", "switch.here.provider: acme", "switch.here.hosts: acme", "goes on meaning beta"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not told: %s", want, out)
		}
	}
	if got := r.gateway.router.TrunkProvider("alpha"); got != "acme" || r.gateway.store.ProviderName(got) != "beta" {
		t.Errorf("what comes in belongs to %q", got)
	}
	for body, want := range map[string]int{`{"called":"1"}`: 200, `{"provider":"acme","called":"1"}`: 200, `{"provider":"beta","called":"1"}`: 200, `{"provider":"default","called":"1"}`: 422} {
		if got := decided(body); got != want {
			t.Errorf("%s by the switch: %d, want %d", body, got, want)
		}
	}
	if out := verb(exitFailed, "provider", "add", "--name", "acme"); !strings.Contains(out, "router.trunk.alpha.provider") {
		t.Errorf("another takes the name that the configuration has: %s", out)
	}
	r.write(text("beta"), "alpha")
	if !r.reload() || r.gateway.router.TrunkProvider("alpha") != "acme" {
		t.Errorf("with the new name what comes in belongs to %q", r.gateway.router.TrunkProvider("alpha"))
	}
	if out := verb(exitDone, "provider", "show", "beta"); strings.Contains(out, "router.trunk") || !strings.Contains(out, "switch.here.provider: acme") {
		t.Errorf("after the reload: %s", out)
	}
	if p, err := r.client.Plan(ctx, "beta", "main"); err != nil || p.Provider != "beta" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := r.client.Providers().Read(ctx, "acme"); err == nil || !strings.Contains(err.Error(), "no such record") {
		t.Errorf("the old name: %v", err)
	}
}
