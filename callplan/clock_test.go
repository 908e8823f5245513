package callplan

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The clock on the wall is that of the library, also before 1970 and beyond the years that are known beforehand.
func TestWallClock(t *testing.T) {
	all := zones{}
	rapid.Check(t, func(t *rapid.T) {
		z, err := all.find(rapid.SampledFrom([]string{"", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		first, last := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)
		if rapid.Bool().Draw(t, "near") {
			first, last = time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2070, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		at := time.Unix(rapid.Int64Range(first.Unix(), last.Unix()).Draw(t, "at"), 0).In(z.loc)
		var c call
		c.read(&Set{}, &Facts{At: at})
		c.enter(z)
		year, month, day := at.Date()
		days := Date(floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), 86400))
		if minute := at.Hour()*60 + at.Minute(); int(c.minute) != minute || c.weekday != at.Weekday() || c.day != days || c.localMinute != int64(days)*minutesOfDay+int64(minute) {
			t.Fatalf("%s: minute %d, %s, day %d, minute %d since 1970", at, c.minute, c.weekday, c.day, c.localMinute)
		}
	})
}
