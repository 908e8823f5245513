package store

import (
	"testing"

	"pgregory.net/rapid"

	"trunkline/callplan/phone"
)

// sameAsContact tells whether what decisions read of a contact is what the contact says.
func sameAsContact(t rapid.TB, payload []byte, n phone.Number) {
	t.Helper()
	c, err := decodeContact(payload)
	if err != nil {
		return
	}
	exact := c.PhoneNumber == n
	for _, p := range c.Phones {
		if other, err := phone.Parse(p.Number); err == nil && other == n {
			exact = true
		}
	}
	var got ContactNumber
	archived, err := decodeContactNumber(&got, payload, n)
	want := ContactNumber{AdminID: c.AdminID, FirstName: c.FirstName, LastName: c.LastName, PhoneNumber: c.PhoneNumber, Restricted: c.Restricted, Exact: exact}
	if err != nil || archived == c.ArchivedAt.IsZero() || got != want {
		t.Errorf("of %x for %s: %+v, archived %v, %v; want %+v", payload, n, got, archived, err, want)
	}
}

func TestContactNumberIsOfContact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SampledFrom([]string{"", "+4915112345678", "015112345678", "+4915112345679", "112", "030 1234567"})
		meta := Meta{Provider: "default"}
		if rapid.Bool().Draw(t, "archived") {
			meta.ArchivedAt = readTime([]byte{0x98, 1, 2, 3, 4, 5, 6, 7})
		}
		c := Contact{Meta: meta, AdminID: rapid.Uint64Range(0, 3).Draw(t, "owner"), FirstName: rapid.String().Draw(t, "first"), LastName: rapid.String().Draw(t, "last"),
			PhoneNumber: phone.FromAddress(numbers.Draw(t, "number"), false), Restricted: rapid.Bool().Draw(t, "restricted"), Notes: "n"}
		for range rapid.IntRange(0, 3).Draw(t, "phones") {
			c.Phones = append(c.Phones, ContactPhone{"mobile", numbers.Draw(t, "phone")})
		}
		sameAsContact(t, appendContact(nil, &c), phone.FromAddress(rapid.SampledFrom([]string{"+4915112345678", "015112345678", "112"}).Draw(t, "asked"), false))
	})
}
