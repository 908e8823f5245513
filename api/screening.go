package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ListEntryFields are the fields of an entry of a list for screening that can be written.
type ListEntryFields struct {
	Provider   string `json:"provider,omitempty" doc:"service provider whose messages it is for; the caller's when absent; cannot be changed"`
	Global     bool   `json:"global,omitempty" doc:"for messages of every service provider; for owners of the platform"`
	List       string `json:"list" enum:"deny,allow" doc:"deny, or allow"`
	Direction  string `json:"direction,omitempty" enum:"both,in,out" doc:"messages that come in, that go out, or both, which is usual"`
	Subscriber string `json:"subscriber,omitempty" doc:"only for this subscriber of the service provider" maxLength:"64"`
	Kind       string `json:"kind" enum:"number,pattern,name,contact,group,administrator" doc:"what the value is; names are for deny lists only, contacts, groups and administrators for allow lists only"`
	Value      string `json:"value" doc:"a number, a pattern such as +49* or 0900xxxxxx, an alphanumeric sender, the id of a contact or a group, the username of an administrator; * for every contact or administrator" maxLength:"255"`
	Note       string `json:"note,omitempty" maxLength:"255"`
}

// ListEntry is a line of a deny list or an allow list.
type ListEntry struct {
	Record
	ListEntryFields
}

// ListEntries are the lines of deny lists and allow lists.
func (c *Client) ListEntries() Collection[ListEntryFields, ListEntry] {
	return Collection[ListEntryFields, ListEntry]{c, "/v1/list-entries"}
}

// OptOut says that a number is not written to.
type OptOut struct {
	Number  string    `json:"number,omitempty" doc:"absent when it had to be forgotten; it is not written to nevertheless"`
	Trunk   string    `json:"trunk,omitempty" doc:"only through this trunk; absent: through any"`
	At      time.Time `json:"at"`
	Source  string    `json:"source" enum:"message,api,provider,erased" doc:"how it came"`
	Word    string    `json:"word,omitempty" doc:"word by which it was asked for"`
	Message string    `json:"message,omitempty" format:"uuid" doc:"message that asked for it"`
	By      string    `json:"by,omitempty" doc:"account that entered it"`
}

// OptOutList is a page of opt-outs.
type OptOutList struct {
	Items []OptOut `json:"items" nullable:"false"`
	Next  string   `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

// OptOutRequest is the body of POST /v1/opt-outs.
type OptOutRequest struct {
	Number string `json:"number" example:"+4915112345678"`
	Trunk  string `json:"trunk,omitempty" doc:"only through this trunk"`
}

// Run is a run of an action.
type Run struct {
	ID          string            `json:"id" format:"uuid" doc:"that of the message that asked for it"`
	Provider    string            `json:"provider"`
	Action      string            `json:"action"`
	Sender      string            `json:"sender"`
	Who         string            `json:"who,omitempty" doc:"whom the sender was taken for"`
	Trunk       string            `json:"trunk,omitempty"`
	Arguments   map[string]string `json:"arguments,omitempty"`
	State       string            `json:"state" enum:"waiting,running,done,failed,refused,expired,interrupted" doc:"interrupted: the gateway ended meanwhile; it may have done something"`
	Reason      string            `json:"reason,omitempty"`
	At          time.Time         `json:"at"`
	EndedAt     time.Time         `json:"ended_at,omitzero"`
	ConfirmedBy string            `json:"confirmed_by,omitempty" doc:"number of the second person"`
	Exit        *int              `json:"exit,omitempty" doc:"status of its program"`
	Output      string            `json:"output,omitempty" doc:"the beginning of what its program wrote"`
}

// RunList is a page of runs.
type RunList struct {
	Items []Run  `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

// Step is one thing that was looked at for a decision.
type Step struct {
	Rule   string `json:"rule"`
	Result string `json:"result"`
}

// Verdict is what screening says of a message.
type Verdict struct {
	Authorized bool   `json:"authorized"`
	Code       string `json:"code" doc:"stable, e.g. allowed, open, denied, no_allow_list, not_listed, prefix, opted_out, premium_number"`
	Text       string `json:"text,omitempty"`
	Entry      string `json:"entry,omitempty" doc:"id of the list entry that decided"`
}

// RouteTestRequest is the body of POST /v1/route-test: From asks about a message that comes in, To about one that goes out.
type RouteTestRequest struct {
	From     string `json:"from,omitempty" doc:"sender of a message that comes in; a name in letters is an alphanumeric sender"`
	To       string `json:"to,omitempty" doc:"recipient of a message that goes out; with from: the number that it comes to"`
	Provider string `json:"provider,omitempty" doc:"service provider; the caller's when absent"`
	Account  string `json:"account,omitempty" doc:"who would send it, for the recipient filter; the caller when absent"`
}

// RouteTest explains what would become of a message.
type RouteTest struct {
	Direction string  `json:"direction" enum:"in,out"`
	Provider  string  `json:"provider"`
	Verdict   Verdict `json:"verdict"`
	Steps     []Step  `json:"steps" nullable:"false"`
	Plan      string  `json:"plan,omitempty" doc:"what the call plans say; POST /v1/plans/explain tells why"`
}

// ActionTestRequest is the body of POST /v1/action-test.
type ActionTestRequest struct {
	From     string `json:"from"`
	Text     string `json:"text"`
	Trunk    string `json:"trunk,omitempty" doc:"trunk that it would come in through"`
	Provider string `json:"provider,omitempty" doc:"service provider; that of the trunk when absent"`
}

// ActionTest says what would follow from a message, and why. Nothing is done.
type ActionTest struct {
	Provider  string            `json:"provider"`
	Outcome   string            `json:"outcome" enum:"none,opt_out,opt_in,help,code,refused,complain,challenge,pair,run,config"`
	Reason    string            `json:"reason"`
	Field     string            `json:"field,omitempty" doc:"what is wrong when it is refused or complained about"`
	Action    string            `json:"action,omitempty"`
	Who       string            `json:"who,omitempty" doc:"whom the sender is taken for"`
	Level     int               `json:"level" doc:"proof that the action asks for"`
	Arguments map[string]string `json:"arguments,omitempty"`
	Answer    string            `json:"answer,omitempty" doc:"what the sender would be told at once"`
	Suspect   bool              `json:"suspect,omitempty" doc:"it may be a wish to be left alone; a person should read it"`
	Verdict   Verdict           `json:"verdict"`
	Steps     []Step            `json:"steps" nullable:"false"`
}

// ActionFinding is something about the actions of a service provider that is probably not meant.
type ActionFinding struct {
	Action string `json:"action"`
	Code   string `json:"code" enum:"stop_word,start_word,help_word,shadowed,code,no_program,bad_text,no_webhook,unknown_builtin,no_list,no_factor" doc:"stable"`
	Text   string `json:"text"`
}

// ActionFindings is the answer to GET /v1/action-lint.
type ActionFindings struct {
	Items []ActionFinding `json:"items" nullable:"false"`
}

// ActionFactor is the answer to making a second factor for actions: it is told once.
type ActionFactor struct {
	Secret string `json:"secret" doc:"as it is typed into an app"`
	URI    string `json:"uri" doc:"as an app reads it from a QR code"`
}

// OptOuts returns a page of opt-outs; from is Next of the page before.
func (c *Client) OptOuts(ctx context.Context, from string, limit int) (out OptOutList, err error) {
	v := url.Values{"limit": {strconv.Itoa(limit)}}
	if from != "" {
		v.Set("cursor", from)
	}
	_, err = c.call(ctx, http.MethodGet, "/v1/opt-outs?"+v.Encode(), nil, nil, &out)
	return out, err
}

// AddOptOut keeps a number from being written to.
func (c *Client) AddOptOut(ctx context.Context, r OptOutRequest) (out OptOut, err error) {
	err = c.post(ctx, "/v1/opt-outs", r, &out)
	return out, err
}

// RemoveOptOut lets a number be written to again.
func (c *Client) RemoveOptOut(ctx context.Context, number string) (out OptOut, err error) {
	_, err = c.call(ctx, http.MethodDelete, "/v1/opt-outs/"+url.PathEscape(number), nil, nil, &out)
	return out, err
}

// Runs returns a page of runs of actions, the newest first.
func (c *Client) Runs(ctx context.Context, cursor string, limit int) (out RunList, err error) {
	v := url.Values{"limit": {strconv.Itoa(limit)}}
	if cursor != "" {
		v.Set("cursor", cursor)
	}
	_, err = c.call(ctx, http.MethodGet, "/v1/runs?"+v.Encode(), nil, nil, &out)
	return out, err
}

// Run returns one run of an action.
func (c *Client) Run(ctx context.Context, id string) (out Run, err error) {
	_, err = c.call(ctx, http.MethodGet, "/v1/runs/"+url.PathEscape(id), nil, nil, &out)
	return out, err
}

// TestRoute explains what would become of a message.
func (c *Client) TestRoute(ctx context.Context, r RouteTestRequest) (out RouteTest, err error) {
	err = c.post(ctx, "/v1/route-test", r, &out)
	return out, err
}

// TestAction says what would follow from a message that comes in.
func (c *Client) TestAction(ctx context.Context, r ActionTestRequest) (out ActionTest, err error) {
	err = c.post(ctx, "/v1/action-test", r, &out)
	return out, err
}

// LintActions returns what is probably not meant about the actions of a service provider.
func (c *Client) LintActions(ctx context.Context, provider string) (out ActionFindings, err error) {
	path := "/v1/action-lint"
	if provider != "" {
		path += "?" + url.Values{"provider": {provider}}.Encode()
	}
	_, err = c.call(ctx, http.MethodGet, path, nil, nil, &out)
	return out, err
}

// MakeFactor makes a new secret of one-time passwords for a contact or an administrator; kind is "contacts" or "administrators".
func (c *Client) MakeFactor(ctx context.Context, kind, id string) (out ActionFactor, err error) {
	err = c.post(ctx, "/v1/"+kind+"/"+url.PathEscape(id)+"/factor", struct{}{}, &out)
	return out, err
}
