package store_test

import (
	"slices"
	"testing"

	"trunkline/store"
)

// A message belongs to a service provider, the default one when nothing is said, and lists can be bounded to one, and to an account.
func TestMessagesOfATenant(t *testing.T) {
	s, _ := open(t, store.Options{})
	var all []store.Message
	for _, owner := range []struct{ provider, account string }{{"", "uid:0"}, {"acme", "admin:a"}, {"acme", "admin:b"}, {"other", "admin:c"}, {store.DefaultProvider, "uid:0"}} {
		m := outgoing(t, 1)
		m.Provider, m.Account = owner.provider, owner.account
		all = append(all, m)
	}
	accept(t, s, all...)
	for _, tt := range []struct {
		q    store.Query
		want []int
	}{
		{store.Query{}, []int{4, 3, 2, 1, 0}},
		{store.Query{Provider: store.DefaultProvider}, []int{4, 0}},
		{store.Query{Provider: "acme"}, []int{2, 1}},
		{store.Query{Provider: "acme", Account: "admin:b"}, []int{2}},
		{store.Query{Provider: "other", Account: "admin:b"}, nil},
		{store.Query{Account: "uid:0"}, []int{4, 0}},
		{store.Query{Provider: "nobody"}, nil},
	} {
		page, err := s.Messages(ctx, tt.q)
		var got []int
		for _, m := range page.Items {
			i := slices.IndexFunc(all, func(o store.Message) bool { return o.ID == m.ID })
			got = append(got, i)
			if m.Provider != all[i].Provider || m.Tenant() == "" {
				t.Errorf("message %d came back as of %q", i, m.Provider)
			}
		}
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%+v: %v, %v; want %v", tt.q, got, err, tt.want)
		}
	}
	page, err := s.Messages(ctx, store.Query{Provider: "acme", Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	if _, err := s.Messages(ctx, store.Query{Provider: "other", Cursor: page.Next}); err != store.ErrCursor {
		t.Errorf("a cursor of another tenant: %v", err)
	}
}
