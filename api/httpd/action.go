package httpd

import (
	"context"

	"trunkline/api"
	"trunkline/router/access"
	"trunkline/router/template"
	"trunkline/store"
)

var actionResource = &resource[store.Action, api.ActionFields, api.Action]{
	noun: "actions", one: "action", view: access.ServiceView, edit: access.ServiceEdit, provision: access.ServiceProvision,
	records: (*store.Store).Actions, meta: func(a *store.Action) *store.Meta { return &a.Meta }, named: func(a *store.Action) string { return a.Name },
	show: actionOf, fields: actionFields, provider: func(f *api.ActionFields) *string { return &f.Provider }, apply: applyAction,
	kept: func(f api.ActionFields) api.ActionFields {
		return api.ActionFields{Provider: f.Provider, JanuaID: f.JanuaID, Enabled: true, Filtered: true}
	},
	fresh: func(r *request, f *api.ActionFields) {
		f.Enabled, f.Filtered = true, true
		f.Provider, f.AdminID = r.usualOwner()
	},
	filters: []parameter{{name: "admin", doc: "id of its manager, me, or 0 for nobody"}},
	filter: func(ctx context.Context, s *Server, r *request, q *store.Listing[store.Action]) (err error) {
		q.Admin, err = r.ownerParameter()
		return err
	},
}

func actionFields(a *store.Action) api.ActionFields {
	f := api.ActionFields{Provider: a.Provider, Name: a.Name, Description: a.Description, Module: a.Module, Keyword: a.Keyword, Authentication: a.Authentication, Enabled: a.Enabled,
		Filtered: a.Filtered, AdminID: a.AdminID, JanuaID: a.JanuaID, Kind: a.Kind, Category: a.Category, Dangerous: a.Dangerous, Level: a.Level, Text: a.Text, Target: a.Target,
		SenderLimit: a.SenderLimit, HourLimit: a.HourLimit, Repeat: a.Repeat}
	for _, g := range a.Arguments {
		f.Arguments = append(f.Arguments, api.ActionArgument(g))
	}
	return f
}

func applyAction(f *api.ActionFields, a *store.Action, wrong *wrongFields) {
	a.Provider, a.Name, a.Description, a.Module, a.Keyword, a.Authentication, a.Enabled = f.Provider, f.Name, f.Description, f.Module, f.Keyword, f.Authentication, f.Enabled
	a.Filtered, a.AdminID, a.JanuaID, a.Kind, a.Category, a.Dangerous, a.Level = f.Filtered, f.AdminID, f.JanuaID, f.Kind, f.Category, f.Dangerous, f.Level
	a.Text, a.Target, a.SenderLimit, a.HourLimit, a.Repeat, a.Arguments = f.Text, f.Target, f.SenderLimit, f.HourLimit, f.Repeat, nil
	for _, g := range f.Arguments {
		a.Arguments = append(a.Arguments, store.ActionArgument(g))
	}
	if _, err := template.Parse(f.Text); err != nil {
		wrong.add("text", api.FieldInvalid, err.Error())
	}
}

func actionOf(ctx context.Context, s *Server, a *store.Action) (api.Action, error) {
	out := api.Action{Record: recordOf(&a.Meta), ActionFields: actionFields(a)}
	grants, err := s.store.Grants(ctx, a.ID)
	if err != nil {
		return out, err
	}
	former, err := s.store.FormerGrants(ctx, a.ID)
	out.Authorized, out.Former = grantsOf(&grants), grantsOf(&former)
	return out, err
}

func grantsOf(g *store.Grants) api.Grants {
	out := api.Grants{Groups: g.Groups, Administrators: g.Administrators}
	for _, n := range g.Notify {
		out.ContactNotify = append(out.ContactNotify, api.ActionNotice(n))
	}
	return out
}
