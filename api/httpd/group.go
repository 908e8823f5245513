package httpd

import (
	"context"
	"errors"
	"net/http"
	"time"

	"trunkline/api"
	"trunkline/router/access"
	"trunkline/store"
)

var groupResource = &resource[store.Group, api.GroupFields, api.Group]{
	noun: "groups", one: "group", view: access.ServiceView, edit: access.ServiceEdit, provision: access.ServiceProvision,
	records: (*store.Store).Groups, meta: func(g *store.Group) *store.Meta { return &g.Meta }, named: func(g *store.Group) string { return g.Name },
	show: groupOf, fields: groupFields, provider: func(f *api.GroupFields) *string { return &f.Provider },
	apply: func(f *api.GroupFields, g *store.Group, _ *wrongFields) {
		g.Provider, g.AdminID, g.Name, g.Description = f.Provider, f.AdminID, f.Name, f.Description
	},
	kept: func(f api.GroupFields) api.GroupFields {
		return api.GroupFields{Provider: f.Provider, AdminID: f.AdminID}
	},
	fresh:   func(r *request, f *api.GroupFields) { f.Provider, f.AdminID = r.usualOwner() },
	filters: []parameter{{name: "admin", doc: "id of the administrator that owns it, me, or 0 for nobody in particular"}},
	filter: func(ctx context.Context, s *Server, r *request, q *store.Listing[store.Group]) (err error) {
		q.Admin, err = r.ownerParameter()
		return err
	},
}

func groupFields(g *store.Group) api.GroupFields {
	return api.GroupFields{Provider: g.Provider, AdminID: g.AdminID, Name: g.Name, Description: g.Description}
}

func groupOf(ctx context.Context, s *Server, g *store.Group) (api.Group, error) {
	out := api.Group{Record: recordOf(&g.Meta), GroupFields: groupFields(g), Actions: []uint64{}}
	out.Provider = s.store.ProviderName(out.Provider)
	var err error
	if out.Members, err = s.store.CountMembers(ctx, g.ID); err != nil {
		return out, err
	}
	actions, err := s.store.ActionsOf(ctx, g.ID)
	out.Actions = append(out.Actions, actions...)
	if err != nil {
		return out, err
	}
	out.Former, err = s.store.FormerMembers(ctx, g.ID, maxLimit)
	return out, err
}

func (s *Server) changeMembers(w http.ResponseWriter, r *request) error {
	doc, err := s.readJSON(r)
	if err != nil {
		return err
	}
	defer doc.release()
	var body api.MembersRequest
	if err := overlay(doc, &body); err != nil {
		return err
	}
	g, err := groupResource.find(s, r, r.need)
	for _, step := range []struct {
		contacts []uint64
		do       func(ctx context.Context, group uint64, at time.Time, who string, contacts ...uint64) error
	}{{body.Add, s.store.AddMembers}, {body.Remove, s.store.RemoveMembers}, {body.Restore, s.store.RestoreMembers}, {body.Purge, s.store.PurgeMembers}} {
		if err == nil && len(step.contacts) > 0 {
			err = step.do(r.Context(), g.ID, s.store.Now(), r.account, step.contacts...)
		}
	}
	return groupResource.answer(s, w, r, http.StatusOK, g, err)
}

func (s *Server) changeGrants(w http.ResponseWriter, r *request) error {
	doc, err := s.readJSON(r)
	if err != nil {
		return err
	}
	defer doc.release()
	var body api.GrantsRequest
	if err := overlay(doc, &body); err != nil {
		return err
	}
	a, err := actionResource.find(s, r, r.need)
	if err != nil {
		return err
	}
	at, ctx := s.store.Now(), r.Context()
	var steps []func() error
	for _, id := range body.Add.Groups {
		steps = append(steps, func() error { return s.store.AllowGroup(ctx, a.ID, id, at, r.account) })
	}
	for _, id := range body.Add.Administrators {
		steps = append(steps, func() error { return s.store.AllowAdministrator(ctx, a.ID, id, at, r.account) })
	}
	for _, n := range body.Add.ContactNotify {
		steps = append(steps, func() error { return s.store.Notify(ctx, a.ID, n.Contact, n.Group, at, r.account) })
	}
	gone := func(err error) error {
		if errors.Is(err, store.ErrNotFound) {
			return nil // it is not there, which is what was asked for
		}
		return err
	}
	for _, n := range body.Remove.ContactNotify {
		steps = append(steps, func() error { return gone(s.store.StopNotify(ctx, a.ID, n.Contact, n.Group, at, r.account)) })
	}
	for _, id := range body.Remove.Groups {
		steps = append(steps, func() error { return gone(s.store.DisallowGroup(ctx, a.ID, id, at, r.account)) })
	}
	for _, id := range body.Remove.Administrators {
		steps = append(steps, func() error { return gone(s.store.DisallowAdministrator(ctx, a.ID, id, at, r.account)) })
	}
	for _, id := range body.Restore.Groups {
		steps = append(steps, func() error { return s.store.RestoreGroup(ctx, a.ID, id, at, r.account) })
	}
	for _, id := range body.Restore.Administrators {
		steps = append(steps, func() error { return s.store.RestoreAdministrator(ctx, a.ID, id, at, r.account) })
	}
	for _, n := range body.Restore.ContactNotify {
		steps = append(steps, func() error { return s.store.RestoreNotify(ctx, a.ID, n.Contact, n.Group, at, r.account) })
	}
	purge := store.Grants{Groups: body.Purge.Groups, Administrators: body.Purge.Administrators}
	for _, n := range body.Purge.ContactNotify {
		purge.Notify = append(purge.Notify, store.Notice(n))
	}
	steps = append(steps, func() error { return s.store.PurgeGrants(ctx, a.ID, purge, at, r.account) })
	for _, step := range steps {
		if err := step(); err != nil {
			return actionResource.problem(err)
		}
	}
	return actionResource.answer(s, w, r, http.StatusOK, a, nil)
}
