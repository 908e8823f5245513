package alertmanager

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// notification is what Alertmanager posts: version 4 of its webhook format (prometheus.io/docs/alerting/latest/configuration, "webhook_config"). Fields
// that it may add later are left alone.
type notification struct {
	Version           string            `json:"version"`
	GroupKey          string            `json:"groupKey"`
	TruncatedAlerts   uint64            `json:"truncatedAlerts"` // alerts that Alertmanager itself left out
	Status            string            `json:"status"`          // firing as long as one alert is
	Receiver          string            `json:"receiver"`
	GroupLabels       map[string]string `json:"groupLabels"`
	CommonLabels      map[string]string `json:"commonLabels"`
	CommonAnnotations map[string]string `json:"commonAnnotations"`
	Alerts            []alert           `json:"alerts"`
}

// alert is one alert of a group.
type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	EndsAt      time.Time         `json:"endsAt"`
	Fingerprint string            `json:"fingerprint"`
}

const (
	firing   = "firing"
	resolved = "resolved"
)

// maxTruncated is the greatest number of alerts left out that is told.
const maxTruncated = 1_000_000

// decode reads a notification and puts its alerts in order: those of the group's status first, then by when they began.
func decode(body []byte) (*notification, error) {
	var n notification
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, fmt.Errorf("is no notification of Alertmanager: %w", err)
	}
	switch {
	case n.Version != "4":
		return nil, fmt.Errorf("version: is %q; only version 4 of the webhook format is understood", clip(n.Version))
	case n.GroupKey == "":
		return nil, errors.New("groupKey: is missing")
	case n.Status != firing && n.Status != resolved:
		return nil, fmt.Errorf("status: is %q, neither firing nor resolved", clip(n.Status))
	case len(n.Alerts) == 0:
		return nil, errors.New("alerts: there are none")
	}
	n.TruncatedAlerts = min(n.TruncatedAlerts, maxTruncated)
	for i := range n.Alerts {
		a := &n.Alerts[i]
		if a.Status != firing && a.Status != resolved {
			return nil, fmt.Errorf("alerts[%d].status: is %q, neither firing nor resolved", i, clip(a.Status))
		}
		if a.Fingerprint == "" {
			a.Fingerprint = fingerprint(a.Labels)
		}
	}
	slices.SortStableFunc(n.Alerts, func(a, b alert) int {
		other := func(x alert) int {
			if x.Status == n.Status {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(other(a), other(b)), a.StartsAt.Compare(b.StartsAt), strings.Compare(a.Fingerprint, b.Fingerprint))
	})
	return &n, nil
}

// fingerprint stands for that of Alertmanager where none came.
func fingerprint(labels map[string]string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		fmt.Fprintf(h, "%q=%q\n", name, labels[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// key is the same for the same news: this group, in this status, with these alerts in theirs. Alertmanager sends a notification again when it got no
// answer, when it has a twin, and at every repeat_interval; none of these is news.
func (n *notification) key() string {
	var all []string
	for _, a := range n.Alerts {
		at := a.StartsAt
		if a.Status == resolved {
			at = a.EndsAt
		}
		all = append(all, fmt.Sprintf("%q %s %d", a.Fingerprint, a.Status, at.UnixMilli()))
	}
	slices.Sort(all)
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %s\n%s", n.Receiver, n.GroupKey, n.Status, strings.Join(all, "\n"))
	return hex.EncodeToString(h.Sum(nil))
}

// composer makes texts of at most parts parts.
type composer struct {
	text, alert template
	parts       int
	measure     func(text string, limit int) (int, error) // how many parts a text takes; an error beyond limit
}

// compose makes the text of a notification. When it does not fit, alerts at the end are counted instead of told; when not even one fits, that one is cut.
// The same notification always gives the same text.
func (c *composer) compose(n *notification) string {
	lines := make([]string, len(n.Alerts))
	for i := range n.Alerts {
		a := &n.Alerts[i]
		lines[i] = oneLine(c.alert.expand(func(word string) string {
			if word == "status" {
				return strings.ToUpper(a.Status)
			}
			return lookup(word, a.Labels, a.Annotations)
		}))
		if a.Status != n.Status {
			lines[i] = a.Status + ": " + lines[i]
		}
	}
	whole := c.with(n, lines, len(lines))
	if c.fits(whole) {
		return whole
	}
	// The most lines that fit, at least none: fewer lines never take more parts.
	k := longest(len(lines)-1, func(k int) bool { return c.fits(c.with(n, lines, k)) })
	if k > 0 {
		return c.with(n, lines, k)
	}
	first := []rune(lines[0])
	cut := func(length int) string {
		return c.with(n, append([]string{string(first[:length]) + "..."}, lines[1:]...), 1)
	}
	if length := longest(len(first), func(length int) bool { return c.fits(cut(length)) }); c.fits(cut(length)) {
		return cut(length)
	}
	all := []rune(whole) // what stands around the alerts is too long by itself
	return string(all[:longest(len(all), func(length int) bool { return c.fits(string(all[:length])) })])
}

// with tells the first k lines and counts the others.
func (c *composer) with(n *notification, lines []string, k int) string {
	told := strings.Join(lines[:k], "\n")
	if left := uint64(len(lines)-k) + n.TruncatedAlerts; left > 0 {
		more := "+" + strconv.FormatUint(left, 10)
		if k > 0 {
			more = "\n" + more + " more"
		}
		told += more
	}
	count := 0
	for i := range n.Alerts {
		if n.Alerts[i].Status == n.Status {
			count++
		}
	}
	return strings.TrimSpace(c.text.expand(func(word string) string {
		switch word {
		case "alerts":
			return told
		case "status":
			return strings.ToUpper(n.Status)
		case "count":
			return strconv.FormatUint(uint64(count)+n.TruncatedAlerts, 10)
		case "receiver":
			return oneLine(n.Receiver)
		case "group":
			var values []string
			for _, name := range slices.Sorted(maps.Keys(n.GroupLabels)) {
				values = append(values, n.GroupLabels[name])
			}
			return oneLine(strings.Join(values, " "))
		}
		return oneLine(lookup(word, n.CommonLabels, n.CommonAnnotations))
	}))
}

func (c *composer) fits(text string) bool {
	n, err := c.measure(text, c.parts)
	return err == nil && n <= c.parts
}

// longest returns the greatest n from 0 to limit that fits, 0 when none does.
func longest(limit int, fits func(int) bool) int {
	low, high := 0, limit
	for low < high {
		if middle := (low + high + 1) / 2; fits(middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low
}

// lookup returns the value of a word like labels.NAME, empty when there is none.
func lookup(word string, labels, annotations map[string]string) string {
	if name, ok := strings.CutPrefix(word, "labels."); ok {
		return labels[name]
	}
	return annotations[strings.TrimPrefix(word, "annotations.")]
}
