package callplan

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
)

// FuzzParse: nothing makes the reader fail but by findings; what it takes can be written and read again and means the same; encoding/json agrees on what is JSON;
// compiled by scan and by index it decides alike.
func FuzzParse(f *testing.F) {
	decide, validate := readVectors(f)
	for i, c := range decide {
		if i%4 == 0 {
			f.Add([]byte(c.Plans[0]))
		}
	}
	for i, c := range validate {
		if i%4 == 0 {
			f.Add([]byte(c.Plan))
		}
	}
	f.Add([]byte(`{"name":"p","service_provider":"a","priority":1,"rules":{"criteria":{"percent":1e1,"not":{"day":["fri"]}},"destination":{"rule":{"criteria":{"always":true},"destination":{"terminate":true}}}},"name":"q"}`))
	f.Add([]byte("[[[[[[]]]]]]"))
	env, err := ParseEnv([]byte(poolEnv))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		p, found := Parse(doc, ParseOptions{Rules: 200, Bytes: 64 << 10})
		errs := found.Errors()
		if (p == nil) != (errs != nil) {
			t.Fatalf("plan %v, errors %v", p, errs)
		}
		if errs != nil {
			if errs[0].Code == codeJSON && json.Valid(doc) && bytes.Equal(bytes.ToValidUTF8(doc, nil), doc) && !bytes.Contains(doc, []byte(`\u`)) {
				t.Fatalf("%v, but it is JSON", errs[0])
			}
			return
		}
		if !json.Valid(doc) {
			t.Fatal("taken, but it is no JSON")
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		q, found := Parse(again, ParseOptions{})
		if err := found.Err(); err != nil {
			t.Fatalf("%s cannot be read again: %v", again, err)
		}
		if third, err := json.Marshal(q); err != nil || !bytes.Equal(again, third) {
			t.Fatalf("%s became %s, %v", again, third, err)
		}
		p.Archived, q.Archived = false, false
		scan, err := compile(p.Provider, []*Plan{p}, env, 1<<30, 1)
		if err != nil {
			t.Fatal(err)
		}
		index, err := compile(p.Provider, []*Plan{q}, env, 1, 64)
		if err != nil {
			t.Fatal(err)
		}
		if d := Diff(scan, index, nil, DiffOptions{Representatives: 300}); d.ClassesChanged != 0 || d.Moved != 0 {
			t.Fatalf("scan and index differ: %+v", d)
		}
	})
}

// FuzzFacts: any facts are decided, by scan and index alike, and explained with the same result.
func FuzzFacts(f *testing.F) {
	f.Add("+12055550100", "0", "000-000-001", "476", "12345-6789", "call-1", int64(1781103600))
	f.Add("", "\x00", "1-2", "95201", "1", "", int64(-1))
	var plans []*Plan
	for _, doc := range []string{
		rulesPlan(`{"criteria":{"match":["nxxnxxxxxx","+44*","20#"],"percent":50},"destination":{"trunk":["t1"]}},{"criteria":{"called":["0","x*"],"lata":[["Inter",null],["Digits","952"]]},"destination":{"number":"2","continue":true}},
			{"criteria":{"npa":["AL","country:CA"],"zip":["123xx"],"not":{"pointcode":[["0-0-1","255-0-0"]]}},"destination":{"sip":"a@example.com"}},{"criteria":{"time":["22:00","06:00"],"day":["fri"]},"destination":{"terminate":true}}`),
	} {
		p, found := Parse([]byte(doc), ParseOptions{})
		if err := found.Err(); err != nil {
			f.Fatal(err)
		}
		plans = append(plans, p)
	}
	scan, err := compile("acme", plans, &Env{}, 1<<30, 1)
	if err != nil {
		f.Fatal(err)
	}
	index, err := compile("acme", plans, &Env{}, 1, 2)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, calling, called, opc, lata, zip, id string, at int64) {
		facts := Facts{Provider: "acme", Calling: calling, Called: called, OPC: opc, CallingLATA: lata, CalledLATA: zip, ZIP: zip, CallID: id, At: time.Unix(at, 0)}
		var a, b Decision
		scan.Decide(&facts, &a)
		index.Decide(&facts, &b)
		if e := index.Explain(&facts); shown(&a) != shown(&b) || shown(&e.Decision) != shown(&a) {
			t.Fatalf("scan %s, index %s, explained %s", shown(&a), shown(&b), shown(&e.Decision))
		}
	})
}
