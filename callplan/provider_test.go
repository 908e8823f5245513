package callplan

import (
	"encoding/json"
	"testing"
)

func TestWithProvider(t *testing.T) {
	for doc, want := range map[string]string{
		`{"name":"p", "service_provider" : "acme" ,"rules":[{"service_provider":"acme"}]}`: `{"name":"p", "service_provider" : "be\"ta" ,"rules":[{"service_provider":"acme"}]}`,
		`{"rules":{"service_provider":"acme"},"service_provider":"acme"}`:                  `{"rules":{"service_provider":"acme"},"service_provider":"be\"ta"}`,
		`{"service_provider":"be\"ta"}`:                                                    `{"service_provider":"be\"ta"}`,
		`{"name":"p"}`:                                                                     `{"name":"p"}`,
		`{"service_provider":7}`:                                                           `{"service_provider":7}`,
		`[{"service_provider":"a"}]`:                                                       `[{"service_provider":"a"}]`,
		`{"service_provider":"a`:                                                           `{"service_provider":"a`,
		``:                                                                                 ``,
	} {
		if got := string(WithProvider([]byte(doc), `be"ta`)); got != want {
			t.Errorf("%s became %s, want %s", doc, got, want)
		}
	}
}

// FuzzWithProvider: a document stays what it is, but for whose it is.
func FuzzWithProvider(f *testing.F) {
	f.Add(`{"name":"p","service_provider":"acme","priority":1,"rules":[]}`, "beta")
	f.Add(` { "service_provider" : "\u00e4" } `, "\xff")
	f.Fuzz(func(t *testing.T, doc, name string) {
		out := WithProvider([]byte(doc), name)
		var before, after map[string]json.RawMessage
		if json.Unmarshal([]byte(doc), &before) != nil {
			return
		}
		if err := json.Unmarshal(out, &after); err != nil || len(after) != len(before) {
			t.Fatalf("%q became %q: %v", doc, out, err)
		}
		for k, v := range before {
			if k != "service_provider" && string(after[k]) != string(v) {
				t.Errorf("%q became %q: member %q differs", doc, out, k)
			}
		}
	})
}
