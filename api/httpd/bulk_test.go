package httpd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"trunkline/api"
)

// bulkOf returns messages to so many numbers.
func bulkOf(n int) (all []api.SubmitRequest) {
	for i := range n {
		all = append(all, api.SubmitRequest{To: api.Recipients{fmt.Sprintf("+4915100%05d", i)}, Text: fmt.Sprintf("text %d", i)})
	}
	return all
}

// A list is accepted one by one; a repetition makes what was missing, under keys that are no others' keys.
func TestBulk(t *testing.T) {
	g := serve(t, nil)
	client := g.client
	all := bulkOf(api.BulkLimit)
	all[3].To, all[5].Text, all[7].SendAt = api.Recipients{"nobody"}, "", "soon"
	first, err := client.SubmitAll(t.Context(), all[:500], "import")
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.SubmitAll(t.Context(), all, "import")
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range again {
		want := map[int]string{3: "to invalid", 5: "text required", 7: "send_at invalid"}[i]
		switch {
		case want != "":
			if r.Error == nil || r.Error.Status != http.StatusUnprocessableEntity || fieldsOf(r.Error) != want || r.Message != nil {
				t.Errorf("message %d: %+v", i, r.Error)
			}
		case r.Error != nil || r.Message == nil || r.Message.Text != all[i].Text || r.Message.State != "waiting" || r.Replayed != (i < 500):
			t.Errorf("message %d: %+v", i, r)
		case i < 500 && r.Message.ID != first[i].Message.ID:
			t.Errorf("message %d was made twice", i)
		}
	}
	page, err := client.Messages(t.Context(), api.MessageQuery{Limit: 1000})
	if err != nil || len(page.Items) != api.BulkLimit-3 {
		t.Errorf("%d messages, %v", len(page.Items), err)
	}
	// The key of one route is not known at the other.
	if a, err := client.Submit(t.Context(), api.SubmitRequest{To: all[0].To, Text: "alone"}, "import/1"); err != nil || a.Replayed {
		t.Errorf("the same key at the other route: %v, %v", a.Replayed, err)
	}
	all[0].Text = "another"
	if other, err := client.SubmitAll(t.Context(), all[:2], "import"); err != nil || other[0].Error == nil || other[0].Error.Code() != api.CodeKeyReused || other[1].Error != nil {
		t.Errorf("another text under the key: %+v, %v", other, err)
	}
}

func TestBulkRefuses(t *testing.T) {
	g := serve(t, nil)
	one := `{"to":"+4915100000001","text":"x"}`
	for name, c := range map[string]struct {
		body, key string
		status    int
		wrong     string
	}{
		"no list":            {body: `{"messages":` + one + `}`, status: 400, wrong: "messages wrong_type"},
		"nothing":            {body: `{}`, status: 400, wrong: "messages required"},
		"empty list":         {body: `{"messages":[]}`, status: 400, wrong: "messages out_of_range"},
		"too many":           {body: `{"messages":[` + strings.Repeat(one+",", api.BulkLimit) + one + `]}`, status: 400, wrong: "messages out_of_range"},
		"unknown field":      {body: `{"messages":[` + one + `,{"to":"1","txt":"x"}]}`, status: 400, wrong: "messages[1].txt unknown"},
		"wrong type":         {body: `{"messages":[` + one + `,{"to":"1","text":7}]}`, status: 400, wrong: "messages[1].text wrong_type"},
		"unknown at the top": {body: `{"message":[]}`, status: 400, wrong: "message unknown"},
		"not an object":      {body: `{"messages":["x"]}`, status: 400, wrong: "messages[0] wrong_type"},
		"no JSON":            {body: `{"messages":[`, status: 400, wrong: "body malformed"},
		"key without room":   {body: `{"messages":[` + one + `]}`, key: strings.Repeat("k", 251), status: 400, wrong: "Idempotency-Key too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://unix/v1/messages/bulk", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			if c.key != "" {
				r.Header.Set(api.IdempotencyKey, c.key)
			}
			answer, err := g.http().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var p api.Problem
			if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != c.status || fieldsOf(&p) != c.wrong {
				t.Errorf("%d, %q; want %d, %q", answer.StatusCode, fieldsOf(&p), c.status, c.wrong)
			}
		})
	}
}
