package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Record is what every provisioned record has beside what can be written.
type Record struct {
	ID         uint64    `json:"id"`
	UUID       string    `json:"uuid" format:"uuid"`
	CreatedAt  time.Time `json:"created_at"`
	CreatedBy  string    `json:"created_by,omitempty" doc:"account"`
	UpdatedAt  time.Time `json:"updated_at"`
	UpdatedBy  string    `json:"updated_by,omitempty" doc:"account"`
	ArchivedAt time.Time `json:"archived_at,omitzero" doc:"kept, its names stay taken, but it is not used for anything; absent: it is not"`
}

// RecordList is one page of records.
type RecordList[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page; absent on the last one. A page may be short, even empty, and have a next one"`
}

// RecordQuery chooses records; the zero value is the first page of those in use.
type RecordQuery struct {
	Provider string // service provider; empty: the caller's
	Search   string // each word is the beginning of one of the record's
	Order    string // id, name, …; with a minus sign from the end
	Archived string // "true": those that are archived, "all": all
	Limit    int    // 0: the server's default of 50; at most 1000
	Cursor   string // Next of the page before
	Filters  map[string]string
}

// Collection calls the routes of one kind of provisioned record: F is what can be written, J what is answered.
type Collection[F, J any] struct {
	c    *Client
	path string
}

// Contacts are the entries of the address book.
func (c *Client) Contacts() Collection[ContactFields, Contact] {
	return Collection[ContactFields, Contact]{c, "/v1/contacts"}
}

// Groups are sets of contacts.
func (c *Client) Groups() Collection[GroupFields, Group] {
	return Collection[GroupFields, Group]{c, "/v1/groups"}
}

// Administrators are those who may log in.
func (c *Client) Administrators() Collection[AdministratorFields, Administrator] {
	return Collection[AdministratorFields, Administrator]{c, "/v1/administrators"}
}

// Providers are service providers.
func (c *Client) Providers() Collection[ProviderFields, Provider] {
	return Collection[ProviderFields, Provider]{c, "/v1/providers"}
}

// Actions are what texts trigger.
func (c *Client) Actions() Collection[ActionFields, Action] {
	return Collection[ActionFields, Action]{c, "/v1/actions"}
}

// List returns a page of records.
func (c Collection[F, J]) List(ctx context.Context, q RecordQuery) (out RecordList[J], err error) {
	v := url.Values{}
	for name, value := range q.Filters {
		v.Set(name, value)
	}
	for name, value := range map[string]string{"provider": q.Provider, "search": q.Search, "order": q.Order, "archived": q.Archived, "cursor": q.Cursor} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	path := c.path
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	_, err = c.c.call(ctx, http.MethodGet, path, nil, nil, &out)
	return out, err
}

// one is the path of a record: by its id, its UUID or its name; what is said of it is in rest.
func (c Collection[F, J]) one(id, rest string) string {
	return c.path + "/" + url.PathEscape(id) + rest
}

// Read returns one record by its id, its UUID or its name.
func (c Collection[F, J]) Read(ctx context.Context, id string) (out J, err error) {
	_, err = c.c.call(ctx, http.MethodGet, c.one(id, ""), nil, nil, &out)
	return out, err
}

// Add makes a record. fields is an F, or what is written the same way in JSON.
func (c Collection[F, J]) Add(ctx context.Context, fields any) (out J, err error) {
	err = c.c.post(ctx, c.path, fields, &out)
	return out, err
}

// Replace sets all fields of a record.
func (c Collection[F, J]) Replace(ctx context.Context, id string, fields F) (out J, err error) {
	err = c.c.write(ctx, http.MethodPut, c.one(id, ""), fields, &out)
	return out, err
}

// Change sets some fields of a record.
func (c Collection[F, J]) Change(ctx context.Context, id string, fields map[string]any) (out J, err error) {
	err = c.c.write(ctx, http.MethodPatch, c.one(id, ""), fields, &out)
	return out, err
}

// Archive puts a record out of use and keeps it.
func (c Collection[F, J]) Archive(ctx context.Context, id string) (out J, err error) {
	err = c.c.post(ctx, c.one(id, "/archive"), struct{}{}, &out)
	return out, err
}

// Restore takes an archived record back into use.
func (c Collection[F, J]) Restore(ctx context.Context, id string) (out J, err error) {
	err = c.c.post(ctx, c.one(id, "/restore"), struct{}{}, &out)
	return out, err
}

// Purge removes an archived record for good.
func (c Collection[F, J]) Purge(ctx context.Context, id string) (out J, err error) {
	_, err = c.c.call(ctx, http.MethodDelete, c.one(id, ""), nil, nil, &out)
	return out, err
}

// ChangeMembers puts contacts into a group and takes others out.
func (c *Client) ChangeMembers(ctx context.Context, group string, r MembersRequest) (out Group, err error) {
	err = c.post(ctx, c.Groups().one(group, "/members"), r, &out)
	return out, err
}

// ChangeGrants changes who may trigger an action and who is told of it.
func (c *Client) ChangeGrants(ctx context.Context, action string, r GrantsRequest) (out Action, err error) {
	err = c.post(ctx, c.Actions().one(action, "/grants"), r, &out)
	return out, err
}
