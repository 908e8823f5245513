package router

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/store"
)

// guesses is how many times somebody guesses who has all the time that he wants.
func guesses() int {
	if os.Getenv("TRUNKLINE_SOAK") != "" {
		return 100_000
	}
	return 600
}

// Somebody who can forge a number, and does not see what is sent to it, asks for codes and guesses them, ten times a minute, for days: a day lets fewer than a
// hundred guesses count, the owner of the number gets few messages, and the right code is of no use while the number is locked out.
func TestBruteForceOfCodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, nil).everybody()
		d.action(store.Action{Keyword: "reboot", Kind: store.ActionReply, Text: "did reboot", Authentication: true, Filtered: true})
		began := time.Now()
		counted, texts, alarms := 0, 0, 0
		var asked store.Message
		code := ""
		for i := range guesses() {
			time.Sleep(6 * time.Second)
			if asked.ID.IsZero() || d.run(asked).State != store.RunWaiting {
				var sent []string
				asked, sent = d.says(annNumber, "reboot")
				if texts += len(sent); d.run(asked).State != store.RunWaiting {
					continue
				}
				code = sentCode(t, sent, annNumber)
			}
			guess := fmt.Sprintf("%06d", i%1_000_000)
			if guess == code {
				continue // he would be lucky
			}
			before := d.run(asked)
			_, sent := d.says(annNumber, guess)
			if after := d.run(asked); after.State == store.RunDone || after.Tries > before.Tries {
				counted++
			}
			for _, s := range sent {
				if has([]string{s}, sueNumber, "") {
					alarms++
				}
			}
		}
		days := time.Since(began).Hours()/24 + 1
		t.Logf("%d guesses in %.1f days: %d counted, %d messages to the owner, %d alarms", guesses(), days-1, counted, texts, alarms)
		if counted < 5 || float64(counted) > 100*days || float64(texts) > 100*days || alarms == 0 {
			t.Errorf("%d guesses counted, %d messages went to the owner of the number, %d alarms", counted, texts, alarms)
		}
		time.Sleep(2 * forgetProofs)
		asked, sent := d.says(annNumber, "reboot")
		code = sentCode(t, sent, annNumber)
		for i := range 5 {
			d.says(annNumber, fmt.Sprintf("%06d", (atoi(t, code)+1+i)%1_000_000))
		}
		if asked, _ = d.says(annNumber, "reboot"); d.run(asked).State != store.RunRefused {
			t.Errorf("locked out, and asked for a code: %+v", d.run(asked))
		}
		time.Sleep(2 * time.Hour)
		asked, sent = d.says(annNumber, "reboot")
		if d.says(annNumber, sentCode(t, sent, annNumber)); d.run(asked).State != store.RunDone {
			t.Errorf("after the lock: %+v", d.run(asked))
		}
	})
}

// The same against the token of a phone client: what locks it out is that the tokens are wrong, and then the right one is refused like any other.
func TestBruteForceOfTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, func(c *ScreenConfig) { c.UnknownText = "unknown command" }, nil).everybody()
		a := d.action(store.Action{Name: "lamp", Kind: store.ActionReply, Text: "lamp", AdminID: d.root.ID})
		began, locked, open, alarms := time.Now(), 0, 0, 0
		for i := range guesses() {
			time.Sleep(6 * time.Second)
			m, sent := d.says(rootNumber, fmt.Sprintf("g%07d:%d", i, a.JanuaID))
			switch r := d.run(m); {
			case r.State != store.RunRefused:
				t.Fatalf("guess %d: %+v", i, r)
			case r.Reason == "the token is not that of "+r.Who:
				open++
			default:
				locked++
			}
			if has(sent, rootNumber, "Too many wrong tokens") {
				alarms++
			}
		}
		days := time.Since(began).Hours()/24 + 1
		t.Logf("%d guesses in %.1f days: %d counted, %d alarms", guesses(), days-1, open, alarms)
		if open < 5 || float64(open) > 100*days || locked == 0 || alarms == 0 || float64(alarms) > 30*days {
			t.Errorf("%d guesses counted, %d were locked out, %d alarms", open, locked, alarms)
		}
		if m, _ := d.says(rootNumber, fmt.Sprintf("rOOt2345:%d", a.JanuaID)); d.run(m).State != store.RunRefused {
			t.Errorf("the right token while locked out: %+v", d.run(m))
		}
		time.Sleep(2 * time.Hour)
		if m, _ := d.says(rootNumber, fmt.Sprintf("rOOt2345:%d", a.JanuaID)); d.run(m).State != store.RunDone {
			t.Errorf("after the lock: %+v", d.run(m))
		}
	})
}

func atoi(t *testing.T, s string) (n int) {
	t.Helper()
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
