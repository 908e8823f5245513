package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

func TestRecipients(t *testing.T) {
	for text, want := range map[string][]string{`"+4915112345678"`: {"+4915112345678"}, `["1","2"]`: {"1", "2"}, `[]`: {}} {
		var r Recipients
		if err := json.Unmarshal([]byte(text), &r); err != nil || !slices.Equal(r, want) {
			t.Errorf("%s is read as %v, %v", text, r, err)
		}
		if b, err := json.Marshal(r); err != nil || string(b) != text {
			t.Errorf("%v is written as %s, %v", r, b, err)
		}
	}
	if err := json.Unmarshal([]byte(`5`), new(Recipients)); err == nil {
		t.Error("a number is taken")
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{`"24h"`: 24 * time.Hour, `"1h30m"`: 90 * time.Minute, `90`: 90 * time.Second, `-1`: -time.Second} {
		var d Duration
		if err := json.Unmarshal([]byte(text), &d); err != nil || time.Duration(d) != want {
			t.Errorf("%s is read as %s, %v", text, time.Duration(d), err)
		}
		b, _ := json.Marshal(d)
		var again Duration
		if err := json.Unmarshal(b, &again); err != nil || again != d {
			t.Errorf("%s is written as %s and read as %s, %v", time.Duration(d), b, time.Duration(again), err)
		}
	}
	for _, text := range []string{`"soon"`, `1.5`, `9223372036854775807`, `{}`, `true`} {
		if err := json.Unmarshal([]byte(text), new(Duration)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestAbsentFieldsAreLeftOut(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{Message{ID: "i", Direction: "out", State: "waiting", Parts: []Part{{Seq: 1, State: "waiting"}}, CreatedAt: time.Unix(0, 0).UTC()},
			`{"id":"i","direction":"out","state":"waiting","text":"","priority":0,"parts":[{"seq":1,"state":"waiting"}],"created_at":"1970-01-01T00:00:00Z"}`},
		{SubmitRequest{To: Recipients{"1"}, Text: "x"}, `{"to":"1","text":"x"}`},
		{Event{Seq: 1, Type: "modem.up", At: time.Unix(0, 0).UTC()}, `{"seq":1,"type":"modem.up","at":"1970-01-01T00:00:00Z"}`},
		{Modem{Name: "desk", State: "missing"}, `{"name":"desk","state":"missing","opens":0}`},
	} {
		if b, err := json.Marshal(c.value); err != nil || string(b) != c.want {
			t.Errorf("got  %s (%v)\nwant %s", b, err, c.want)
		}
	}
}

func TestProblem(t *testing.T) {
	p := NewProblem(422, CodeInvalid, "Wrong values", "")
	p.Errors = []FieldError{{"to", FieldRequired, "is empty"}, {"text", FieldTooLong, "is too long"}}
	if p.Code() != "invalid" || p.Error() != "Wrong values: to: is empty; text: is too long" {
		t.Errorf("got %s, %q", p.Code(), p.Error())
	}
	if code := (&Problem{Type: "about:blank"}).Code(); code != "" {
		t.Errorf("a foreign type has code %q", code)
	}
}

// An answer that does not come from the daemon, of a proxy for example, is an error all the same, and no redirect is followed.
func TestClientWithForeignAnswers(t *testing.T) {
	for _, c := range []struct {
		status      int
		media, body string
		want        string
	}{
		{502, "text/html", "<h1>no</h1>", "Bad Gateway"},
		{400, ProblemMedia, "{", "Bad Request"},
		{302, "text/plain", "", "Found"},
		{409, ProblemMedia, `{"type":"urn:trunkline:problem:conflict","title":"Conflict here","status":409}`, "Conflict here"},
	} {
		t.Run(fmt.Sprint(c.status, c.body), func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", c.media)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer s.Close()
			client := NewClient(s.URL + "/")
			defer client.Close()
			var p *Problem
			if err := client.Health(t.Context()); !errors.As(err, &p) || p.Status != c.status || p.Title != c.want {
				t.Errorf("got %v", err)
			}
		})
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "not JSON") }))
	defer s.Close()
	client := NewClient(s.URL)
	defer client.Close()
	if err := client.Health(t.Context()); err == nil {
		t.Error("an answer that is no JSON is taken")
	}
}

// The stream of another server is read as the specification of server-sent events says, and what cannot be is an error.
func TestClientReadsEventStreams(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		switch len(asked) {
		case 1:
			fmt.Fprint(w, ":hello\nretry: 5\nid: 6\n\nid: 7\nevent: x\ndata: {\"seq\":7,\ndata: \"type\":\"x\"}\n\nid: 8\nevent: x\ndata: {\"seq\":8}\n") // 8 is cut off
		case 2:
			fmt.Fprint(w, "id: 8\ndata: {\"seq\":8}\n\n")
		case 3:
			fmt.Fprint(w, "id: 9\ndata: nonsense\n\n")
		default:
			fmt.Fprint(w, "id: x\n\n")
		}
	}))
	defer s.Close()
	client := NewClient(s.URL)
	defer client.Close()
	var got []string
	for e, err := range client.Events(t.Context(), FromNow) {
		if err != nil {
			got = append(got, "error")
		} else {
			got = append(got, fmt.Sprint(e.Seq))
		}
		if len(got) == 4 {
			break
		}
	}
	if fmt.Sprint(got) != "[7 8 error error]" {
		t.Errorf("events %v", got)
	}
	if want := []string{"", "7", "8", "9"}; !slices.Equal(asked, want) {
		t.Errorf("resumed after %q, want %q", asked, want)
	}
}
