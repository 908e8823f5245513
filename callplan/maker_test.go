package callplan

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// maker makes random plans and calls out of small pools, so that rules and calls meet often.
type maker struct{ *rand.Rand }

func pick[T any](m maker, from ...T) T { return from[m.IntN(len(from))] }

// some returns one to three values of a pool, in one of the two ways of writing a list.
func (m maker) some(pool ...string) []any {
	var all []any
	nested := m.IntN(2) == 0
	for range 1 + m.IntN(3) {
		if v := pick(m, pool...); nested {
			all = append(all, []any{v})
		} else {
			all = append(all, v)
		}
	}
	return all
}

var (
	poolPatterns = []string{"205xxxxxxx", "205*", "+1205555xxxx", "2055550100", "+44*", "+49*", "*", "anonymous", "nxxnxxxxxx", "2z4xxxxxxx", "911", "1205555010x", "x11", "+*", "0",
		"0x", "20#", "2xx", "80nxxxxxxx", "555-01xx", "+12x5*", "5xxx*", "z*", "n*", "1*", "205555010n", "x", "xx*", "411#", "02055550100", "205555xxx1", "+4930123456"}
	poolNumbers = []string{"+12055550100", "2055550100", "12055550100", "(205) 555-0101", "", "+442079460958", "011442079460958", "+4930123456", "911", "0", "02", "+12145550100", "+12125550100",
		"+18005550199", "8005550199", "411#", "20#", "555-0123", "+1205", "5551234", "+19025550100", "+18675550100", "+13455550100", "+12055551111", "1", "*67", "ACME", "+", "9999999999", "+17292340100", "02055550100"}
	poolTimes = []string{"00:00", "06:00", "08:30", "12:00", "12:01", "17:00", "20:00", "22:00", "23:58"}
	poolZones = []string{"", "", "", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"}
	poolDates = []string{"2026/06/09.00:00", "2026/06/10.12:00", "2026/06/11.24:00", "2026/06/13.23:59", "2026/11/01.01:30", "2026/12/25.00:00"}
	poolAreas = []string{"AL", "TX", "NY", "ca", "PE", "NS", "US-KY", "205", "800", "999", "country:CA", "country:KY", "PQ", "AS", "country:US"}
	poolDays  = []string{"sunday", "monday", "tuesday", "Wednesday", "thu", "fri", "saturday"}
	poolLATA  = []string{"476", "952", "95201", "132"}
	poolZIP   = []string{"12345", "123xx", "1xxxx", "99999", "12XXX"}
	poolPoint = []string{"0-0-1", "000-000-003", "001-200-000", "001-255-255", "2-10-255", "255-255-255"}
)

// window returns a legal time window.
func (m maker) window() []any {
	from := pick(m, poolTimes...)
	to := pick(m, append([]string{"24:00", "23:59"}, poolTimes...)...)
	if from == to {
		to = "23:59"
	}
	return []any{from, to}
}

func (m maker) span() []any {
	i, j := m.IntN(len(poolDates)), m.IntN(len(poolDates))
	switch {
	case i == j && i%2 == 0:
		return []any{plainDate(poolDates[i]), nil}
	case i == j:
		return []any{nil, poolDates[i]}
	}
	return []any{plainDate(poolDates[min(i, j)]), poolDates[max(i, j)]}
}

// plainDate makes a start of what is only allowed as an end.
func plainDate(s string) string {
	if s[11:] == "24:00" {
		return s[:11] + "10:00"
	}
	return s
}

// criteria returns one to three criteria.
func (m maker) criteria(depth int) map[string]any {
	c := map[string]any{}
	for range 1 + m.IntN(3) {
		switch m.IntN(15) {
		case 0:
			c["always"] = true
		case 1:
			c["time"] = m.window()
		case 2:
			c["day"] = m.some(poolDays...)
		case 3:
			c["date"] = m.span()
		case 4, 5:
			c["match"] = m.some(poolPatterns...)
		case 6, 7:
			c["called"] = m.some(poolPatterns...)
		case 8:
			c["npa"] = m.some(poolAreas...)
		case 9:
			a, b := m.IntN(len(poolPoint)), m.IntN(len(poolPoint))
			c["pointcode"] = []any{[]any{poolPoint[min(a, b)], poolPoint[max(a, b)]}, []any{pick(m, poolPoint...), nil}}
		case 10:
			c["lata"] = []any{pick(m, []any{"Digits", pick(m, poolLATA...)}, []any{"Intra", nil}, []any{"inter", nil}), []any{"digits", pick(m, poolLATA...)}}[:1+m.IntN(2)]
		case 11:
			c["zip"] = m.some(poolZIP...)
		case 12:
			c["kind"] = m.some("voice", "sms")
		case 13:
			c["holiday"] = m.some("us", "de", "nosuch")
		case 14:
			if depth < 2 {
				c["not"] = m.criteria(depth + 1)
			} else {
				c["always"] = true
			}
		}
	}
	return c
}

func (m maker) destination(depth int) map[string]any {
	d := map[string]any{}
	switch m.IntN(10) {
	case 0:
		d["terminate"] = true
	case 1:
		d["continue"] = true
	case 2, 3:
		d["trunk"] = m.some("t1", "t2", "t3")
	case 4:
		d["trunk_op"] = []any{[]any{pick(m, "t1", "t4"), "411"}, []any{pick(m, "t2", "t4"), pick(m, "411", "5")}}
	case 5:
		d["sip"] = pick(m, "a@example.com", "sips:b@example.com:5061")
	default:
		d["number"] = pick(m, "1", "2", "3", "+15550100")
	}
	if m.IntN(6) == 0 {
		d["number"] = pick(m, "7", "8")
	}
	if m.IntN(4) == 0 && d["terminate"] == nil {
		d["continue"] = true
	}
	if depth < 3 && m.IntN(6) == 0 {
		if m.IntN(2) == 0 {
			d = map[string]any{}
		}
		d["rule"] = m.rules(1+m.IntN(4), depth+1)
	}
	return d
}

// rules returns a list of rules, some of them runs.
func (m maker) rules(n, depth int) []any {
	var all []any
	for len(all) < n {
		c := m.criteria(0)
		if m.IntN(5) > 0 {
			all = append(all, map[string]any{"label": fmt.Sprintf("r%d", m.IntN(1000)), "criteria": c, "destination": m.destination(depth)})
			continue
		}
		if m.IntN(3) == 0 {
			c = map[string]any{}
		}
		left := 10_000
		for range 1 + m.IntN(3) {
			share := pick(m, 0, 1, 1000, 3333, 5000, left)
			if share > left {
				share = left
			}
			left -= share
			run := map[string]any{"percent": float64(share) / 100}
			for k, v := range c {
				run[k] = v
			}
			all = append(all, map[string]any{"criteria": run, "destination": m.destination(depth)})
		}
	}
	return all
}

// plan returns the document of a plan.
func (m maker) plan(i, rules int) []byte {
	p := map[string]any{"name": fmt.Sprintf("p%d", i), "service_provider": pick(m, "acme", "acme", "acme", "acme", "other"), "priority": m.IntN(3), "rules": m.rules(rules, 0)}
	if z := pick(m, poolZones...); z != "" {
		p["timezone"] = z
	}
	if m.IntN(20) == 0 {
		p["archived"] = true
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return b
}

var poolInstants = []string{"2026-06-10T15:00:00Z", "2026-06-10T22:00:00Z", "2026-06-13T02:00:00Z", "2026-06-12T23:59:59Z", "2026-11-01T05:45:00Z", "2026-11-01T06:45:00Z", "2026-03-08T06:59:59Z",
	"2026-03-08T07:15:00Z", "2026-12-25T00:00:00Z", "2026-12-24T23:30:00Z", "2026-09-26T14:30:00Z", "1999-12-31T23:00:00Z", "2070-07-01T12:00:00Z"}

// call returns a random call.
func (m maker) call() Facts {
	f := Facts{Provider: pick(m, "acme", "acme", "acme", "acme", "acme", "other"), Kind: pick(m, "", "voice", "sms"), Calling: pick(m, poolNumbers...), Called: pick(m, poolNumbers...)}
	if m.IntN(20) > 0 {
		v, err := time.Parse(time.RFC3339, pick(m, poolInstants...))
		if err != nil {
			panic(err)
		}
		f.At = v.Add(time.Duration(m.IntN(3)*m.IntN(1440)) * time.Minute)
	}
	if m.IntN(2) == 0 {
		f.OPC, f.CallingLATA, f.ZIP = pick(m, poolPoint...), pick(m, poolLATA...), pick(m, "12345", "12399-1234", "99999")
	}
	if m.IntN(2) == 0 {
		f.CalledLATA = pick(m, poolLATA...)
	}
	for _, trunk := range []string{"t1", "t2", "t3", "t4"} {
		if m.IntN(3) == 0 {
			f.TrunksDown = append(f.TrunksDown, trunk)
		}
	}
	switch m.IntN(3) {
	case 0:
		f.CallID = fmt.Sprintf("call-%d", m.IntN(10_000))
	case 1:
		f.Draw = new(pick(m, 0, 0.01, 9.99, 10, 33.32, 33.33, 50, 99.99))
	}
	return f
}

const poolEnv = `{"timezone":"America/Chicago","calendars":{"us":["2026/06/10","2026/12/25"],"de":["2026/06/12","2026/10/31"]}}`
