package httpd

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"testing"
)

func TestOpenAPIDocumentsEveryRoute(t *testing.T) {
	g := serve(t, nil)
	resp, err := g.http().Get("http://x/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	type operation struct {
		OperationID string
		Parameters  []struct {
			Name, In string
			Required bool
			Schema   struct{ Type string }
		}
		RequestBody struct {
			Content map[string]struct{ Schema map[string]any }
		}
		Responses map[string]struct{ Content map[string]any }
	}
	var doc struct {
		OpenAPI    string
		Info       struct{ Title, Version string }
		Paths      map[string]map[string]operation
		Components struct {
			Schemas map[string]struct {
				Type                 string
				Required             []string
				AdditionalProperties any
				Properties           map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") || doc.Info.Title == "" || doc.Info.Version != "test" {
		t.Errorf("head: %s %+v", doc.OpenAPI, doc.Info)
	}
	seen := map[string]bool{}
	for _, r := range routes {
		op, ok := doc.Paths[r.pattern][strings.ToLower(r.method)]
		if !ok || op.OperationID == "" || seen[op.OperationID] {
			t.Errorf("%s %s is not documented, or its id %q is not its own", r.method, r.pattern, op.OperationID)
		}
		seen[op.OperationID] = true
		if len(op.Parameters) != len(r.query)+len(r.headers)+len(wildcards(r.pattern)) {
			t.Errorf("%s: parameters %+v", r.pattern, op.Parameters)
		}
		for _, p := range op.Parameters {
			if p.Schema.Type == "" || p.In == "path" && !p.Required {
				t.Errorf("%s: parameter %+v", r.pattern, p)
			}
		}
		if _, ok := op.Responses[strconv.Itoa(r.status)]; !ok || len(op.Responses) != 1+len(r.problems) {
			t.Errorf("%s: answers %v", r.pattern, op.Responses)
		}
	}
	var all any
	json.Unmarshal(b, &all)
	references(t, all, func(name string) bool { _, ok := doc.Components.Schemas[name]; return ok })
	request := doc.Components.Schemas["SubmitRequest"]
	if len(request.Properties) != len(submitFields) || strings.Join(request.Required, " ") != "text" {
		t.Errorf("SubmitRequest has %v, required %v", request.Properties, request.Required)
	}
	if doc.Components.Schemas["SubmitRequest"].AdditionalProperties != false || doc.Components.Schemas["Message"].AdditionalProperties != nil {
		t.Error("requests must be closed and answers open")
	}
	for _, f := range submitFields {
		if _, ok := request.Properties[f.name]; !ok {
			t.Errorf("field %s is read but not documented", f.name)
		}
	}
	if to := string(request.Properties["to"]); !strings.Contains(to, "oneOf") {
		t.Errorf("to: %s", to)
	}
}

// references finds every $ref and asks whether its schema is there.
func references(t *testing.T, v any, known func(string) bool) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && !known(strings.TrimPrefix(ref, "#/components/schemas/")) {
			t.Errorf("%s leads nowhere", ref)
		}
		for _, e := range v {
			references(t, e, known)
		}
	case []any:
		for _, e := range v {
			references(t, e, known)
		}
	}
}
