package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"trunkline/api/httpd"
	"trunkline/config"
	"trunkline/modem"
	"trunkline/router"
	"trunkline/router/gsm"
	"trunkline/systemd"
)

// A reload reads the configuration again, builds everything that is new in it, and only then exchanges it for what runs. When anything is wrong before
// that, nothing changes. What may change: [modem.*], of which only those that differ are ended and begun, [router], [call], [plans] with the files that it names, and log.level. All else is part of
// what holds the others together and needs a restart; a file that differs there is refused as a whole, so that what runs is always one file.

// reload returns nil when the new configuration runs. It can take as long as the parts that are in flight on modems that change; ctx ends that wait.
func (g *gateway) reload(ctx context.Context) error {
	if g.load == nil {
		return errors.New("this gateway has no configuration file")
	}
	next, err := g.load()
	if err != nil {
		return err
	}
	pair, err := httpd.LoadCertificate(next.API)
	if err != nil {
		return err
	}
	if fixed := fixedKeys(g.config, next); len(fixed) > 0 {
		return fmt.Errorf("%s cannot change while the daemon runs: restart it, or take the change back", strings.Join(fixed, ", "))
	}
	tables, err := next.Plans.Load()
	if err != nil {
		return err
	}
	var gone, changed []string // of what runs
	for name, old := range g.config.Modem {
		switch now, kept := next.Modem[name]; {
		case !kept:
			gone = append(gone, name)
		case !reflect.DeepEqual(now, old):
			changed = append(changed, name)
		}
	}
	fresh := map[string]*member{}
	for name, c := range next.Modem {
		if _, runs := g.config.Modem[name]; runs && !slices.Contains(changed, name) {
			continue
		}
		m, err := g.build(ctx, name, c)
		if err != nil {
			for other, m := range fresh {
				m.modem.Retire(!slices.Contains(changed, other))
			}
			return err
		}
		fresh[name] = m
	}
	if err := g.part(ctx, gone, changed); err != nil {
		return err
	}
	for name, m := range fresh {
		g.fleet.join(name, m)
		if err := g.router.Add(router.Trunk{Name: name, Backend: m.trunk}); err != nil {
			return err // cannot be: its name was removed or is new
		}
	}
	g.router.Reconfigure(next.Router)
	g.calls.Reconfigure(next.Call)
	if err := g.plans.Use(ctx, tables); err != nil {
		return err
	}
	g.network.certificate.Use(pair)
	g.level.Set(next.Log.SlogLevel())
	g.config = next
	g.namedProviders(&next)
	g.log.Info("the configuration was reloaded", "modems_new", len(fresh)-len(changed), "modems_changed", len(changed), "modems_gone", len(gone))
	return nil
}

// part takes leave of the modems that are gone or changed, all at once: their trunks end what they are sending, then their ports are closed.
func (g *gateway) part(ctx context.Context, gone, changed []string) error {
	leaving := slices.Concat(gone, changed)
	failed := make([]error, len(leaving))
	var wg sync.WaitGroup
	for i, name := range leaving {
		forget := i < len(gone)
		wg.Go(func() {
			if failed[i] = g.router.Remove(ctx, name, forget); failed[i] != nil {
				return
			}
			g.fleet.leave(name, forget)
			g.calls.Leave(ctx, name, forget)
			if forget {
				g.received.Forget(name)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// build makes a modem and its trunk, which do nothing yet.
func (g *gateway) build(ctx context.Context, name string, c modem.Config) (*member, error) {
	o := modem.Options{Name: name, Finder: g.finder, Logger: g.log, Registerer: g.registry, Alphabet: septets{}, Memory: pinMemory{g.store}}
	if g.open != nil {
		o.Open = g.open(name)
	}
	var err error
	if o.LastCard, err = gsm.LastCard(ctx, g.store, name); err != nil {
		return nil, fmt.Errorf("modem %s: %w", name, err)
	}
	m, err := modem.New(c, o)
	if err != nil {
		return nil, fmt.Errorf("modem %s: %w", name, err)
	}
	return &member{config: c, modem: m, trunk: gsm.New(gsm.Options{Name: name, Modem: m, Store: g.store, Logger: g.log, Metrics: g.received, Calls: g.calls, Uptime: uptime,
		ProviderOf: func(trunk string) string { return g.router.TrunkProvider(trunk) }})}, nil
}

// fixedKeys returns the keys that differ and cannot change while the daemon runs, as they stand in the file.
func fixedKeys(old, next config.Config) (keys []string) {
	// What can change is made equal first.
	router := next.Router
	router.UnknownAfter, router.ReportWindow = old.Router.UnknownAfter, old.Router.ReportWindow // the store works by them
	calls := next.Call
	calls.MessageRecords = old.Call.MessageRecords // this too
	old.Modem, old.Router, old.Call, old.Plans, old.Log.Level = next.Modem, router, calls, next.Plans, next.Log.Level
	compareKeys("", reflect.ValueOf(old), reflect.ValueOf(next), &keys)
	return keys
}

// compareKeys adds the paths of the leaves that differ between two values of one type.
func compareKeys(path string, a, b reflect.Value, keys *[]string) {
	if a.Kind() != reflect.Struct {
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			*keys = append(*keys, path)
		}
		return
	}
	for i := range a.NumField() {
		name := a.Type().Field(i).Tag.Get("toml")
		if name == "" || name == "-" {
			continue
		}
		if path != "" {
			name = path + "." + name
		}
		compareKeys(name, a.Field(i), b.Field(i), keys)
	}
}

// reloadNow reloads and tells everybody what came of it.
func (g *gateway) reloadNow(ctx context.Context) {
	g.log.Info("reloading the configuration")
	if err := systemd.Reloading(); err != nil {
		g.log.Warn("systemd was not told", "err", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	defer close(ended)
	go func() { // a store that failed ends the wait for parts in flight
		select {
		case <-g.store.Failed():
			cancel()
		case <-ended:
		}
	}()
	err := g.reload(ctx)
	g.reloaded.count(err)
	var trouble *string
	if err != nil {
		why := err.Error()
		trouble = &why
		g.log.Error("the configuration was not reloaded; what ran goes on", "err", err)
	}
	g.trouble.Store(trouble)
	if err := systemd.Ready(g.status()); err != nil {
		g.log.Warn("systemd was not told", "err", err)
	}
}
