package httpd

import (
	"cmp"
	"context"
	"fmt"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router/access"
	"trunkline/store"
)

var subscriberResource = &resource[store.Subscriber, api.SubscriberFields, api.Subscriber]{
	noun: "subscribers", one: "subscriber", view: access.ServiceView, edit: access.ServiceEdit, provision: access.ServiceProvision,
	records: (*store.Store).Subscribers, meta: func(v *store.Subscriber) *store.Meta { return &v.Meta }, named: func(v *store.Subscriber) string { return v.Name },
	show: func(_ context.Context, s *Server, v *store.Subscriber) (api.Subscriber, error) {
		out := api.Subscriber{Record: recordOf(&v.Meta), SubscriberFields: subscriberFields(v)}
		out.Provider = s.store.ProviderName(out.Provider)
		return out, nil
	},
	fields: subscriberFields, provider: func(f *api.SubscriberFields) *string { return &f.Provider },
	kept: func(f api.SubscriberFields) api.SubscriberFields { return api.SubscriberFields{Provider: f.Provider} },
	fresh: func(r *request, f *api.SubscriberFields) {
		f.Provider = cmp.Or(r.who.Role.Provider(), store.DefaultProvider)
	},
	apply: func(f *api.SubscriberFields, v *store.Subscriber, wrong *wrongFields) {
		m := v.Meta
		m.Provider = f.Provider
		*v = store.Subscriber{Meta: m, Name: f.Name, DisplayName: f.DisplayName, FirstName: f.FirstName, LastName: f.LastName, Email: f.Email, Address: f.Address, Phone: f.Phone,
			Notes: f.Notes, ContactID: f.ContactID}
		for i, text := range f.Numbers {
			n, err := phone.Parse(text)
			if err != nil {
				wrong.add(fmt.Sprintf("numbers[%d]", i), api.FieldInvalid, err.Error())
			}
			v.Numbers = append(v.Numbers, n)
		}
	},
}

func subscriberFields(v *store.Subscriber) api.SubscriberFields {
	f := api.SubscriberFields{Provider: v.Provider, Name: v.Name, DisplayName: v.DisplayName, FirstName: v.FirstName, LastName: v.LastName, Email: v.Email, Address: v.Address, Phone: v.Phone,
		Notes: v.Notes, ContactID: v.ContactID}
	for _, n := range v.Numbers {
		f.Numbers = append(f.Numbers, n.String())
	}
	return f
}

var calendarResource = &resource[store.Calendar, api.CalendarFields, api.Calendar]{
	noun: "calendars", one: "calendar", view: access.CallPatternView, edit: access.CallPatternEdit, provision: access.CallPatternProvision,
	records: (*store.Store).Calendars, meta: func(v *store.Calendar) *store.Meta { return &v.Meta }, named: func(v *store.Calendar) string { return v.Name },
	show: func(_ context.Context, s *Server, v *store.Calendar) (api.Calendar, error) {
		out := api.Calendar{Record: recordOf(&v.Meta), CalendarFields: calendarFields(v)}
		out.Provider = s.store.ProviderName(out.Provider)
		return out, nil
	},
	fields: calendarFields, provider: func(f *api.CalendarFields) *string { return &f.Provider },
	kept: func(f api.CalendarFields) api.CalendarFields { return api.CalendarFields{Provider: f.Provider} },
	fresh: func(r *request, f *api.CalendarFields) {
		f.Provider = cmp.Or(r.who.Role.Provider(), store.DefaultProvider)
	},
	apply: func(f *api.CalendarFields, v *store.Calendar, _ *wrongFields) {
		v.Provider, v.Name, v.Days, v.Notes = f.Provider, f.Name, f.Days, f.Notes
	},
	changed: func(ctx context.Context, s *Server, v *store.Calendar) error {
		if s.callPlans == nil {
			return nil
		}
		return s.callPlans.ProviderChanged(context.WithoutCancel(ctx), v.Provider)
	},
}

func calendarFields(v *store.Calendar) api.CalendarFields {
	return api.CalendarFields{Provider: v.Provider, Name: v.Name, Days: v.Days, Notes: v.Notes}
}
