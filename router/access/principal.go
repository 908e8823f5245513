package access

import "fmt"

// Principal is whoever asks. The zero value is nobody.
type Principal struct {
	Account     string      // as messages, events and logs name it: "uid:1000", "admin:alice"; "" is nobody
	Role        Role        // bounds the permissions, and whose objects are in sight
	Permissions Permissions // as they were granted; what the role may not hold does not count
}

// guarded are the permissions by which actions, settings or administrators can be changed. They need a second factor at a login.
var guarded = Of(SettingsEdit, PlatformAdministratorProvision, PlatformAdministratorEdit, ServiceAdministratorProvision, ServiceAdministratorEdit,
	ServiceProvision, ServiceEdit)

// Holds returns what the principal really has.
func (p Principal) Holds() Permissions { return p.Permissions & p.Role.Limit() }

// Can tells whether the principal may do what needs a permission to an object of a service provider; "" is an object of the platform. Nothing that is not
// granted is allowed.
func (p Principal) Can(need Permission, provider string) bool {
	return p.Ever(need) && (need == Public || need == Anyone || p.Role.Reaches(provider))
}

// Ever tells whether there is any object to which the principal may do what needs a permission.
func (p Principal) Ever(need Permission) bool {
	switch need {
	case Public:
		return true
	case Anyone:
		return p.Account != ""
	}
	return p.Account != "" && p.Holds().Has(need)
}

// Guarded tells whether a login needs a second factor to use all that the principal holds.
func (p Principal) Guarded() bool { return p.Holds()&guarded != 0 }

// Unproven is the principal as long as its second factor was not shown: without the permissions that need it.
func (p Principal) Unproven() Principal {
	p.Permissions &^= guarded
	return p
}

// Within is the principal with no more than a scope, as a token has it.
func (p Principal) Within(scope Permissions) Principal {
	p.Permissions &= scope
	return p
}

// AdministratorNeed returns what creating, viewing or editing an administrator of a role needs, given the permission for administrators of a service provider.
func AdministratorNeed(of Role, need Permission) Permission {
	if !of.Platform() {
		return need
	}
	switch need {
	case ServiceAdministratorProvision:
		return PlatformAdministratorProvision
	case ServiceAdministratorView:
		return PlatformAdministratorView
	case ServiceAdministratorEdit:
		return PlatformAdministratorEdit
	}
	return need
}

// MayGrant returns why the principal may not give a role and permissions to another, nil when it may: the role must be in reach, it must be able to hold the
// permissions, and nobody gives what he does not hold. Sending can always be given.
func (p Principal) MayGrant(role Role, granted Permissions) error {
	switch {
	case role == Role{}:
		return fmt.Errorf("a role is needed")
	case role.Platform() && !p.Role.Platform(), !role.Platform() && !p.Role.Reaches(role.Provider()):
		return fmt.Errorf("the role %s is not yours to give", role)
	}
	if over := granted &^ role.Limit(); over != 0 {
		return fmt.Errorf("the role %s cannot hold %s", role, over.Names()[0])
	}
	if over := granted &^ p.Holds() &^ Of(MessageSend); over != 0 {
		return fmt.Errorf("you do not hold %s yourself", over.Names()[0])
	}
	return nil
}
