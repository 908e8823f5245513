package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"trunkline/config"
)

// runGateway runs a gateway without modems until the test ends, and returns a function that runs a verb against it.
func runGateway(t *testing.T, change func(*config.Config)) func(code int, args ...string) string {
	t.Helper()
	dir := shortDir(t)
	c := config.Default()
	c.Store.Path, c.API.Socket, c.API.Metrics = filepath.Join(dir, "t.db"), filepath.Join(dir, "api.sock"), ""
	if change != nil {
		change(&c)
	}
	g, err := newGateway(c, gatewayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := g.run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
	return func(code int, args ...string) string {
		t.Helper()
		r := call(t, "", append(args, "--socket", c.API.Socket)...)
		if r.code != code {
			t.Errorf("%q ended with %d: %s%s", args, r.code, r.out, r.err)
		}
		return r.out + r.err
	}
}

// Every verb of trunkline plan that asks the daemon, over a whole gateway.
func TestPlanVerbsOnline(t *testing.T) {
	verb := runGateway(t, nil)
	dir := t.TempDir()
	file := func(name, doc string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plan := func(number string) string {
		return `{"name":"office","priority":1,"rules":[{"label":"vip","criteria":{"match":["2055550100"]},"destination":{"number":"` + number + `"}},
			{"label":"rest","criteria":{"always":true},"destination":{"trunk":[["gone"]]}}]}`
	}
	has := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not in\n%s", w, out)
			}
		}
	}
	first, second := file("first.json", plan("100")), file("second.json", plan("200"))
	bad := file("bad.json", `{"name":"office","priority":"1","rules":[{"criteria":{"time":["9:00","17:00"]},"destination":{}}]}`)
	has(verb(exitDone, "plan", "list"), "trunkline plan publish")
	has(verb(exitDone, "plan", "publish", first, "--dry-run"), "W_TRUNK_UNKNOWN", "could be published")
	has(verb(exitDone, "plan", "publish", first, "--note", "begin"), "W_TRUNK_UNKNOWN", "version 1 is in use")
	has(verb(exitFailed, "plan", "publish", bad), "/priority", "/rules/0/criteria/time/0", "/rules/0/destination", "\"09:00\"")
	has(verb(exitFailed, "plan", "publish", bad, "--dry-run"), "E_DEST_EMPTY")
	has(verb(exitFailed, "plan", "publish", file("text.json", "{")), "is no JSON")
	has(verb(exitUsage, "plan", "publish", first, "--at", "soon"), "2026-12-24T18:00:00Z")
	has(verb(exitDone, "plan", "explain", "--calling", "+12055550100"), "plan office", "0 vip: matched", "route by office, rule 0")
	has(verb(exitDone, "plan", "explain", "--calling", "+12055550199"), "0 vip: failed: match wants", "rule 1")
	has(verb(exitUsage, "plan", "explain", "--draw", "3"), "--draw")
	has(verb(exitDone, "plan", "diff", second), "calls made from the rules", "was: route by office")
	has(verb(exitDone, "plan", "publish", second), "version 2 is in use")
	has(verb(exitDone, "plan", "publish", first, "--at", "2099-01-01T00:00:00Z"), "version 2 is in use, version 3 from")
	has(verb(exitDone, "plan", "list"), "office", "3 at 2099")
	has(verb(exitDone, "plan", "show", "office"), "begin", "version 3", `"number": "200"`)
	var was, is any
	if err := errors.Join(json.Unmarshal([]byte(plan("100")), &was), json.Unmarshal([]byte(verb(exitDone, "plan", "show", "office", "--document", "--version", "1")), &is)); err != nil || !reflect.DeepEqual(was, is) {
		t.Errorf("the document came back as %v, %v", is, err)
	}
	var shown planShown
	if err := json.Unmarshal([]byte(verb(exitDone, "plan", "show", "office", "--json")), &shown); err != nil || shown.Plan.Live != 2 || len(shown.Versions) != 3 {
		t.Errorf("%+v, %v", shown, err)
	}
	has(verb(exitDone, "plan", "rollback", "office"), "version 1 is in use")
	has(verb(exitFailed, "plan", "purge", "office"), "archive it first")
	has(verb(exitDone, "plan", "archive", "office"), "archived")
	has(verb(exitDone, "plan", "list", "--archived"), "office")
	has(verb(exitDone, "plan", "explain", "--calling", "+12055550100"), "has no plan in use with a rule")
	has(verb(exitDone, "plan", "restore", "office"), "version 1 is in use")
	verb(exitDone, "plan", "archive", "office")
	verb(exitDone, "plan", "purge", "office")
	has(verb(exitFailed, "plan", "show", "office"), "has no such plan")
}
