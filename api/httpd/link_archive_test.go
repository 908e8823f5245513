package httpd

import (
	"net/http"
	"slices"
	"testing"

	"trunkline/api"
)

// What is taken away from a group or an action is shown as what can be restored, comes back over the API, and is forgotten when that is asked for.
func TestFormerMembersAndGrants(t *testing.T) {
	g := serve(t, nil)
	ctx, c := t.Context(), g.client
	contact, err := c.Contacts().Add(ctx, api.ContactFields{LastName: "A"})
	if err != nil {
		t.Fatal(err)
	}
	crew, err := c.Groups().Add(ctx, api.GroupFields{Name: "crew"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Actions().Add(ctx, api.ActionFields{Name: "lamp", Keyword: "lamp", Kind: "reply", Text: "on", Enabled: true}); err != nil {
		t.Fatal(err)
	}
	who, notice := []uint64{contact.ID}, []api.ActionNotice{{Contact: contact.ID, Group: crew.ID}}
	members := func(r api.MembersRequest, now int, former []uint64) {
		t.Helper()
		got, err := c.ChangeMembers(ctx, "crew", r)
		if err != nil || got.Members != now || !slices.Equal(got.Former, former) {
			t.Errorf("%+v: %+v, %v", r, got, err)
		}
	}
	grants := func(r api.GrantsRequest, now, former int) {
		t.Helper()
		got, err := c.ChangeGrants(ctx, "lamp", r)
		if a, f := got.Authorized, got.Former; err != nil || len(a.Groups)+len(a.ContactNotify) != now || len(f.Groups)+len(f.ContactNotify) != former {
			t.Errorf("%+v: %+v, %v", r, got, err)
		}
	}
	groups := api.Grants{Groups: []uint64{crew.ID}}
	members(api.MembersRequest{Add: who}, 1, nil)
	grants(api.GrantsRequest{Add: api.Grants{Groups: groups.Groups, ContactNotify: notice}}, 2, 0)
	members(api.MembersRequest{Remove: who}, 0, who)
	members(api.MembersRequest{Restore: who}, 1, nil)
	grants(api.GrantsRequest{}, 2, 0) // the notice came back with the membership
	grants(api.GrantsRequest{Remove: groups}, 0, 2)
	grants(api.GrantsRequest{Restore: groups}, 2, 0)
	grants(api.GrantsRequest{Remove: api.Grants{ContactNotify: notice}}, 1, 1)
	grants(api.GrantsRequest{Restore: api.Grants{ContactNotify: notice}}, 2, 0)
	grants(api.GrantsRequest{Remove: groups, Purge: groups}, 0, 0)
	members(api.MembersRequest{Remove: who, Purge: who}, 0, nil)
	if _, err := c.ChangeMembers(ctx, "crew", api.MembersRequest{Restore: who}); !is(err, http.StatusUnprocessableEntity) {
		t.Errorf("what was purged: %v", err)
	}
	if _, err := c.ChangeGrants(ctx, "lamp", api.GrantsRequest{Restore: groups}); !is(err, http.StatusNotFound) {
		t.Errorf("what was purged: %v", err)
	}
}
