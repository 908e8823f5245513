package pdu

import (
	"slices"
	"unicode/utf8"
)

// join puts together what there is. An escape or a high surrogate at the end of one part belongs to the beginning of the next, if that is there and has the same alphabet.
func (s *set) join() Joined {
	j := Joined{Parts: len(s.parts), Total: int(s.total), Ports: s.ports, Class: s.class}
	var text []byte
	var escaped bool
	var high uint16
	end := func() { // of a run of parts that continue each other
		if high != 0 {
			text = utf8.AppendRune(text, utf8.RuneError)
		}
		escaped, high = false, 0
	}
	next := 1
	for _, p := range s.parts {
		for ; next < int(p.seq); next++ {
			j.Missing = append(j.Missing, next)
			end()
		}
		next++
		switch p.alphabet {
		case GSM7:
			if high != 0 {
				end()
			}
			text, escaped, _ = appendText(text, p.payload, p.locking, p.shift, escaped)
		case UCS2:
			escaped = false
			text, high, _ = appendUTF16Text(text, p.payload, high)
		default:
			end()
			j.Data = append(j.Data, p.payload...)
		}
		j.stamp(p.scts)
		j.Raws = append(j.Raws, p.raw)
	}
	for ; next <= int(s.total); next++ {
		j.Missing = append(j.Missing, next)
	}
	end()
	j.Text = string(text)
	if !slices.ContainsFunc(j.Raws, func(raw []byte) bool { return len(raw) > 0 }) {
		j.Raws = nil
	}
	return j
}

// stamp widens First to Last by a time stamp.
func (j *Joined) stamp(s Timestamp) {
	t, ok := s.Time()
	if !ok {
		return
	}
	if first, known := j.First.Time(); !known || t.Before(first) {
		j.First = s
	}
	if last, known := j.Last.Time(); !known || t.After(last) {
		j.Last = s
	}
}

// Join puts complete sets of parts together, in order of completion, and returns what stays incomplete behind them: Assembly for tests, tools and messages that are all there.
// Single messages come as they are. Parts of different SetKeys may be mixed.
func Join(parts []*Message) (complete, incomplete []Joined) {
	sets := map[SetKey]*Assembly{}
	var order []SetKey
	for _, m := range parts {
		key := m.SetKey()
		if key.Total == 0 {
			j := Joined{Text: m.Text, Parts: 1, Total: 1, Ports: m.Ports, Class: m.DCS.Class()}
			j.stamp(m.SCTS)
			if m.DCS.Alphabet() == Octets || m.DCS.Compressed() {
				j.Data = slices.Clone(m.Data)
			}
			complete = append(complete, j)
			continue
		}
		a := sets[key]
		if a == nil {
			a = new(Assembly)
			sets[key] = a
			order = append(order, key)
		}
		at, _ := m.SCTS.Time()
		done, _ := a.Add(m, at)
		for _, j := range done {
			if j.Missing == nil {
				complete = append(complete, j)
			} else {
				incomplete = append(incomplete, j)
			}
		}
	}
	for _, key := range order {
		incomplete = append(incomplete, sets[key].Flush()...)
	}
	return complete, incomplete
}
