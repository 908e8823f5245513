package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"trunkline/api"
	"trunkline/config"
)

// What would become of a message is explained without a daemon as with one, from the database and from a copy of it, and neither is changed.
func TestExplainOffline(t *testing.T) {
	dir := shortDir(t)
	file, socket, database := filepath.Join(dir, "t.toml"), filepath.Join(dir, "api.sock"), filepath.Join(dir, "t.db")
	if err := os.WriteFile(file, fmt.Appendf(nil, "[store]\npath = %q\n[api]\nsocket = %q\nmetrics = \"\"\n", database, socket), 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGateway(conf, gatewayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := g.run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	end := sync.OnceFunc(func() { stop(); running.Wait() })
	defer end()
	client := api.NewClient(socket)
	defer client.Close()
	_, failed := client.Contacts().Add(t.Context(), api.ContactFields{LastName: "Ann", PhoneNumber: "+4915100000001"})
	for _, e := range []api.ListEntryFields{{List: "allow", Direction: "in", Kind: "contact", Value: "*"}, {List: "deny", Direction: "both", Kind: "pattern", Value: "+3361*"}} {
		if _, err := client.ListEntries().Add(t.Context(), e); err != nil {
			failed = err
		}
	}
	for _, a := range []api.ActionFields{{Name: "lamp", Keyword: "lamp", Kind: "reply", Text: "on", Enabled: true}, {Name: "hook", Keyword: "hook", Kind: "webhook", Target: "x", Enabled: true}} {
		if _, err := client.Actions().Add(t.Context(), a); err != nil {
			failed = err
		}
	}
	if _, err := client.AddOptOut(t.Context(), api.OptOutRequest{Number: "+4915100000002"}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}

	questions := []struct {
		code int
		has  string
		args []string
	}{
		{exitDone, `"authorized":true`, []string{"route", "test", "+4915100000001"}},
		{exitFailed, "opted_out", []string{"route", "test", "+4915100000002"}},
		{exitFailed, "denied", []string{"route", "test", "+33612345678"}},
		{exitFailed, "emergency_number", []string{"route", "test", "112"}},
		{exitDone, `"direction":"in"`, []string{"route", "test", "--in", "+4915100000001"}},
		{exitFailed, "untrusted_sender", []string{"route", "test", "--in", "Bank"}},
		{exitDone, `"outcome":"run"`, []string{"action", "test", "+4915100000001", "lamp"}},
		{exitDone, `"outcome":"refused"`, []string{"action", "test", "+4915100000009", "lamp"}},
		{exitDone, `"outcome":"opt_out"`, []string{"action", "test", "+4915100000001", "STOP"}},
		{exitFailed, "no_webhook", []string{"action", "lint"}},
	}
	online := make([]result, len(questions))
	for i, q := range questions {
		online[i] = call(t, "", append(q.args, "--json", "--socket", socket)...)
		if online[i].code != q.code || !strings.Contains(online[i].out, q.has) {
			t.Errorf("%q: %+v", q.args, online[i])
		}
	}
	if got := call(t, "", "route", "test", "+4915100000001", "--offline", "--config", file); got.code != exitFailed || !strings.Contains(got.err, "leave out --offline") {
		t.Errorf("beside a daemon: %+v", got)
	}
	backup := filepath.Join(dir, "copy.db")
	if got := call(t, "", "db", "backup", backup, "--socket", socket); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	end()
	before, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range questions {
		for _, from := range [][]string{{"--offline", "--config", file}, {"--database", backup, "--config", file}} {
			if got := call(t, "", append(append(q.args, "--json"), from...)...); got != online[i] {
				t.Errorf("%q %q: %+v, with a daemon %+v", q.args, from, got, online[i])
			}
		}
	}
	if after, err := os.ReadFile(database); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database was changed: %v", err)
	}
	if got := call(t, "", "route", "test", "112", "--database", filepath.Join(dir, "none.db"), "--config", file); got.code != exitFailed || !strings.Contains(got.err, "none.db") {
		t.Errorf("no database: %+v", got)
	}
}
