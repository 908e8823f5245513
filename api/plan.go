package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Plan is a call plan as it stands: which of its versions is in use, and which will be.
type Plan struct {
	Provider   string    `json:"provider" doc:"service provider that it belongs to"`
	Name       string    `json:"name"`
	Live       int64     `json:"live,omitempty" doc:"version in use; absent when none is yet"`
	Before     int64     `json:"before,omitempty" doc:"version that was in use before"`
	Last       int64     `json:"last" doc:"newest version"`
	Next       int64     `json:"next,omitempty" doc:"version that comes into use at next_at"`
	NextAt     time.Time `json:"next_at,omitzero"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	ArchivedAt time.Time `json:"archived_at,omitzero" doc:"kept, but not used"`
}

// PlanDocument is the body of POST /v1/plans: a call plan in the form of Easy 0. Its rules are described in docs/callplans.md.
type PlanDocument struct {
	Name            string `json:"name" maxLength:"64"`
	ServiceProvider string `json:"service_provider,omitempty" doc:"absent: default"`
	Priority        int    `json:"priority" doc:"plans are tried in ascending order"`
	Timezone        string `json:"timezone,omitempty" doc:"IANA name; absent: that of the service provider" example:"America/New_York"`
	Archived        bool   `json:"archived,omitempty"`
	Rules           any    `json:"rules" doc:"a rule {label, criteria, destination}, or a list of rules"`
}

// PlanList is one page of plans, by service provider and name.
type PlanList struct {
	Items []Plan `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"cursor of the next page; absent on the last one"`
}

// PlanQuery chooses plans; the zero value is the first of all that are not archived.
type PlanQuery struct {
	Provider string // empty: of every service provider
	Archived bool   // those that are archived instead
	Limit    int    // 0: the server's default of 50; at most 1000
	Cursor   string // Next of the page before
}

// PlanVersion is a document of a plan as it was published. It never changes.
type PlanVersion struct {
	Provider  string          `json:"provider"`
	Name      string          `json:"name"`
	Version   int64           `json:"version" doc:"counted from 1"`
	Author    string          `json:"author,omitempty" doc:"who published it, e.g. uid:1000"`
	Note      string          `json:"note,omitempty"`
	CreatedAt time.Time       `json:"created_at"`
	Document  json.RawMessage `json:"document,omitempty" doc:"absent in lists"`
}

// PlanVersionList is the versions of a plan that are kept, the oldest first.
type PlanVersionList struct {
	Items []PlanVersion `json:"items" nullable:"false"`
}

// PlanFinding is one thing that is wrong, or odd, in a plan.
type PlanFinding struct {
	Code    string `json:"code" doc:"E_… keeps the plan from being used, W_… is a warning"`
	Pointer string `json:"pointer" doc:"where in the document (RFC 6901)"`
	Message string `json:"message"`
	Found   string `json:"found,omitempty"`
	Allowed string `json:"allowed,omitempty"`
	Example string `json:"example,omitempty"`
}

// PlanPublished is the answer to POST /v1/plans.
type PlanPublished struct {
	Plan     Plan          `json:"plan"`
	Version  int64         `json:"version" doc:"the one that was made"`
	Warnings []PlanFinding `json:"warnings" nullable:"false"`
}

// PlanChecked is the answer to POST /v1/plans/check.
type PlanChecked struct {
	Errors   []PlanFinding `json:"errors" nullable:"false" doc:"with any of these the plan could not be used"`
	Warnings []PlanFinding `json:"warnings" nullable:"false"`
}

// RollbackRequest is the body of POST /v1/plans/{provider}/{name}/rollback.
type RollbackRequest struct {
	Version int64 `json:"version,omitempty" minimum:"0" doc:"the one to be used again; absent: the one that was in use before"`
}

// PlanExplanation is a decision with the way to it.
type PlanExplanation struct {
	Decision Decision   `json:"decision"`
	Effect   string     `json:"effect" doc:"of the decision, in words"`
	Steps    []PlanStep `json:"steps" nullable:"false" doc:"rules in the order in which they were looked at"`
	Omitted  int        `json:"omitted,omitempty" doc:"rules that did not match and are left out, since there are very many"`
	Areas    string     `json:"area_codes" doc:"version of the table of area codes"`
}

// PlanStep is a rule that was looked at.
type PlanStep struct {
	Plan        string       `json:"plan"`
	Path        string       `json:"path"`
	Label       string       `json:"label,omitempty"`
	Verdict     string       `json:"verdict" enum:"matched,failed,unavailable,entered" doc:"unavailable: all its trunks are down; entered: the rules in it come next"`
	Effect      string       `json:"effect,omitempty" doc:"what the rule did, in words"`
	Default     bool         `json:"default,omitempty" doc:"none of the rules in it decided: its other destinations act"`
	FirstFailed *PlanFailure `json:"first_failed,omitempty"`
	Candidates  []Candidate  `json:"candidates,omitempty" doc:"that the rule added"`
	Down        []string     `json:"down,omitempty" doc:"trunks of the rule that are down"`
	Draw        *float64     `json:"draw,omitempty" doc:"of its percent run, 0 to 99.99"`
}

// PlanFailure is the first criterion of a rule that is false.
type PlanFailure struct {
	Criterion string          `json:"criterion"`
	Wanted    json.RawMessage `json:"wanted" doc:"its value in the plan"`
	Had       string          `json:"had" doc:"what the call has, or unknown"`
}

// PlanDiffRequest is the body of POST /v1/plans/diff.
type PlanDiffRequest struct {
	Provider string            `json:"provider,omitempty" doc:"absent: default"`
	Plans    []json.RawMessage `json:"plans" doc:"documents; each takes the place of the plan with its name"`
	Calls    []DecideRequest   `json:"calls,omitempty" doc:"recorded calls, decided by both"`
	Examples int               `json:"examples,omitempty" minimum:"0" maximum:"100" doc:"calls to show of each change; 3 when absent"`
}

// PlanDifference is what would change.
type PlanDifference struct {
	Calls          int          `json:"calls" doc:"recorded calls that were decided by both"`
	CallsChanged   int          `json:"calls_changed"`
	Classes        int          `json:"classes" doc:"calls made from the rules of both"`
	ClassesChanged int          `json:"classes_changed"`
	Moved          int          `json:"moved" doc:"decided the same, by another rule"`
	Changes        []PlanChange `json:"changes" nullable:"false"`
	Omitted        int          `json:"omitted,omitempty"`
}

// PlanChange is a set of calls that one rule decided and another would.
type PlanChange struct {
	Calls    int           `json:"calls"`
	Classes  int           `json:"classes"`
	From     string        `json:"from" example:"office 3: route"`
	To       string        `json:"to"`
	Examples []PlanExample `json:"examples" nullable:"false"`
}

// PlanExample is one call of a change.
type PlanExample struct {
	Facts    DecideRequest `json:"facts"`
	Old      Decision      `json:"old"`
	New      Decision      `json:"new"`
	Recorded bool          `json:"recorded"`
}

// Plans returns one page of plans.
func (c *Client) Plans(ctx context.Context, q PlanQuery) (out PlanList, err error) {
	v := url.Values{}
	if q.Provider != "" {
		v.Set("provider", q.Provider)
	}
	if q.Archived {
		v.Set("archived", "true")
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Cursor != "" {
		v.Set("cursor", q.Cursor)
	}
	_, err = c.call(ctx, http.MethodGet, withQuery("/v1/plans", v), nil, nil, &out)
	return out, err
}

// withQuery puts a query behind a path, when there is one.
func withQuery(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// PublishPlan makes a document the newest version of its plan and brings it into use: at a time, or at once when at is zero. A document with errors is
// refused with a *Problem that has all of them.
func (c *Client) PublishPlan(ctx context.Context, doc json.RawMessage, at time.Time, note string) (out PlanPublished, err error) {
	v := url.Values{}
	if !at.IsZero() {
		v.Set("at", at.Format(time.RFC3339))
	}
	if note != "" {
		v.Set("note", note)
	}
	err = c.post(ctx, withQuery("/v1/plans", v), doc, &out)
	return out, err
}

// CheckPlan tells what PublishPlan would find.
func (c *Client) CheckPlan(ctx context.Context, doc json.RawMessage) (out PlanChecked, err error) {
	err = c.post(ctx, "/v1/plans/check", doc, &out)
	return out, err
}

// Plan returns one plan.
func (c *Client) Plan(ctx context.Context, provider, name string) (out Plan, err error) {
	_, err = c.call(ctx, http.MethodGet, planPath(provider, name, ""), nil, nil, &out)
	return out, err
}

// PlanVersions returns the versions of a plan, the oldest first, without their documents.
func (c *Client) PlanVersions(ctx context.Context, provider, name string) ([]PlanVersion, error) {
	var out PlanVersionList
	_, err := c.call(ctx, http.MethodGet, planPath(provider, name, "/versions"), nil, nil, &out)
	return out.Items, err
}

// PlanVersion returns a version of a plan with its document.
func (c *Client) PlanVersion(ctx context.Context, provider, name string, version int64) (out PlanVersion, err error) {
	_, err = c.call(ctx, http.MethodGet, planPath(provider, name, "/versions/"+strconv.FormatInt(version, 10)), nil, nil, &out)
	return out, err
}

// RollbackPlan brings an older version back into use, 0 being the one before.
func (c *Client) RollbackPlan(ctx context.Context, provider, name string, version int64) (out Plan, err error) {
	err = c.post(ctx, planPath(provider, name, "/rollback"), RollbackRequest{Version: version}, &out)
	return out, err
}

// ArchivePlan puts a plan out of use and keeps it.
func (c *Client) ArchivePlan(ctx context.Context, provider, name string) (out Plan, err error) {
	err = c.post(ctx, planPath(provider, name, "/archive"), struct{}{}, &out)
	return out, err
}

// RestorePlan takes an archived plan back into use.
func (c *Client) RestorePlan(ctx context.Context, provider, name string) (out Plan, err error) {
	err = c.post(ctx, planPath(provider, name, "/restore"), struct{}{}, &out)
	return out, err
}

// PurgePlan removes an archived plan for good and returns what it was.
func (c *Client) PurgePlan(ctx context.Context, provider, name string) (out Plan, err error) {
	_, err = c.call(ctx, http.MethodDelete, planPath(provider, name, ""), nil, nil, &out)
	return out, err
}

// ExplainPlans tells what the plans in use do with a call.
func (c *Client) ExplainPlans(ctx context.Context, facts DecideRequest) (out PlanExplanation, err error) {
	err = c.post(ctx, "/v1/plans/explain", facts, &out)
	return out, err
}

// DiffPlans tells which calls would be decided otherwise if plans were published.
func (c *Client) DiffPlans(ctx context.Context, r PlanDiffRequest) (out PlanDifference, err error) {
	err = c.post(ctx, "/v1/plans/diff", r, &out)
	return out, err
}

func planPath(provider, name, rest string) string {
	return "/v1/plans/" + url.PathEscape(provider) + "/" + url.PathEscape(name) + rest
}
