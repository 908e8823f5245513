package gsm

import (
	"testing"
	"time"

	"trunkline/modem/emulator"
	"trunkline/router"
	"trunkline/store"
)

const busyText = "We call you back."

// TestSMSBack: who was not answered gets a message, at most one in the time that is set.
func TestSMSBack(t *testing.T) {
	for _, c := range []struct {
		name    string
		on      []string
		plan    string
		options emulator.CallOptions
		from    string
		got     int
		refused string
	}{
		{"missed", nil, "", emulator.CallOptions{}, friend, 1, ""},
		{"refused", []string{"rejected"}, `[{` + always + `,"destination":{"terminate":true}}]`, emulator.CallOptions{}, friend, 1, ""},
		{"refused, and only missed ones are answered", nil, `[{` + always + `,"destination":{"terminate":true}}]`, emulator.CallOptions{}, friend, 0, ""},
		{"withheld", nil, "", emulator.CallOptions{Withheld: true}, friend, 0, router.ReplyWithheld},
		{"premium", nil, "", emulator.CallOptions{}, "+491371234567", 0, "premium_number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := router.DefaultCalls()
			config.Line = map[string]router.LineConfig{"desk": {SMSBack: busyText, SMSBackOn: c.on}}
			onCalls(t, able(), config, c.plan, func(r *callRig) {
				r.phone = r.network.Handset(c.from)
				r.ring(12*time.Second, c.options)
				time.Sleep(time.Minute)
				if got := r.phone.Inbox(); len(got) != c.got || c.got > 0 && got[0].Text != busyText {
					t.Errorf("the caller got %+v", got)
				}
				reply := r.last().Reply
				switch {
				case c.got == 0 && c.refused == "":
					if reply != nil {
						t.Errorf("reply: %+v", reply)
					}
				case reply == nil || reply.Refused != c.refused || (reply.Message == store.MessageID{}) != (c.got == 0):
					t.Errorf("reply: %+v", reply)
				}
			})
		})
	}
}

// TestSMSBackLimits: neither one caller nor all of them get many, also over a restart.
func TestSMSBackLimits(t *testing.T) {
	config := router.DefaultCalls()
	config.SMSBackEvery, config.SMSBackPerHour = 2*time.Hour, 2
	config.Line = map[string]router.LineConfig{"desk": {SMSBack: busyText}}
	onCalls(t, able(), config, "", func(r *callRig) {
		call := func(from, refused string) {
			t.Helper()
			r.phone = r.network.Handset(from)
			r.ring(7*time.Second, emulator.CallOptions{})
			if got := r.last().Reply; got == nil || got.Refused != refused {
				t.Errorf("call from %s: %+v, want %q", from, got, refused)
			}
		}
		call(friend, "")
		call(friend, router.ReplyCaller)
		r.stop()
		r.start()
		call(friend, router.ReplyCaller)
		call("+4915100000011", "")
		call("+4915100000012", router.ReplyLine)
		time.Sleep(90 * time.Minute)
		call(friend, router.ReplyCaller)
		call("+4915100000012", "")
		time.Sleep(time.Hour)
		call(friend, "")
		if n := r.events("call.replied"); n != 4 {
			t.Errorf("%d events call.replied", n)
		}
	})
}
