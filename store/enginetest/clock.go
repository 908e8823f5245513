package enginetest

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // the tests do not depend on what is installed
)

// ClockFrom is the store.Options.ClockFrom of the tests of clocks.
var ClockFrom = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Clock is the clock of a machine over that of a bubble, which nobody can set.
type Clock struct {
	offset atomic.Int64 // nanoseconds
	zone   *time.Location
}

// Now is for store.Options.Clock. It has no reading that steps leave alone.
func (c *Clock) Now() time.Time {
	return time.Now().Round(0).Add(time.Duration(c.offset.Load())).In(c.zone)
}

// Set makes it show a time.
func (c *Clock) Set(t time.Time) { c.offset.Store(int64(t.Sub(time.Now().Round(0)))) }

// Move makes it show that much more, or less.
func (c *Clock) Move(d time.Duration) { c.offset.Add(int64(d)) }

// Mishap is something that befalls a clock: what it shows when the next life of the store begins, and what is done to it then.
type Mishap struct {
	Name string
	Boot time.Time     // what the clock shows then
	Step time.Duration // how far it is moved later
}

// Late is by how much a step can make something late that is due by the clock.
func (m Mishap) Late() time.Duration { return max(0, -m.Step) }

// TestClocks runs fn in a bubble for everything that befalls clocks. They stand in Berlin, where an hour is missing on the last Sunday of March, and one of the last
// Sunday of October comes twice. At first the clock shows when an earlier life of the store ended: an hour before Boot, when that is right.
func TestClocks(t *testing.T, fn func(t *testing.T, m Mishap, c *Clock)) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	usual, epoch := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), time.Unix(0, 0)
	for _, m := range []Mishap{
		{Name: "none", Boot: usual},
		{Name: "an hour back", Boot: usual, Step: -time.Hour},
		{Name: "an hour forth", Boot: usual, Step: time.Hour},
		{Name: "an hour is missing", Boot: time.Date(2026, 3, 29, 1, 45, 0, 0, zone)},
		{Name: "an hour comes twice", Boot: time.Date(2026, 10, 25, 1, 45, 0, 0, zone)},
		{Name: "1970", Boot: epoch, Step: usual.Add(24 * time.Hour).Sub(epoch)},
	} {
		t.Run(m.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &Clock{zone: zone}
				if c.Set(m.Boot.Add(-time.Hour)); m.Boot.Before(ClockFrom) {
					c.Set(usual.Add(-time.Hour))
				}
				fn(t, m, c)
			})
		})
	}
}

// Befall waits for two hours and then moves the clock as the mishap does.
func (m Mishap) Befall(c *Clock) {
	time.Sleep(2 * time.Hour)
	c.Move(m.Step)
}
