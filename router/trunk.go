package router

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"trunkline/store"
)

// TrunkConfig is one section [router.trunk.NAME]: how much may go through a trunk, and when. The zero value limits nothing.
type TrunkConfig struct {
	PartsPerMinute  int           `toml:"parts_per_minute"`  // most parts in a minute of the clock; 0: any number
	PartsPerHour    int           `toml:"parts_per_hour"`    // most parts in an hour; 0: any number
	PartsPerDay     int           `toml:"parts_per_day"`     // most parts in a day of the time zone; 0: any number
	PartsPerMonth   int           `toml:"parts_per_month"`   // most parts in a month; 0: any number
	MonthStartsOn   int           `toml:"month_starts_on"`   // day of the month on which the month of parts_per_month begins, 1 to 28; 0: the first
	UrgentFrom      int           `toml:"urgent_from"`       // messages of this priority and above are urgent: quiet hours and the limits per minute and hour are not for them; 0: none are
	UrgentPerMinute int           `toml:"urgent_per_minute"` // most parts of urgent messages in a minute; 0: any number
	Jitter          time.Duration `toml:"jitter"`            // after each message a pause of random length up to this
	QuietHours      string        `toml:"quiet_hours"`       // only urgent messages go between two times of the day, as in "22:00-07:00"; empty: none
	OnAmbiguous     string        `toml:"on_ambiguous"`      // when an answer is lost and nothing tells what became of a part: "unknown", "resend" or "resend_once_if_no_report"; empty: as in [router]
	Weight          int           `toml:"weight"`            // its share under the pool strategy "weighted", 1 to 1000; 0: 1
	PinnedOnly      bool          `toml:"pinned_only"`       // carries only messages that ask for it by name, or that call plans send through it
	Provider        string        `toml:"provider"`          // service provider that it belongs to: its call plans decide what comes in; empty: default
}

// validate returns everything that is wrong, each error starting with the key.
func (c TrunkConfig) validate() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	for _, n := range []struct {
		key   string
		value int
	}{{"parts_per_minute", c.PartsPerMinute}, {"parts_per_hour", c.PartsPerHour}, {"parts_per_day", c.PartsPerDay}, {"parts_per_month", c.PartsPerMonth},
		{"urgent_per_minute", c.UrgentPerMinute}} {
		if n.value < 0 || n.value > 1_000_000_000 {
			wrong("%s: %d is not between 0 and 1000000000", n.key, n.value)
		}
	}
	if c.MonthStartsOn < 0 || c.MonthStartsOn > 28 {
		wrong("month_starts_on: %d is not between 1 and 28", c.MonthStartsOn)
	}
	if c.UrgentFrom < 0 || c.UrgentFrom > 9 {
		wrong("urgent_from: %d is not between 1 and 9, nor 0 for none", c.UrgentFrom)
	}
	if c.UrgentPerMinute > 0 && c.UrgentFrom == 0 {
		wrong("urgent_per_minute: nothing is urgent without urgent_from")
	}
	if c.Jitter < 0 || c.Jitter > time.Hour {
		wrong("jitter: %s is not between 0 and 1h", c.Jitter)
	}
	if _, _, err := quietHours(c.QuietHours); err != nil {
		wrong("quiet_hours: %v", err)
	}
	if c.OnAmbiguous != "" {
		if _, err := store.ParseAmbiguity(c.OnAmbiguous); err != nil {
			wrong("on_ambiguous: %v", err)
		}
	}
	if len(c.Provider) > 255 || !utf8.ValidString(c.Provider) {
		wrong("provider: %q is no name of a service provider: at most 64 characters", clip(c.Provider))
	}
	if c.Weight < 0 || c.Weight > 1000 {
		wrong("weight: %d is not between 1 and 1000", c.Weight)
	}
	return errs
}

// Pool strategies: which trunk a message that asks for none should go through.
const (
	PoolAny        = "any"         // whichever is free
	PoolRoundRobin = "round_robin" // one after the other
	PoolLeastUsed  = "least_used"  // the one with the fewest parts this month
	PoolWeighted   = "weighted"    // by weight
	PoolSticky     = "sticky"      // always the same for a recipient
)

var pools = []string{PoolAny, PoolRoundRobin, PoolLeastUsed, PoolWeighted, PoolSticky}

// Quota is how many parts an account may send in a window of the calendar.
type Quota struct {
	Parts int  // 0: none
	Unit  byte // D, W (from Monday), M or Y
}

var quotaForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,7}) ([DWMY])$`)

// ParseQuota reads a quota as "100 M": a number of parts and the window they are for, D (day), W (week), M (month) or Y (year). "0 M" blocks.
func ParseQuota(s string) (Quota, error) {
	f := quotaForm.FindStringSubmatch(s)
	if f == nil {
		return Quota{}, fmt.Errorf("%q is no quota such as \"100 M\": up to 8 digits, a blank, and D, W, M or Y", clip(s))
	}
	n, err := strconv.Atoi(f[1])
	return Quota{Parts: n, Unit: f[2][0]}, err
}

// String returns the form that ParseQuota reads.
func (q Quota) String() string { return fmt.Sprintf("%d %c", q.Parts, q.Unit) }

// accountQuota reads "ACCOUNT QUOTA", as in "uid:1000 100 M".
func accountQuota(s string) (account string, q Quota, err error) {
	account, rest, ok := strings.Cut(s, " ")
	if !ok || account == "" {
		return "", q, errors.New(`write an account and its quota, as in "uid:1000 100 M"`)
	}
	q, err = ParseQuota(rest)
	return account, q, err
}

// validateQueue returns what is wrong with the settings of the queue.
func (c Config) validateQueue() (errs []error) {
	wrong := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if !slices.Contains(pools, c.Pool) {
		wrong("pool: %q is none of %s", clip(c.Pool), strings.Join(pools, ", "))
	}
	if _, err := store.ParseAmbiguity(c.OnAmbiguous); err != nil {
		wrong("on_ambiguous: %v", err)
	}
	if c.UnknownAfter < time.Second || c.UnknownAfter > 24*time.Hour {
		wrong("unknown_after: %s is not between 1s and 24h", c.UnknownAfter)
	}
	if c.ReportWindow < time.Minute || c.ReportWindow > 30*24*time.Hour {
		wrong("report_window: %s is not between 1m and 720h", c.ReportWindow)
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil || len(c.TimeZone) > 64 {
		wrong("time_zone: %q is no time zone of the IANA database, e.g. \"Europe/Berlin\"", clip(c.TimeZone))
	}
	if c.Quota != "" {
		if _, err := ParseQuota(c.Quota); err != nil {
			wrong("quota: %v", err)
		}
	}
	seen := map[string]bool{}
	for i, s := range c.Quotas {
		account, _, err := accountQuota(s)
		switch {
		case err != nil:
			wrong("quotas[%d]: %v", i, err)
		case seen[account]:
			wrong("quotas[%d]: %s has a quota already", i, account)
		}
		seen[account] = true
	}
	for name, t := range c.Trunk {
		for _, err := range t.validate() {
			wrong("trunk.%s.%w", name, err)
		}
	}
	return errs
}
