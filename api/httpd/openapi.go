package httpd

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"trunkline/api"
	"trunkline/router/access"
)

// The document is made by huma from the table of routes and the types of package api; requests are read by this package itself. huma's reading takes
// the last of two equal names and folds their case, and its reflection costs more than accepting a message may.

// routes is everything that can be asked.
var routes = slices.Concat(coreRoutes, planRoutes, peopleRoutes, logRoutes, personRoutes, callRoutes, cdrRoutes, loginRoutes, screeningRoutes)

// coreRoutes are the routes whose files have no table of their own.
var coreRoutes = []route{
	{method: "POST", pattern: "/v1/messages", id: "submit", need: access.MessageSend, summary: "Accept messages for sending; answered when they are on disk",
		headers: []parameter{{name: api.IdempotencyKey, doc: "1 to 255 visible ASCII characters; the same key and request make messages once, however often they come"}},
		body:    api.SubmitRequest{}, status: http.StatusAccepted, answer: api.SubmitResponse{}, problems: []int{400, 401, 409, 411, 413, 415, 422, 429, 503}, handle: (*Server).submitMessages},
	{method: "POST", pattern: "/v1/messages/bulk", id: "submitAll", need: access.MessageSend, summary: "Accept up to 1000 messages to one recipient each, every one for itself",
		headers: []parameter{{name: api.IdempotencyKey, doc: "1 to 250 visible ASCII characters; a call that broke off is repeated as a whole with it, and makes what it lacked"}},
		body:    api.BulkRequest{}, status: http.StatusOK, answer: api.BulkResponse{}, problems: []int{400, 401, 409, 411, 413, 415, 422, 503}, handle: (*Server).submitBulk},
	{method: "GET", pattern: "/v1/messages", id: "messages", need: access.Anyone, summary: "List messages, newest first", query: messageParameters,
		status: http.StatusOK, answer: api.MessageList{}, problems: []int{400, 401}, handle: (*Server).messages},
	{method: "GET", pattern: "/v1/messages/{id}", id: "message", need: access.Anyone, summary: "Show one message",
		status: http.StatusOK, answer: api.Message{}, problems: []int{400, 401, 404}, handle: (*Server).message},
	{method: "DELETE", pattern: "/v1/messages/{id}", id: "cancel", need: access.MessageSend, summary: "Withdraw a message that waits",
		status: http.StatusOK, answer: api.Message{}, problems: []int{400, 401, 404, 409, 503}, handle: (*Server).cancelMessage},
	{method: "POST", pattern: "/v1/messages/{id}/resend", id: "resend", need: access.SettingsEdit, summary: "Send again what may or may not have been sent; for administrators",
		status: http.StatusOK, answer: api.Message{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: (*Server).resendMessage},
	{method: "POST", pattern: "/v1/messages/{id}/settle", id: "settle", need: access.SettingsEdit, summary: "Say what became of a message of which nobody knows; for administrators",
		body: api.SettleRequest{}, status: http.StatusOK, answer: api.Message{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).settleMessage},
	{method: "POST", pattern: "/v1/messages/{id}/release", id: "release", need: access.SettingsEdit, summary: "Let a message go that is held; for administrators",
		status: http.StatusOK, answer: api.Message{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: (*Server).releaseMessage},
	{method: "GET", pattern: "/v1/modems", id: "modems", need: access.SettingsView, summary: "List modems with their state",
		status: http.StatusOK, answer: api.ModemList{}, problems: []int{401}, handle: (*Server).listModems},
	{method: "GET", pattern: "/v1/modems/{name}", id: "modem", need: access.SettingsView, summary: "Show one modem with all that is known of it",
		status: http.StatusOK, answer: api.Modem{}, problems: []int{401, 404}, handle: (*Server).showModem},
	{method: "POST", pattern: "/v1/modems/{name}/ussd", id: "ussd", need: access.SettingsEdit, summary: "Speak USSD with the network; for administrators, since codes spend credit and divert calls",
		body: api.USSDRequest{}, status: http.StatusOK, answer: api.USSDReply{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).ussd},
	{method: "POST", pattern: "/v1/modems/{name}/at", id: "at", need: access.SettingsEdit, summary: "Run one AT command; for administrators",
		body: api.ATRequest{}, status: http.StatusOK, answer: api.ATAnswer{}, problems: []int{400, 401, 403, 404, 411, 413, 415, 422, 503}, handle: (*Server).at},
	{method: "POST", pattern: "/v1/modems/{name}/unlock", id: "unlock", need: access.SettingsEdit, summary: "Unlock the card with its PIN or PUK, entered once; for administrators",
		body: api.UnlockRequest{}, status: http.StatusOK, answer: api.Modem{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).unlock},
	{method: "GET", pattern: "/v1/webhooks", id: "webhooks", need: access.SettingsView, summary: "List the endpoints that are told of events; for administrators",
		status: http.StatusOK, answer: api.WebhookList{}, problems: []int{401, 403}, handle: (*Server).listWebhooks},
	{method: "POST", pattern: "/v1/webhooks", id: "addWebhook", need: access.SettingsEdit, summary: "Make an endpoint; the answer has its secret, once; for administrators",
		body: api.WebhookRequest{}, status: http.StatusCreated, answer: api.Webhook{}, problems: []int{400, 401, 403, 409, 411, 413, 415, 422, 503}, handle: (*Server).addWebhook},
	{method: "GET", pattern: "/v1/webhooks/{id}", id: "webhook", need: access.SettingsView, summary: "Show one endpoint; for administrators",
		status: http.StatusOK, answer: api.Webhook{}, problems: []int{400, 401, 403, 404}, handle: (*Server).showWebhook},
	{method: "PATCH", pattern: "/v1/webhooks/{id}", id: "editWebhook", need: access.SettingsEdit, summary: "Change an endpoint; what is absent stays; for administrators",
		body: api.WebhookChange{}, status: http.StatusOK, answer: api.Webhook{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).editWebhook},
	{method: "DELETE", pattern: "/v1/webhooks/{id}", id: "purgeWebhook", need: access.SettingsEdit, summary: "Remove an archived endpoint and its deliveries for good; for administrators",
		status: http.StatusOK, answer: api.Webhook{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: (*Server).purgeWebhook},
	{method: "POST", pattern: "/v1/webhooks/{id}/secret", id: "rotateSecret", need: access.SettingsEdit, summary: "Make a new secret, told once; the one before is used too for a while; for administrators",
		body: api.RotateRequest{}, status: http.StatusOK, answer: api.Webhook{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).rotateSecret},
	{method: "POST", pattern: "/v1/webhooks/{id}/pause", id: "pauseWebhook", need: access.SettingsEdit, summary: "Stop deliveries to an endpoint; for administrators",
		status: http.StatusOK, answer: api.Webhook{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: (*Server).pauseWebhook},
	{method: "POST", pattern: "/v1/webhooks/{id}/resume", id: "resumeWebhook", need: access.SettingsEdit, summary: "Take deliveries up again; for administrators",
		body: api.ResumeRequest{}, status: http.StatusOK, answer: api.Webhook{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).resumeWebhook},
	{method: "POST", pattern: "/v1/webhooks/{id}/archive", id: "archiveWebhook", need: access.SettingsEdit, summary: "End deliveries to an endpoint and keep its records; for administrators",
		status: http.StatusOK, answer: api.Webhook{}, problems: []int{400, 401, 403, 404, 503}, handle: (*Server).archiveWebhook},
	{method: "POST", pattern: "/v1/webhooks/{id}/restore", id: "restoreWebhook", need: access.SettingsEdit, summary: "Make an archived endpoint a paused one; for administrators",
		status: http.StatusOK, answer: api.Webhook{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: (*Server).restoreWebhook},
	{method: "POST", pattern: "/v1/webhooks/{id}/test", id: "testWebhook", need: access.SettingsEdit, summary: "Send an event webhook.test and tell what came of it; for administrators",
		status: http.StatusOK, answer: api.DeliveryTry{}, problems: []int{400, 401, 403, 404, 409, 503}, handle: (*Server).testWebhook},
	{method: "POST", pattern: "/v1/webhooks/{id}/replay", id: "replayWebhook", need: access.SettingsEdit, summary: "Deliver once more: one event, all since a time, or what was given up; for administrators",
		body: api.ReplayRequest{}, status: http.StatusOK, answer: api.ReplayResponse{}, problems: []int{400, 401, 403, 404, 409, 411, 413, 415, 422, 503}, handle: (*Server).replayWebhook},
	{method: "GET", pattern: "/v1/webhooks/{id}/deliveries", id: "deliveries", need: access.SettingsView, summary: "List deliveries to an endpoint, the newest event first; for administrators", query: deliveryParameters,
		status: http.StatusOK, answer: api.DeliveryList{}, problems: []int{400, 401, 403, 404}, handle: (*Server).deliveries},
	{method: "GET", pattern: "/v1/webhooks/{id}/deliveries/{event}", id: "delivery", need: access.SettingsView, summary: "Show the delivery of one event with its last tries; for administrators",
		status: http.StatusOK, answer: api.Delivery{}, problems: []int{400, 401, 403, 404}, handle: (*Server).showDelivery},
	{method: "GET", pattern: "/v1/events", id: "events", need: access.Anyone, summary: "Follow what happens, as server-sent events; the data of each is an Event", query: eventParameters,
		headers: []parameter{{name: "Last-Event-ID", doc: "resume after this event", integer: true}},
		status:  http.StatusOK, answer: api.Event{}, media: "text/event-stream", problems: []int{400, 401}, handle: (*Server).events},
	{method: "POST", pattern: "/v1/decide", id: "decide", need: access.CallPatternView, summary: "Decide one call, or each of a list of up to 1000, by the call plans",
		query: []parameter{{name: "format", doc: "rtjson: answer in the shape that Kamailio's rtjson module takes; for one call"},
			{name: "switch", doc: "the section [switch.NAME] whose provider and next hop count; over TCP it is that of the address"}},
		body: decideBody{}, status: http.StatusOK, answer: decideAnswer{}, problems: []int{400, 401, 411, 413, 415, 422, 503}, handle: (*Server).decideCalls},
	{method: "GET", pattern: "/v1/store/backup", id: "backup", need: access.SettingsEdit, summary: "Copy the database as it is at this moment; its SHA-256 in hex follows as the trailer " + api.BackupSum + "; for administrators",
		status: http.StatusOK, media: "application/octet-stream", problems: []int{401, 403, 409, 503}, handle: (*Server).backup},
	{method: "POST", pattern: "/v1/store/release", id: "releaseRestored", need: access.SettingsEdit, summary: "Let all messages go that a restore holds; for administrators",
		status: http.StatusOK, answer: api.Released{}, problems: []int{401, 403, 503}, handle: (*Server).releaseRestored},
	{method: "GET", pattern: "/v1/version", id: "version", need: access.Anyone, summary: "Show the version of the daemon",
		status: http.StatusOK, answer: api.Version{}, problems: []int{401}, handle: (*Server).showVersion},
	{method: "GET", pattern: "/healthz", id: "health", need: access.Public, summary: "Tell whether the daemon lives and can write",
		status: http.StatusOK, answer: api.Health{}, problems: []int{503}, handle: (*Server).healthy},
	{method: "GET", pattern: "/readyz", id: "ready", need: access.Public, summary: "Tell whether the daemon takes messages",
		status: http.StatusOK, answer: api.Health{}, problems: []int{503}, handle: (*Server).readiness},
	{method: "GET", pattern: "/metrics", id: "metrics", need: access.Public, summary: "Metrics for Prometheus",
		status: http.StatusOK, media: "text/plain", handle: (*Server).showMetrics},
	{method: "GET", pattern: "/openapi.json", id: "openapi", need: access.Public, summary: "This document",
		status: http.StatusOK, media: "application/json", handle: (*Server).showOpenAPI},
}

// recipientsSchema and durationSchema describe types that have a JSON form of their own.
type recipientsSchema struct{}

func (recipientsSchema) Schema(huma.Registry) *huma.Schema {
	number := &huma.Schema{Type: huma.TypeString, Examples: []any{"+4915112345678"}}
	least := 1
	return &huma.Schema{OneOf: []*huma.Schema{number, {Type: huma.TypeArray, Items: number, MinItems: &least}}}
}

type durationSchema struct{}

func (durationSchema) Schema(huma.Registry) *huma.Schema {
	least := 1.0
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString, Examples: []any{"24h", "90m"}}, {Type: huma.TypeInteger, Minimum: &least, Description: "seconds"}}}
}

// decideBody and decideAnswer describe what comes alone or as a list.
type decideBody struct{}

func (decideBody) Schema(types huma.Registry) *huma.Schema {
	one := types.Schema(reflect.TypeFor[api.DecideRequest](), true, "")
	least, most := 1, decideLimit
	return &huma.Schema{OneOf: []*huma.Schema{one, {Type: huma.TypeArray, Items: one, MinItems: &least, MaxItems: &most}}}
}

type decideAnswer struct{}

func (decideAnswer) Schema(types huma.Registry) *huma.Schema {
	one := types.Schema(reflect.TypeFor[api.Decision](), true, "")
	return &huma.Schema{OneOf: []*huma.Schema{one, {Type: huma.TypeArray, Items: one}, types.Schema(reflect.TypeFor[api.RTJSON](), true, "")}}
}

// openAPI returns the OpenAPI 3.1 document of a table of routes.
func openAPI(table []route, version string) ([]byte, error) {
	types := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	types.RegisterTypeAlias(reflect.TypeFor[api.Recipients](), reflect.TypeFor[recipientsSchema]())
	types.RegisterTypeAlias(reflect.TypeFor[api.Duration](), reflect.TypeFor[durationSchema]())
	doc := &huma.OpenAPI{OpenAPI: "3.1.0", Components: &huma.Components{Schemas: types}, Info: &huma.Info{Title: "Trunkline", Version: version,
		Description: "Messages through the modems of this machine. Over the unix socket the peer's credentials are the identity. Every error is a Problem (RFC 9457) with a stable type."}}
	schema := func(v any) *huma.Schema { return types.Schema(reflect.TypeOf(v), true, "") }
	requests := map[string]bool{}
	for _, r := range table {
		op := &huma.Operation{Method: r.method, Path: r.pattern, OperationID: r.id, Summary: r.summary, Responses: map[string]*huma.Response{}}
		for _, name := range wildcards(r.pattern) {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
		for _, p := range r.query {
			op.Parameters = append(op.Parameters, p.param("query"))
		}
		for _, p := range r.headers {
			op.Parameters = append(op.Parameters, p.param("header"))
		}
		if r.body != nil {
			body := schema(r.body)
			requests[body.Ref] = true
			for _, one := range body.OneOf {
				requests[one.Ref] = true
			}
			op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: body}}}
		}
		ok := &huma.Response{Description: http.StatusText(r.status)}
		media := r.media
		if media == "" {
			media = "application/json"
		}
		ok.Content = map[string]*huma.MediaType{media: {}}
		if r.answer != nil {
			ok.Content[media].Schema = schema(r.answer)
		}
		op.Responses[strconv.Itoa(r.status)] = ok
		for _, status := range r.problems {
			op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status),
				Content: map[string]*huma.MediaType{api.ProblemMedia: {Schema: schema(api.Problem{})}}}
		}
		doc.AddOperation(op)
	}
	// Requests with unknown fields are refused, but answers may get more fields: a client that refuses those would break.
	for name, s := range types.Map() {
		if !requests["#/components/schemas/"+name] {
			s.AdditionalProperties = nil
		}
	}
	return json.Marshal(doc)
}

// param describes a parameter.
func (p parameter) param(in string) *huma.Param {
	s := &huma.Schema{Type: huma.TypeString}
	if p.integer {
		s.Type = huma.TypeInteger
	}
	return &huma.Param{Name: p.name, In: in, Description: p.doc, Schema: s}
}

// wildcards returns the names in a pattern.
func wildcards(pattern string) (names []string) {
	for segment := range strings.SplitSeq(pattern, "/") {
		if strings.HasPrefix(segment, "{") {
			names = append(names, strings.Trim(segment, "{}"))
		}
	}
	return names
}

func (s *Server) showOpenAPI(w http.ResponseWriter, _ *request) error {
	doc, err := s.document()
	if err != nil {
		return err
	}
	h := w.Header()
	h["Content-Type"] = jsonMedia
	h.Set("Content-Length", strconv.Itoa(len(doc)))
	w.WriteHeader(http.StatusOK)
	w.Write(doc)
	return nil
}
