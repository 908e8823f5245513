package sip

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// benchInvite is a call as a switch sends it, with a body.
var benchInvite = invite("sip:+12055550123@192.0.2.1:5060;user=phone", "Contact: <sip:switch@192.0.2.9:5060>", "P-Asserted-Identity: <sip:+12125550100@192.0.2.9>", "Supported: timer, path",
	"User-Agent: Switch 5.6.3", "Subject: Performance Test", "Content-Type: application/sdp", "Content-Length: 129") +
	"v=0\r\no=user1 53655765 2353687637 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

// benchPlans are 1,000 rules for one provider, of which the last takes the call and has two trunks.
func benchPlans() (*callplan.Book, error) {
	var rules []string
	for i := range 999 {
		rules = append(rules, fmt.Sprintf(`{"criteria":{"match":["%03dxxxxxxx"],"day":[["monday"]],"time":["08:00","17:00"]},"destination":{"trunk":[["t%d"]]}}`, i, i))
	}
	rules = append(rules, `{"criteria":{"always":true},"destination":{"trunk":[["one"],["two"]]}}`)
	var plans []*callplan.Plan
	for _, provider := range []string{"default", "acme"} {
		plan, found := callplan.Parse(fmt.Appendf(nil, `{"name":"p","service_provider":%q,"priority":1,"rules":[%s]}`, provider, strings.Join(rules, ",")), callplan.ParseOptions{})
		if err := found.Err(); err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	return callplan.CompileAll(plans, &callplan.Env{})
}

// BenchmarkRespond is all that happens to a call between the sockets.
func BenchmarkRespond(b *testing.B) {
	book, err := benchPlans()
	if err != nil {
		b.Fatal(err)
	}
	r := testResponder(b, book)
	w := new(worker)
	text := []byte(benchInvite)
	b.ReportAllocs()
	for b.Loop() {
		if out := r.respond(w, text, true, asker, noon); len(out) < 300 {
			b.Fatalf("%s", out)
		}
	}
}

// BenchmarkParse reads the same call with the parser of this package and with that of sipgo. The latter alone costs more than a UDP echo.
func BenchmarkParse(b *testing.B) {
	b.Run("own", func(b *testing.B) {
		text, m := []byte(benchInvite), new(message)
		b.ReportAllocs()
		for b.Loop() {
			if !m.read(text, false) || m.defect != "" {
				b.Fatal(m.defect)
			}
		}
	})
	b.Run("sipgo", func(b *testing.B) {
		text, p := []byte(benchInvite), sipgo.NewParser()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.ParseSIP(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sipgo-and-answer", func(b *testing.B) {
		text, p := []byte(benchInvite), sipgo.NewParser()
		b.ReportAllocs()
		for b.Loop() {
			m, err := p.ParseSIP(text)
			if err != nil {
				b.Fatal(err)
			}
			if len(sipgo.NewResponseFromRequest(m.(*sipgo.Request), 302, "Moved Temporarily", nil).String()) < 200 {
				b.Fatal("short")
			}
		}
	})
}

// beServer serves on a free port of loopback, which it prints, until standard input ends.
func beServer() error {
	c := Default()
	c.Listen, c.Capacity = []string{"127.0.0.1:0"}, 0
	all := switches.Default()
	all.Networks, all.Trusted, all.Rate = []string{"127.0.0.0/8"}, true, 1_000_000
	table, err := switches.NewTable(map[string]switches.Config{"all": all},
		map[string]switches.Carrier{"one": {Address: "one.example.net"}, "two": {Address: "two.example.net:5080", Transport: "tcp"}})
	if err != nil {
		return err
	}
	book, err := benchPlans()
	if err != nil {
		return err
	}
	s, err := Listen(Options{Config: c, Plans: book, Table: table, Registerer: prometheus.NewPedanticRegistry()})
	if err != nil {
		return err
	}
	fmt.Println(s.Addresses()[0].Port())
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return s.Serve(ctx)
}
