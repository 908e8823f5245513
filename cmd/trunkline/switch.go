package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"trunkline/api/agi"
	"trunkline/api/httpd/freeswitch"
	"trunkline/api/sip"
	"trunkline/api/switches"
	"trunkline/callplan"
)

// switchboard is all that answers switches: SIP, FastAGI, and HTTP beside the socket. Its zero value answers nobody.
type switchboard struct {
	plans   *callplan.Book // what is published, by service provider
	table   *switches.Table
	counted *switches.Metrics
	sip     *sip.Server  // nil: off
	agi     *agi.Server  // nil: off
	http    net.Listener // nil: off
	mux     *http.ServeMux
}

// newSwitchboard makes what all interfaces share. Nothing is listened on yet.
func (g *gateway) newSwitchboard() error {
	b := &g.board
	b.counted = switches.NewMetrics(g.registry)
	table, err := switches.NewTable(g.config.Switch, g.config.Carrier)
	if err == nil {
		b.table = table.Beside(g.router.Down, g.store.ProviderMeant)
	}
	return err
}

// listenForSwitches opens what the configuration names.
func (g *gateway) listenForSwitches() (err error) {
	b, c := &g.board, g.config
	if len(c.SIP.Listen) > 0 {
		if b.sip, err = sip.Listen(sip.Options{Config: c.SIP, Plans: b.plans, Table: b.table, Decisions: b.counted, Ready: g.decides, Registerer: g.registry, Logger: g.log}); err != nil {
			return err
		}
	}
	if len(c.AGI.Listen) > 0 {
		if b.agi, err = agi.Listen(agi.Options{Config: c.AGI, Plans: b.plans, Table: b.table, Decisions: b.counted, Ready: g.decides, Registerer: g.registry, Logger: g.log}); err != nil {
			return err
		}
	}
	if c.Decide.Listen != "" {
		if b.http, err = net.Listen("tcp", c.Decide.Listen); err != nil {
			return fmt.Errorf("listen for switches (decide.listen): %w", err)
		}
		b.mux = http.NewServeMux()
		b.mux.Handle(freeswitch.Path, freeswitch.New(freeswitch.Options{Config: c.FreeSWITCH, Plans: b.plans, Table: b.table, Decisions: b.counted, Ready: g.decides, Logger: g.log}))
		b.mux.Handle("/", g.server.SwitchHandler())
	}
	return nil
}

// decides tells whether calls can be decided: as long as the store can be relied upon. A full disk does not keep calls from being decided.
func (g *gateway) decides() error {
	select {
	case <-g.store.Failed():
		return storeFailedError{}
	default:
		return nil
	}
}

// tasks are what runs to answer switches.
func (b *switchboard) tasks(g *gateway) (out []func(context.Context) error) {
	if b.sip != nil {
		out = append(out, b.sip.Serve)
	}
	if b.agi != nil {
		out = append(out, b.agi.Serve)
	}
	if b.http != nil {
		out = append(out, func(ctx context.Context) error { return g.server.ServeSwitches(ctx, b.http, b.mux) })
	}
	return out
}

// close frees what was opened.
func (b *switchboard) close() (err error) {
	if b.sip != nil {
		err = b.sip.Close()
	}
	if b.agi != nil {
		err = errors.Join(err, b.agi.Close())
	}
	if b.http != nil {
		if e := b.http.Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}
