package router

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"trunkline/callplan/phone"
	"trunkline/router/screen"
)

// What is done with a call that rings.
const (
	TreatRing     = "ring"     // nothing: it goes on ringing
	TreatReject   = "reject"   // it is refused; the caller hears busy and pays nothing
	TreatAnswer   = "answer"   // it is answered and hung up
	TreatTransfer = "transfer" // it is answered and passed on to a number
)

// CallConfig is the section [call]: what is done about calls that the plans of a trunk's service provider have decided.
type CallConfig struct {
	NoMatch        string        `toml:"no_match"`          // a call that no rule decides: "ring" or "reject"
	Terminate      string        `toml:"terminate"`         // a call that a rule ends: "reject" (the caller hears busy), or "answer" and hang up
	Route          string        `toml:"route"`             // a call that a rule sends to a number: "ring", or "transfer" to it where the modem can
	AnswerFor      time.Duration `toml:"answer_for"`        // how long a call that is answered and hung up stands; up to 1m
	TransferWait   time.Duration `toml:"transfer_wait"`     // the number that a call is passed on to must answer within; 5s to 2m
	SMSBackEvery   time.Duration `toml:"sms_back_every"`    // a caller gets at most one message back in this time; 1m to 168h
	SMSBackPerHour int           `toml:"sms_back_per_hour"` // a trunk writes back so often in an hour at most; 1 to 1000
	CountryCode    string        `toml:"country_code"`      // country of numbers without a country code, as "49"; empty: such callers get no message
	Never          []string      `toml:"never"`             // patterns of numbers that are never called or written back to, besides those of emergency and expensive services
	MessageRecords bool          `toml:"message_records"`   // keep records (CDRs) of messages too

	Line map[string]LineConfig     `toml:"line"` // by name of the trunk
	Plan map[string]CallPlanConfig `toml:"plan"` // by name of the plan that decided
}

// LineConfig is one section [call.line.NAME]: what differs for the calls of one modem.
type LineConfig struct {
	Number      string        `toml:"number"`       // the modem's own number: the dialled number in call plans, and the line in records
	NoMatch     string        `toml:"no_match"`     // as in [call]; empty: as there
	Terminate   string        `toml:"terminate"`    // as in [call]; empty: as there
	Route       string        `toml:"route"`        // as in [call]; empty: as there
	Divert      string        `toml:"divert"`       // have the network pass calls on while a rule sends every caller to a number: "always", "busy", "no_reply" or "unreachable"; empty: never
	DivertAfter time.Duration `toml:"divert_after"` // with "no_reply" it rings so long first: 5s to 30s in steps of 5s; 0: as the network likes
	SMSBack     string        `toml:"sms_back"`     // text that callers get who were not answered; empty: none
	SMSBackOn   []string      `toml:"sms_back_on"`  // which: "missed", "rejected", "answered" (and hung up); empty: missed
}

// CallPlanConfig is one section [call.plan.NAME]: what differs for calls that one plan decided, whatever the line.
type CallPlanConfig struct {
	Terminate string   `toml:"terminate"`   // as in [call]; empty: as the line
	SMSBack   string   `toml:"sms_back"`    // text that callers get; empty: as the line
	SMSBackOn []string `toml:"sms_back_on"` // as in [call.line.NAME]; empty: as the line
}

// DefaultCalls returns what is right for most: calls that a rule ends are refused, all others ring.
func DefaultCalls() CallConfig {
	return CallConfig{NoMatch: TreatRing, Terminate: TreatReject, Route: TreatRing, AnswerFor: 3 * time.Second, TransferWait: 45 * time.Second, SMSBackEvery: time.Hour, SMSBackPerHour: 30}
}

// maxSMSBack is the longest text that is sent back, in bytes.
const maxSMSBack = 1000

// Validate returns everything that is wrong, each error starting with the key.
func (c CallConfig) Validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	oneOf := func(key, value string, empty bool, known ...string) {
		if !slices.Contains(known, value) && !(empty && value == "") {
			wrong("%s: %q is none of %s", key, clip(value), strings.Join(known, ", "))
		}
	}
	between := func(key string, value, least, most time.Duration) {
		if value < least || value > most {
			wrong("%s: %s is not between %s and %s", key, value, least, most)
		}
	}
	oneOf("no_match", c.NoMatch, false, TreatRing, TreatReject)
	oneOf("terminate", c.Terminate, false, TreatReject, TreatAnswer)
	oneOf("route", c.Route, false, TreatRing, TreatTransfer)
	between("answer_for", c.AnswerFor, 0, time.Minute)
	between("transfer_wait", c.TransferWait, 5*time.Second, 2*time.Minute)
	between("sms_back_every", c.SMSBackEvery, time.Minute, 7*24*time.Hour)
	if c.SMSBackPerHour < 1 || c.SMSBackPerHour > 1000 {
		wrong("sms_back_per_hour: %d is not between 1 and 1000", c.SMSBackPerHour)
	}
	if len(c.CountryCode) > 3 || strings.Trim(c.CountryCode, "0123456789") != "" || strings.HasPrefix(c.CountryCode, "0") {
		wrong("country_code: %q is no country code such as \"49\"", clip(c.CountryCode))
	}
	if _, err := screen.Numbers(c.Never); err != nil {
		wrong("never: %v", err)
	}
	sms := func(path, text string, on []string) {
		if len(text) > maxSMSBack || !utf8.ValidString(text) {
			wrong("%s.sms_back: has %d bytes, or is no UTF-8; at most %d are sent", path, len(text), maxSMSBack)
		}
		for _, s := range on {
			oneOf(path+".sms_back_on", s, false, CallMissedBack, CallRejectedBack, CallAnsweredBack)
		}
	}
	for name, l := range c.Line {
		path := "line." + name
		oneOf(path+".no_match", l.NoMatch, true, TreatRing, TreatReject)
		oneOf(path+".terminate", l.Terminate, true, TreatReject, TreatAnswer)
		oneOf(path+".route", l.Route, true, TreatRing, TreatTransfer)
		oneOf(path+".divert", l.Divert, true, divertReasons...)
		if _, err := phone.Parse(l.Number); err != nil && l.Number != "" {
			wrong("%s.number: %v", path, err)
		}
		switch d := l.DivertAfter; {
		case d == 0:
		case l.Divert != DivertNoReply:
			wrong("%s.divert_after: is for divert = %q only", path, DivertNoReply)
		case d < 5*time.Second || d > 30*time.Second || d%(5*time.Second) != 0:
			wrong("%s.divert_after: %s is not 5s to 30s in steps of 5s", path, d)
		}
		sms(path, l.SMSBack, l.SMSBackOn)
	}
	for name, p := range c.Plan {
		oneOf("plan."+name+".terminate", p.Terminate, true, TreatReject, TreatAnswer)
		sms("plan."+name, p.SMSBack, p.SMSBackOn)
	}
	return errs
}

// Words of sms_back_on.
const (
	CallMissedBack   = "missed"
	CallRejectedBack = "rejected"
	CallAnsweredBack = "answered"
)

// callRules are the settings that hold for one call.
type callRules struct {
	LineConfig
	answerFor, transferWait time.Duration
}

// of returns the settings for the calls of a trunk that a plan decided; an empty plan is none.
func (c *CallConfig) of(trunk, plan string) callRules {
	r := callRules{LineConfig: c.Line[trunk], answerFor: c.AnswerFor, transferWait: c.TransferWait}
	for _, s := range []struct {
		to    *string
		value string
	}{{&r.NoMatch, c.NoMatch}, {&r.Terminate, c.Terminate}, {&r.Route, c.Route}} {
		if *s.to == "" {
			*s.to = s.value
		}
	}
	if p := c.Plan[plan]; plan != "" {
		if p.Terminate != "" {
			r.Terminate = p.Terminate
		}
		if p.SMSBack != "" {
			r.SMSBack = p.SMSBack
		}
		if len(p.SMSBackOn) > 0 {
			r.SMSBackOn = p.SMSBackOn
		}
	}
	if len(r.SMSBackOn) == 0 {
		r.SMSBackOn = []string{CallMissedBack}
	}
	return r
}
