package modem

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// storing makes the peer keep messages: cmgw and cmss are the answers to what stores and sends, and kept is what the slot then shows. "" stands for the
// answers of a healthy modem.
func storing(r *rig, test, cmgw, cmss, kept string) {
	or := func(s, usual string) string {
		if s == "" {
			return usual
		}
		return s
	}
	r.p.setData(func(p *peer, _ string) {
		if p.heard("+CMGW=") > 0 && p.heard("+CMGS=") == 0 {
			p.say(or(cmgw, "\r\n+CMGW: 12\r\n\r\nOK\r\n"))
			return
		}
		p.say("\r\n+CMGS: 7\r\n\r\nOK\r\n")
	})
	r.p.set(func(p *peer, c string) bool {
		switch {
		case c == "+CMSS=?":
			p.say(or(test, "\r\nOK\r\n"))
		case c == `+CPMS="SM","SM"` || c == `+CPMS="SM"`:
			p.say("\r\n+CPMS: 0,20,0,20\r\n\r\nOK\r\n")
		case strings.HasPrefix(c, "+CMGW="):
			p.prompt()
			p.say("\r\n> ")
		case c == "+CMGR=12":
			p.say(or(kept, "\r\n+CMGR: 2,,18\r\n00"+tpduHex[2:]+"\r\n\r\nOK\r\n"))
		case strings.HasPrefix(c, "+CMSS="):
			p.say(or(cmss, "\r\n+CMSS: 9\r\n\r\nOK\r\n"))
		default:
			return false
		}
		return true
	})
}

// TestSubmitStored: what is sent from the memory is what was stored, and a modem that does not do it sends directly.
func TestSubmitStored(t *testing.T) {
	for _, tt := range []struct {
		name       string
		test       string // answer to +CMSS=?
		cmgw, cmss string
		kept       string
		ref        int
		placed     int  // times that a copy was announced
		direct     int  // times that it was sent by +CMGS
		committed  bool // of the error
		class      Class
		note       bool
	}{
		{name: "plain", ref: 9, placed: 1},
		{name: "reference with a time stamp", cmss: "\r\n+CMSS: 200,\"24/01/01,00:00:00+04\"\r\n\r\nOK\r\n", ref: 200, placed: 1},
		{name: "no reference", cmss: "\r\nOK\r\n", ref: -1, placed: 1},
		{name: "index on its own line", cmgw: "\r\n+CMGW:\r\n12\r\n\r\nOK\r\n", ref: 9, placed: 1},
		{name: "reference set in the copy", kept: "\r\n+CMGR: 2,,18\r\n0001FF" + tpduHex[6:] + "\r\n\r\nOK\r\n", ref: 9, placed: 1},
		{name: "centre filled in", kept: "\r\n+CMGR: 2,,18\r\n07919471017600F0" + tpduHex[2:] + "\r\n\r\nOK\r\n", ref: 9, placed: 1},
		{name: "refused by the network", cmss: "\r\n+CMS ERROR: 38\r\n", ref: -1, placed: 1, committed: true, class: Temporary},
		{name: "plain error", cmss: "\r\nERROR\r\n", ref: -1, placed: 1, committed: true, class: Unclear},
		{name: "no answer", cmss: "\r\n", ref: -1, placed: 1, committed: true, class: Unclear},
		{name: "does not send what it keeps", test: "\r\nERROR\r\n", ref: 7, direct: 1, note: true},
		{name: "does not store", cmgw: "\r\n+CMS ERROR: 303\r\n", ref: 7, direct: 1, note: true},
		{name: "no room", cmgw: "\r\n+CMS ERROR: 322\r\n", ref: 7, direct: 1},
		{name: "no such message", cmgw: "\r\n+CMS ERROR: 304\r\n", ref: 7, direct: 1},
		{name: "says no index", cmgw: "\r\nOK\r\n", ref: 7, direct: 1, note: true},
		{name: "keeps another text", kept: "\r\n+CMGR: 2,,18\r\n00" + tpduHex[2:len(tpduHex)-2] + "FF\r\n\r\nOK\r\n", ref: 7, direct: 1, note: true},
		{name: "keeps a received message", kept: "\r\n+CMGR: 1,,18\r\n00" + tpduHex[2:] + "\r\n\r\nOK\r\n", ref: 7, direct: 1, note: true},
		{name: "keeps nothing", kept: "\r\n+CMS ERROR: 321\r\n", ref: 7, direct: 1, note: true},
		{name: "cannot be read", kept: "\r\n+CMS ERROR: 320\r\n", ref: 7, direct: 1, note: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(c *Config, _ *Options, _ *peer) { c.StoreAndSend = true }, func(t *testing.T, r *rig) {
				r.ready(t)
				storing(r, tt.test, tt.cmgw, tt.cmss, tt.kept)
				placed, commits := 0, 0
				ref, err := r.SubmitStored(t.Context(), tpdu, false, func(st Stored) error {
					if placed++; commits > 0 || st.Memory != "SM" || st.Index != 12 || st.Status != StatusUnsent {
						t.Errorf("placed %+v after %d commits", st, commits)
					}
					return nil
				}, func() error {
					if commits++; r.p.heard("+CMSS=1") > 0 {
						t.Error("sent before it was committed")
					}
					return nil
				})
				if ref != tt.ref || placed != tt.placed || commits != 1 || r.p.heard("+CMGS=") != tt.direct || r.p.heard("+CMSS=12") != tt.placed {
					t.Errorf("reference %d, placed %d, committed %d, told %q", ref, placed, commits, r.p.told)
				}
				var se *SubmitError
				if errors.As(err, &se) != tt.committed || tt.committed && (!se.Committed || se.Class() != tt.class) {
					t.Errorf("error %v", err)
				}
				if (r.Status().Note != "") != tt.note {
					t.Errorf("note %q", r.Status().Note)
				}
			})
		})
	}
}

// TestSubmitStoredStops: when the place or the commit cannot be written down, nothing goes out.
func TestSubmitStoredStops(t *testing.T) {
	for _, step := range []string{"placed", "commit"} {
		bubble(t, func(c *Config, _ *Options, _ *peer) { c.StoreAndSend = true }, func(t *testing.T, r *rig) {
			r.ready(t)
			storing(r, "", "", "", "")
			fail := func(name string) error {
				if name == step {
					return errFull
				}
				return nil
			}
			_, err := r.SubmitStored(t.Context(), tpdu, false, func(Stored) error { return fail("placed") }, func() error { return fail("commit") })
			var se *SubmitError
			if !errors.As(err, &se) || se.Committed || !errors.Is(err, errFull) || r.p.heard("+CMSS=1")+r.p.heard("+CMGS=") > 0 {
				t.Errorf("%s: %v, told %q", step, err, r.p.told)
			}
			storing(r, "", "", "", "")
			if ref, err := r.SubmitStored(t.Context(), tpdu, false, func(Stored) error { return nil }, committed); ref != 9 || err != nil {
				t.Errorf("the next one: %d, %v", ref, err)
			}
		})
	}
}

// TestStoredLateAnswer: an answer to +CMSS that comes after its time is told, and is not taken for another's.
func TestStoredLateAnswer(t *testing.T) {
	bubble(t, func(c *Config, _ *Options, _ *peer) { c.StoreAndSend = true }, func(t *testing.T, r *rig) {
		r.ready(t)
		storing(r, "", "", "\r\n", "")
		if _, err := r.SubmitStored(t.Context(), tpdu, false, func(Stored) error { return nil }, committed); !errors.Is(err, ErrTimeout) {
			t.Fatalf("%v", err)
		}
		for len(r.Notices()) > 0 {
			<-r.Notices()
		}
		r.p.say("\r\n+CMSS: 55\r\n\r\nOK\r\n")
		for deadline := time.After(time.Minute); ; {
			select {
			case n := <-r.Notices():
				if n.Kind == NoticeLate {
					if n.Index != 55 {
						t.Errorf("reference %d", n.Index)
					}
					return
				}
				continue
			case <-deadline:
			}
			t.Fatal("the late answer is not told")
		}
	})
}
