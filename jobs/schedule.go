package jobs

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// delays are the pauses after the first, second, … failure of a delivery; the last one repeats. Together they are about three days, as Standard Webhooks
// 1.0 recommends.
var delays = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour}

// Bounds of what an endpoint may ask for with Retry-After.
const (
	maxRetryAfter = 24 * time.Hour // for the event
	maxHold       = time.Hour      // for everything else
)

// retryAt returns when a delivery is tried again that failed for the n-th time at now, and false when it is given up. The last try is made at the end of the
// time, so that an endpoint that comes back just before it gets the event. asked is what the endpoint wants at least; 0: nothing.
func retryAt(n int, now, end time.Time, asked time.Duration) (time.Time, bool) {
	if !now.Before(end) {
		return time.Time{}, false
	}
	d := jitter(delays[min(n, len(delays))-1])
	at := now.Add(max(d, min(asked, maxRetryAfter)))
	if at.After(end) {
		at = end
	}
	return at, true
}

// jitter varies a pause by a tenth, so that what failed together does not come back together.
func jitter(d time.Duration) time.Duration { return d - d/10 + rand.N(d/5+1) }

// retryAfter reads the header (RFC 9110 §10.2.3): seconds, or a date. What it cannot read is nothing.
func retryAfter(value string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// Of an endpoint that failed breakAfter times in a row, new events are tried one at a time, with pauses that grow to maxProbe.
const (
	breakAfter = 5
	minProbe   = 5 * time.Second
	maxProbe   = 10 * time.Minute
)
