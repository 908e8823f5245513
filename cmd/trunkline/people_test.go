package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"trunkline/api"
)

// Every field of every kind of record is written and read through the command line, and every verb does what it says.
func TestPeopleVerbs(t *testing.T) {
	verb := runGateway(t, nil)
	has := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not in\n%s", w, out)
			}
		}
	}
	// set makes the flags of all fields of a value; the flags, the answer and the file of replace say the same.
	set := func(kind string, value any) {
		t.Helper()
		v := reflect.ValueOf(value)
		args := []string{kind, "add", "--json"}
		for i := range v.NumField() {
			f := v.Field(i)
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			flag := "--" + strings.ReplaceAll(name, "_", "-")
			if f.IsZero() && f.Kind() != reflect.Bool {
				t.Errorf("%s %s is not set in the example", kind, name)
			}
			b, _ := json.Marshal(f.Interface())
			switch {
			case f.Kind() == reflect.String:
				args = append(args, flag, f.String())
			case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.String:
				for j := range f.Len() {
					args = append(args, flag, f.Index(j).String())
				}
			default:
				args = append(args, flag+"="+string(b))
			}
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(verb(exitDone, args...)), &got); err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(value)
		var want map[string]any
		json.Unmarshal(b, &want)
		for name := range want {
			if !reflect.DeepEqual(got[name], want[name]) {
				t.Errorf("%s %s: %v, want %v", kind, name, got[name], want[name])
			}
		}
		id := fmt.Sprint(got["id"])
		file := filepath.Join(t.TempDir(), "fields.json")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		has(verb(exitDone, kind, "replace", id, "--file", file), "uuid")
		has(verb(exitDone, kind, "show", id), "uuid", "updated at")
		has(verb(exitDone, kind, "archive", id), "archived at")
		has(verb(exitDone, kind, "list", "--archived", "true"), "ID")
		has(verb(exitFailed, kind, "edit", id, "--file", file), "archived")
		verb(exitDone, kind, "restore", id)
		has(verb(exitFailed, kind, "purge", id), "archive it first")
		has(verb(exitUsage, kind, "edit", id), "nothing to change")
	}
	set("provider", api.ProviderFields{Name: "acme", DisplayName: "Acme", FirstName: "Ann", LastName: "Abel", Email: "a@example.org", Address: "Weg 1", Phone: "030", Notes: "n", Timezone: "Europe/Berlin",
		Locale: "de", DefaultTreatment: "t", DefaultTrunk: "desk", DefaultPhoneCode: "49"})
	set("admin", api.AdministratorFields{Username: "anna", LastName: "Abel", FirstName: "Anna", PhoneNumber: "+4915100000001", Email: "anna@example.org", Level: 2, RoleID: "service_provider:default",
		Permissions: []string{"easy0_service_edit", "easy0_service_view"}, HasClient: true, SMSQuota: "200 W", RecipientFilter: true, AuthBackend: "ldap", QuotaRequest: "300 W"})
	set("contact", api.ContactFields{Provider: "default", AdminID: 1, LastName: "Bach", FirstName: "Bert", MiddleName: "Q", Suffix: "jr", Title: "mr", PhoneNumber: "+4915100000002",
		Phones: []api.ContactPhone{{Type: "mobile", Number: "+4915100000002"}}, Email: "bert@example.org", Emails: []api.ContactEmail{{Type: "private", Email: "bert@example.org"}},
		Description: "plumber", Notes: "rings twice", Addresses: []api.ContactAddress{{Type: "home", City: "Berlin"}}, CoreUserUUID: "0192f0c1-2b3a-4c4d-8e5f-60718293a4b5", CustomerID: 10001,
		ContactType: "Supplier", CustomerType: "customer", Company: "Bach & Co", SiteprofileUUIDs: []string{"a"}, Workflowlevel1UUIDs: []string{"b"}, Workflowlevel2UUIDs: []string{"c", "d"},
		Restricted: true, Consents: []api.Consent{{Source: "form", Text: "news", Proof: "p. 1"}}})
	set("group", api.GroupFields{Provider: "default", AdminID: 1, Name: "crew", Description: "who comes"})
	set("action", api.ActionFields{Provider: "default", Name: "lamp", Description: "switches", Module: "reply:lamps", Keyword: "lamp", Authentication: true, Enabled: true, Filtered: true, AdminID: 1, JanuaID: 1,
		Kind: "reply", Category: "house", Dangerous: true, Level: 2, Text: "on", Target: "none", Arguments: []api.ActionArgument{{Name: "which", Type: "str"}}, SenderLimit: 5, HourLimit: 50, Repeat: true})

	has(verb(exitDone, "group", "join", "crew", "1"), "members      1")
	has(verb(exitDone, "contact", "list", "--group", "1", "--order=-name", "--provider", "default"), "Bach", "+4915100000002", "[1]")
	has(verb(exitFailed, "contact", "edit", "1", "--last-name", "evil\x1b[31m"), "last_name", "control character")
	if out := verb(exitDone, "contact", "edit", "1", "--last-name", "a\u202eb"); strings.Contains(out, "\u202e") {
		t.Errorf("a mark that fools readers is shown: %q", out)
	}
	has(verb(exitDone, "action", "allow", "lamp", "--group", "1", "--admin", "1", "--notify", "1:1"), `"contact_notify":[{"contact":1,"group":1}]`)
	has(verb(exitDone, "action", "disallow", "lamp", "--group", "1", "--admin", "1"), "lamp")
	has(verb(exitDone, "group", "leave", "crew", "1"), "crew")
	has(verb(exitUsage, "group", "join", "crew", "bert"), "no id")
	has(verb(exitUsage, "action", "allow", "lamp", "--notify", "7"), "CONTACT:GROUP")
	has(verb(exitUsage, "contact", "add", "--phones", "x"), "no JSON list")
	has(verb(exitFailed, "contact", "add", "--email", "x"), "email", "name@example.org")
	has(verb(exitFailed, "contact", "show", "99"), "no such record", "/v1/contacts/99")
	has(verb(exitDone, "contact", "list", "--search", "nobody"), "no such contacts")
	verb(exitDone, "contact", "archive", "1")
	has(verb(exitDone, "contact", "purge", "1"), "archived at")
}
