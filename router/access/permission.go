// Package access says who may do what. It is pure: it knows no store, no connection and no clock, so that every answer can be tested for all that can be
// asked.
//
// A Principal is whoever asks. It has a Role, which bounds what it may hold and whose objects it reaches, and Permissions, which were granted to it. A
// request names one Permission and the service provider that the object belongs to; Can is the one place where both are compared.
package access

import (
	"fmt"
	"iter"
	"math/bits"
	"strings"
)

// Permission is what a request needs. The zero value is held by nobody, so that a request that names none is refused.
type Permission uint8

// What needs no grant, sending, sending in an emergency, and the 18 permissions of the provisioning interface. A class is provisioned (created, archived, restored, purged, imported),
// viewed (read, exported) or edited (modified).
const (
	None   Permission = iota
	Public            // whoever asks need not be known
	Anyone            // whoever is known: for what is his own, or nobody's secret

	MessageSend // every administrator holds it; a token only when it is in its scope

	PlatformAdministratorProvision // administrators of the platform, ways to log in
	PlatformAdministratorView
	PlatformAdministratorEdit
	ServiceProviderProvision // service providers
	ServiceProviderView
	ServiceProviderEdit
	ServiceProvision // subscribers, contacts, groups, templates, actions: what a service provider works with
	ServiceView
	ServiceEdit
	CallPatternProvision // call plans, screening lists, calendars
	CallPatternView
	CallPatternEdit
	ServiceAdministratorProvision // administrators of a service provider
	ServiceAdministratorView
	ServiceAdministratorEdit
	SettingsView // settings, modems, trunks, webhooks, the database
	SettingsEdit
	StatisticsView // usage, call records, messages of others

	MessageEmergency // sending to those too who asked not to be written to, when people are in danger

	permissionEnd
)

// permissionNames are the words of the outside.
var permissionNames = [permissionEnd]string{
	None: "none", Public: "public", Anyone: "anyone",
	MessageSend:                    "easy0_message_send",
	PlatformAdministratorProvision: "easy0_platform_administrator_provision",
	PlatformAdministratorView:      "easy0_platform_administrator_view",
	PlatformAdministratorEdit:      "easy0_platform_administrator_edit",
	ServiceProviderProvision:       "easy0_service_provider_provision",
	ServiceProviderView:            "easy0_service_provider_view",
	ServiceProviderEdit:            "easy0_service_provider_edit",
	ServiceProvision:               "easy0_service_provision",
	ServiceView:                    "easy0_service_view",
	ServiceEdit:                    "easy0_service_edit",
	CallPatternProvision:           "easy0_call_pattern_provision",
	CallPatternView:                "easy0_call_pattern_view",
	CallPatternEdit:                "easy0_call_pattern_edit",
	ServiceAdministratorProvision:  "easy0_service_administrator_provision",
	ServiceAdministratorView:       "easy0_service_administrator_view",
	ServiceAdministratorEdit:       "easy0_service_administrator_edit",
	SettingsView:                   "easy0_settings_view",
	SettingsEdit:                   "easy0_settings_edit",
	StatisticsView:                 "easy0_statistics_view",
	MessageEmergency:               "message_emergency",
}

// String returns the name of the permission, such as easy0_service_view.
func (p Permission) String() string {
	if p < permissionEnd {
		return permissionNames[p]
	}
	return fmt.Sprintf("permission(%d)", uint8(p))
}

// ParsePermission reads the name of a permission that can be granted. Names are compared exactly.
func ParsePermission(name string) (Permission, error) {
	for p := MessageSend; p < permissionEnd; p++ {
		if permissionNames[p] == name {
			return p, nil
		}
	}
	return None, fmt.Errorf("%q is no permission; they are %s", clip(name), strings.Join(Every.Names(), ", "))
}

// clip bounds what a message repeats of a value.
func clip(s string) string {
	if r := []rune(s); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return s
}

// Permissions is a set of permissions that can be granted. The zero value is empty.
type Permissions uint32

// Every is all that can be granted.
const Every = Permissions(1<<permissionEnd-1) &^ (1<<MessageSend - 1)

// Of returns the set of some permissions.
func Of(all ...Permission) (s Permissions) {
	for _, p := range all {
		s |= 1 << p
	}
	return s & Every
}

// ParsePermissions reads names; the error names the first that is none.
func ParsePermissions(names []string) (s Permissions, err error) {
	for _, name := range names {
		p, err := ParsePermission(name)
		if err != nil {
			return 0, err
		}
		s |= Of(p)
	}
	return s, nil
}

// Has tells whether a permission is in the set.
func (s Permissions) Has(p Permission) bool {
	return p >= MessageSend && p < permissionEnd && s>>p&1 == 1
}

// Within tells whether all of s is in other.
func (s Permissions) Within(other Permissions) bool { return s&^other == 0 }

// All iterates over the set in the order of the constants.
func (s Permissions) All() iter.Seq[Permission] {
	return func(yield func(Permission) bool) {
		for s &= Every; s != 0; s &= s - 1 {
			if !yield(Permission(bits.TrailingZeros32(uint32(s)))) {
				return
			}
		}
	}
}

// Names returns the names of the set in the order of the constants, never nil.
func (s Permissions) Names() []string {
	names := []string{}
	for p := range s.All() {
		names = append(names, p.String())
	}
	return names
}
