package pdu

import "time"

// Timestamp is a time of the network as sent: seven octets of swapped semi-octets, the last one the zone in quarters of an hour.
// It is kept as octets since networks send what is no time. The zero value: none. 3GPP TS 23.040 §9.2.3.11.
type Timestamp [7]byte

// maxZone is the greatest zone that semi-octets can tell, in quarters of an hour.
const maxZone = 79

// TimestampOf returns the stamp of t in its zone, with the offset cut to whole quarters of an hour and the second cut to a whole one.
// Stamps have two digits for the year, so t is taken to be between 1990 and 2089.
func TimestampOf(t time.Time) Timestamp {
	_, offset := t.Zone()
	quarters := min(max(offset/900, -maxZone), maxZone)
	t = t.In(time.FixedZone("", quarters*900))
	zone := quarters
	if zone < 0 {
		zone = -zone
	}
	s := Timestamp{swapped(t.Year() % 100), swapped(int(t.Month())), swapped(t.Day()), swapped(t.Hour()), swapped(t.Minute()), swapped(t.Second()), swapped(zone)}
	if quarters < 0 {
		s[6] |= 0x08
	}
	return s
}

// IsZero tells whether there is no stamp. A network that sends seven zeros sends none either.
func (s Timestamp) IsZero() bool { return s == Timestamp{} }

// Time returns the time with its zone; false when date, time of day or zone are impossible. Years 90 to 99 are 19xx.
func (s Timestamp) Time() (time.Time, bool) {
	local, ok := s.Local()
	if !ok {
		return time.Time{}, false
	}
	offset, ok := s.offset()
	if !ok {
		return time.Time{}, false
	}
	year, month, day := local.Date()
	return time.Date(year, month, day, local.Hour(), local.Minute(), local.Second(), 0, time.FixedZone("", offset)), true
}

// Local returns date and time of day without a zone, as UTC. It is there even when only the zone is impossible.
func (s Timestamp) Local() (time.Time, bool) {
	n, ok := s.fields()
	if !ok {
		return time.Time{}, false
	}
	return time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC), true
}

// fields returns year, month, day, hour, minute and second, and whether they are possible.
func (s Timestamp) fields() (n [6]int, ok bool) {
	for i := range n {
		if n[i] = int(decimal[s[i]]); n[i] == notDecimal {
			return n, false
		}
	}
	n[0] += 2000
	if n[0] >= 2090 {
		n[0] -= 100
	}
	return n, n[1] >= 1 && n[1] <= 12 && n[2] >= 1 && n[2] <= daysIn(n[0], n[1]) && n[3] <= 23 && n[4] <= 59 && n[5] <= 59
}

// valid tells what Time tells, without making one, and without a copy of s, which takes as long as the rest.
func (s *Timestamp) valid() bool {
	if possible[s[0]]&(possible[s[1]]>>1)&(possible[s[2]]>>2)&(possible[s[3]]>>3)&(possible[s[4]]>>4)&(possible[s[5]]>>4)&possible[s[6]&^0x08]&1 != 0 {
		return true
	}
	_, date := s.fields()
	return date && decimal[s[6]&^0x08] != notDecimal
}

// unix returns what Time does in Unix seconds.
func (s Timestamp) unix() (int64, bool) {
	local, date := s.Local()
	offset, zone := s.offset()
	return local.Unix() - int64(offset), date && zone
}

// offset returns the zone in seconds east of UTC. The sign is bit 3 of the octet, the top bit of the tens.
func (s Timestamp) offset() (int, bool) {
	quarters, ok := unswapped(s[6] &^ 0x08)
	if s[6]&0x08 != 0 {
		quarters = -quarters
	}
	return quarters * 900, ok
}

// daysIn returns the days of a month.
func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// swapped writes 0 to 99 as two semi-octets, the tens in the lower one.
func swapped(n int) byte { return byte(n%10<<4 | n/10) }

// unswapped reads what swapped writes.
func unswapped(b byte) (int, bool) {
	n := decimal[b]
	return int(n), n != notDecimal
}

// decimal is the number of every octet of swapped semi-octets.
var decimal = func() (numbers [256]byte) {
	for i := range numbers {
		numbers[i] = notDecimal
		if tens, units := i&15, i>>4; tens <= 9 && units <= 9 {
			numbers[i] = byte(tens*10 + units)
		}
	}
	return numbers
}()

const notDecimal = 0xFF

// possible tells in its bits, from the lowest on, whether an octet of swapped semi-octets is a number, a month, a day that every month has, an hour, a minute or second.
var possible = func() (bits [256]byte) {
	for i, n := range decimal {
		for bit, is := range [...]bool{n != notDecimal, n >= 1 && n <= 12, n >= 1 && n <= 28, n <= 23, n <= 59} {
			if is {
				bits[i] |= 1 << bit
			}
		}
	}
	return bits
}()
