package gsm

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"trunkline/modem"
	"trunkline/store"
)

const (
	// A port that comes and goes must not fill the event feed: of each type of event about a modem's life so many at once, and then one per period.
	eventBurst  = 10
	eventPeriod = 5 * time.Minute
	// maxEventText bounds what a network or a modem makes an event say, in characters.
	maxEventText = 200
)

// chronicle writes what happens to a modem, and its calls, into the event feed of the store.
type chronicle struct {
	*Trunk
	limits  map[string]*rate.Limiter
	left    map[string]int // events left out since the last one of the type
	told    string         // how the modem was last said to be: type and code
	pending *store.Event   // how it is meanwhile, while it must not be told yet
	card    string         // ICCID that is remembered
}

// chronicle runs until ctx ends.
func (t *Trunk) chronicle(ctx context.Context) {
	c := &chronicle{Trunk: t, limits: map[string]*rate.Limiter{}, left: map[string]int{}}
	tick := time.NewTicker(eventPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-t.modem.Events():
			c.take(ctx, e)
		case <-tick.C:
			if c.pending != nil {
				c.state(ctx, *c.pending)
			}
		}
	}
}

// names are the types of events in the store; calls have theirs from what happened.
var names = map[modem.EventKind]string{
	modem.EventUp: "modem.up", modem.EventDown: "modem.down", modem.EventRestarted: "modem.restarted", modem.EventRecovery: "modem.recovery",
	modem.EventAlarm: "modem.alarm", modem.EventStorage: "modem.storage", modem.EventUSSD: "modem.ussd", modem.EventBalance: "modem.balance_low",
	modem.EventCard: "modem.card_changed",
}

// take writes one event.
func (c *chronicle) take(ctx context.Context, e modem.Event) {
	out := store.Event{Type: names[e.Kind], At: c.store.Now(), Reference: -1, Trunk: c.name, Code: e.Code, Text: clipped(e.Text)}
	switch e.Kind {
	case modem.EventUp, modem.EventDown:
		if e.Kind == modem.EventUp {
			c.rememberCard(ctx)
			if c.calls != nil {
				c.calls.Up(c.name)
			}
		}
		c.state(ctx, out)
		return
	case modem.EventStorage:
		out.Text = fmt.Sprintf("%s: %d of %d", e.Memory, e.Used, e.Total)
	case modem.EventCall, modem.EventDigit:
		c.heard(ctx, e)
		return
	}
	if !c.allow(out.Type) {
		c.left[out.Type]++
		return
	}
	if n := c.left[out.Type]; n > 0 {
		out.Text += fmt.Sprintf(" (%d more since the last one told)", n)
		c.left[out.Type] = 0
	}
	c.write(ctx, out)
}

// state tells that the modem is up or down. When it has done so too often it waits, and then tells only how the modem ended up.
func (c *chronicle) state(ctx context.Context, e store.Event) {
	now := e.Type + " " + e.Code
	if c.pending = nil; now == c.told {
		return
	}
	if !c.allow("state") {
		c.pending = &e
		return
	}
	c.told = now
	c.write(ctx, e)
}

func (c *chronicle) allow(topic string) bool {
	l := c.limits[topic]
	if l == nil {
		l = rate.NewLimiter(rate.Every(eventPeriod), eventBurst)
		c.limits[topic] = l
	}
	return l.Allow()
}

func (c *chronicle) write(ctx context.Context, e store.Event) {
	if err := c.store.Append(ctx, e); err != nil && ctx.Err() == nil {
		c.log.Error("an event could not be stored", "type", e.Type, "code", e.Code, "err", err)
	}
}

// clipped bounds a text of the world outside.
func clipped(s string) string {
	if r := []rune(s); len(r) > maxEventText {
		return string(r[:maxEventText]) + "…"
	}
	return s
}
