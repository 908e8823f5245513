package router

import (
	"sync/atomic"
	"time"

	"trunkline/store"
)

// Books say what the store counts and where the limits are, by the settings as they are now. They are made before the store and shared with the router.
type Books struct {
	rules          atomic.Pointer[rules]
	administrators atomic.Pointer[map[string]Quota] // by account, where the settings say nothing; nil: none
}

// rules are the settings of the queue in the form in which they are asked for. They are not changed.
type rules struct {
	zone   *time.Location
	trunks map[string]*trunkRules
	other  *trunkRules // of trunks without a section
	quota  *Quota      // of accounts without one of their own; nil: none
	quotas map[string]Quota
}

type trunkRules struct {
	TrunkConfig
	quietFrom, quietTo int
	ambiguous          store.Ambiguity
}

// NewBooks returns books for settings that are valid.
func NewBooks(c Config) *Books {
	b := &Books{}
	b.take(c)
	return b
}

func (b *Books) take(c Config) {
	r := &rules{zone: time.UTC, trunks: map[string]*trunkRules{}, quotas: map[string]Quota{}}
	if zone, err := time.LoadLocation(c.TimeZone); err == nil {
		r.zone = zone
	}
	usual, _ := store.ParseAmbiguity(c.OnAmbiguous)
	r.other = newTrunkRules(TrunkConfig{}, usual)
	for name, t := range c.Trunk {
		r.trunks[name] = newTrunkRules(t, usual)
	}
	if q, err := ParseQuota(c.Quota); err == nil {
		r.quota = &q
	}
	for _, s := range c.Quotas {
		if account, q, err := accountQuota(s); err == nil {
			r.quotas[account] = q
		}
	}
	b.rules.Store(r)
}

func newTrunkRules(c TrunkConfig, usual store.Ambiguity) *trunkRules {
	t := &trunkRules{TrunkConfig: c, ambiguous: usual}
	t.Weight, t.MonthStartsOn = max(c.Weight, 1), max(c.MonthStartsOn, 1)
	t.quietFrom, t.quietTo, _ = quietHours(c.QuietHours)
	if a, err := store.ParseAmbiguity(c.OnAmbiguous); err == nil {
		t.ambiguous = a
	}
	return t
}

// trunk returns the rules of a trunk.
func (r *rules) trunk(name string) *trunkRules {
	if t := r.trunks[name]; t != nil {
		return t
	}
	return r.other
}

// Kinds of windows of trunks. Days and months are always counted, since people ask for them.
const (
	windowMinute = 'n'
	windowHour   = 'h'
	windowDay    = 'd'
	windowMonth  = 'm'
	windowUrgent = 'u'
	windowQuiet  = 'q'
)

// Trunk implements store.Accounting.
func (b *Books) Trunk(trunk string, priority uint8, at time.Time) []store.Window {
	r := b.rules.Load()
	t := r.trunk(trunk)
	urgent := t.UrgentFrom > 0 && int(priority) >= t.UrgentFrom
	windows := make([]store.Window, 0, 6)
	add := func(kind byte, limit int, start, end time.Time) {
		if limit == 0 {
			limit = store.Unlimited
		}
		windows = append(windows, store.Window{Kind: kind, Start: start, End: end, Limit: limit})
	}
	unless := func(limit int) int { // the limits that are not for urgent messages
		if urgent {
			return 0
		}
		return limit
	}
	if t.PartsPerMinute > 0 {
		start, end := minuteOf(at)
		add(windowMinute, unless(t.PartsPerMinute), start, end)
	}
	if t.PartsPerHour > 0 {
		start, end := hourOf(at)
		add(windowHour, unless(t.PartsPerHour), start, end)
	}
	start, end := dayOf(at, r.zone)
	add(windowDay, t.PartsPerDay, start, end)
	start, end = monthOf(at, t.MonthStartsOn, r.zone)
	add(windowMonth, t.PartsPerMonth, start, end)
	if urgent && t.UrgentPerMinute > 0 {
		start, end := minuteOf(at)
		add(windowUrgent, t.UrgentPerMinute, start, end)
	}
	if until, is := quiet(at, t.quietFrom, t.quietTo, r.zone); is && !urgent {
		windows = append(windows, store.Window{Kind: windowQuiet, Start: at, End: until})
	}
	return windows
}

// Account implements store.Accounting.
func (b *Books) Account(account string, at time.Time) (w store.Window, ok bool) {
	r := b.rules.Load()
	q, ok := r.quotas[account]
	if admins := b.administrators.Load(); !ok && admins != nil {
		q, ok = (*admins)[account]
	}
	if !ok {
		if r.quota == nil || account == "" {
			return w, false
		}
		q = *r.quota
	}
	w = store.Window{Kind: q.Unit, Limit: q.Parts}
	switch q.Unit {
	case 'D':
		w.Start, w.End = dayOf(at, r.zone)
	case 'W':
		w.Start, w.End = weekOf(at, r.zone)
	case 'M':
		w.Start, w.End = monthOf(at, 1, r.zone)
	default:
		w.Start, w.End = yearOf(at, r.zone)
	}
	return w, true
}
