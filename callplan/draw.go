package callplan

import (
	"encoding/json"
	"strconv"
)

// percentRun is a maximal sequence of consecutive rules of one list that carry "percent" and agree in all other criteria. Its rules own consecutive slices of
// one draw, so that 30, 50 and a rule for the rest give 30 %, 50 % and 20 %.
type percentRun struct{ from, n int }

// percentRuns finds the runs of a list.
func percentRuns(rules []Rule) []percentRun {
	var runs []percentRun
	previous := ""
	for i := range rules {
		if rules[i].Criteria.Percent == nil {
			previous = ""
			continue
		}
		same := rules[i].Criteria
		same.Percent = nil
		b, err := json.Marshal(same)
		if err != nil {
			panic(err) // nothing in there can fail
		}
		if key := string(b); key == previous {
			runs[len(runs)-1].n++
		} else {
			runs = append(runs, percentRun{i, 1})
			previous = key
		}
	}
	return runs
}

// sum adds up the shares of a run, in hundredths of a percent.
func (r percentRun) sum(rules []Rule) int {
	sum := 0
	for i := r.from; i < r.from+r.n; i++ {
		sum += *rules[i].Criteria.Percent
	}
	return sum
}

// fnv is the state of an FNV-1a hash of 64 bits.
type fnv uint64

const fnvOffset fnv = 0xcbf29ce484222325

func (h fnv) text(s string) fnv {
	for i := range len(s) {
		h = (h ^ fnv(s[i])) * 0x100000001b3
	}
	return h
}

func (h fnv) octet(c byte) fnv { return (h ^ fnv(c)) * 0x100000001b3 }

const unitSeparator = 0x1f

// drawSeed is the part of the hash that a run has beforehand: provider ␟ plan ␟ path of its first rule ␟.
func drawSeed(provider, plan, path string) fnv {
	return fnvOffset.text(provider).octet(unitSeparator).text(plan).octet(unitSeparator).text(path).octet(unitSeparator)
}

// draw ends the hash with the key of a call and returns hundredths of a percent, 0 to 9999. The key is the call's id, else calling|called|at with at in
// seconds of UTC.
func (h fnv) draw(f *Facts) int {
	if f.CallID != "" {
		h = h.text(f.CallID)
	} else {
		h = h.text(f.Calling).octet('|').text(f.Called).octet('|')
		if !f.At.IsZero() {
			var b [40]byte
			for _, c := range f.At.UTC().AppendFormat(b[:0], "2006-01-02T15:04:05Z") {
				h = h.octet(c)
			}
		}
	}
	return h.hundredths()
}

// hundredths maps the hash evenly to 0 to 9999, after the finaliser of MurmurHash3.
func (h fnv) hundredths() int {
	v := uint64(h)
	v ^= v >> 33
	v *= 0xff51afd7ed558ccd
	v ^= v >> 33
	v *= 0xc4ceb9fe1a85ec53
	v ^= v >> 33
	return int((v >> 32) * 10_000 >> 32)
}

// appendPath writes the path of a rule: "3.0".
func appendPath(path string, index int) string {
	if path == "" {
		return strconv.Itoa(index)
	}
	return path + "." + strconv.Itoa(index)
}
