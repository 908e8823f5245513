package callplan

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

var destinationMembers = []string{"number", "trunk", "trunk_op", "sip", "continue", "terminate", "rule"}

// destination reads where a rule leads; depth is that of the list in which the rule stands.
func (r *planReader) destination(n *node, at string, depth int) Destination {
	var d Destination
	const empty = "this rule leads nowhere: give number, trunk, trunk_op, sip, rule, continue or terminate"
	if n.absent() {
		r.add(codeNoDest, at, n, empty, strings.Join(destinationMembers, ", "), `{"number":"15550100"}`)
		return d
	}
	if !r.object(n, at, "a destination", destinationMembers...) {
		return d
	}
	present := false
	for _, item := range n.items {
		present = present || !item.absent()
	}
	if !present {
		r.add(codeNoDest, at, n, empty, strings.Join(destinationMembers, ", "), `{"number":"15550100"}`)
		return d
	}
	read := func(key string, into func(*node, string)) {
		if m := n.member(key); !m.absent() {
			into(m, at+"/"+key)
		}
	}
	read("number", func(m *node, at string) { d.Number = r.number(m, at) })
	read("trunk", func(m *node, at string) { d.Trunk = r.trunks(m, at) })
	read("trunk_op", func(m *node, at string) { d.TrunkOp = r.trunkOps(m, at) })
	read("sip", func(m *node, at string) { d.SIP = r.sip(m, at) })
	read("continue", func(m *node, at string) { d.Continue = r.flag(m, at) })
	read("terminate", func(m *node, at string) { d.Terminate = r.flag(m, at) })
	if d.Continue && d.Terminate {
		r.add(codeConflict, at, n, `"continue" and "terminate" exclude each other`, "one of them", `{"continue":true}`)
	}
	if targets := len(d.Trunk) + len(d.TrunkOp); d.Terminate && (targets > 0 || d.Number != "" || d.SIP != "") {
		r.add(warnTerminate, at+"/terminate", nil, `"terminate" changes nothing beside targets: the call goes to them`, "", "")
	}
	read("rule", func(m *node, at string) { d.Rules = r.list(m, at, depth+1) })
	return d
}

// maxNumber bounds numbers to dial, in characters.
const maxNumber = 32

// dialable reads a number to dial: digits, * and #, with a leading plus sign perhaps. Separators are removed.
func dialable(s string) (string, bool) {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9' || c == '*' || c == '#' || c == '+' && len(b) == 0:
			b = append(b, c)
		case strings.IndexByte(" -./()", c) >= 0:
		default:
			return "", false
		}
	}
	return string(b), len(b) > 0 && len(b) <= maxNumber && string(b) != "+"
}

func (r *planReader) number(n *node, at string) string {
	number, ok := dialable(n.text)
	if n.kind != isText || !ok {
		r.add(codeNumber, at, n, fmt.Sprintf("%s is no number: digits, * and #, with a leading + perhaps, at most %d of them, as text", n.show(), maxNumber),
			"digits, * and #, with a leading + perhaps", `"+15550100"`)
	}
	return number
}

// maxTrunkName bounds names of trunks, in characters.
const maxTrunkName = 64

// isTrunkName tells whether s can be the name of a trunk.
func isTrunkName(s string) bool {
	if s == "" || len(s) > maxTrunkName {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"'<>,;\/`, c) >= 0 {
			return false
		}
	}
	return true
}

func (r *planReader) trunks(n *node, at string) []string {
	var all []string
	for i, item := range r.values(n, at, codeTrunk, `[["12345"],["22345"]]`) {
		if item.kind != isText || !isTrunkName(item.text) {
			r.add(codeTrunk, at+"/"+itoa(i), item, fmt.Sprintf("%s is no name of a trunk: 1 to %d characters without blanks", item.show(), maxTrunkName),
				"names of trunks", `"12345"`)
			continue
		}
		all = append(all, item.text)
	}
	return all
}

func (r *planReader) trunkOps(n *node, at string) []TrunkOp {
	const allowed, example = "pairs of a trunk and the operator's number", `[["12345","1234567890"]]`
	var all []TrunkOp
	for i, pair := range r.pairs(n, at, codeTrunkOp, allowed, example) {
		if pair[0] == nil {
			continue
		}
		number, ok := dialable(pair[1].text)
		if pair[0].kind != isText || !isTrunkName(pair[0].text) || pair[1].kind != isText || !ok {
			r.add(codeTrunkOp, at+"/"+itoa(i), n.items[i], fmt.Sprintf("%s is no pair of a trunk and a number", n.items[i].show()), allowed, example)
			continue
		}
		all = append(all, TrunkOp{pair[0].text, number})
	}
	return all
}

func (r *planReader) sip(n *node, at string) string {
	uri, ok := sipURI(n.text)
	if n.kind != isText || !ok {
		r.add(codeSIP, at, n, fmt.Sprintf("%s is no SIP address: user@host, without < > or line breaks", n.show()), "user@host, with sip: or sips: before it, a port and parameters after it",
			`"1234567890@example.com"`)
	}
	return uri
}

// maxSIP bounds SIP addresses, in octets.
const maxSIP = 255

// sipURI reads a SIP address (RFC 3261 §19.1, without password and headers) and puts the scheme in front where it is missing.
func sipURI(s string) (string, bool) {
	scheme, rest := "sip:", s
	if lower := strings.ToLower(s); strings.HasPrefix(lower, "sips:") {
		scheme, rest = "sips:", s[5:]
	} else if strings.HasPrefix(lower, "sip:") {
		rest = s[4:]
	}
	user, after, ok := strings.Cut(rest, "@")
	host, parameters, _ := strings.Cut(after, ";")
	if !ok || len(s) > maxSIP || user == "" || !sipChars(user, "-_.!~*'()&=+$,;?/") || !sipHost(host) {
		return "", false
	}
	if strings.Contains(after, ";") {
		for p := range strings.SplitSeq(parameters, ";") {
			if name, value, has := strings.Cut(p, "="); name == "" || !sipChars(name, "-_.!~*'()[]/:&+$") || has && (value == "" || !sipChars(value, "-_.!~*'()[]/:&+$")) {
				return "", false
			}
		}
	}
	return scheme + rest, true
}

// sipChars tells whether s has only letters, digits, the given marks, and escapes of printable characters.
func sipChars(s, marks string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte(marks, c) >= 0:
		case c == '%' && i+2 < len(s):
			v, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil || v < ' ' || v == 0x7f {
				return false // a line break would end the header in which the address stands
			}
			i += 2
		default:
			return false
		}
	}
	return true
}

// sipHost reads a host name or address with a port perhaps.
func sipHost(s string) bool {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
		if v, err := strconv.ParseUint(port, 10, 16); err != nil || v == 0 || port[0] == '+' {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		return err == nil && addr.Is6() && addr.Zone() == "" && strings.HasSuffix(inner, "]")
	}
	if host == "" || len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}
