package httpd

import (
	"context"
	"strconv"
	"strings"

	"trunkline/api"
	"trunkline/router/access"
	"trunkline/store"
)

var providerResource = &resource[store.Provider, api.ProviderFields, api.Provider]{
	noun: "providers", one: "provider",
	view: access.ServiceProviderView, edit: access.ServiceProviderEdit, provision: access.ServiceProviderProvision,
	records: (*store.Store).Providers, meta: func(p *store.Provider) *store.Meta { return &p.Meta }, named: func(p *store.Provider) string { return p.Name },
	show: func(_ context.Context, s *Server, p *store.Provider) (api.Provider, error) {
		out := api.Provider{Record: recordOf(&p.Meta), ProviderFields: providerFields(p), Outdated: s.outdated(p)}
		for _, f := range p.Former {
			out.FormerNames = append(out.FormerNames, api.FormerName{Name: f.Name, Until: f.Until.UTC()})
		}
		return out, nil
	},
	fields: providerFields,
	kept:   func(f api.ProviderFields) api.ProviderFields { return api.ProviderFields{Name: f.Name} },
	fresh:  func(*request, *api.ProviderFields) {},
	apply: func(f *api.ProviderFields, p *store.Provider, _ *wrongFields) {
		m := p.Meta
		*p = store.Provider{Meta: m, Name: f.Name, DisplayName: f.DisplayName, FirstName: f.FirstName, LastName: f.LastName, Email: f.Email, Address: f.Address, Phone: f.Phone, Notes: f.Notes,
			Timezone: f.Timezone, Locale: f.Locale, DefaultTreatment: f.DefaultTreatment, DefaultTrunk: f.DefaultTrunk, DefaultPhoneCode: f.DefaultPhoneCode}
	},
	changed: func(ctx context.Context, s *Server, p *store.Provider) error {
		if s.callPlans == nil {
			return nil
		}
		return s.callPlans.ProviderChanged(context.WithoutCancel(ctx), p.Provider)
	},
	may: mayRename,
}

func providerFields(p *store.Provider) api.ProviderFields {
	return api.ProviderFields{Name: p.Name, DisplayName: p.DisplayName, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email, Address: p.Address, Phone: p.Phone, Notes: p.Notes,
		Timezone: p.Timezone, Locale: p.Locale, DefaultTreatment: p.DefaultTreatment, DefaultTrunk: p.DefaultTrunk, DefaultPhoneCode: p.DefaultPhoneCode}
}

// outdated tells where the configuration names a service provider as it was called before.
func (s *Server) outdated(p *store.Provider) (all []string) {
	if s.named == nil {
		return nil
	}
	for _, f := range p.Former {
		if s.store.ProviderMeant(f.Name) != p.Provider {
			continue // the name means another one by now
		}
		for _, place := range s.named(f.Name) {
			all = append(all, place+": "+f.Name)
		}
	}
	return all
}

// mayRename tells whether a service provider may get a name. Only owners of the platform rename: who is told that a name is taken learns who else is here. A
// name by which the configuration means a service provider that gave it up is not given to another, to whom its trunks and switches would go.
func mayRename(r *request, _ access.Permission, was, now *store.Provider) error {
	if now == nil || was != nil && was.Name == now.Name {
		return nil
	}
	refuse := func(code, text string) error {
		return invalid([]api.FieldError{{Field: "name", Code: code, Message: text}})
	}
	if was != nil && !r.who.Role.Platform() {
		return refuse(api.FieldImmutable, "is changed by owners of the platform only; the display name is yours to change")
	}
	s := r.server
	if s.named == nil {
		return nil
	}
	holder := s.store.ProviderMeant(now.Name)
	if places := s.named(now.Name); len(places) > 0 && s.store.ProviderName(holder) != now.Name && (was == nil || was.Provider != holder) {
		return refuse(api.FieldExists, "by this name the configuration means the service provider that is called "+strconv.Quote(s.store.ProviderName(holder))+" now: change "+
			strings.Join(places, ", ")+" first, and reload")
	}
	return nil
}
