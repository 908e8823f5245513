package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/config"
	"trunkline/modem"
	"trunkline/modem/emulator"
	"trunkline/router"
)

// TestCallVerbs: calls come in, are decided by a published plan, are placed, listed, shown and exported through a whole gateway.
func TestCallVerbs(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	network := emulator.NewNetwork(emulator.NetworkOptions{})
	defer network.Close()
	device := emulator.New(network, emulator.Options{Name: "desk", Number: demoAlpha})
	c := config.Default()
	c.Store.Path, c.API.Socket, c.API.Metrics = filepath.Join(dir, "t.db"), filepath.Join(dir, "api.sock"), ""
	section := modem.Default()
	section.Device = "/dev/null"
	c.Modem["desk"] = section
	c.Call.Line = map[string]router.LineConfig{"desk": {Number: demoAlpha}}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	g, err := newGateway(c, gatewayOptions{open: func(string) func(context.Context) (modem.Port, error) {
		return func(context.Context) (modem.Port, error) {
			host, end := net.Pipe()
			wg.Go(func() { device.Serve(ctx, end) })
			return host, nil
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	wg.Go(func() {
		if err := g.run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	defer wg.Wait()
	defer stop()
	verb := func(code int, args ...string) result {
		t.Helper()
		r := call(t, "", append(args, "--socket", c.API.Socket)...)
		if r.code != code {
			t.Fatalf("%q ended with %d: %s%s", args, r.code, r.out, r.err)
		}
		return r
	}
	if err := g.fleet.modem("desk").Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, found, err := g.plans.Publish(t.Context(), router.PlanDocument{Author: "test", Document: []byte(`{"name":"office","priority":1,"rules":[
		{"label":"friend","criteria":{"match":["+4915100000077"]},"destination":{"terminate":true}},{"label":"rest","criteria":{"always":true},"destination":{"continue":true}}]}`)})
	if err != nil {
		t.Fatal(found, err)
	}
	within, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if answered, err := network.Handset("+4915100000077").Call(within, demoAlpha); err != nil || answered || within.Err() != nil {
		t.Fatalf("the caller: answered %v, %v", answered, err)
	}
	var k api.CDR
	for end := time.Now().Add(time.Minute); k.Outcome == "" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var page api.CDRList
		if err := json.Unmarshal([]byte(verb(exitDone, "cdr", "list", "--json").out), &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Items) == 1 {
			k = page.Items[0]
		}
	}
	if d := k.Decision; k.Outcome != "rejected" || k.Number != "+4915100000077" || k.Line != demoAlpha || d == nil || d.Plan != "office" || d.Version != 1 || d.Label != "friend" || d.Treatment != "reject" {
		t.Errorf("record: %+v, %+v", k, k.Decision)
	}
	if r := verb(exitDone, "cdr", "show", k.ID); !strings.Contains(r.out, "reject (terminate by friend of office)") {
		t.Errorf("show: %s", r.out)
	}
	device.NextCalls(false, 10*time.Millisecond)
	if r := verb(exitDone, "call", "+4915100000088", "--keys", "5#", "--talk", "1s", "--wait"); !strings.HasSuffix(r.out, " answered\n") || device.Pressed() != "5#" {
		t.Errorf("call: %q, keys %q", r.out, device.Pressed())
	}
	device.NextCalls(true, 0)
	if r := verb(exitFailed, "call", "+4915100000088", "--wait"); !strings.HasSuffix(r.out, " busy\n") || !strings.Contains(r.err, "nobody answered") {
		t.Errorf("busy: %q, %q", r.out, r.err)
	}
	if r := verb(exitFailed, "call", "112"); !strings.Contains(r.err, "emergency") {
		t.Errorf("an emergency number: %q", r.err)
	}
	device.NextCalls(false, -1)
	var placed api.CDR
	if err := json.Unmarshal([]byte(verb(exitDone, "call", "+4915100000088", "--json").out), &placed); err != nil || !strings.HasPrefix(placed.Account, "uid:") {
		t.Fatalf("%+v, %v", placed, err)
	}
	for end := time.Now().Add(time.Minute); call(t, "", "call", "end", placed.ID, "--socket", c.API.Socket).code != exitDone; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) { // it cannot be ended before the modem took it
			t.Fatal("the call cannot be ended")
		}
	}
	for end := time.Now().Add(time.Minute); verb(exitDone, "call", "list").out != ""; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the call lasts")
		}
	}
	if r := verb(exitDone, "call", "diversions"); r.out != "" {
		t.Errorf("diversions: %q", r.out)
	}
	file := filepath.Join(dir, "calls.csv")
	verb(exitDone, "cdr", "export", "--output", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(rows) != 5 || strings.Join(rows[0], "|") != "Service Provider Name|Subscriber Name|CDR ID|Start Time|End Time|Additional Data|Events" ||
		rows[1][0] != "default" || rows[1][2] != k.ID || rows[1][5] != "[]" || !strings.Contains(rows[1][6], " decided reject;") {
		t.Errorf("export: %q, %v", rows, err)
	}
	if rows, err := csv.NewReader(strings.NewReader(verb(exitDone, "cdr", "export", "--columns", "all", "--outcome", "busy").out)).ReadAll(); err != nil || len(rows) != 2 || rows[1][10] != "'+4915100000088" {
		t.Errorf("export of all columns: %q, %v", rows, err)
	}
	events, err := g.store.Events(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range events {
		seen[e.Type]++
	}
	if seen["call.decided"] != 1 || seen["call.placed"] != 3 || seen["call.hang_up"] == 0 || seen["call.ended"] != 4 {
		t.Errorf("events: %v", seen)
	}
}

// TestCallSettingsReload: a reload takes over what is said of calls, but for whether messages are recorded.
func TestCallSettingsReload(t *testing.T) {
	old, next := config.Default(), config.Default()
	next.Call.Terminate = router.TreatAnswer
	next.Call.Line = map[string]router.LineConfig{"desk": {Divert: router.DivertAlways}}
	if keys := fixedKeys(old, next); len(keys) > 0 {
		t.Errorf("cannot change: %v", keys)
	}
	next.Call.MessageRecords = true
	if keys := fixedKeys(old, next); len(keys) != 1 || keys[0] != "call.message_records" {
		t.Errorf("cannot change: %v", keys)
	}
}
