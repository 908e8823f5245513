package router

import (
	"strings"
	"testing"
	"time"

	"trunkline/callplan/phone"
)

func TestReplyNumber(t *testing.T) {
	for _, c := range []struct{ from, country, to, refused string }{
		{"", "49", "", ReplyWithheld},
		{"+4915112345678", "", "+4915112345678", ""},
		{"015112345678", "49", "+4915112345678", ""},
		{"004915112345678", "", "+4915112345678", ""},
		{"015112345678", "", "", ReplyNational},
		{"2055550100", "1", "+12055550100", ""},
		{"12345678", "49", "", ReplyNational},
		{"12345", "49", "", ReplyShort},
		{"+491234", "", "", ReplyShort},
		{"*100#1234567", "", "", ReplyShort},
	} {
		to, refused := replyNumber(phone.FromAddress(c.from, false), c.country)
		if to.String() != c.to || refused != c.refused {
			t.Errorf("%q in %q: %s, %q, want %s, %q", c.from, c.country, to, refused, c.to, c.refused)
		}
	}
	if _, refused := replyNumber(phone.FromAddress("Bank", true), "49"); refused != ReplyShort {
		t.Errorf("a name: %q", refused)
	}
}

func TestCallConfig(t *testing.T) {
	if errs := DefaultCalls().Validate(); len(errs) > 0 {
		t.Errorf("defaults: %v", errs)
	}
	c := DefaultCalls()
	c.NoMatch, c.Terminate, c.Route, c.CountryCode = "x", TreatRing, "", "049"
	c.AnswerFor, c.TransferWait, c.SMSBackEvery, c.SMSBackPerHour = time.Hour, 0, 0, 0
	c.Never = []string{"12*4"}
	c.Line = map[string]LineConfig{"desk": {Number: "x", Divert: "never", DivertAfter: time.Second, SMSBack: strings.Repeat("x", 1001), SMSBackOn: []string{"busy"}},
		"roof": {Divert: DivertNoReply, DivertAfter: 7 * time.Second}}
	c.Plan = map[string]CallPlanConfig{"office": {Terminate: "ring"}}
	found := map[string]bool{}
	for _, err := range c.Validate() {
		key, _, _ := strings.Cut(err.Error(), ": ")
		found[key] = true
	}
	for _, key := range []string{"no_match", "terminate", "route", "country_code", "answer_for", "transfer_wait", "sms_back_every", "sms_back_per_hour", "never", "line.desk.number", "line.desk.divert",
		"line.desk.divert_after", "line.desk.sms_back", "line.desk.sms_back_on", "line.roof.divert_after", "plan.office.terminate"} {
		if !found[key] {
			t.Errorf("%s is not reported: %v", key, found)
		}
		delete(found, key)
	}
	if len(found) > 0 {
		t.Errorf("reported too: %v", found)
	}
}
