package httpd

import (
	"context"
	"fmt"

	"trunkline/api"
	"trunkline/router/access"
	"trunkline/store"
)

var administratorResource = &resource[store.Administrator, api.AdministratorFields, api.Administrator]{
	noun: "administrators", one: "administrator",
	view: access.ServiceAdministratorView, edit: access.ServiceAdministratorEdit, provision: access.ServiceAdministratorProvision,
	records: (*store.Store).Administrators, meta: func(a *store.Administrator) *store.Meta { return &a.Meta }, named: func(a *store.Administrator) string { return a.Username },
	show: func(_ context.Context, s *Server, a *store.Administrator) (api.Administrator, error) {
		out := api.Administrator{Record: recordOf(&a.Meta), AdministratorFields: administratorFields(a), Provider: s.store.ProviderName(a.Provider), FullName: a.FullName(), Account: a.Account(),
			LastQuotaReached: a.LastQuotaReached}
		out.RoleID = s.store.RoleName(out.RoleID)
		return out, nil
	},
	fields: administratorFields, role: func(f *api.AdministratorFields) *string { return &f.RoleID },
	kept: func(f api.AdministratorFields) api.AdministratorFields {
		return api.AdministratorFields{Username: f.Username, Level: f.Level, RoleID: f.RoleID, RecipientFilter: true}
	},
	fresh: func(r *request, f *api.AdministratorFields) {
		f.RecipientFilter = true
		if provider := r.who.Role.Provider(); provider != "" {
			f.RoleID = store.ProviderRole(provider)
		}
	},
	apply: func(f *api.AdministratorFields, a *store.Administrator, wrong *wrongFields) {
		a.Username, a.LastName, a.FirstName, a.Email, a.Level, a.RoleID, a.Permissions = f.Username, f.LastName, f.FirstName, f.Email, f.Level, f.RoleID, f.Permissions
		a.HasClient, a.SMSQuota, a.RecipientFilter, a.AuthBackend, a.QuotaRequest = f.HasClient, f.SMSQuota, f.RecipientFilter, f.AuthBackend, f.QuotaRequest
		a.PhoneNumber = readNumber(f.PhoneNumber, "phone_number", wrong)
	},
	may: mayAdministrator,
	filter: func(_ context.Context, _ *Server, r *request, q *store.Listing[store.Administrator]) error {
		q.WhereKey = "seen by " + r.who.Role.String()
		q.Where = func(a *store.Administrator) bool { return mayAdministrator(r, r.need, a, nil) == nil }
		return nil
	},
}

func administratorFields(a *store.Administrator) api.AdministratorFields {
	return api.AdministratorFields{Username: a.Username, LastName: a.LastName, FirstName: a.FirstName, PhoneNumber: a.PhoneNumber.String(), Email: a.Email, Level: a.Level, RoleID: a.RoleID,
		Permissions: a.Permissions, HasClient: a.HasClient, SMSQuota: a.SMSQuota, RecipientFilter: a.RecipientFilter, AuthBackend: a.AuthBackend, QuotaRequest: a.QuotaRequest}
}

// mayAdministrator tells whether a request may have to do with an administrator: owners of the platform are in sight of each other only, and nobody gives more
// than he has.
func mayAdministrator(r *request, need access.Permission, was, now *store.Administrator) error {
	if was != nil {
		role, err := access.ParseRole(was.RoleID)
		if err != nil || !r.who.Can(access.AdministratorNeed(role, need), role.Provider()) {
			return store.ErrNotFound
		}
	}
	if now == nil {
		return nil
	}
	text := now.RoleID
	if text == "" {
		text = store.ProviderRole(store.DefaultProvider)
		if now.Level == store.SuperAdministrator {
			text = store.RolePlatformOwner
		}
	}
	role, err := access.ParseRole(text)
	if err != nil {
		return invalid([]api.FieldError{{Field: "role_id", Code: api.FieldInvalid, Message: err.Error()}})
	}
	granted, err := access.ParsePermissions(now.Permissions)
	if err != nil {
		return invalid([]api.FieldError{{Field: "permissions", Code: api.FieldInvalid, Message: err.Error()}})
	}
	if !r.who.Can(access.AdministratorNeed(role, need), role.Provider()) {
		return invalid([]api.FieldError{{Field: "role_id", Code: api.FieldUnknown, Message: fmt.Sprintf("the role %s is not yours to give", r.server.store.RoleName(role.String()))}})
	}
	if now.Level == store.SuperAdministrator {
		granted = access.Every // which he has, whatever is written
	}
	before := access.Permissions(0)
	if was != nil {
		before, _ = access.ParsePermissions(was.Permissions)
	}
	if was != nil && was.Level == store.SuperAdministrator {
		before = access.Every
	}
	if err := r.who.MayGrant(role, granted&^before); err != nil {
		return invalid([]api.FieldError{{Field: "permissions", Code: api.FieldInvalid, Message: err.Error()}})
	}
	return nil
}
