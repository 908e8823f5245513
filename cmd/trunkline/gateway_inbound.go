package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"trunkline/router"
	"trunkline/router/program"
	"trunkline/router/sip"
	"trunkline/router/smtp"
)

// mailTrunks makes the trunks that send mails, in order of their names.
func mailTrunks(all map[string]smtp.Config) (trunks []router.Trunk, err error) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t, err := smtp.New(name, all[name])
		if err != nil {
			return nil, fmt.Errorf("smtp.%s: %w", name, err)
		}
		trunks = append(trunks, router.Trunk{Name: name, Backend: t})
	}
	return trunks, nil
}

// sipTrunks makes the trunks that send to SIP addresses, in order of their names.
func sipTrunks(all map[string]sip.Config) (trunks []router.Trunk, err error) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t, err := sip.New(name, all[name])
		if err != nil {
			return nil, fmt.Errorf("sip_trunk.%s: %w", name, err)
		}
		trunks = append(trunks, router.Trunk{Name: name, Backend: t})
	}
	return trunks, nil
}

// newScreening makes the part that decides whom the gateway listens to and whom it writes to.
func (g *gateway) newScreening() (err error) {
	g.screening, err = router.NewScreening(router.ScreeningOptions{Config: g.config.Screening, Store: g.store, Registerer: g.registry})
	if err != nil {
		return fmt.Errorf("screening: %w", err)
	}
	return g.screening.Load(context.Background())
}

// newInbound makes the part that decides what follows from messages that come in; notices go as mails through the first of some trunks.
func (g *gateway) newInbound(mails []router.Trunk) {
	mail := ""
	if len(mails) > 0 {
		mail = mails[0].Name
	}
	g.inbound = router.NewInbound(router.InboundOptions{Router: g.router, Screening: g.screening, Store: g.store, Programs: program.New(program.Options{Programs: g.config.Program}),
		Decide: g.router.RouteInbound, Mail: func() string { return mail }, Status: g.status, Client: g.config.Screening.ClientURL, Logger: g.log, Registerer: g.registry})
}
