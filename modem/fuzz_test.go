package modem

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// Whatever a modem prints before the prompt, with it, and after the PDU: a send ends, its PDU goes out once at most, its error
// tells the truth, and the dialogue gets back into step or the port is opened again.
func FuzzDialogue(f *testing.F) {
	f.Add([]byte("\r\n> "), []byte("\r\n+CMGS: 5\r\n\r\nOK\r\n"))
	f.Add([]byte("AT+CMGS=18\r\r\n+CMT: ,24\r\n> "), []byte("> > \r\n+CMS ERROR: 38\r\n"))
	f.Add([]byte("\r\n+CMGS: 1\r\nOK\r\n\r\n> "), []byte("+CM\r\n+CMTI: \"SM\",1\r\nGS: 12\r\nO\r\nRING\r\nK\r\n"))
	f.Add([]byte("\r\nRDY\r\n>"), []byte("\r\n+CDS: 25\r\n0011\r\nERROR+CNUM: 1\r\n"))
	f.Add([]byte{0, 0xff, '>', ' '}, []byte("\x1b\x1a\r\n\r\nNO CARRIER\r\nOK"))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		if len(before) > 1<<14 || len(after) > 1<<14 {
			t.Skip()
		}
		bubble(t, func(c *Config, o *Options, _ *peer) { c.SendTimeout = 20 * time.Second }, func(t *testing.T, r *rig) {
			r.ready(t)
			// Only what is printed during the send is hostile.
			fresh := true
			r.p.data = func(p *peer, _ string) { p.say(string(after)) }
			r.p.set(func(p *peer, c string) bool {
				if !fresh || !strings.HasPrefix(c, "+CMGS=") {
					return false
				}
				fresh = false
				if bytes.Contains(before, []byte(">")) {
					p.prompt()
				}
				p.say(string(before))
				return true
			})
			commits := 0
			start := time.Now()
			_, err := r.Submit(t.Context(), tpdu, func() error { commits++; return nil })
			if d := time.Since(start); d > 2*time.Minute {
				t.Errorf("took %v", d)
			}
			pdus := r.p.heard("PDU:")
			var se *SubmitError
			if commits > 1 || pdus > 1 || pdus > commits || err != nil && (!errors.As(err, &se) || pdus > 0 && !se.Committed) || err == nil && pdus != 1 {
				t.Errorf("%d commits, %d PDUs, %v", commits, pdus, err)
			}
			// What is left of the hostile text comes while nothing runs.
			time.Sleep(time.Second)
			r.p.set(nil)
			r.p.setData(nil)
			for range 5 {
				r.ready(t)
				ref, err := r.Submit(t.Context(), tpdu, committed)
				if err == nil && ref == 7 {
					return
				}
				// A restart that the modem announced, or a signal that the text pretended, may still be worked off. A prompt that did not look like one took the
				// command for its PDU.
				if err == nil || !errors.Is(err, ErrNotReady) && !errors.Is(err, ErrRestarted) && !errors.Is(err, ErrNoPrompt) {
					t.Fatalf("next Submit = %d, %v", ref, err)
				}
				time.Sleep(10 * time.Second)
			}
			t.Error("not usable again")
		})
	})
}
