package callplan

import (
	"fmt"
	"time"
)

// Date is a local date, counted in days from 1970-01-01.
type Date int32

// ParseDate reads YYYY/MM/DD.
func ParseDate(s string) (Date, error) {
	if !shaped(s, "dddd/dd/dd") {
		return 0, fmt.Errorf(`%q is no date: write "2026/12/25"`, s)
	}
	y, m, d := digits(s[:4]), digits(s[5:7]), digits(s[8:])
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if t.Day() != d || int(t.Month()) != m || y == 0 {
		return 0, fmt.Errorf("%s does not exist", s)
	}
	return Date(t.Unix() / 86400), nil // exact also before 1970: t is a midnight
}

// String returns the date as YYYY/MM/DD.
func (d Date) String() string { return time.Unix(int64(d)*86400, 0).UTC().Format("2006/01/02") }

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return time.Weekday(((int(d)+4)%7 + 7) % 7) } // 1970-01-01 was a Thursday

// minutesOfDay is the length of a day on a clock on the wall.
const minutesOfDay = 1440

// parseClock reads HH:mm as minutes from midnight, "24:00" included.
func parseClock(s string) (minute int, ok bool) {
	if !shaped(s, "dd:dd") {
		return 0, false
	}
	h, m := digits(s[:2]), digits(s[3:])
	if m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, false
	}
	return h*60 + m, true
}

// clockText writes minutes from midnight as HH:mm.
func clockText(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// shaped tells whether s has the form of a mask: d is a digit, everything else stands for itself.
func shaped(s, mask string) bool {
	if len(s) != len(mask) {
		return false
	}
	for i := range len(s) {
		if mask[i] == 'd' && (s[i] < '0' || s[i] > '9') || mask[i] != 'd' && s[i] != mask[i] {
			return false
		}
	}
	return true
}

// digits returns the value of a text of digits.
func digits(s string) int {
	v := 0
	for i := range len(s) {
		v = v*10 + int(s[i]-'0')
	}
	return v
}

// floorDiv divides and rounds down, also what is negative.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
