package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/router/program"
)

// TestActionOverTheAir: a handset texts the gateway, a program of the configuration runs with what it wrote, and the handset gets the result; STOP ends what goes to it.
func TestActionOverTheAir(t *testing.T) {
	if err := program.Check(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "wake")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nprintf 'woke <%s>' \"$1\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := newReloadingWith(t, fmt.Sprintf("[program.wake]\npath = %q\nargs = [\"{host}\"]\n", path), "alpha")
	r.modems("alpha")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	phone := r.network.Handset(phoneNumber)
	gateway := "+491700000001"
	if _, err := r.client.Actions().Add(ctx, map[string]any{"name": "wake", "keyword": "wake", "kind": "program", "target": "wake", "enabled": true, "filtered": false,
		"arguments": []map[string]any{{"name": "host", "type": "str", "required": true}}}); err != nil {
		t.Fatal(err)
	}
	// Nobody is allowed yet: nothing runs.
	if err := phone.Send(ctx, gateway, "wake host0"); err != nil {
		t.Fatal(err)
	}
	first := waitForRun(ctx, t, r.client, 1)
	if first.State != "refused" || !strings.Contains(first.Reason, "allow lists are empty") {
		t.Fatalf("%+v", first)
	}
	if _, err := r.client.ListEntries().Add(ctx, api.ListEntryFields{List: "allow", Direction: "in", Kind: "number", Value: phoneNumber}); err != nil {
		t.Fatal(err)
	}
	if err := phone.Send(ctx, gateway, "Wake host1; rm -rf / $(id)"); err != nil {
		t.Fatal(err)
	}
	texts, err := phone.Wait(ctx, 1)
	if err != nil || texts[0].Text != "woke <host1; rm -rf / $(id)>" {
		t.Fatalf("%+v, %v", texts, err)
	}
	if run := waitForRun(ctx, t, r.client, 2); run.State != "done" || run.Exit == nil || *run.Exit != 0 || run.Arguments["host"] != "host1; rm -rf / $(id)" {
		t.Errorf("%+v", run)
	}
	if err := phone.Send(ctx, gateway, "Stop. thanks"); err != nil {
		t.Fatal(err)
	}
	if texts, err = phone.Wait(ctx, 2); err != nil || !strings.Contains(texts[1].Text, "no more messages") {
		t.Fatalf("%+v, %v", texts, err)
	}
	if _, err := r.client.Submit(ctx, api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: "x"}, ""); err == nil || !strings.Contains(err.Error(), "asked not to be written to") {
		t.Errorf("%v", err)
	}
	if got := call(t, "", "--socket", filepath.Join(r.dir, "s"), "route", "test", phoneNumber); got.code != exitFailed || !strings.Contains(got.out, "opted_out") {
		t.Errorf("%+v", got)
	}
	if got := call(t, "", "--socket", filepath.Join(r.dir, "s"), "action", "test", phoneNumber, "wake", "host2"); got.code != exitDone || !strings.Contains(got.out, "outcome: run") || !strings.Contains(got.out, "host = host2") {
		t.Errorf("%+v", got)
	}
	if got := call(t, "", "--socket", filepath.Join(r.dir, "s"), "action", "lint"); got.code != exitDone || got.out != "" {
		t.Errorf("%+v", got)
	}
}

// waitForRun waits until there are some runs of actions and the newest is over, and returns that.
func waitForRun(ctx context.Context, t *testing.T, c *api.Client, count int) api.Run {
	t.Helper()
	for {
		runs, err := c.Runs(ctx, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(runs.Items) >= count && !runs.Items[0].EndedAt.IsZero() {
			return runs.Items[0]
		}
		select {
		case <-ctx.Done():
			t.Fatalf("only %d runs: %+v", len(runs.Items), runs.Items)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
