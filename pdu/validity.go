package pdu

import "time"

// Validity is a TP-VP, how long the network keeps trying. The zero value: not given, the network's default counts. 3GPP TS 23.040 §9.2.3.12.
type Validity struct {
	Format ValidityFormat
	Octets [7]byte // as sent; a relative period has one, the other formats seven
}

// ValidityFormat is a TP-VPF as sent.
type ValidityFormat uint8

const (
	NoValidity ValidityFormat = iota
	Enhanced
	Relative
	Absolute
)

// String returns "none", "enhanced", "relative" or "absolute".
func (f ValidityFormat) String() string {
	return [...]string{"none", "enhanced", "relative", "absolute"}[f&3]
}

const (
	day         = 24 * time.Hour
	week        = 7 * day
	maxRelative = 63 * week
)

// RelativeValidity returns the shortest relative period that is not below d, from 5 minutes to 63 weeks.
func RelativeValidity(d time.Duration) Validity {
	up := func(unit time.Duration) int { return int((d + unit - 1) / unit) }
	var vp int
	switch {
	case d <= 5*time.Minute:
		vp = 0
	case d <= 12*time.Hour:
		vp = up(5*time.Minute) - 1
	case d <= day:
		vp = 143 + int((d-12*time.Hour+30*time.Minute-1)/(30*time.Minute))
	case d <= 30*day:
		vp = 166 + up(day)
	case d < maxRelative:
		vp = max(192+up(week), 197)
	default:
		vp = 255
	}
	return Validity{Format: Relative, Octets: [7]byte{byte(vp)}}
}

// AbsoluteValidity returns the period that ends at t.
func AbsoluteValidity(t time.Time) Validity {
	return Validity{Format: Absolute, Octets: TimestampOf(t)}
}

// EnhancedValidity returns a period of whole seconds, 1 s to 99 h 59 min 59 s; single asks the network for one try only.
func EnhancedValidity(d time.Duration, single bool) Validity {
	v := Validity{Format: Enhanced}
	seconds := int(min(max((d+time.Second-1)/time.Second, 1), 99*3600+59*60+59))
	if seconds <= 255 {
		v.Octets[0], v.Octets[1] = 2, byte(seconds)
	} else {
		v.Octets = [7]byte{3, swapped(seconds / 3600), swapped(seconds / 60 % 60), swapped(seconds % 60)}
	}
	if single {
		v.Octets[0] |= 0x40
	}
	return v
}

// size returns the octets on the wire.
func (v Validity) size() int { return [...]int{0, 7, 1, 7}[v.Format&3] }

// Raw returns the octets on the wire.
func (v Validity) Raw() []byte { return append([]byte(nil), v.Octets[:v.size()]...) }

// SingleShot tells whether the network is asked to try once.
func (v Validity) SingleShot() bool { return v.Format == Enhanced && v.Octets[0]&0x40 != 0 }

// Duration returns the length of a relative or an enhanced period; false when none is told.
func (v Validity) Duration() (time.Duration, bool) {
	switch v.Format {
	case Relative:
		return relative(v.Octets[0]), true
	case Enhanced:
		at := 1
		if v.Octets[0]&0x80 != 0 { // an extension octet follows the first
			at = 2
		}
		switch v.Octets[0] & 7 {
		case 1:
			return relative(v.Octets[at]), true
		case 2:
			return time.Duration(v.Octets[at]) * time.Second, true
		case 3:
			h, ok1 := unswapped(v.Octets[at])
			m, ok2 := unswapped(v.Octets[at+1])
			s, ok3 := unswapped(v.Octets[at+2])
			return time.Duration(h*3600+m*60+s) * time.Second, ok1 && ok2 && ok3
		}
	}
	return 0, false
}

// Time returns the end of an absolute period; false when it is none or no time.
func (v Validity) Time() (time.Time, bool) {
	if v.Format != Absolute {
		return time.Time{}, false
	}
	return Timestamp(v.Octets).Time()
}

// valid tells whether the octets mean something.
func (v Validity) valid() bool {
	switch v.Format {
	case Absolute:
		stamp := Timestamp(v.Octets)
		return stamp.valid()
	case Enhanced:
		if v.Octets[0]&7 == 0 {
			return true
		}
		_, ok := v.Duration()
		return ok
	}
	return true
}

// relative reads the octet of a relative period. §9.2.3.12.1.
func relative(vp byte) time.Duration {
	n := time.Duration(vp)
	switch {
	case vp <= 143:
		return (n + 1) * 5 * time.Minute
	case vp <= 167:
		return 12*time.Hour + (n-143)*30*time.Minute
	case vp <= 196:
		return (n - 166) * day
	}
	return (n - 192) * week
}
