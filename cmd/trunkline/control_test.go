package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/config"
	"trunkline/modem"
	"trunkline/modem/emulator"
	"trunkline/store"
	"trunkline/store/memory"
)

// TestModemVerbs runs the verbs that work on a modem against a gateway with an emulated one whose card is locked.
func TestModemVerbs(t *testing.T) {
	dir := shortDir(t)
	network := emulator.NewNetwork(emulator.NetworkOptions{})
	defer network.Close()
	profile, _ := emulator.ProfileByName("ec25")
	device := emulator.New(network, emulator.Options{Number: demoAlpha, Profile: profile, PIN: "4711"})
	air, off := context.WithCancel(context.Background())
	defer device.Wait()
	defer off()
	link := filepath.Join(dir, "desk")
	if _, err := device.PTY(air, link); err != nil {
		t.Skip("no terminals here:", err)
	}
	c := config.Default()
	c.Store.Path, c.API.Socket, c.API.Metrics = filepath.Join(dir, "t.db"), filepath.Join(dir, "api.sock"), ""
	section := modem.Default()
	section.Device = link
	c.Modem["desk"] = section
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
	defer wg.Wait()
	defer stop()
	verb := func(stdin string, code int, args ...string) result {
		t.Helper()
		r := call(t, stdin, append([]string{"modem", "--socket", c.API.Socket}, args...)...)
		if r.code != code {
			t.Errorf("%q ended with %d: %s%s", args, r.code, r.out, r.err)
		}
		return r
	}
	show := func() (m api.Modem) {
		t.Helper()
		if err := json.Unmarshal([]byte(verb("", exitDone, "show", "--json", "desk").out), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	until := func(what string, ok func(api.Modem) bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !ok(show()); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("not %s: %+v", what, show())
			}
		}
	}
	until("locked", func(m api.Modem) bool { return m.Reason == "pin_required" && m.PINTries != nil && *m.PINTries == 3 })
	if r := verb("1111\n", exitFailed, "unlock", "desk"); !strings.Contains(r.err, "tries left: 3") || !strings.Contains(r.err, "refused") || strings.Contains(r.err, "1111") {
		t.Errorf("a wrong PIN: %s", r.err)
	}
	if r := verb("no\n", exitFailed, "unlock", "desk"); !strings.Contains(r.err, "Type yes") {
		t.Errorf("without confirmation: %s", r.err)
	}
	if _, left := device.Unlocked(); left != 2 {
		t.Errorf("%d tries left", left)
	}
	verb("yes\n4711\n", exitDone, "unlock", "desk")
	until("ready", func(m api.Modem) bool { return m.State == "ready" && m.Network == "lte" && m.Quality != nil })
	if r := verb("", exitDone, "show", "desk"); !strings.Contains(r.out, "RSRP") || !strings.Contains(r.out, device.ICCID()) {
		t.Errorf("show: %s", r.out)
	}
	if r := verb("", exitDone, "ussd", "desk", "*100#"); r.out != "Balance: 12.50 EUR\n" {
		t.Errorf("ussd: %q", r.out)
	}
	if r := verb("2\n", exitDone, "ussd", "desk", "*123#"); !strings.HasSuffix(r.out, "Your number is "+demoAlpha+"\n") {
		t.Errorf("menu: %q", r.out)
	}
	if r := verb("", exitDone, "at", "desk", "AT+CSQ"); r.out != "+CSQ: 20,99\nOK\n" {
		t.Errorf("at: %q", r.out)
	}
	if r := verb("ATD112;\nAT+CSQ\n", exitDone, "at", "desk"); r.out != "+CSQ: 20,99\nOK\n" || !strings.Contains(r.err, "semicolon") {
		t.Errorf("at, lines: %q, %q", r.out, r.err)
	}
	verb("", exitFailed, "at", "desk", `AT+CPIN="4711"`)
	verb("", exitFailed, "show", "nobody")
	events, err := g.store.Events(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range events {
		seen[e.Type]++
		if strings.Contains(e.Text, "4711") || strings.Contains(e.Text, "1111") {
			t.Errorf("a PIN is in the feed: %+v", e)
		}
		if e.Type == "modem.at" && !strings.HasPrefix(e.Code, "uid:") {
			t.Errorf("nobody did %+v", e)
		}
	}
	if seen["modem.at"] != 4 || seen["modem.unlock"] != 2 || seen["modem.up"] != 1 || seen["modem.ussd_request"] != 3 {
		t.Errorf("events: %v", seen)
	}
}

// What a card refused is known after a restart, and cannot be looked up without the salt.
func TestPINMemory(t *testing.T) {
	e := memory.New()
	open := func() pinMemory {
		s, err := store.Open(t.Context(), e, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return pinMemory{s}
	}
	p := open()
	if refused, err := p.Refused("a"); refused || err != nil {
		t.Errorf("Refused = %v, %v", refused, err)
	}
	if err := p.SetRefused("a", true); err != nil {
		t.Fatal(err)
	}
	p = open()
	for secret, want := range map[string]bool{"a": true, "b": false} {
		if refused, err := p.Refused(secret); refused != want || err != nil {
			t.Errorf("Refused(%q) = %v, %v", secret, refused, err)
		}
	}
	if v, err := p.store.Remembered(t.Context(), "pin/a"); v != nil || err != nil {
		t.Errorf("the key is in the clear: %q, %v", v, err)
	}
	if err := p.SetRefused("a", false); err != nil {
		t.Fatal(err)
	}
	if refused, _ := p.Refused("a"); refused {
		t.Error("still refused")
	}
}
