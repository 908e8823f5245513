package store

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"trunkline/callplan/phone"
)

// peopleCodecs are examples of all records of people with every field set, and their functions.
func peopleCodecs() []codec {
	at := func(n int) time.Time { return time.Date(2026, 11, 21, 12, 0, n, n, time.UTC) }
	id := func(n byte) (id uuid.UUID) { id[0], id[15] = 1, n; return id }
	meta := Meta{UUID: id(1), Provider: "acme", CreatedAt: at(1), UpdatedAt: at(2), CreatedBy: "uid:0", UpdatedBy: "admin:1", ArchivedAt: at(3)}
	number := phone.FromAddress("+4915112345678", false)
	return []codec{
		{"provider", tableProviders, idKey(1), &Provider{Meta: meta, Name: "acme", Former: []FormerName{{"bcme", at(4)}}, DisplayName: "Acme", FirstName: "Ann", LastName: "Abel", Email: "a@example.org", Address: "Weg 1", Phone: "030",
			Notes: "n", Timezone: "Europe/Berlin", Locale: "de", DefaultTreatment: "t", DefaultTrunk: "desk", DefaultPhoneCode: "49"},
			func(b []byte, v any) []byte { return appendProvider(b, v.(*Provider)) }, func(b []byte) (any, error) { return decodeProvider(b) }},
		{"administrator", tableAdministrators, idKey(2), &Administrator{Meta: meta, Username: "anna", LastName: "Abel", FirstName: "Anna", PhoneNumber: number, Email: "a@example.org", Level: 2,
			RoleID: "service_provider:acme", Permissions: []string{"a", "b"}, HasClient: true, SMSQuota: "1 D", RecipientFilter: true, LastQuotaReached: at(4), PhoneToken: "12345678",
			AuthBackend: "local", QuotaRequest: "2 D"},
			func(b []byte, v any) []byte { return appendAdministrator(b, v.(*Administrator)) }, func(b []byte) (any, error) { return decodeAdministrator(b) }},
		{"contact", tableContacts, idKey(3), &Contact{Meta: meta, AdminID: 2, LastName: "Bach", FirstName: "Bert", MiddleName: "Q", Suffix: "jr", Title: "mr", PhoneNumber: number,
			Phones: []ContactPhone{{"mobile", "+4915112345678"}, {"", "112"}}, Email: "b@example.org", Emails: []ContactEmail{{"private", "b@example.org"}}, Description: "d", Notes: "n",
			Addresses: []ContactAddress{{"home", "Weg", "1a", "10115", "Berlin", "DE"}}, CoreUserUUID: id(2), CustomerID: 10001, ContactType: "Supplier", CustomerType: "company", Company: "Co",
			SiteprofileUUIDs: []string{"a"}, Workflowlevel1UUIDs: []string{"b"}, Workflowlevel2UUIDs: []string{"c", "d"}, Restricted: true, Consents: []Consent{{at(5), "form", "news", "p. 1"}}},
			func(b []byte, v any) []byte { return appendContact(b, v.(*Contact)) }, func(b []byte) (any, error) { return decodeContact(b) }},
		{"group", tableGroups, idKey(4), &Group{Meta: meta, Name: "crew", Description: "d", AdminID: 2},
			func(b []byte, v any) []byte { return appendGroup(b, v.(*Group)) }, func(b []byte) (any, error) { return decodeGroup(b) }},
		{"action", tableActions, idKey(5), fullAction(meta),
			func(b []byte, v any) []byte { return appendAction(b, v.(*Action)) }, func(b []byte) (any, error) { return decodeAction(b) }},
	}
}

func fullAction(meta Meta) *Action {
	return &Action{Meta: meta, Name: "lamp", Description: "d", Module: "reply:lamp", Keyword: "lamp", Authentication: true, Enabled: true, Filtered: true, AdminID: 2, JanuaID: 1, Kind: ActionReply,
		Category: "house", Dangerous: true, Level: 4, Text: "on", Target: "t", Arguments: []ActionArgument{{Name: "which", Description: "d", Type: "list", Required: true, Choices: []string{"a", "b"}}},
		SenderLimit: 5, HourLimit: 50, Repeat: true}
}

// The octets of every record are a promise to every database that exists.
func TestGoldenPeople(t *testing.T) {
	path := filepath.Join("testdata", "people.golden")
	var got strings.Builder
	for _, c := range peopleCodecs() {
		got.WriteString(c.name + " " + hex.EncodeToString(seal(c.table, c.key, c.encode(newFrame(0), c.value))) + "\n")
		v := reflect.Indirect(reflect.ValueOf(c.value))
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s.%s is not set in the example", c.name, v.Type().Field(i).Name)
			}
		}
		if value, err := c.decode(c.encode(nil, c.value)); err != nil || !reflect.DeepEqual(value, c.value) {
			t.Errorf("%s: %+v, %v\nwant %+v", c.name, value, err, c.value)
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got.String() != string(want) {
		t.Errorf("records changed, %v:\n%s\nwant\n%s", err, got.String(), want)
	}
}

// FuzzPeople: what can be decoded is written and read again as the same.
func FuzzPeople(f *testing.F) {
	all := peopleCodecs()
	for i, c := range all {
		f.Add(byte(i), c.encode(nil, c.value))
	}
	f.Fuzz(func(t *testing.T, kind byte, payload []byte) {
		c := all[int(kind)%len(all)]
		first, err := c.decode(payload)
		if err != nil {
			return
		}
		b := c.encode(nil, first)
		second, err := c.decode(b)
		if err != nil {
			t.Fatalf("%s: written %x cannot be read: %v", c.name, b, err)
		}
		if c.name == "contact" {
			sameAsContact(t, b, phone.FromAddress("+4915112345678", false))
		}
		if again := c.encode(nil, second); !bytes.Equal(again, b) {
			t.Errorf("%s: %x became %x", c.name, b, again)
		}
	})
}
