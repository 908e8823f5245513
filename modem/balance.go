package modem

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// balanceDelay is when the balance is asked for first, counted from the modem's first readiness: a program that crashes and starts again
// and again must not ask each time.
const balanceDelay = 5 * time.Minute

// balanceRetry is when it is asked for again after a failure.
const balanceRetry = 30 * time.Minute

// watchBalance asks for the balance of the card now and then, until ctx ends.
func (m *Modem) watchBalance(ctx context.Context) {
	if m.config.BalanceCode == "" {
		return
	}
	pattern := regexp.MustCompile(m.config.BalancePattern) // New has validated it
	low := false
	for wait := balanceDelay; ; {
		if m.Ready(ctx) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		value, err := m.askBalance(ctx, pattern)
		if err != nil {
			m.limiter.warn("balance", "balance of the card is not known", "error", err)
			wait = min(balanceRetry, m.config.BalanceEvery)
			continue
		}
		wait = m.config.BalanceEvery
		m.metrics.balance.WithLabelValues().Set(value)
		m.board.update(func(st *Status) { st.Balance, st.BalanceAt = value, time.Now() })
		if now := value < m.config.BalanceMinimum; now != low {
			if low = now; low {
				m.tell(Event{Kind: EventBalance,
					Text: fmt.Sprintf("balance is %s, minimum is %s", formatAmount(value), formatAmount(m.config.BalanceMinimum))})
			}
		}
	}
}

// askBalance asks the operator once.
func (m *Modem) askBalance(ctx context.Context, pattern *regexp.Regexp) (float64, error) {
	r, err := m.USSD(ctx, m.config.BalanceCode)
	if err != nil {
		return 0, err
	}
	if r.More {
		// A menu follows the balance: nobody is there to choose from it.
		if err := m.USSDCancel(ctx); err != nil {
			return 0, err
		}
	}
	found := pattern.FindStringSubmatch(r.Text)
	if found == nil {
		return 0, fmt.Errorf("balance_pattern does not match the answer of %d characters", len([]rune(r.Text)))
	}
	return parseAmount(found[1])
}

// parseAmount reads an amount of money as people write it. The last point or comma that is followed by one or two digits at the end is the
// decimal mark; other marks, blanks and apostrophes group digits.
func parseAmount(s string) (float64, error) {
	s = strings.NewReplacer(" ", "", "\u00a0", "", "'", "", "’", "").Replace(strings.TrimSpace(s))
	sign := 1.0
	if t, negative := strings.CutPrefix(s, "-"); negative {
		s, sign = t, -1
	}
	whole, fraction := s, ""
	if i := strings.LastIndexAny(s, ".,"); i >= 0 && len(s)-i-1 <= 2 {
		whole, fraction = s[:i], s[i+1:]
	}
	whole = strings.NewReplacer(".", "", ",", "").Replace(whole)
	if whole == "" {
		whole = "0"
	}
	if !isDigits(whole) || fraction != "" && !isDigits(fraction) || len(whole) > 15 {
		return 0, fmt.Errorf("%q is no amount", s)
	}
	v, err := strconv.ParseFloat(whole+"."+fraction+"0", 64)
	return sign * v, err
}

func formatAmount(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
