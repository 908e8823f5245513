package access

import (
	"slices"
	"strings"
	"testing"
)

// the18 are the names of the provisioning interface, as its documentation lists them.
const the18 = `easy0_platform_administrator_provision easy0_platform_administrator_view easy0_platform_administrator_edit
easy0_service_provider_provision easy0_service_provider_view easy0_service_provider_edit
easy0_service_provision easy0_service_view easy0_service_edit
easy0_call_pattern_provision easy0_call_pattern_view easy0_call_pattern_edit
easy0_service_administrator_provision easy0_service_administrator_view easy0_service_administrator_edit
easy0_settings_view easy0_settings_edit easy0_statistics_view`

func TestNames(t *testing.T) {
	want := strings.Fields(the18)
	if len(want) != 18 {
		t.Fatalf("%d names", len(want))
	}
	got := Every.Names()
	if !slices.Equal(got, append(append([]string{"easy0_message_send"}, want...), "message_emergency")) {
		t.Errorf("names: %v", got)
	}
	for _, name := range got {
		p, err := ParsePermission(name)
		if err != nil || p.String() != name {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
	for _, name := range []string{"", "none", "public", "anyone", "easy0_settings_provision", "easy0_statistics_edit", "EASY0_SETTINGS_VIEW", strings.Repeat("x", 1000)} {
		if p, err := ParsePermission(name); err == nil {
			t.Errorf("%q is taken for %v", name, p)
		} else if len(err.Error()) > 2000 {
			t.Errorf("%q: the message has %d bytes", clip(name), len(err.Error()))
		}
	}
	s, err := ParsePermissions(want)
	if err != nil || s != Every&^Of(MessageSend, MessageEmergency) {
		t.Errorf("ParsePermissions: %v, %v", s.Names(), err)
	}
	if s, err := ParsePermissions([]string{"easy0_service_view", "nothing"}); err == nil || s != 0 {
		t.Errorf("a wrong name gives %v", s.Names())
	}
}

func TestRoles(t *testing.T) {
	for id, want := range map[string]Role{"platform_owner": PlatformOwner(), "service_provider:acme": OfProvider("acme"), "service_provider:a:b": OfProvider("a:b")} {
		got, err := ParseRole(id)
		if err != nil || got != want || got.String() != id {
			t.Errorf("%s: %v, %v", id, got, err)
		}
	}
	for _, id := range []string{"", "platform", "platform_owner:x", "service_provider", "service_provider:", "subscriber:acme:x", "Platform_Owner"} {
		if r, err := ParseRole(id); err == nil || r != (Role{}) {
			t.Errorf("%q is taken for %v", id, r)
		}
	}
}

// limit says again, name by name, what an administrator of a service provider may hold.
func limit(name string) bool {
	for _, prefix := range []string{"easy0_service_administrator_", "easy0_call_pattern_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains([]string{"easy0_service_provision", "easy0_service_view", "easy0_service_edit", "easy0_statistics_view",
		"easy0_service_provider_view", "easy0_service_provider_edit", "easy0_message_send", "message_emergency"}, name)
}

// TestCan asks everything that can be asked: every role, with each permission alone, all and none, for each need and each owner of an object.
func TestCan(t *testing.T) {
	asked := 0
	roles := map[Role]string{PlatformOwner(): "platform", OfProvider("acme"): "acme", {}: ""}
	sets := []Permissions{0, Every, ^Permissions(0)}
	for p := range Every.All() {
		sets = append(sets, Of(p), Every&^Of(p))
	}
	for role, of := range roles {
		for _, granted := range sets {
			for _, account := range []string{"admin:x", ""} {
				who := Principal{Account: account, Role: role, Permissions: granted}
				for need := None; need <= permissionEnd; need++ {
					for _, owner := range []string{"", "acme", "other", "platform"} {
						asked++
						var want bool
						switch {
						case need == Public:
							want = true
						case account == "" || need == None || need >= permissionEnd:
						case need == Anyone:
							want = true
						case granted>>need&1 == 0:
						case of == "platform":
							want = true
						case of == "acme":
							want = owner == "acme" && limit(need.String())
						}
						if got := who.Can(need, owner); got != want {
							t.Errorf("%v with %v, %v on an object of %q: %t, want %t", role, granted.Names(), need, owner, got, want)
						}
						if got := who.Can(need, owner); got && !who.Ever(need) {
							t.Errorf("%v can %v and never can", role, need)
						}
					}
				}
			}
		}
	}
	if asked < 10_000 {
		t.Errorf("only %d were asked", asked)
	}
}

func TestGrant(t *testing.T) {
	owner := Principal{Account: "admin:root", Role: PlatformOwner(), Permissions: Every}
	part := Principal{Account: "admin:part", Role: PlatformOwner(), Permissions: Of(ServiceView, ServiceAdministratorProvision)}
	acme := Principal{Account: "admin:a", Role: OfProvider("acme"), Permissions: Every}
	tests := []struct {
		name    string
		who     Principal
		role    Role
		granted Permissions
		want    string // part of the reason; "" is allowed
	}{
		{"everything", owner, PlatformOwner(), Every, ""},
		{"to a provider", owner, OfProvider("acme"), ofProvider, ""},
		{"over the role", owner, OfProvider("acme"), Of(SettingsView), "cannot hold easy0_settings_view"},
		{"over the giver", part, OfProvider("acme"), Of(ServiceEdit), "you do not hold easy0_service_edit"},
		{"sending", part, OfProvider("acme"), Of(MessageSend, ServiceView), ""},
		{"own provider", acme, OfProvider("acme"), ofProvider, ""},
		{"platform by a provider", acme, PlatformOwner(), 0, "not yours"},
		{"another provider", acme, OfProvider("other"), 0, "not yours"},
		{"no role", owner, Role{}, 0, "role is needed"},
		{"nobody", Principal{}, OfProvider("acme"), 0, "not yours"},
		{"what the role of the giver does not hold", acme, OfProvider("acme"), Of(ServiceProviderProvision), "cannot hold"},
	}
	for _, tt := range tests {
		err := tt.who.MayGrant(tt.role, tt.granted)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestGuarded(t *testing.T) {
	for p := range Every.All() {
		who := Principal{Account: "admin:x", Role: PlatformOwner(), Permissions: Of(p)}
		name := p.String()
		changes := strings.HasSuffix(name, "_edit") || strings.HasSuffix(name, "_provision")
		want := changes && (strings.Contains(name, "administrator") || strings.Contains(name, "settings") || strings.HasPrefix(name, "easy0_service_e") || strings.HasPrefix(name, "easy0_service_provision"))
		if who.Guarded() != want {
			t.Errorf("%s: guarded %t, want %t", name, !want, want)
		}
		if rest := who.Unproven(); rest.Guarded() || rest.Holds().Has(p) == want {
			t.Errorf("%s without a second factor leaves %v", name, rest.Holds().Names())
		}
	}
	who := Principal{Account: "admin:x", Role: OfProvider("acme"), Permissions: Every}.Within(Of(SettingsEdit, ServiceView))
	if got := who.Holds(); got != Of(ServiceView) {
		t.Errorf("a token's scope gives %v", got.Names())
	}
}

func TestAdministratorNeed(t *testing.T) {
	for need, platform := range map[Permission]Permission{ServiceAdministratorProvision: PlatformAdministratorProvision,
		ServiceAdministratorView: PlatformAdministratorView, ServiceAdministratorEdit: PlatformAdministratorEdit, ServiceView: ServiceView} {
		if got := AdministratorNeed(OfProvider("acme"), need); got != need {
			t.Errorf("%v of a provider: %v", need, got)
		}
		if got := AdministratorNeed(PlatformOwner(), need); got != platform {
			t.Errorf("%v of the platform: %v", need, got)
		}
	}
}
