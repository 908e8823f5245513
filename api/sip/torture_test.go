package sip

import (
	"strings"
	"testing"

	"trunkline/callplan"
)

// The cases of RFC 4475, each with a message of our own. An empty status is no answer.
func TestTorture(t *testing.T) {
	long := strings.Repeat("wordy-", 120)
	for _, tc := range []struct {
		name, section, text, status string
		has                         []string // further parts of the answer
	}{
		{"white space, folding, compact names, any case", "3.1.1.1", strings.Join([]string{
			"INVITE sip:+12055550123;unknown=%7f@192.0.2.1;weird=a;other SIP/2.0",
			"TO :", " sip:ann@example.com  ;   page   =  4", "f  :    \"Carla \\\\\\\"\"       <sip:carla@example.org>", "  ;", "  tag = c7",
			"MaX-fOrWaRdS: 0033", "I: odd-1.2@example.org", "Content-Length   : 0", "cseq: 0007", "  INVITE", "NewFangled:   some text, with", " a second line",
			"v:  SIP  / 2.0  / TCP     edge.example.com   ;", "  branch  =   z9hG4bKodd1  ,", " SIP  /    2.0   / UDP  192.0.2.77   ; branch=", " z9hG4bKodd2",
			"Via  : SIP  /    2.0   /UDP  192.0.2.78;branch=z9hG4bKodd3", "s:", "m:\"Quoted \\\"\\\"\" <sip:carla@example.org> ; newparam =", "      newvalue ; secondparam ; q = 0.33", "", ""}, "\r\n"),
			"404 Not Found", []string{"Via: SIP  / 2.0  / TCP     edge.example.com;    branch  =   z9hG4bKodd1;received=192.0.2.9,   SIP  /", "\r\nVia: SIP  /    2.0   /UDP  192.0.2.78;branch=z9hG4bKodd3\r\n", "\r\nTo: sip:ann@example.com  ;   page   =  4;tag="}},
		{"a method of all characters that a token has", "3.1.1.2", request("!odd-Method.9_*+`%x'~ sip:1_odd.URI~(x!s)&ok=1+$,/;?@example.com SIP/2.0",
			"Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%40*_+`'~", "To: \"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\" <sip:1_odd@example.com>",
			"From: token1~` token2'+_ token3*%!.- <sip:ann@example.com>;fromParam''~+*_!.-%=\"\u0440\u0430\u0431\u043e\u0442\u0430\";tag=_token~1'+`*%!-.",
			"Call-ID: odd.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", "CSeq: 139122385 !odd-Method.9_*+`%x'~", "Max-Forwards: 255"), "405 Method Not Allowed", []string{"Allow: INVITE"}},
		{"escapes in the user part", "3.1.1.3", invite("sip:sips%3Auser%40example.com@192.0.2.1"), "404 Not Found", nil},
		{"an escaped NUL", "3.1.1.4", request("REGISTER sip:example.com SIP/2.0", "To: sip:null-%00-null@example.com", "From: sip:null-%00-null@example.com;tag=1", "Max-Forwards: 70",
			"Call-ID: nul", "CSeq: 14398234 REGISTER", "Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKnul", "Contact: <sip:%00@host5.example.com>"), "405 Method Not Allowed", nil},
		{"a percent sign in a method is itself", "3.1.1.5", request("RE%47IST%45R sip:example.com SIP/2.0", "To: \"%Z%45\" <sip:r@example.com>", "From: <sip:r@example.com>;tag=f", "Call-ID: pct",
			"CSeq: 2 RE%47IST%45R", "Via: SIP/2.0/UDP host6.example.com;branch=z9hG4bKpct"), "405 Method Not Allowed", nil},
		{"no space between name and bracket", "3.1.1.6", request("OPTIONS sip:user@example.com SIP/2.0", "To: sip:user@example.com", "From: caller<sip:caller@example.com>;tag=323", "Max-Forwards: 70",
			"Call-ID: lws", "CSeq: 60 OPTIONS", "Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKlws", "l: 0"), "200 OK", nil},
		{"long values", "3.1.1.7", request("INVITE sip:user@example.com SIP/2.0", "To: \"I have a "+long+" name\"<sip:user@example.com:6000;u1="+long+";u2=x>", "F: sip:"+long+"@example.com;tag=12"+long,
			"Call-ID: "+long, "CSeq: 3882340 INVITE", "Unknown-Header-"+long+": x", "Max-Forwards: 70", "v: SIP/2.0/TCP sip33.example.com", "v: SIP/2.0/TCP sip32.example.com;branch=z9hG4bK"+long), "404 Not Found",
			[]string{"Via: SIP/2.0/TCP sip33.example.com;received=192.0.2.9\r\nVia: SIP/2.0/TCP sip32"}},
		{"a second request behind the first", "3.1.1.8", request("OPTIONS sip:example.com SIP/2.0", "To: sip:j@example.com", "From: sip:j@example.com;tag=43", "Max-Forwards: 8", "Call-ID: two", "CSeq: 8 OPTIONS",
			"Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKtwo", "Content-Length: 0") + invite("sip:joe@example.com"), "200 OK", []string{"CSeq: 8 OPTIONS"}},
		{"semicolons in the user part", "3.1.1.9", request("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", "To: sip:j@example.com", "From: sip:c@example.org;tag=33", "Call-ID: semi", "CSeq: 8 OPTIONS",
			"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKsemi"), "200 OK", nil},
		{"many transports", "3.1.1.10", request("OPTIONS sip:user@example.com SIP/2.0", "To: sip:user@example.com", "From: <sip:caller@example.com>;tag=323", "Call-ID: transports", "CSeq: 60 OPTIONS",
			"Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKa", "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKb", "Via: SIP/2.0/UNKNOWN t5.example.com;branch=z9hG4bKe"), "200 OK",
			[]string{"Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKa;received=192.0.2.9\r\nVia: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKb\r\nVia: SIP/2.0/UNKNOWN"}},
		{"a body of parts", "3.1.1.11", request("MESSAGE sip:kumiko@example.org SIP/2.0", "Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKm", "From: sip:f@example.com;tag=1", "To: <sip:kumiko@example.org>", "Call-ID: mp",
			"CSeq: 149209342 MESSAGE", "Content-Type: multipart/mixed;boundary=x", "Content-Length: 4") + "--x-", "405 Method Not Allowed", nil},
		{"a response", "3.1.1.12", request("SIP/2.0 200 = 2**3 * 5**2 \u043d\u043e", "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK", "Call-ID: r", "CSeq: 35 INVITE"), "", nil},
		{"a response without a reason", "3.1.1.13", request("SIP/2.0 100 ", "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK", "Call-ID: n", "CSeq: 35 INVITE"), "", nil},

		{"separators with nothing between", "3.1.2.1", request("INVITE sip:user@example.com SIP/2.0", "To: sip:j@example.com", "From: sip:c@example.net;tag=1", "Max-Forwards: 7", "Call-ID: sep", "CSeq: 8 INVITE",
			"Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), "400 Malformed Via", nil},
		{"Content-Length beyond the datagram", "3.1.2.2", invite("sip:user@example.com", "Content-Length: 9999"), "400 Content-Length Beyond The End", nil},
		{"a negative Content-Length", "3.1.2.3", invite("sip:user@example.com", "Content-Length: -999"), "400 Malformed Content-Length", nil},
		{"numbers out of range", "3.1.2.4", strings.Replace(invite("sip:user@example.com"), "CSeq: 1 INVITE", "CSeq: 36893488147419103232 INVITE", 1), "400 Malformed CSeq", nil},
		{"Max-Forwards out of range", "3.1.2.4", strings.Replace(invite("sip:user@example.com"), "Max-Forwards: 70", "Max-Forwards: 300", 1), "400 Malformed Max-Forwards", nil},
		{"numbers out of range in a response", "3.1.2.5", request("SIP/2.0 503 Service Unavailable", "Via: SIP/2.0/TCP host129;branch=z9hG4bK", "CSeq: 9292394834772304023312 OPTIONS", "Retry-After: 949302838503028349304023988"), "", nil},
		{"a quote that is not closed", "3.1.2.6", strings.Replace(invite("sip:user@example.com"), "To: <sip:", "To: \"Mr. J. User <sip:", 1), "400 Malformed To", nil},
		{"brackets around the Request-URI", "3.1.2.7", invite("<sip:user@example.com>"), "400 Malformed Request-URI", nil},
		{"white space in the Request-URI", "3.1.2.8", strings.Replace(invite("sip:user@example.com"), "user@example.com SIP", "user@example.com; lr SIP", 1), "400 Malformed Request-URI", nil},
		{"two spaces in the request line", "3.1.2.9", strings.Replace(invite("sip:user@example.com"), "INVITE sip:user@example.com SIP", "INVITE  sip:user@example.com  SIP", 1), "400 Malformed Request-URI", nil},
		{"white space behind the request line", "3.1.2.10", strings.Replace(invite("sip:user@example.com"), "SIP/2.0\r\n", "SIP/2.0 \r\n", 1), "400 White Space After The Request Line", nil},
		{"headers in the Request-URI", "3.1.2.11", invite("sip:user@example.com?Route=%3Csip:example.com%3E"), "400 Headers In The Request-URI", nil},
		{"a date that is not GMT", "3.1.2.12", invite("sip:user@example.com", "Date: Fri, 01 Jan 2010 16:00:00 EST"), "404 Not Found", nil},
		{"an address with bare parameters in a Contact", "3.1.2.13", invite("sip:user@example.com", "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"), "404 Not Found", nil},
		{"spaces within brackets", "3.1.2.14", strings.Replace(invite("sip:user@example.com"), "To: <sip:user@example.com>", "To: \"Watson, Thomas\" < sip:t.watson@example.org >", 1), "400 Malformed To", nil},
		{"a display name with characters that need quotes", "3.1.2.15", strings.Replace(invite("sip:user@example.com"), `From: "Ann"`, "From: Bell, Alexander", 1), "404 Not Found", nil},
		{"another version", "3.1.2.16", strings.Replace(invite("sip:user@example.com"), "SIP/2.0", "SIP/7.0", 1), "505 Version Not Supported", nil},
		{"CSeq of another method", "3.1.2.17", strings.Replace(invite("sip:user@example.com"), "1 INVITE", "8 OPTIONS", 1), "400 CSeq Of Another Method", nil},
		{"CSeq of another method, both unknown", "3.1.2.18", strings.Replace(invite("sip:user@example.com"), "INVITE sip", "NEWMETHOD sip", 1), "400 CSeq Of Another Method", nil},
		{"a response with a large status", "3.1.2.19", request("SIP/2.0 4294967301 better not break", "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bK", "CSeq: 35 INVITE"), "", nil},

		{"a branch of the cookie alone", "3.2.1", request("OPTIONS sip:user@example.com SIP/2.0", "To: sip:user@example.com", "From: sip:caller@example.org;tag=33242", "Max-Forwards: 3", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK",
			"Call-ID: branch", "CSeq: 8 OPTIONS"), "200 OK", nil},

		{"missing headers", "3.3.1", request("INVITE sip:user@example.com SIP/2.0", "CSeq: 193942 INVITE", "Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj"), "400 Missing From", []string{"\r\nCSeq: 193942 INVITE\r\n", "\r\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj;received=192.0.2.9\r\n"}},
		{"an unknown scheme", "3.3.2", request("OPTIONS nobodyKnowsThis:totallyopaque SIP/2.0", "To: sip:user@example.com", "From: sip:caller@example.net;tag=384", "Call-ID: scheme", "CSeq: 3923423 OPTIONS",
			"Via: SIP/2.0/TCP host9.example.com;branch=z9hG4bKk"), "416 Unsupported URI Scheme", nil},
		{"a known scheme that is none of SIP's", "3.3.3", strings.Replace(invite("sip:user@example.com"), "INVITE sip:user@example.com", "INVITE soap.beep://192.0.2.103:3002", 1), "416 Unsupported URI Scheme", nil},
		{"unknown schemes in To and From", "3.3.4", request("REGISTER sip:example.com SIP/2.0", "To: isbn:2983792873", "From: <http://www.example.com>;tag=323", "Call-ID: schemes", "CSeq: 234902 REGISTER",
			"Via: SIP/2.0/UDP 192.0.2.21:5060;branch=z9hG4bKs"), "405 Method Not Allowed", nil},
		{"an unknown scheme in From of a call", "3.3.4", strings.Replace(invite("sip:user@example.com"), `"Ann" <sip:+12125550100@192.0.2.9>`, "<http://www.example.com>", 1), "404 Not Found", nil},
		{"required extensions", "3.3.5", request("OPTIONS sip:user@example.com SIP/2.0", "To: sip:j_user@example.com", "From: sip:caller@example.net;tag=242etr", "Call-ID: ext", "Require: nothingSupportsThis, 100rel, nothingSupportsThisEither",
			"Proxy-Require: noProxiesSupportThis", "CSeq: 8 OPTIONS", "Via: SIP/2.0/TLS fold.example.com;branch=z9hG4bKe"), "420 Bad Extension", []string{"Unsupported: nothingSupportsThis, nothingSupportsThisEither\r\n"}},
		{"an unknown type of body", "3.3.6", invite("sip:user@example.com", "Content-Type: application/unknownformat", "Content-Length: 3") + "???", "404 Not Found", nil},
		{"unknown authorisation", "3.3.7", request("REGISTER sip:example.com SIP/2.0", "To: sip:j@example.com", "From: sip:j@example.com;tag=87321", "Call-ID: auth", "CSeq: 9338 REGISTER", "Via: SIP/2.0/TCP 192.0.2.253;branch=z9hG4bK",
			"Authorization: NoOneKnowsThisScheme opaque-data=here"), "405 Method Not Allowed", nil},
		{"single headers more than once", "3.3.8", strings.Replace(invite("sip:user@example.com"), "CSeq: 1 INVITE", "CSeq: 5 INVITE\r\nCSeq: 59 INVITE\r\nCall-ID: second\r\nTo: <sip:b@example.com>", 1), "400 Two To", nil},
		{"two Content-Length", "3.3.9", strings.Replace(invite("sip:user@example.com"), "CSeq", "Content-Length: 3\r\nContent-Length: 5\r\nCSeq", 1) + "12345", "400 Two Content-Length", nil},
		{"a response with a broadcast Via", "3.3.10", request("SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK", "Call-ID: b", "CSeq: 35 INVITE"), "", nil},
		{"Max-Forwards of zero", "3.3.11", strings.Replace(invite("sip:user@example.com"), "Max-Forwards: 70", "Max-Forwards: 0", 1), "483 Too Many Hops", nil},
		{"Max-Forwards of zero in a health check", "3.3.11", request("OPTIONS sip:user@example.com SIP/2.0", "To: sip:user@example.com", "From: sip:caller@example.net;tag=3", "Call-ID: zero", "CSeq: 39234321 OPTIONS", "Max-Forwards: 0",
			"Via: SIP/2.0/UDP host1.example.com;branch=z9hG4bKz"), "200 OK", nil},
		{"unacceptable bodies", "3.3.15", invite("sip:user@example.com", "Accept: text/nobodyKnowsThis"), "404 Not Found", nil},

		{"a call of RFC 2543", "3.4.1", request("INVITE sip:UserB@example.com SIP/2.0", "Via: SIP/2.0/UDP iftgw.example.com", "From: <sip:+13035551111@ift.client.example.net;user=phone>", "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>",
			"To: sip:+16505552222@ss1.example.net;user=phone", "Call-ID: 1717@ift.client.example.com", "CSeq: 56 INVITE", "Content-Type: application/sdp"), "404 Not Found", []string{"Via: SIP/2.0/UDP iftgw.example.com;received=192.0.2.9\r\n", "phone;tag="}},
	} {
		t.Run(tc.section+" "+tc.name, func(t *testing.T) {
			r := testResponder(t, decided(func(f *callplan.Facts, d *callplan.Decision) { d.Action = callplan.Route }))
			got := r.ask(tc.text, asker)
			if statusLine(got) != tc.status {
				t.Errorf("answered %q, want %q", got, tc.status)
			}
			for _, part := range tc.has {
				if !strings.Contains(got, part) {
					t.Errorf("the answer lacks %q:\n%s", part, got)
				}
			}
			if got != "" && r.ask(tc.text, asker) != got {
				t.Error("the same request got another answer")
			}
		})
	}
}

// What is no request gets no answer: an answer would be sent to whoever is named as its source.
func TestGarbage(t *testing.T) {
	r := testResponder(t, nil)
	for _, text := range []string{"x", "\x00\x00\x00\x00", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "INVITE sip:a@b\r\n\r\n", "INVITE sip:a@b SIP/2.0\n\n", "SIP/2.0 200 OK\r\n\r\n", " \r\n\r\n",
		"INV\x01ITE sip:a@b SIP/2.0\r\n\r\n", "\x16\x03\x01\x02\x00", "INVITE sip:a@b\x00 SIP/2.0\r\n\r\n"} {
		if got := r.ask(text, asker); got != "" {
			t.Errorf("%q was answered %q", text, got)
		}
	}
}
