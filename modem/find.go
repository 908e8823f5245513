package modem

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"trunkline/modem/ports"
)

// candidate is a port that may be the modem's.
type candidate struct {
	path   string     // to open
	node   string     // path with links followed: two names of one port have one node
	port   ports.Port // when listed
	listed bool       // the port is one that the kernel lists; pseudo terminals are not
}

// key tells this plugging-in of the port from every other.
func (c candidate) key() string {
	if c.listed {
		return c.port.Key()
	}
	return c.node
}

// place is where the port hangs, whatever its number is: an open that hangs is held against the place.
func (c candidate) place() string {
	if p := c.port.Place(); p != "" {
		return p
	}
	return c.node
}

// at tells whether the port is where the key usb says.
func (c candidate) at(usb string) bool {
	topology, number, err := ports.ParsePlace(usb)
	return err == nil && c.port.USB != nil && c.port.USB.Topology == topology && (number < 0 || c.port.Interface == number)
}

// String names the port for people.
func (c candidate) String() string {
	if p := c.port.Place(); p != "" {
		return c.path + " (" + p + ")"
	}
	return c.path
}

// answer is what asking a port brought.
type answer struct {
	at    time.Time
	err   error // nil: it answers AT commands
	imei  string
	card  bool // the card was asked for too
	iccid string
}

// How long an answer is believed: who a modem is does not change while it is plugged in, but its card may; and a modem that
// was silent may have been starting.
const (
	believeModem  = time.Hour
	believeCard   = time.Minute
	believeSilent = 15 * time.Second
)

func (a answer) believed(c Config) bool {
	limit := believeModem
	switch {
	case a.err != nil:
		limit = believeSilent
	case c.ICCID != "" && !a.card:
		return false
	case c.ICCID != "":
		limit = believeCard
	}
	return time.Since(a.at) < limit
}

// suits tells whether the answer is that of the modem that c describes.
func (a answer) suits(c Config) bool {
	return a.err == nil && (c.IMEI == "" || a.imei == c.IMEI) && (c.ICCID == "" || sameICCID(a.iccid, c.ICCID))
}

// candidates returns the ports that the configuration allows, the likeliest first. The error is a *SetupError when there is none.
func (m *Modem) candidates() ([]candidate, error) {
	l := m.finder.list()
	var all []candidate
	for _, p := range l.Ports {
		all = append(all, candidate{path: p.Path, node: realPath(p.Path), port: p, listed: true})
	}
	switch c := m.config; {
	case c.Device != "":
		return m.named(all)
	case c.USB != "":
		all = slices.DeleteFunc(all, func(x candidate) bool { return !x.at(c.USB) })
		if len(all) == 0 {
			return nil, &SetupError{Reason: ReasonMissing, Err: fmt.Errorf("no serial port at USB %s", c.USB), Hint: m.absentHint(l)}
		}
	default:
		all = slices.DeleteFunc(all, func(x candidate) bool { return x.port.Console || m.finder.taken(x, m) })
	}
	// A port that was named by its interface is what the operator wants, whatever is known about it.
	if _, number, _ := ports.ParsePlace(m.config.USB); number < 0 {
		if able := slices.DeleteFunc(slices.Clone(all), func(x candidate) bool { return !x.port.Role().AT() }); len(able) > 0 {
			all = able
		}
	}
	if len(all) == 0 {
		return nil, &SetupError{Reason: ReasonMissing, Err: errors.New("no serial port is there that could be the modem"), Hint: m.absentHint(l)}
	}
	slices.SortFunc(all, func(a, b candidate) int { return ports.Likelier(a.port, b.port) })
	if i := slices.IndexFunc(all, func(x candidate) bool { return x.port.Place() != "" && x.port.Place() == m.lastPlace }); i > 0 {
		last := all[i]
		all = slices.Insert(slices.Delete(all, i, i+1), 0, last)
	}
	return all, nil
}

// named returns the port that the key device names. What else the configuration says about it must agree.
func (m *Modem) named(all []candidate) ([]candidate, error) {
	path := m.config.Device
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, &SetupError{Reason: ReasonMissing, Err: err, Hint: m.absentHint(m.finder.list())}
	}
	c := candidate{path: path, node: realPath(path)}
	if i := slices.IndexFunc(all, func(x candidate) bool { return x.node == c.node }); i >= 0 {
		c.port, c.listed = all[i].port, true
	}
	if usb := m.config.USB; usb != "" && !c.at(usb) {
		at := c.port.Place()
		if at == "" {
			at = "no USB port"
		}
		return nil, &SetupError{Reason: ReasonWrongModem, Err: fmt.Errorf("%s is at %s, not at %s", path, at, usb),
			Hint: "device and usb name different ports: leave one of them out"}
	}
	return []candidate{c}, nil
}

// absentHint says what is there instead of the modem.
func (m *Modem) absentHint(l ports.Listing) string {
	for _, h := range l.Hidden() {
		if topology, _, err := ports.ParsePlace(m.config.USB); m.config.USB == "" || err == nil && h.Device.Topology == topology {
			return fmt.Sprintf("%s at USB %s shows no serial port: %s", h.Name, h.Device.Topology, h.Hint)
		}
	}
	return portsHint(l.Ports)
}

// errNews ends the asking of ports because there are others now.
var errNews = errors.New("a port was plugged in")

// pick decides which port to open. A choice of several is made by asking them, one after the other; only one modem of the
// program asks at a time. A port that is plugged in meanwhile does not wait for the end of the round.
func (m *Modem) pick(ctx context.Context) (candidate, error) {
	for {
		c, err := m.choose(ctx)
		if !errors.Is(err, errNews) {
			return c, err
		}
	}
}

func (m *Modem) choose(ctx context.Context) (candidate, error) {
	all, err := m.candidates()
	m.tried = nil
	if err != nil {
		return candidate{}, err
	}
	for _, c := range all {
		m.tried = append(m.tried, c.key())
	}
	search := m.config.Device == "" && m.config.USB == ""
	if len(all) == 1 && !search {
		return all[0], nil
	}
	select {
	case m.finder.probing <- struct{}{}:
	case <-ctx.Done():
		return candidate{}, ctx.Err()
	}
	defer func() { <-m.finder.probing }()
	asking, done := m.untilNews(ctx)
	defer done()
	var found []string
	answered := false
	for _, c := range all {
		if ctx.Err() != nil {
			return candidate{}, ctx.Err()
		}
		if m.finder.taken(c, m) {
			continue // since the list was made
		}
		a := m.answerOf(asking, c)
		if a.suits(m.config) && m.finder.hold(c, m) == nil {
			return c, nil // taken before another modem may ask again
		}
		if ctx.Err() == nil && asking.Err() != nil {
			return candidate{}, errNews
		}
		answered = answered || a.err == nil
		found = append(found, c.String()+": "+a.String())
	}
	if len(found) > portsLimit {
		found = append(found[:portsLimit], "…")
	}
	e := &SetupError{Reason: ReasonMissing, Err: fmt.Errorf("no port answers as the modem with %s: %s", m.wanted(), strings.Join(found, "; ")),
		Hint: "plug it in; trunkline modem scan --probe shows what answers where"}
	switch {
	case !search && answered:
		e.Reason, e.Hint = ReasonWrongModem, "another modem or card is at this place: change usb, imei or iccid"
	case !search:
		e.Reason, e.Hint = ReasonNoAnswer, "no port at this place answers AT: does the modem have power, is it still starting?"
	}
	return candidate{}, e
}

// untilNews returns a context that ends when a port is there that the present attempt did not choose from. done must be called.
func (m *Modem) untilNews(ctx context.Context) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for last := m.tried; ; {
			changed := m.finder.watch()
			now, fresh := m.fresh(last)
			if fresh {
				cancel()
				return
			}
			last = now
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() { cancel(); <-ended }
}

// wanted words what the configuration asks for.
func (m *Modem) wanted() string {
	var words []string
	for _, w := range [][2]string{{"usb", m.config.USB}, {"imei", m.config.IMEI}, {"iccid", m.config.ICCID}} {
		if w[1] != "" {
			words = append(words, w[0]+" "+w[1])
		}
	}
	return strings.Join(words, ", ")
}

// String words the answer for people.
func (a answer) String() string {
	switch {
	case a.err != nil:
		if e, ok := errors.AsType[*SetupError](a.err); ok && e.Reason == ReasonNoAnswer {
			return "no answer"
		}
		return a.err.Error()
	case a.iccid == "":
		return "IMEI " + a.imei
	}
	return "IMEI " + a.imei + ", ICCID " + a.iccid
}

// answerOf returns what the port says about itself; it is asked unless it said so lately.
func (m *Modem) answerOf(ctx context.Context, c candidate) answer {
	f := m.finder
	f.mu.Lock()
	a, ok := f.answers[c.key()]
	f.mu.Unlock()
	if ok && a.believed(m.config) {
		return a
	}
	a = m.askPort(ctx, c)
	if ctx.Err() != nil {
		return a
	}
	f.mu.Lock()
	f.answers[c.key()] = a
	f.mu.Unlock()
	return a
}

// forget drops what was found out about the port: it turned out to be wrong, or the port failed.
func (f *Finder) forget(c candidate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.answers, c.key())
}

// fresh tells whether a port is there that was not there when last was made, and returns the keys of those that are there now.
func (m *Modem) fresh(last []string) (now []string, fresh bool) {
	all, err := m.candidates()
	if err != nil {
		return nil, false
	}
	for _, c := range all {
		now = append(now, c.key())
	}
	return now, slices.ContainsFunc(now, func(k string) bool { return !slices.Contains(last, k) })
}
