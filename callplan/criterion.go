package callplan

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// criterion names a member of Criteria. Their order is that in which they are tested and, of those that fail, told.
type criterion uint8

const (
	noCriterion criterion = iota
	byKind
	byTime
	byDay
	byHoliday
	byDate
	byMatch
	byCalled
	byNPA
	byPointCode
	byLATA
	byZIP
	byNot
	byPercent
	byAlways
)

var criterionNames = [...]string{
	byKind: "kind", byTime: "time", byDay: "day", byHoliday: "holiday", byDate: "date", byMatch: "match", byCalled: "called", byNPA: "npa",
	byPointCode: "pointcode", byLATA: "lata", byZIP: "zip", byNot: "not", byPercent: "percent", byAlways: "always",
}

// String returns the name of the member, "" for none.
func (c criterion) String() string { return criterionNames[c] }

// value returns a member as JSON in the form of Easy 0, nil when it is absent.
func (c *Criteria) value(id criterion) json.RawMessage {
	var v any
	switch id {
	case byAlways:
		if c.Always {
			v = true
		}
	case byTime:
		if c.Time != nil {
			v = []string{clockText(c.Time.From), clockText(c.Time.To)}
		}
	case byDate:
		if c.Date != nil {
			v = []*string{spanText(c.Date.From, c.Date.HasFrom), spanText(c.Date.To, c.Date.HasTo)}
		}
	case byDay:
		var days []string
		for day := time.Sunday; day <= time.Saturday; day++ {
			if c.Day.Has(day) {
				days = append(days, strings.ToLower(day.String()))
			}
		}
		v = notEmpty(nested(days))
	case byPercent:
		if c.Percent != nil {
			v = json.Number(percentText(*c.Percent))
		}
	case byMatch:
		v = notEmpty(nested(texts(c.Match)))
	case byCalled:
		v = notEmpty(nested(texts(c.Called)))
	case byNPA:
		v = notEmpty(nested(c.NPA))
	case byPointCode:
		var pairs [][]*string
		for _, p := range c.PointCode {
			pair := []*string{new(pointText(p.From)), nil}
			if !p.Single {
				pair[1] = new(pointText(p.To))
			}
			pairs = append(pairs, pair)
		}
		v = notEmpty(pairs)
	case byLATA:
		var pairs [][]*string
		for _, l := range c.LATA {
			pair := []*string{new(lataKinds[l.Kind]), nil}
			if l.Kind == LATADigits {
				pair[1] = new(l.Digits)
			}
			pairs = append(pairs, pair)
		}
		v = notEmpty(pairs)
	case byZIP:
		var all []string
		for _, z := range c.ZIP {
			all = append(all, z.String())
		}
		v = notEmpty(nested(all))
	case byKind:
		v = notEmpty(nested(c.Kind))
	case byHoliday:
		v = notEmpty(nested(c.Holiday))
	case byNot:
		if c.Not != nil {
			v = c.Not
		}
	}
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // nothing in there can fail
	}
	return b
}

// notEmpty makes an empty list no value at all.
func notEmpty[T any](list []T) any {
	if len(list) == 0 {
		return nil
	}
	return list
}

// nested puts every value into a list of its own.
func nested(values []string) [][]string {
	var all [][]string
	for _, v := range values {
		all = append(all, []string{v})
	}
	return all
}

func texts[T fmt.Stringer](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, v.String())
	}
	return all
}

// percentText writes hundredths of a percent.
func percentText(hundredths int) string {
	s := fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// spanText writes one end of a date range, nil for an open one.
func spanText(minute int64, set bool) *string {
	if !set {
		return nil
	}
	return new(time.Unix(minute*60, 0).UTC().Format("2006/01/02.15:04"))
}

var lataKinds = [...]string{LATADigits: "Digits", LATAIntra: "Intra", LATAInter: "Inter"}

// String writes the range with x for free digits.
func (z ZIPRange) String() string { return z.Prefix + "xxxxx"[len(z.Prefix):] }

// bounds returns the lowest and the highest code of the range.
func (z ZIPRange) bounds() (lo, hi uint32) {
	lo = uint32(digits((z.Prefix + "00000")[:5]))
	hi = uint32(digits((z.Prefix + "99999")[:5]))
	return lo, hi
}

// pointText writes a point code.
func pointText(pc uint32) string {
	return fmt.Sprintf("%03d-%03d-%03d", pc>>16&0xff, pc>>8&0xff, pc&0xff)
}

// parsePoint reads network-cluster-member, each one to three digits and 0 to 255, as 24 bits.
func parsePoint(s string) (uint32, bool) {
	var pc, part uint32
	digits, parts := 0, 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == '-':
			if digits == 0 || digits > 3 || part > 255 {
				return 0, false
			}
			pc, part, digits, parts = pc<<8|part, 0, 0, parts+1
		case s[i] >= '0' && s[i] <= '9' && digits < 3 && parts < 3:
			part, digits = part*10+uint32(s[i]-'0'), digits+1
		default:
			return 0, false
		}
	}
	return pc, parts == 3
}

func itoa(n int) string     { return strconv.Itoa(n) }
func quote(s string) string { return strconv.Quote(s) }
