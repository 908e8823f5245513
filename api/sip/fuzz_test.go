package sip

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// FuzzRespond: whatever comes, an answer is well-formed, the same each time, and has no line that the server did not mean to write.
func FuzzRespond(f *testing.F) {
	f.Add(invite("sip:+12055550123;npdi;rn=+12055559999@192.0.2.1;user=phone"))
	f.Add(invite("tel:+1-205-555-0123;tgrp=a;trunk-context=b", "P-Asserted-Identity: \"x\" <sip:1@b>, tel:2", "Privacy: id", "Diversion: <sip:1@b>;counter=2", "Contact: <sip:1;tgrp=x@c>"))
	f.Add(strings.ReplaceAll(invite("sips:[2001:db8::1]:5061;a=b", "l: 3", "Require: a, b"), "INVITE", "OPTIONS") + "abc")
	f.Add("INVITE sip:a@b SIP/2.0\r\nv: SIP / 2.0 / UDP h : 1 ;\r\n rport;x=\"\\\"\r\n")
	r := testResponder(f, routed(trunk("one", "1"), trunk("tg", "2>"), sipURI("a@b;x=y"), plain("3")), func(c *Config) { c.OPCHeader = "X-OPC" })
	f.Fuzz(func(t *testing.T, text string) {
		got := r.ask(text, asker)
		if got != r.ask(text, asker) {
			t.Fatal("two answers differ")
		}
		if got == "" {
			return
		}
		head, body, ok := strings.Cut(got, "\r\n\r\n")
		if !ok || body != "" {
			t.Fatalf("no end in %q", got)
		}
		all := strings.Split(head, "\r\n")
		code, _, _ := strings.Cut(statusLine(got), " ")
		status, err := strconv.Atoi(code)
		if err != nil || !slices.Contains(statuses[:], status) {
			t.Fatalf("status line %q", all[0])
		}
		count := map[string]int{}
		for _, line := range all[1:] {
			name, _, ok := strings.Cut(line, ": ")
			if !ok || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("line %q", line)
			}
			count[name]++
		}
		for name, n := range count {
			switch name {
			case "Via":
			case "Contact":
				if n > 4 || status != 302 {
					t.Errorf("%d contacts in %q", n, got)
				}
			case "From", "To", "Call-ID", "CSeq", "Content-Length", "Allow", "Retry-After", "Unsupported":
				if n != 1 {
					t.Errorf("%d times %s in %q", n, name, got)
				}
			default:
				t.Errorf("header %q in %q", name, got)
			}
		}
		early := status == 400 || status == 503 || status == 505 || status == 513 // answered before everything was there
		if !early && (count["Via"] == 0 || count["From"]*count["To"]*count["Call-ID"]*count["CSeq"] != 1) {
			t.Errorf("incomplete answer %q", got)
		}
	})
}

// FuzzFrame: requests of a stream are cut at the same places, however they arrive.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(invite("sip:1@b", "Content-Length: 3")+"abc"+invite("sip:1@b", "l: 0")), 10)
	f.Add([]byte("x\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, split int) {
		const limit = 1024
		whole, done := frame(b, limit)
		if !done {
			if len(b) > limit {
				t.Fatalf("waits for more after %d octets", len(b))
			}
			return
		}
		if whole.head <= 0 || whole.head > len(b) || whole.body < 0 || !whole.cut && whole.head+whole.body > len(b) || whole.head > limit {
			t.Fatalf("%+v of %d octets", whole, len(b))
		}
		if split < 0 || split > len(b) || whole.cut {
			return
		}
		if part, done := frame(b[:split], limit); done && part != whole && !part.last {
			t.Fatalf("%+v of the first %d octets, %+v of all", part, split, whole)
		}
	})
}
