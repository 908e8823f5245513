package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/store"
)

// full fails the test when a field of an example is not set, so that a field that is added is tried too.
func full(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Field(i)
		name := path + v.Type().Field(i).Name
		if f.IsZero() {
			t.Errorf("%s is not set in the example", name)
		}
		if f.Kind() == reflect.Slice && f.Len() > 0 && f.Index(0).Kind() == reflect.Struct {
			full(t, f.Index(0), name+"[0].")
		}
	}
}

// same compares values as JSON.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Errorf("%s:\n got %s\nwant %s", what, a, b)
	}
}

// life takes a record through all that can be done with it: every field of the example is written and read again, replaced, and set back one by one.
func life[F, J any](t *testing.T, c api.Collection[F, J], kept []string, first, second F, fields func(*J) F, record func(*J) *api.Record) J {
	t.Helper()
	ctx := t.Context()
	full(t, reflect.ValueOf(second), "")
	added, err := c.Add(ctx, first)
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprint(record(&added).ID)
	replaced, err := c.Replace(ctx, id, second)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "replaced", fields(&replaced), second)
	read, err := c.Read(ctx, record(&added).UUID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "read", fields(&read), second)
	if record(&read).UpdatedAt.IsZero() || record(&read).CreatedBy == "" {
		t.Errorf("%+v", record(&read))
	}
	// Each field alone: set to what it had at first, and back.
	var was, now map[string]any
	b, _ := json.Marshal(fields(&added))
	json.Unmarshal(b, &was)
	b, _ = json.Marshal(second)
	json.Unmarshal(b, &now)
	for name, value := range now {
		if _, ok := was[name]; !ok || slices.Contains(kept, name) {
			continue
		}
		if _, err := c.Change(ctx, id, map[string]any{name: was[name]}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		changed, err := c.Change(ctx, id, map[string]any{name: value})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, fields(&changed), second)
	}
	if _, err := c.Purge(ctx, id); !is(err, http.StatusConflict) {
		t.Errorf("purged without being archived: %v", err)
	}
	if a, err := c.Archive(ctx, id); err != nil || record(&a).ArchivedAt.IsZero() {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := c.Change(ctx, id, map[string]any{}); !is(err, http.StatusConflict) {
		t.Errorf("an archived one is changed: %v", err)
	}
	for archived, want := range map[string]bool{"": false, "true": true, "all": true} {
		list, err := c.List(ctx, api.RecordQuery{Archived: archived, Limit: 1000})
		if has := slices.ContainsFunc(list.Items, func(j J) bool { return record(&j).ID == record(&added).ID }); err != nil || has != want {
			t.Errorf("archived %q: %t, %v", archived, has, err)
		}
	}
	if a, err := c.Restore(ctx, id); err != nil || !record(&a).ArchivedAt.IsZero() {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := c.Restore(ctx, id); !is(err, http.StatusConflict) {
		t.Errorf("restored twice: %v", err)
	}
	return read
}

func is(err error, status int) bool {
	var p *api.Problem
	return errors.As(err, &p) && p.Status == status
}

// wrongField fails the test unless an error names a field with a code.
func wrongField(t *testing.T, err error, field, code string) {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) || !slices.ContainsFunc(p.Errors, func(e api.FieldError) bool { return e.Field == field && e.Code == code }) {
		t.Errorf("%v, want %s to be %s", err, field, code)
	}
}

func TestPeople(t *testing.T) {
	g := serve(t, nil)
	ctx, c := t.Context(), g.client
	life(t, c.Providers(), []string{"name"}, api.ProviderFields{Name: "acme", DisplayName: "A", FirstName: "B", LastName: "C", Email: "d@example.org", Address: "E", Phone: "F", Notes: "G",
		Timezone: "UTC", Locale: "en", DefaultTreatment: "H", DefaultTrunk: "I", DefaultPhoneCode: "1"},
		api.ProviderFields{Name: "acme", DisplayName: "Acme", FirstName: "Ann", LastName: "Abel", Email: "a@example.org", Address: "Weg 1", Phone: "030", Notes: "n", Timezone: "Europe/Berlin",
			Locale: "de", DefaultTreatment: "t", DefaultTrunk: "desk", DefaultPhoneCode: "49"},
		func(j *api.Provider) api.ProviderFields { return j.ProviderFields }, func(j *api.Provider) *api.Record { return &j.Record })

	anna := life(t, c.Administrators(), []string{"username", "role_id", "level"}, api.AdministratorFields{Username: "anna", LastName: "X", FirstName: "Y", PhoneNumber: "+4915100000099", Email: "x@example.org",
		Level: 2, RoleID: "service_provider:default", SMSQuota: "5 D", AuthBackend: "local", QuotaRequest: "1 D", Permissions: []string{"easy0_service_view"}},
		api.AdministratorFields{Username: "anna", LastName: "Abel", FirstName: "Anna", PhoneNumber: "+4915100000001", Email: "anna@example.org", Level: 2, RoleID: "service_provider:default",
			Permissions: []string{"easy0_service_edit", "easy0_service_view"}, HasClient: true, SMSQuota: "200 W", RecipientFilter: true, AuthBackend: "ldap", QuotaRequest: "300 W"},
		func(j *api.Administrator) api.AdministratorFields { return j.AdministratorFields }, func(j *api.Administrator) *api.Record { return &j.Record })
	if anna.FullName != "Anna Abel" || anna.Account != "admin:1" || anna.Provider != "default" {
		t.Errorf("%+v", anna)
	}

	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	contact := life(t, c.Contacts(), []string{"provider", "admin_id", "customer_id"}, api.ContactFields{Provider: "default", AdminID: anna.ID, LastName: "X", FirstName: "Y", Title: "ms", CustomerType: "contact",
		MiddleName: "M", Suffix: "S", Company: "Co", Description: "D", Notes: "N", ContactType: "T", CoreUserUUID: anna.UUID},
		api.ContactFields{Provider: "default", AdminID: anna.ID, LastName: "Bach", FirstName: "Bert", MiddleName: "Q", Suffix: "jr", Title: "mr", PhoneNumber: "+4915100000002",
			Phones: []api.ContactPhone{{Type: "mobile", Number: "+4915100000002"}, {Type: "home", Number: "030 1234567"}}, Email: "bert@example.org",
			Emails: []api.ContactEmail{{Type: "private", Email: "bert@example.org"}, {Type: "office", Email: "b@example.com"}}, Description: "plumber", Notes: "rings twice",
			Addresses:    []api.ContactAddress{{Type: "home", Street: "Weg", HouseNumber: "1a", PostalCode: "10115", City: "Berlin", Country: "DE"}},
			CoreUserUUID: anna.UUID, CustomerID: 10001, ContactType: "Supplier", CustomerType: "customer", Company: "Bach & Co", SiteprofileUUIDs: []string{"a"},
			Workflowlevel1UUIDs: []string{"b"}, Workflowlevel2UUIDs: []string{"c", "d"}, Restricted: true, Consents: []api.Consent{{At: at, Source: "form", Text: "news", Proof: "p. 1"}}},
		func(j *api.Contact) api.ContactFields { return j.ContactFields }, func(j *api.Contact) *api.Record { return &j.Record })
	if contact.FullName != "Bert Bach" {
		t.Errorf("%+v", contact)
	}

	group := life(t, c.Groups(), []string{"provider", "admin_id"}, api.GroupFields{Provider: "default", AdminID: anna.ID, Name: "team", Description: "x"},
		api.GroupFields{Provider: "default", AdminID: anna.ID, Name: "crew", Description: "who comes"},
		func(j *api.Group) api.GroupFields { return j.GroupFields }, func(j *api.Group) *api.Record { return &j.Record })
	group, err := c.ChangeMembers(ctx, "crew", api.MembersRequest{Add: []uint64{contact.ID}})
	if err != nil || group.Members != 1 {
		t.Errorf("%+v, %v", group, err)
	}
	if contact, err = c.Contacts().Read(ctx, fmt.Sprint(contact.ID)); err != nil || !slices.Equal(contact.Groups, []uint64{group.ID}) {
		t.Errorf("%+v, %v", contact, err)
	}

	action := life(t, c.Actions(), []string{"provider", "janua_id", "admin_id"}, api.ActionFields{Provider: "default", Name: "torch", Kind: "reply", Text: "off", Keyword: "torch", AdminID: anna.ID, Description: "x", Module: "m", Category: "c",
		Level: 1, Target: "t", SenderLimit: 1, HourLimit: 2, Enabled: true, Filtered: true},
		api.ActionFields{Provider: "default", Name: "lamp", Description: "switches", Module: "reply:lamps", Keyword: "lamp", Authentication: true, Enabled: true, Filtered: true, AdminID: anna.ID, JanuaID: 1,
			Kind: "reply", Category: "house", Dangerous: true, Level: 2, Text: "on", Target: "none", Arguments: []api.ActionArgument{{Name: "which", Description: "d", Type: "list", Required: true,
				Choices: []string{"hall", "yard"}}}, SenderLimit: 5, HourLimit: 50, Repeat: true},
		func(j *api.Action) api.ActionFields { return j.ActionFields }, func(j *api.Action) *api.Record { return &j.Record })
	all := api.Grants{Groups: []uint64{group.ID}, Administrators: []uint64{anna.ID}, ContactNotify: []api.ActionNotice{{Contact: contact.ID, Group: group.ID}}}
	action, err = c.ChangeGrants(ctx, "lamp", api.GrantsRequest{Add: all})
	if same(t, "grants", action.Authorized, all); err != nil {
		t.Error(err)
	}
	if group, err = c.Groups().Read(ctx, "crew"); err != nil || !slices.Equal(group.Actions, []uint64{action.ID}) {
		t.Errorf("%+v, %v", group, err)
	}
	action, err = c.ChangeGrants(ctx, "lamp", api.GrantsRequest{Remove: all})
	if same(t, "no grants", action.Authorized, api.Grants{}); err != nil {
		t.Error(err)
	}

	for what, want := range map[string]int{"group=" + fmt.Sprint(group.ID): 1, "number=0151-00000002": 1, "search=bach": 1, "search=nobody": 0, "admin=" + fmt.Sprint(anna.ID): 1, "admin=0": 0,
		"restricted=true": 1, "restricted=false": 0, "customer_type=customer": 1, "customer_type=public": 0, "provider=acme": 0, "order=-name&provider=default": 1} {
		q := api.RecordQuery{Filters: map[string]string{}}
		for pair := range strings.SplitSeq(what, "&") {
			name, value, _ := strings.Cut(pair, "=")
			q.Filters[name] = value
		}
		if list, err := c.Contacts().List(ctx, q); err != nil || len(list.Items) != want {
			t.Errorf("%s: %d contacts, %v", what, len(list.Items), err)
		}
	}
	check, err := g.store.Check(ctx, func(d store.Damage) { t.Error(&d) })
	if err != nil || check.Damaged > 0 {
		t.Error(err)
	}
}

// Wrong requests name every wrong field, and change nothing.
func TestPeopleRefusals(t *testing.T) {
	g := serve(t, nil)
	ctx, c := t.Context(), g.client
	a, err := c.Contacts().Add(ctx, api.ContactFields{LastName: "Abel", PhoneNumber: "+4915100000001"})
	if err != nil {
		t.Fatal(err)
	}
	add := func(v map[string]any) error { _, err := c.Contacts().Add(ctx, v); return err }
	wrongField(t, add(map[string]any{"last_name": "x", "shoe": 1}), "shoe", api.FieldUnknown)
	wrongField(t, add(map[string]any{"last_name": 7}), "last_name", api.FieldWrongType)
	wrongField(t, add(map[string]any{"last_name": "x", "phones": []any{map[string]any{"number": "12", "typ": "x"}}}), "phones[0].typ", api.FieldUnknown)
	wrongField(t, add(map[string]any{"last_name": "x", "phones": []any{map[string]any{"number": "1"}}}), "phones[0].number", api.FieldRequired)
	wrongField(t, add(map[string]any{"last_name": "x", "emails": []any{map[string]any{}}}), "emails[0].email", api.FieldRequired)
	wrongField(t, add(map[string]any{"last_name": "x", "phone_number": "call me"}), "phone_number", api.FieldInvalid)
	wrongField(t, add(map[string]any{"last_name": strings.Repeat("x", 256)}), "last_name", api.FieldTooLong)
	wrongField(t, add(map[string]any{"last_name": "a\u0000b"}), "last_name", api.FieldInvalid)
	wrongField(t, add(map[string]any{"last_name": "x", "admin_id": 99}), "admin_id", api.FieldUnknown)
	wrongField(t, add(map[string]any{"last_name": "x", "admin_id": -1}), "admin_id", api.FieldOutOfRange)
	wrongField(t, add(map[string]any{"last_name": "x", "provider": "none"}), "provider", api.FieldUnknown)
	wrongField(t, add(map[string]any{"last_name": "x", "phone_number": "+4915100000001"}), "phone_number", "exists")
	wrongField(t, add(map[string]any{"last_name": "x", "consents": []any{map[string]any{"at": "soon"}}}), "consents[0].at", api.FieldInvalid)
	wrongField(t, add(map[string]any{}), "last_name", api.FieldRequired)
	_, err = c.Contacts().Change(ctx, fmt.Sprint(a.ID), map[string]any{"provider": "acme"})
	wrongField(t, err, "provider", "immutable")
	for path, status := range map[string]int{"/v1/contacts/99": 404, "/v1/contacts/x": 400, "/v1/groups/none": 404, "/v1/contacts?limit=0": 400, "/v1/contacts?order=shoe": 400, "/v1/contacts?archived=maybe": 400,
		"/v1/contacts?cursor=xx": 400, "/v1/contacts?group=7": 404, "/v1/contacts?provider=none": 200, "/v1/contacts?shoe=1": 400, "/v1/administrators/root": 404} {
		resp, err := rawGet(ctx, g, path)
		if err != nil || resp != status {
			t.Errorf("%s: %d, %v; want %d", path, resp, err, status)
		}
	}
	if _, err := c.Providers().Archive(ctx, "default"); !is(err, http.StatusConflict) {
		t.Errorf("the default service provider is archived: %v", err)
	}
	super, err := c.Administrators().Add(ctx, api.AdministratorFields{Username: "root", Level: 1})
	if err != nil || super.RoleID != "platform_owner" {
		t.Fatalf("%+v, %v", super, err)
	}
	_, err = c.Administrators().Add(ctx, api.AdministratorFields{Username: "boss", Level: 1})
	if wrongField(t, err, "level", "exists"); !strings.Contains(err.Error(), "There can be only one super admin.") {
		t.Error(err)
	}
	if _, err := c.Administrators().Archive(ctx, "root"); !is(err, http.StatusConflict) || !strings.Contains(err.Error(), "Super admin cannot be deleted.") {
		t.Error(err)
	}
}

func rawGet(ctx context.Context, g *gateway, path string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://x"+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := g.http().Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
