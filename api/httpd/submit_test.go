package httpd

import (
	"errors"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/router"
)

func TestReadSubmission(t *testing.T) {
	five := time.Duration(5) * time.Minute
	for _, c := range []struct {
		name, body string
		status     int    // 0: taken
		wrong      string // fields and codes
		validFor   time.Duration
		sendAt     string
	}{
		{name: "least", body: `{"to":"1","text":"x"}`},
		{name: "list", body: `{"to":["1","2"],"text":"x"}`},
		{name: "valid for a string", body: `{"to":"1","text":"x","valid_for":"5m"}`, validFor: five},
		{name: "valid for seconds", body: `{"to":"1","text":"x","valid_for":300}`, validFor: five},
		{name: "valid for as long as can be", body: `{"to":"1","text":"x","valid_for":"10584h"}`, validFor: maxValidity},
		{name: "valid for too long", body: `{"valid_for":"10584h1s"}`, status: 422, wrong: "valid_for out_of_range"},
		{name: "valid for nothing", body: `{"valid_for":0}`, status: 422, wrong: "valid_for out_of_range"},
		{name: "valid for less than nothing", body: `{"valid_for":-5}`, status: 422, wrong: "valid_for out_of_range"},
		{name: "valid for a huge number", body: `{"valid_for":9223372036854775807}`, status: 422, wrong: "valid_for out_of_range"},
		{name: "valid for a number of no type", body: `{"valid_for":1e400}`, status: 422, wrong: "valid_for invalid"},
		{name: "valid for no duration", body: `{"valid_for":"soon"}`, status: 422, wrong: "valid_for invalid"},
		{name: "valid for a list", body: `{"valid_for":[]}`, status: 400, wrong: "valid_for wrong_type"},
		{name: "send at UTC", body: `{"send_at":"2026-12-24T18:00:00Z"}`, sendAt: "2026-12-24T18:00:00Z"},
		{name: "send at with an offset", body: `{"send_at":"2026-12-24T18:00:00+01:00"}`, sendAt: "2026-12-24T17:00:00Z"},
		{name: "send at local", body: `{"send_at":"2026-12-24T18:00:00","time_zone":"Europe/Berlin"}`, sendAt: "2026-12-24T17:00:00Z"},
		{name: "first of two equal hours", body: `{"time_zone":"Europe/Berlin","send_at":"2026-10-25T02:30:00"}`, sendAt: "2026-10-25T00:30:00Z"},
		{name: "hour that is missing", body: `{"time_zone":"Europe/Berlin","send_at":"2026-03-29T02:30:00"}`, sendAt: "2026-03-29T01:30:00Z"},
		{name: "half hour that comes twice", body: `{"time_zone":"Australia/Lord_Howe","send_at":"2026-04-05T01:45:00"}`, sendAt: "2026-04-04T14:45:00Z"},
		{name: "local without a zone", body: `{"send_at":"2026-12-24T18:00:00"}`, status: 422, wrong: "send_at invalid"},
		{name: "offset and zone", body: `{"send_at":"2026-12-24T18:00:00Z","time_zone":"Europe/Berlin"}`, status: 422, wrong: "send_at invalid"},
		{name: "zone alone", body: `{"time_zone":"Europe/Berlin"}`, status: 422, wrong: "time_zone conflict"},
		{name: "no zone", body: `{"time_zone":"Mars/Olympus","send_at":"2026-12-24T18:00:00"}`, status: 422, wrong: "time_zone unknown"},
		{name: "zone that is a path", body: `{"time_zone":"../../etc/passwd","send_at":"2026-12-24T18:00:00"}`, status: 422, wrong: "time_zone unknown"},
		{name: "zone of the machine", body: `{"time_zone":"Local","send_at":"2026-12-24T18:00:00"}`, status: 422, wrong: "time_zone unknown"},
		{name: "year of seven digits", body: `{"send_at":"9999999-01-01T00:00:00Z"}`, status: 422, wrong: "send_at invalid"},
		{name: "day that is not", body: `{"send_at":"2026-02-30T00:00:00Z"}`, status: 422, wrong: "send_at invalid"},
		{name: "priority over the top", body: `{"priority":10}`, status: 422, wrong: "priority out_of_range"},
		{name: "priority with a fraction", body: `{"priority":1.5}`, status: 422, wrong: "priority invalid"},
		{name: "everything wrong", body: `{"to":5,"text":false,"trunk":{},"tag":[],"priority":"9","flash":1,"valid_for":null,"send_at":true,"TEXT":"x"}`, status: 400,
			wrong: "to wrong_type, text wrong_type, trunk wrong_type, tag wrong_type, priority wrong_type, flash wrong_type, valid_for wrong_type, TEXT unknown, send_at wrong_type"},
		{name: "recipients of two kinds", body: `{"to":["1",2,"3",null]}`, status: 400, wrong: "to[1] wrong_type, to[3] wrong_type"},
		{name: "no object", body: `["to"]`, status: 400, wrong: "body wrong_type"},
		{name: "names that fold", body: `{"ſend_at":"x","To":"1"}`, status: 400, wrong: "ſend_at unknown, To unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, mangled, err := readSubmission([]byte(c.body))
			var p *api.Problem
			if wrong := (&router.ValidationError{Fields: s.Wrong}); len(s.Wrong) > 0 && mangled {
				err = malformed(fieldErrors(wrong)...)
			} else if len(s.Wrong) > 0 {
				err = invalid(fieldErrors(wrong))
			}
			if errors.As(err, &p); c.status != 0 {
				if p == nil || p.Status != c.status || fieldsOf(p) != c.wrong {
					t.Fatalf("got %v, want %d for %s", err, c.status, c.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sendAt := ""
			if !s.SendAt.IsZero() {
				sendAt = s.SendAt.Format(time.RFC3339)
			}
			if s.ValidFor != c.validFor || sendAt != c.sendAt {
				t.Errorf("got valid for %s, send at %q; want %s, %q", s.ValidFor, sendAt, c.validFor, c.sendAt)
			}
		})
	}
}

// fieldsOf writes the wrong fields of a problem as "field code, field code".
func fieldsOf(p *api.Problem) string {
	var all []string
	for _, f := range p.Errors {
		all = append(all, f.Field+" "+f.Code)
	}
	return strings.Join(all, ", ")
}

func TestCheckMedia(t *testing.T) {
	for value, taken := range map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON;charset=UTF-8": true,
		"": false, "text/plain": false, "application/json; charset=utf-16": false, "application/json; a=b": false, "application/x-www-form-urlencoded": false, "application/jsonx": false,
	} {
		if err := checkMedia([]string{value}); (err == nil) != taken {
			t.Errorf("%q: %v, want taken %v", value, err, taken)
		}
	}
	if checkMedia(nil) == nil || checkMedia([]string{"application/json", "application/json"}) == nil {
		t.Error("none or two types are taken")
	}
}

func TestCheckKey(t *testing.T) {
	for key, taken := range map[string]bool{
		"k": true, "!~": true, strings.Repeat("k", 255): true, "": false, strings.Repeat("k", 256): false, "a b": false, "ä": false, "a\x7f": false, "a\tb": false,
	} {
		if err := checkKey(key); (err == nil) != taken {
			t.Errorf("%q: %v, want taken %v", key, err, taken)
		}
	}
}
