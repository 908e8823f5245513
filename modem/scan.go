package modem

import (
	"context"
	"log/slog"
	"slices"

	"trunkline/modem/ports"
)

// ScanOptions say how to scan. The zero value looks at this machine and opens nothing.
type ScanOptions struct {
	Finder *Finder           // nil: one of its own
	Probe  bool              // ask each port that may be one of a modem and that nobody has open
	Held   map[string]string // ports in use by modems of a running daemon: path to name of the modem
	Logger *slog.Logger      // nil: silent
}

// Found is one port and what can be said about it.
type Found struct {
	Port   ports.Port
	Modem  string  // the modem of the running daemon that has it, "" when none
	Reason Reason  // why it cannot be used now, "" when nothing speaks against it
	Detail string  // the same in words
	Hint   string  // what to do about it
	Probed *Probed // when it was asked and answered
}

// Scan lists the serial ports and what each is, or why it cannot be used. Modems that show no serial port are listed too. A
// probe is made of one port after the other, the likely ones only; ctx ends it between two.
func Scan(ctx context.Context, o ScanOptions) ([]Found, []ports.Hidden, error) {
	if o.Finder == nil {
		o.Finder = NewFinder(FinderOptions{Logger: o.Logger})
	}
	l, err := ports.List(o.Finder.o.Roots)
	if err != nil {
		return nil, nil, err
	}
	held := map[string]string{}
	for path, name := range o.Held {
		held[realPath(path)] = name
	}
	var all []Found
	for _, p := range l.Ports {
		f := Found{Port: p, Modem: held[realPath(p.Path)]}
		if f.Modem == "" {
			f.blame(usable(p.Path))
		}
		if f.Reason == "" && p.Console {
			f.Hint = "the kernel writes its messages here: take console= out of its command line before a modem is connected"
		}
		all = append(all, f)
	}
	if !o.Probe {
		return all, l.Hidden(), nil
	}
	order := make([]*Found, len(all))
	for i := range all {
		order[i] = &all[i]
	}
	slices.SortFunc(order, func(a, b *Found) int { return ports.Likelier(a.Port, b.Port) })
	for _, f := range order {
		if f.Modem != "" || f.Reason != "" || f.Port.Console || !f.Port.Role().AT() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return all, l.Hidden(), err
		}
		p, err := Probe(ctx, f.Port.Path, Default().Baud, ProbeOptions{Finder: o.Finder, Logger: o.Logger})
		if f.blame(err); err == nil {
			f.Probed = &p
		}
	}
	return all, l.Hidden(), nil
}

// blame notes why the port cannot be used.
func (f *Found) blame(err error) {
	if err == nil {
		return
	}
	f.Reason, f.Detail = ReasonOpen, err.Error()
	if e := asSetup(err); e != nil {
		f.Reason, f.Hint = e.Reason, e.Hint
		if e.Err != nil {
			f.Detail = e.Err.Error()
		}
	}
}
