package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/router/access"
)

// januaTest is a gateway in which every field of Janua's database model has a value.
type januaTest struct {
	*reloading
	nouns map[string]string // of the command line → of the API
}

func (j *januaTest) cli(args ...string) string {
	j.t.Helper()
	got := call(j.t, "", append(args, "--json", "--socket", filepath.Join(j.dir, "s"))...)
	if got.code != exitDone {
		j.t.Errorf("%q: %+v", args, got)
	}
	return got.out
}

// http asks the API itself. An empty token is the user of this machine.
func (j *januaTest) http(method, path, body, token string) (status int, answer map[string]any) {
	j.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(j.dir, "s"))
	}}}
	r, err := http.NewRequestWithContext(j.t.Context(), method, "http://x"+path, strings.NewReader(body))
	if err != nil {
		j.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(r)
	if err != nil {
		j.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		j.t.Fatal(err)
	}
	if len(bytes.TrimSpace(b)) > 0 {
		if err := json.Unmarshal(b, &answer); err != nil {
			j.t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, b)
		}
	}
	return resp.StatusCode, answer
}

// at returns a field of an answer; dots part names.
func at(answer map[string]any, path string) any {
	var v any = answer
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// readCLI and readAPI read a record, or the entry of the log of the message that was sent.
func (j *januaTest) readCLI(noun string) (answer map[string]any) {
	j.t.Helper()
	var out string
	if noun == "log" {
		for line := range strings.Lines(j.cli("message", "log", "view")) {
			if strings.Contains(line, `"hello"`) {
				out = line
			}
		}
	} else {
		out = j.cli(noun, "show", "1")
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		j.t.Fatalf("%s: %v in %s", noun, err, out)
	}
	return answer
}

func (j *januaTest) readAPI(noun string) map[string]any {
	j.t.Helper()
	if noun == "log" {
		_, page := j.http("GET", "/v1/log", "", "")
		items, _ := page["items"].([]any)
		for _, one := range items {
			if entry, _ := one.(map[string]any); entry["raw_message"] == "hello" {
				return entry
			}
		}
		j.t.Fatalf("the message is not in the log: %v", items)
	}
	_, answer := j.http("GET", "/v1/"+j.nouns[noun]+"/1", "", "")
	return answer
}

// TestJanuaFields: every field of Janua's database model is written and read through the API and the command line.
func TestJanuaFields(t *testing.T) {
	j := &januaTest{newReloading(t, "alpha"), map[string]string{"contact": "contacts", "group": "groups", "admin": "administrators", "action": "actions"}}
	j.modems("alpha")
	j.network.Handset("+4915100000002")
	j.cli("admin", "add", "--username", "anna", "--last-name", "Abel", "--first-name", "Anna", "--phone-number", "+4915100000001", "--email", "anna@example.org", "--has-client", "--sms-quota", "200 W",
		"--recipient-filter=false", "--auth-backend", "local")
	j.cli("contact", "add", "--admin-id", "1", "--last-name", "Bach", "--first-name", "Bert", "--phone-number", "+4915100000002", "--email", "bert@example.org", "--description", "plumber")
	j.cli("group", "add", "--admin-id", "1", "--name", "crew", "--description", "who comes")
	j.cli("group", "join", "crew", "1")
	j.cli("action", "add", "--admin-id", "1", "--name", "lamp", "--keyword", "lamp", "--description", "switches", "--module", "reply:lamps", "--authentication", "--enabled", "--kind", "reply", "--text", "on")
	j.cli("action", "allow", "lamp", "--group", "1", "--admin", "1", "--notify", "1:1")
	token, _, err := j.gateway.login.Issue(t.Context(), login.TokenSpec{Name: "anna", Administrator: 1, Scope: access.Every}, "uid:0")
	if err != nil {
		t.Fatal(err)
	}
	status, sent := j.http("POST", "/v1/messages", `{"to":"+4915100000002","text":"hello"}`, token)
	if status != http.StatusAccepted {
		t.Fatalf("%d %v", status, sent)
	}
	id := sent["messages"].([]any)[0].(map[string]any)["id"].(string)
	if m, err := j.client.Wait(t.Context(), id, api.Message.Final); err != nil || m.State != "delivered" {
		t.Fatalf("%s, %v", m.State, err)
	}
	j.quotaReached(token)

	list, err := os.ReadFile("testdata/janua-fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		col := strings.Split(line, "|")
		if len(col) != 5 {
			t.Fatalf("%q has %d columns", line, len(col))
		}
		for i := range col {
			col[i] = strings.TrimSpace(col[i])
		}
		fields++
		name, noun, field := col[0], col[1], col[2]
		if noun == "-" {
			j.secret(name)
			continue
		}
		values := map[string]any{}
		for _, text := range col[3:] {
			if text == "" {
				continue
			}
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			values[text] = v
		}
		is := func(when, want string) {
			t.Helper()
			for through, got := range map[string]any{"the command line": at(j.readCLI(noun), field), "the API": at(j.readAPI(noun), field)} {
				if got == nil && values[want] == false {
					got = false // left out
				}
				switch {
				case want == "" && got == nil:
					t.Errorf("%s: %s has no %s", name, through, field)
				case want != "" && !reflect.DeepEqual(got, values[want]):
					t.Errorf("%s %s: through %s %v, want %s", name, when, through, got, want)
				}
			}
		}
		is("at first", col[3])
		if col[4] == "" {
			continue
		}
		if status, answer := j.http("PATCH", "/v1/"+j.nouns[noun]+"/1", fmt.Sprintf("{%q: %s}", field, col[4]), ""); status != http.StatusOK {
			t.Errorf("%s: %d %v", name, status, answer)
		}
		is("as the API set it", col[4])
		j.cli(noun, "edit", "1", "--"+strings.ReplaceAll(field, "_", "-")+"="+strings.Trim(col[3], `"`))
		is("as the command line set it", col[3])
	}
	if fields < 54 {
		t.Errorf("only %d fields", fields)
	}
}

// quotaReached has anna send more than her quota, and waits until it is noted that she was told.
func (j *januaTest) quotaReached(token string) {
	j.t.Helper()
	j.cli("admin", "edit", "1", "--sms-quota", "1 D")
	refused := func() bool {
		status, _ := j.http("POST", "/v1/messages", `{"to":"+4915100000002","text":"more"}`, token)
		return status == http.StatusTooManyRequests
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if refused() && j.readAPI("admin")["last_quota_reached"] != nil {
			break
		}
	}
	j.cli("admin", "edit", "1", "--sms-quota", "200 W")
}

// secret writes what is not shown with the administrator, through the command line and the API, and uses it.
func (j *januaTest) secret(field string) {
	j.t.Helper()
	socket := filepath.Join(j.dir, "s")
	switch field {
	case "Admin.password":
		if got := call(j.t, "seven green tables laugh\n", "admin", "password", "anna", "--socket", socket); got.code != exitDone {
			j.t.Errorf("%+v", got)
		}
		logIn := func(password string) int {
			status, _ := j.http("POST", "/v1/login", fmt.Sprintf(`{"username":"anna","password":%q}`, password), "")
			return status
		}
		if status := logIn("seven green tables laugh"); status != http.StatusOK {
			j.t.Errorf("%s: a login is answered %d", field, status)
		}
		_, invite := j.http("POST", "/v1/administrators/1/invite", "", "")
		if status, answer := j.http("POST", "/v1/password", fmt.Sprintf(`{"code":%q,"password":"nine blue chairs weep"}`, invite["code"]), ""); status != http.StatusOK {
			j.t.Errorf("%s: %d %v", field, status, answer)
		}
		if old, now := logIn("seven green tables laugh"), logIn("nine blue chairs weep"); old != http.StatusUnauthorized || now != http.StatusOK {
			j.t.Errorf("%s: logins are answered %d and %d", field, old, now)
		}
	case "Admin.web_auth_token":
		var made api.Token
		if err := json.Unmarshal([]byte(j.cli("admin", "token", "add", "ci", "--role", "service_provider:default")), &made); err != nil {
			j.t.Fatal(err)
		}
		_, other := j.http("POST", "/v1/tokens", `{"name":"other","role":"service_provider:default","scope":["easy0_message_send"]}`, "")
		for _, token := range []string{made.Secret, fmt.Sprint(other["secret"])} {
			if status, account := j.http("GET", "/v1/account", "", token); status != http.StatusOK || account["role"] != "service_provider:default" {
				j.t.Errorf("%s: %d %v", field, status, account)
			}
		}
		if out := j.cli("admin", "token", "list"); !strings.Contains(out, made.ID) || !strings.Contains(out, fmt.Sprint(other["id"])) || strings.Contains(out, made.Secret) {
			j.t.Errorf("%s: %s", field, out)
		}
	case "Admin.phone_token":
		// Who asks on the socket is anna from here on. That the user of the daemon is nobody else is a rule of the API.
		if err := j.gateway.login.SetLocalUsers(j.t.Context(), 1, []uint32{uint32(os.Getuid())}, "uid:0"); err != nil {
			j.t.Fatal(err)
		}
		_, made := j.http("POST", "/v1/account/client", "", "")
		first := fmt.Sprint(made["phone_token"])
		shown := j.cli("admin", "client")
		renewed := j.cli("admin", "client", "--new")
		_, read := j.http("GET", "/v1/account/client", "", "")
		if len(first) != 8 || !strings.Contains(shown, first) || strings.Contains(renewed, first) || !strings.Contains(renewed, fmt.Sprint(read["phone_token"])) {
			j.t.Errorf("%s: %s, then %s, then %s, then %v", field, first, shown, renewed, read)
		}
		if err := j.gateway.login.SetLocalUsers(j.t.Context(), 1, nil, "uid:0"); err != nil {
			j.t.Fatal(err)
		}
	default:
		j.t.Errorf("nothing is known of %s", field)
	}
}
