package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/config"
)

// From an empty database to a token and a login over TCP: the port opens when there is somebody who could come in.
func TestComingIn(t *testing.T) {
	address, socket := freeAddress(t), ""
	verb := runGateway(t, func(c *config.Config) { c.API.Listen, socket = address, c.API.Socket })
	ask := func(method, path, body, token string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		var p api.Problem
		json.NewDecoder(w.Body).Decode(&p)
		return w.StatusCode, p.Code()
	}
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Fatal("the port is open although nobody could come in")
	}
	verb(exitDone, "admin", "add", "--username", "alice", "--role-id", "service_provider:default")
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Fatal("the port is open for an administrator who cannot log in")
	}
	verb(exitFailed, "admin", "token", "add", "ci")
	var token api.Token
	if err := json.Unmarshal([]byte(verb(exitDone, "admin", "token", "add", "ci", "--role", "platform_owner", "--scope", "easy0_settings_view", "--network", "127.0.0.0/8", "--json")), &token); err != nil || token.Secret == "" {
		t.Fatalf("%+v, %v", token, err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			break
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("the port stays closed: %v", err)
		}
	}
	if status, _ := ask("GET", "/v1/modems", "", token.Secret); status != 200 {
		t.Errorf("with a token: %d", status)
	}
	if status, _ := ask("GET", "/v1/modems", "", ""); status != 401 {
		t.Errorf("with nothing: %d", status)
	}
	if status, _ := ask("GET", "/v1/webhooks", "", token.Secret); status != 200 {
		t.Errorf("with what it may: %d", status)
	}
	if status, code := ask("POST", "/v1/messages", `{"to":"+4915112345678","text":"x"}`, token.Secret); status != 403 || code != api.CodeForbidden {
		t.Errorf("beyond its scope: %d %s", status, code)
	}
	if out := verb(exitDone, "admin", "token", "list"); !strings.Contains(out, token.ID) || !strings.Contains(out, "good") || strings.Contains(out, token.Secret) {
		t.Errorf("list:\n%s", out)
	}
	if out := verb(exitDone, "admin", "token", "revoke", token.ID); !strings.Contains(out, "revoked") {
		t.Errorf("revoke:\n%s", out)
	}
	if status, _ := ask("GET", "/v1/modems", "", token.Secret); status != 401 {
		t.Errorf("with a revoked token: %d", status)
	}
	const password = "seven green tables laugh"
	if r := call(t, "short\n", "admin", "password", "alice", "--socket", socket); r.code != exitFailed || !strings.Contains(r.err, "at least 15") {
		t.Errorf("a short password: %d %s", r.code, r.err)
	}
	if r := call(t, password+"\n", "admin", "password", "alice", "--socket", socket); r.code != exitDone || strings.Contains(r.out+r.err, password) {
		t.Errorf("a password: %d %s", r.code, r.err)
	}
	if status, _ := ask("POST", "/v1/login", `{"username":"alice","password":"`+password+`"}`, ""); status != 200 {
		t.Errorf("login: %d", status)
	}
	if status, _ := ask("POST", "/v1/login", `{"username":"alice","password":"wrong"}`, ""); status != 401 {
		t.Errorf("login with a wrong password: %d", status)
	}
	verb(exitDone, "admin", "unlock", "alice")
	if out := verb(exitFailed, "admin", "reset-factor", "alice"); !strings.Contains(out, "no second factor") {
		t.Errorf("reset-factor: %s", out)
	}
	if out := verb(exitDone, "admin", "invite", "alice"); !strings.Contains(out, "tl_reset_") {
		t.Errorf("invite: %s", out)
	}
	if out := verb(exitDone, "admin", "local-users", "alice", "4242", "4243", "--json"); strings.TrimSpace(out) != `{"uids":[4242,4243]}` {
		t.Errorf("local users: %s", out)
	}
	verb(exitUsage, "admin", "local-users", "alice", "alice")
	verb(exitFailed, "admin", "unlock", "nobody")
}
