package httpd

import (
	"context"

	"trunkline/api"
	"trunkline/router/access"
	"trunkline/store"
)

var providerResource = &resource[store.Provider, api.ProviderFields, api.Provider]{
	noun: "providers", one: "provider",
	view: access.ServiceProviderView, edit: access.ServiceProviderEdit, provision: access.ServiceProviderProvision,
	records: (*store.Store).Providers, meta: func(p *store.Provider) *store.Meta { return &p.Meta }, named: func(p *store.Provider) string { return p.Name },
	show: func(_ context.Context, _ *Server, p *store.Provider) (api.Provider, error) {
		return api.Provider{Record: recordOf(&p.Meta), ProviderFields: providerFields(p)}, nil
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
		return s.callPlans.ProviderChanged(context.WithoutCancel(ctx), p.Name)
	},
}

func providerFields(p *store.Provider) api.ProviderFields {
	return api.ProviderFields{Name: p.Name, DisplayName: p.DisplayName, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email, Address: p.Address, Phone: p.Phone, Notes: p.Notes,
		Timezone: p.Timezone, Locale: p.Locale, DefaultTreatment: p.DefaultTreatment, DefaultTrunk: p.DefaultTrunk, DefaultPhoneCode: p.DefaultPhoneCode}
}
