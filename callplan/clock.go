package callplan

import (
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// zone is a time zone whose changes of offset are known beforehand for the years in which calls happen, so that no decision asks the zone database. It can be
// shared.
type zone struct {
	loc     *time.Location
	periods []period
	last    atomic.Pointer[period] // the one that was found last: only a guess where to look first
}

// period is a time in which the offset does not change.
type period struct {
	from, to int64 // seconds since 1970, to excluded
	offset   int64 // seconds east of UTC
}

// Years that are known beforehand; other times cost a question to the zone database.
const (
	firstYear = 2000
	lastYear  = 2060
)

func newZone(loc *time.Location) *zone {
	z := &zone{loc: loc}
	end := time.Date(lastYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for at := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix(); at < end; {
		t := time.Unix(at, 0).In(loc)
		_, offset := t.Zone()
		to := end
		if _, next := t.ZoneBounds(); !next.IsZero() {
			to = min(end, max(next.Unix(), at+3600)) // on the last day of a leap year Go 1.26 returns a bound that is not after t
		}
		if n := len(z.periods); n > 0 && z.periods[n-1].offset == int64(offset) {
			z.periods[n-1].to = to
		} else {
			z.periods = append(z.periods, period{from: at, to: to, offset: int64(offset)})
		}
		at = to
	}
	z.last.Store(&z.periods[0])
	return z
}

// local returns the wall clock at an instant, as seconds since 1970 if that clock were UTC.
func (z *zone) local(at int64) int64 {
	if p := z.last.Load(); at >= p.from && at < p.to {
		return at + p.offset
	}
	return z.search(at)
}

// search is local for an instant outside of the period that was found last.
func (z *zone) search(at int64) int64 {
	i := sort.Search(len(z.periods), func(i int) bool { return z.periods[i].to > at })
	if i < len(z.periods) && at >= z.periods[i].from {
		z.last.Store(&z.periods[i])
		return at + z.periods[i].offset
	}
	_, offset := time.Unix(at, 0).In(z.loc).Zone()
	return at + int64(offset)
}

// instant returns an instant at which the wall clock shows local, or the next one that it shows.
func (z *zone) instant(local int64) time.Time {
	t := time.Unix(local, 0).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, z.loc)
}

// zones keeps the zones that have been asked for. The zero value is ready; it is safe for concurrent use.
type zones struct {
	mu  sync.Mutex
	all map[string]*zone
}

// find returns the zone of an IANA name, "" being UTC.
func (z *zones) find(name string) (*zone, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if found := z.all[name]; found != nil {
		return found, nil
	}
	loc, err := loadZone(name)
	if err != nil {
		return nil, err
	}
	if z.all == nil {
		z.all = map[string]*zone{}
	}
	made := newZone(loc)
	z.all[name] = made
	return made, nil
}
