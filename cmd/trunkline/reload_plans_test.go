package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/callplan"
	"trunkline/router"
)

// A reload takes the tables of call plans anew, also when only the file changed; a table that cannot be read changes nothing.
func TestReloadTakesTables(t *testing.T) {
	table := filepath.Join(shortDir(t), "zips.csv")
	write := func(zip string) {
		t.Helper()
		if err := os.WriteFile(table, []byte("number,zip\n2055550100,"+zip+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("35203")
	r := newReloadingWith(t, "[plans]\nzips = \""+table+"\"\n")
	doc := `{"name":"p","priority":1,"rules":[{"criteria":{"zip":["352xx"]},"destination":{"number":"1"}},{"criteria":{"always":true},"destination":{"number":"2"}}]}`
	if _, found, err := r.gateway.plans.Publish(t.Context(), router.PlanDocument{Document: []byte(doc)}); err != nil {
		t.Fatal(found, err)
	}
	expect := func(what, want string) {
		t.Helper()
		var d callplan.Decision
		r.gateway.board.plans.Decide(&callplan.Facts{Provider: "default", Calling: "+12055550100", At: time.Now()}, &d)
		if len(d.Candidates) != 1 || d.Candidates[0].Number != want {
			t.Errorf("%s: %+v, want %s", what, d.Candidates, want)
		}
	}
	expect("at the start", "1")
	write("99999")
	if !r.reload() {
		t.Fatal("not reloaded")
	}
	expect("with another table", "2")
	write("no zip")
	if r.reload() {
		t.Error("a table that cannot be read is taken")
	}
	if line := r.gateway.status(); !strings.Contains(line, "plans.zips: ") {
		t.Errorf("status %q", line)
	}
	expect("with a wrong table", "2")
}
