package router

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/router/access"
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

// The same against the one-time password in a text: after the first few an hour lets one guess count, which the manager is told of, and a right one is of no use
// until it is over.
func TestBruteForceOfOneTimePasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, nil).everybody()
		secret := []byte("12345678901234567890")
		if err := d.store.PutFactor(t.Context(), store.Factor{ID: d.ann.ID, Secret: secret}, time.Now(), "test"); err != nil {
			t.Fatal(err)
		}
		d.action(store.Action{Keyword: "wake", Kind: store.ActionReply, Text: "awake", Level: 3, Filtered: true})
		step := func() uint64 { return uint64(time.Now().Unix()) / 30 }
		failures := func() int {
			f, err := d.store.UseFactor(t.Context(), false, d.ann.ID, func(*store.Factor) {})
			if err != nil {
				t.Fatal(err)
			}
			return f.Failures
		}
		began, alarms, tries := time.Now(), 0, min(guesses(), 10_000)
		for i := range tries {
			time.Sleep(2 * time.Minute) // so seldom that no limit on texts is in the way
			guess := fmt.Sprintf("%06d", i*7919%1_000_000)
			if now := step(); slices.Contains([]string{access.TOTPCode(secret, now-1), access.TOTPCode(secret, now), access.TOTPCode(secret, now+1)}, guess) {
				continue // he would be lucky
			}
			m, sent := d.says(annNumber, "wake "+guess)
			if r := d.run(m); r.State != store.RunRefused {
				t.Fatalf("guess %d: %+v", i, r)
			}
			if has(sent, sueNumber, "Too many wrong one-time passwords") {
				alarms++
			}
		}
		days, counted := time.Since(began).Hours()/24+1, failures()
		t.Logf("%d guesses in %.1f days: %d counted, %d alarms", tries, days-1, counted, alarms)
		if counted < 5 || float64(counted) > 30*days || alarms == 0 || alarms > counted {
			t.Errorf("%d guesses counted in %.1f days, %d alarms", counted, days, alarms)
		}
		time.Sleep(2 * time.Hour)
		d.says(annNumber, "wake 000000")
		if m, _ := d.says(annNumber, "wake "+access.TOTPCode(secret, step())); d.run(m).State != store.RunRefused {
			t.Errorf("the right one while locked out: %+v", d.run(m))
		}
		time.Sleep(2 * time.Hour)
		if m, _ := d.says(annNumber, "wake "+access.TOTPCode(secret, step())); d.run(m).State != store.RunDone || failures() != 0 {
			t.Errorf("after the lock: %+v, %d failures", d.run(m), failures())
		}
	})
}

// A hundred thousand guesses at the tokens of phone clients, from thousands of numbers and from those of the administrators, forged: none is found, each number is
// locked out, and when the time of the messages is over nothing of it is left, in the store or in memory. TRUNKLINE_SOAK=1; some minutes.
func TestSoakGuessesFromManyNumbers(t *testing.T) {
	if os.Getenv("TRUNKLINE_SOAK") == "" {
		t.Skip("TRUNKLINE_SOAK is not set")
	}
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, nil).everybody() // with UnknownText its answers would wait here, where nothing is sent
		a := d.action(store.Action{Name: "lamp", Kind: store.ActionReply, Text: "lamp", AdminID: d.root.ID})
		ctx := t.Context()
		report := func() store.CheckReport {
			r, err := d.store.Check(ctx, func(x store.Damage) { t.Error(x.Error()) })
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		// expire deletes what the retention of a gateway would have deleted after some days.
		expire := func(keep time.Duration) {
			before := time.Now().Add(-keep)
			for _, delete := range []func([]byte) (store.Deletion, error){
				func(from []byte) (store.Deletion, error) { return d.store.ExpireMessages(ctx, store.In, before, from) },
				func(from []byte) (store.Deletion, error) {
					return d.store.DeleteMessages(ctx, "", time.Time{}, before, from)
				},
				func(from []byte) (store.Deletion, error) { return d.store.ExpireRuns(ctx, before, from) },
			} {
				for from := []byte(nil); ; {
					x, err := delete(from)
					if err != nil {
						t.Fatal(err)
					}
					if from = x.Next; from == nil {
						break
					}
				}
			}
			for more := true; more; {
				var err error
				if more, err = d.store.Tidy(ctx, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		heap := func() uint64 {
			clear(d.seen)
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		const numbers, guesses = 5000, 100_000
		random := rand.New(rand.NewPCG(1, 2))
		token := func() string {
			b := make([]byte, 8)
			for i := range b {
				b[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[random.IntN(62)]
			}
			return string(b)
		}
		counted, locked, strangers := map[string]int{}, 0, 0
		before := heap()
		for i := range guesses {
			time.Sleep(6 * time.Second)
			from := fmt.Sprintf("+4916%09d", i%numbers)
			if i%10 == 0 {
				from = []string{rootNumber, sueNumber}[i/10%2]
			}
			m, _ := d.says(from, fmt.Sprintf("%s:%d", token(), a.JanuaID))
			switch r := d.run(m); {
			case r.State == store.RunDone || r.State == store.RunWaiting || r.State == store.RunRunning:
				t.Fatalf("guess %d from %s: %+v", i, from, r)
			case strings.HasPrefix(r.Reason, "the token is not that of"):
				counted[from]++
			case strings.Contains(r.Reason, "locked out"):
				locked++
			default:
				strangers++
			}
			if i%1000 == 999 {
				expire(24 * time.Hour)
			}
		}
		days := guesses*6.0/86400 + 1
		worst := 0
		for _, n := range counted {
			worst = max(worst, n)
		}
		t.Logf("%d guesses in %.1f days: counted from %d numbers, at most %d from one; %d while locked out, %d from strangers", guesses, days-1, len(counted), worst, locked, strangers)
		if worst < 5 || float64(worst) > 100*days {
			t.Errorf("%d guesses of one number counted", worst)
		}
		if n := report().Records["throttles"]; n > numbers+2 {
			t.Errorf("%d numbers are counted", n)
		}
		time.Sleep(40 * 24 * time.Hour) // until events are forgotten too
		expire(0)
		after := heap()
		t.Logf("heap %d MiB before, %d MiB after", before>>20, after>>20)
		if after > before+8<<20 {
			t.Errorf("memory grew from %d to %d bytes", before, after)
		}
		for table, n := range report().Records {
			if n > 1000 && table != "throttles" { // a few hundred alarms wait
				t.Errorf("%d records are left in table %s", n, table)
			}
		}
		if m, _ := d.says("+4916000000001", fmt.Sprintf("rOOt2345:%d", a.JanuaID)); d.run(m).State == store.RunDone {
			t.Errorf("the right token from another number: %+v", d.run(m))
		}
		if m, _ := d.says(rootNumber, fmt.Sprintf("rOOt2345:%d", a.JanuaID)); d.run(m).State != store.RunDone {
			t.Errorf("the right token afterwards: %+v", d.run(m))
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
