package httpd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"trunkline/api"
)

func TestDocumentRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, field, code string }{
		{"nothing", "", "body", api.FieldRequired},
		{"blanks", " \n\t", "body", api.FieldRequired},
		{"text after", `{} {}`, "body", api.FieldMalformed},
		{"NUL after", "{}\x00", "body", api.FieldMalformed},
		{"byte order mark", "\ufeff{}", "body", api.FieldMalformed},
		{"same name twice", `{"to":1,"to":2}`, "to", api.FieldDuplicate},
		{"same name twice, one escaped", `{"to":1,"\u0074o":2}`, "to", api.FieldDuplicate},
		{"same name twice deep inside", `{"a":[{"b":{"c":1,"c":2}}]}`, "a[0].b.c", api.FieldDuplicate},
		{"same name after many", `{` + manyNames(40) + `,"k3":0}`, "k3", api.FieldDuplicate},
		{"too deep", strings.Repeat("[", 33) + strings.Repeat("]", 33), "body", ""},
		{"too deep, unfinished", strings.Repeat("[", 20000), "body", api.FieldTooDeep},
		{"too many values", `{"to":[` + strings.Repeat("0,", maxValues) + `0]}`, "to", api.FieldTooMany},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "a", api.FieldMalformed},
		{"surrogate in UTF-8", "{\"a\":[\"\xed\xa0\x80\"]}", "a[0]", api.FieldMalformed},
		{"lone high surrogate", `{"a":"\ud800"}`, "a", api.FieldMalformed},
		{"lone low surrogate", `{"a":"\udc00"}`, "a", api.FieldMalformed},
		{"surrogates in the wrong order", `{"a":"\udc00\ud800"}`, "a", api.FieldMalformed},
		{"high surrogate before another", `{"a":{"b":"\ud800\u0041"}}`, "a.b", api.FieldMalformed},
		{"invalid UTF-8 outside of a string", "{}\xff", "body", api.FieldMalformed},
		{"invalid UTF-8 in a name", "{\"\xff\":1}", "body", api.FieldMalformed},
		{"lone surrogate in a name", `{"\ud800":1}`, "body", api.FieldMalformed},
		{"control character", "{\"a\":\"\n\"}", "a", api.FieldMalformed},
		{"unknown escape", `{"a":"\x41"}`, "a", api.FieldMalformed},
		{"short escape", `{"a":"\u00`, "a", api.FieldMalformed},
		{"unfinished string", `{"a":"`, "a", api.FieldMalformed},
		{"unfinished object", `{"a":1`, "body", api.FieldMalformed},
		{"comma at the end", `{"a":1,}`, "body", api.FieldMalformed},
		{"comma at the end of a list", `[1,]`, "body", api.FieldMalformed},
		{"name without quotes", `{a:1}`, "body", api.FieldMalformed},
		{"single quotes", `{'a':1}`, "body", api.FieldMalformed},
		{"comment", `{}//`, "body", api.FieldMalformed},
		{"leading zero", `[01]`, "body", api.FieldMalformed},
		{"plus sign", `[+1]`, "body", api.FieldMalformed},
		{"dot without digits", `[1.]`, "body", api.FieldMalformed},
		{"exponent without digits", `[1e]`, "body", api.FieldMalformed},
		{"lone minus", `[-]`, "body", api.FieldMalformed},
		{"NaN", `[NaN]`, "body", api.FieldMalformed},
		{"capital word", `[True]`, "body", api.FieldMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d document
			err := d.parse([]byte(c.text))
			if c.code == "" {
				if err != nil {
					t.Fatalf("parse: %v, want none: the depth is just at the bound", err)
				}
				return
			}
			var e *jsonError
			if !errors.As(err, &e) || e.Field != c.field || e.Code != c.code {
				t.Errorf("parse: %v, want %s in %s", err, c.code, c.field)
			}
		})
	}
}

func manyNames(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"k%d":0`, i))
	}
	return strings.Join(all, ",")
}

// value builds what encoding/json would decode from the nodes, so that both readers can be compared.
func (d *document) valueAt(at int32) any {
	switch n := d.nodes[at]; n.kind {
	case kindNull:
		return nil
	case kindBool:
		return string(d.raw(at)) == "true"
	case kindNumber:
		return json.Number(d.raw(at))
	case kindString:
		return d.content(at)
	case kindArray:
		out := []any{}
		for c := d.first(at); c >= 0; c = d.next(c) {
			out = append(out, d.valueAt(c))
		}
		return out
	default:
		out := map[string]any{}
		for c := d.first(at); c >= 0; c = d.next(c) {
			out[d.key(c)] = d.valueAt(c)
		}
		return out
	}
}

func TestDocumentReadsAsTheStandardLibraryDoes(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `null`, `true`, ` [ 1 , -0.5e+3 , 1E2, "" ] `, `{"a":{"b":[{},[],{"c":null}]},"d":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é😀\u0000"}`,
		`{"\u0061":1,"b\n":2}`, `"a\u2028b"`, `{` + manyNames(100) + `}`,
	} {
		compare(t, text)
	}
}

func compare(t *testing.T, text string) {
	t.Helper()
	var d document
	if err := d.parse([]byte(text)); err != nil {
		t.Fatalf("parse %q: %v", text, err)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var want any
	if err := dec.Decode(&want); err != nil {
		t.Fatalf("encoding/json refuses %q: %v", text, err)
	}
	got, _ := json.Marshal(d.valueAt(0))
	wanted, _ := json.Marshal(want)
	if string(got) != string(wanted) {
		t.Errorf("%q: got %s, want %s", text, got, wanted)
	}
}

// Every octet means the same at every place of a string, among the first ones of which eight are looked at together too.
func TestEveryOctetOfAString(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			b := []byte(strings.Repeat("~ !#[]", 4)[:20])
			b[at] = byte(c)
			quoted := []byte(`"` + string(b) + `"`)
			var d document
			err, want := d.parse(quoted), utf8.Valid(b) && json.Valid(quoted)
			if (err == nil) != want {
				t.Errorf("%q at %d: parse: %v, want accepted: %v", byte(c), at, err, want)
			}
			if err == nil && c != '\\' && d.content(0) != string(b) {
				t.Errorf("%q at %d was read as %q", byte(c), at, d.content(0))
			}
			var standard bytes.Buffer
			e := json.NewEncoder(&standard)
			e.SetEscapeHTML(false)
			if err := e.Encode(string(b)); err != nil {
				t.Fatal(err)
			}
			if got := appendString(nil, string(b)); string(got)+"\n" != standard.String() {
				t.Errorf("%q at %d was written as %s, want %s", byte(c), at, got, standard.String())
			}
		}
	}
}

// FuzzDocument: no panic; what is taken is taken by encoding/json too and means the same; what is refused has a field and a code.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{`{"to":"+4915112345678","text":"\ud83d\ude00"}`, `{"a":[1,2,{"b":null}],"a":1}`, `[[[[`, `{"a":"\ud800"}`, "\xff", `{"ı":1,"i":2}`, `-0.1e-5`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d document
		err := d.parse([]byte(text))
		if err == nil {
			compare(t, text)
			for i := range d.nodes {
				d.path(int32(i))
			}
			return
		}
		var e *jsonError
		if !errors.As(err, &e) || e.Field == "" || e.Code == "" || !utf8.ValidString(e.Message) {
			t.Errorf("%q: error %v has no field, code or readable message", text, err)
		}
	})
}

// FuzzSubmission: any body gives a submission or a problem that names a field.
func FuzzSubmission(f *testing.F) {
	f.Add(`{"to":["1"],"text":"x","priority":9,"flash":true,"valid_for":"1h","send_at":"2026-10-25T02:30:00","time_zone":"Europe/Berlin","tag":"t","trunk":"desk"}`)
	f.Add(`{"to":1,"valid_for":1e9,"send_at":5,"time_zone":"../../etc/passwd"}`)
	f.Fuzz(func(t *testing.T, body string) {
		s, mangled, err := readSubmission([]byte(body))
		var p *api.Problem
		if err != nil && (!errors.As(err, &p) || len(p.Errors) == 0 || p.Errors[0].Field == "") || mangled && err == nil && len(s.Wrong) == 0 {
			t.Errorf("%q: %v names no field", body, err)
		}
	})
}

func BenchmarkReadSubmission(b *testing.B) {
	body := []byte(`{"to":"+4915112345678","text":"The quick brown fox jumps over the lazy dog","tag":"order-4711"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := readSubmission(body); err != nil {
			b.Fatal(err)
		}
	}
}
