package access

import (
	"fmt"
	"strings"
)

// Role is what an administrator is: an owner of the platform, or of one service provider. The zero value is nothing and reaches nothing.
type Role struct {
	platform bool
	provider string
}

// What a role_id begins with.
const (
	platformOwner   = "platform_owner"
	serviceProvider = "service_provider:"
)

// PlatformOwner is the role that may hold every permission and reaches all objects.
func PlatformOwner() Role { return Role{platform: true} }

// OfProvider is the role of an administrator of one service provider.
func OfProvider(name string) Role { return Role{provider: name} }

// ParseRole reads a role_id: platform_owner, or service_provider: and a name.
func ParseRole(id string) (Role, error) {
	if id == platformOwner {
		return PlatformOwner(), nil
	}
	if name, ok := strings.CutPrefix(id, serviceProvider); ok && name != "" {
		return OfProvider(name), nil
	}
	return Role{}, fmt.Errorf("%q is no role_id; write platform_owner, or service_provider:NAME", clip(id))
}

// String returns the role_id, "" for the zero value.
func (r Role) String() string {
	switch {
	case r.platform:
		return platformOwner
	case r.provider != "":
		return serviceProvider + r.provider
	}
	return ""
}

// Platform tells whether the role reaches all service providers.
func (r Role) Platform() bool { return r.platform }

// Provider returns the service provider that the role belongs to, "" for owners of the platform.
func (r Role) Provider() string { return r.provider }

// Reaches tells whether objects of a service provider are in sight; "" is the platform itself, which only its owners reach.
func (r Role) Reaches(provider string) bool {
	return r.platform || provider != "" && r.provider == provider
}

// ofProvider is what an administrator of a service provider may hold at most.
var ofProvider = Of(MessageSend, MessageEmergency,
	ServiceProvision, ServiceView, ServiceEdit,
	CallPatternProvision, CallPatternView, CallPatternEdit,
	ServiceAdministratorProvision, ServiceAdministratorView, ServiceAdministratorEdit,
	StatisticsView, ServiceProviderView, ServiceProviderEdit)

// Limit returns what the role may hold at most.
func (r Role) Limit() Permissions {
	switch {
	case r.platform:
		return Every
	case r.provider != "":
		return ofProvider
	}
	return 0
}
