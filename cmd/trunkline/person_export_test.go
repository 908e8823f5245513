package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"testing"
	"time"

	"trunkline/api"
)

// The archive has the whole as JSON, and tables in which what a text holds is one harmless field.
func TestPersonArchive(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	e := &personExport{Person: api.Person{Number: "+4915112345678", Contacts: []api.Contact{{Record: api.Record{ID: 7}, ContactFields: api.ContactFields{FirstName: "=cmd", LastName: "a;\"b\"\n", Phones: []api.ContactPhone{{Number: "+4915112345678"}}}}}},
		Messages: []api.Message{{ID: "m", Direction: "in", From: "+4915112345678", Text: "@SUM(1)\x1b[2J", CreatedAt: at}}, Calls: []api.CDR{{ID: "c", Number: "+4915112345678", StartedAt: at, Seconds: 1.5, Outcome: "missed"}},
		Runs: []api.Run{{ID: "m", Action: "lamp", Sender: "+4915112345678", At: at, State: "done"}}, Events: []api.Event{{Seq: 9, Type: "call.ended", At: at, Number: "+4915112345678", Text: "=1"}}}
	var b bytes.Buffer
	if err := writePersonZip(&b, e); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) []byte {
		t.Helper()
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		all, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	var again personExport
	if err := json.Unmarshal(read("person.json"), &again); err != nil || again.Messages[0].Text != e.Messages[0].Text || len(again.Calls) != 1 || len(again.Runs) != 1 || len(again.Events) != 1 || again.Number != e.Number {
		t.Errorf("%+v, %v", again, err)
	}
	for name, want := range map[string]map[string]string{
		"contacts.csv": {"id": "7", "firstname": "'=cmd", "name": "a;\"b\"\\n", "phones": "+4915112345678"},
		"messages.csv": {"text": "'@SUM(1)\\x1b[2J", "created_at": "2026-11-21T12:00:00Z", "sent_at": "", "direction": "in"},
		"calls.csv":    {"id": "c", "seconds": "1.500", "outcome": "missed"},
		"runs.csv":     {"action": "lamp", "state": "done"},
		"events.csv":   {"seq": "9", "type": "call.ended", "text": "'=1", "at": "2026-11-21T12:00:00Z"},
	} {
		rows, err := csv.NewReader(bytes.NewReader(read(name))).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Errorf("%s: %q, %v", name, rows, err)
			continue
		}
		for i, column := range rows[0] {
			if w, ok := want[column]; ok && rows[1][i] != w {
				t.Errorf("%s, %s: %q, want %q", name, column, rows[1][i], w)
			}
			delete(want, column)
		}
		for column := range want {
			t.Errorf("%s has no column %s", name, column)
		}
	}
}
