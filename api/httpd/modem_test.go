package httpd

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"trunkline/api"
	"trunkline/router/access"
)

// recorder is a Control that notes what it is asked for.
type recorder struct {
	asked []string
	err   error
}

func (c *recorder) USSD(_ context.Context, account, name string, r api.USSDRequest) (api.USSDReply, error) {
	c.asked = append(c.asked, account+" "+name+" ussd "+r.Code+r.Reply+strconv.FormatBool(r.Cancel))
	return api.USSDReply{Text: "x", More: true}, c.err
}

func (c *recorder) AT(_ context.Context, account, name, command string) (api.ATAnswer, error) {
	c.asked = append(c.asked, account+" "+name+" at "+command)
	return api.ATAnswer{Result: "OK"}, c.err
}

func (c *recorder) Unlock(_ context.Context, account, name string, r api.UnlockRequest) error {
	c.asked = append(c.asked, account+" "+name+" unlock "+r.PIN+r.PUK+strconv.FormatBool(r.Accept))
	return c.err
}

func TestModemControl(t *testing.T) {
	c := &recorder{}
	g := serve(t, func(_ *Config, o *Options) {
		o.Control = c
		o.Modems = func() []api.Modem { return []api.Modem{{Name: "desk", State: "ready"}} }
	})
	me := "uid:" + strconv.Itoa(os.Getuid())
	if m, err := g.client.Modem(t.Context(), "desk"); err != nil || m.Name != "desk" || m.State != "ready" {
		t.Errorf("Modem: %+v, %v", m, err)
	}
	if r, err := g.client.USSD(t.Context(), "desk", api.USSDRequest{Code: "*100#"}); err != nil || r.Text != "x" || !r.More {
		t.Errorf("USSD: %+v, %v", r, err)
	}
	if a, err := g.client.AT(t.Context(), "desk", "AT+CSQ"); err != nil || a.Result != "OK" || a.Lines == nil {
		t.Errorf("AT: %+v, %v", a, err)
	}
	if m, err := g.client.Unlock(t.Context(), "desk", api.UnlockRequest{PIN: "1234", Accept: true}); err != nil || m.Name != "desk" {
		t.Errorf("Unlock: %+v, %v", m, err)
	}
	want := []string{me + " desk ussd *100#false", me + " desk at AT+CSQ", me + " desk unlock 1234true"}
	if strings.Join(c.asked, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked %q, want %q", c.asked, want)
	}
	problem := func(err error) string {
		var p *api.Problem
		if !errors.As(err, &p) {
			return "no problem"
		}
		return strconv.Itoa(p.Status) + " " + p.Code()
	}
	_, none := g.client.AT(t.Context(), "nobody", "AT")
	_, both := g.client.USSD(t.Context(), "desk", api.USSDRequest{Code: "1", Reply: "2"})
	_, neither := g.client.USSD(t.Context(), "desk", api.USSDRequest{})
	_, lost := g.client.Modem(t.Context(), "nobody")
	c.err = api.NewProblem(http.StatusConflict, api.CodeConflict, "x", "")
	_, refused := g.client.Unlock(t.Context(), "desk", api.UnlockRequest{PIN: "1234"})
	for name, tt := range map[string]struct {
		err  error
		want string
	}{"no such modem": {none, "404 not_found"}, "both": {both, "422 invalid"}, "neither": {neither, "422 invalid"}, "show": {lost, "404 not_found"}, "refused": {refused, "409 conflict"}} {
		if got := problem(tt.err); got != tt.want {
			t.Errorf("%s: %s (%v), want %s", name, got, tt.err, tt.want)
		}
	}
}

// Root and the daemon's own user may do everything; other users of the machine send and look.
func TestLocalUsers(t *testing.T) {
	me := uint32(os.Getuid())
	for uid, want := range map[uint32]bool{0: true, me: true, me + 1: false, 65534: false, 1<<32 - 1: false} {
		if got := localUser(uid).Ever(access.SettingsEdit); got != want {
			t.Errorf("uid %d administers: %v", uid, got)
		}
		if who := localUser(uid); !who.Ever(access.MessageSend) || who.Account != "uid:"+strconv.FormatUint(uint64(uid), 10) {
			t.Errorf("uid %d is %+v", uid, who)
		}
	}
	asks := []string{"decide", "checkPlan", "explainPlans", "testRoute"} // with a body, and change nothing
	for _, r := range routes {
		if localUser(me+1).Ever(r.need) && r.need > access.Anyone && r.method != "GET" && r.need != access.MessageSend && !slices.Contains(asks, r.id) {
			t.Errorf("%s %s is open to every user of the machine", r.method, r.pattern)
		}
		for _, verb := range []string{"/at", "/unlock", "/ussd", "/resend", "/settle", "/release"} {
			if strings.HasSuffix(r.pattern, verb) && !strings.HasPrefix(r.pattern, "/v1/administrators/") && r.need != access.SettingsEdit {
				t.Errorf("%s is not for administrators only", r.pattern)
			}
		}
	}
}
