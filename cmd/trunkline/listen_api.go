package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"trunkline/api/httpd"
	"trunkline/api/httpd/login"
)

// network is the API over TCP. Its zero value is closed.
type network struct {
	certificate httpd.Certificate
	listener    net.Listener // nil: closed, or not yet open
}

// newLogin makes what knows who asks.
func (g *gateway) newLogin() error {
	directory, err := login.NewLDAP(g.config.LDAP)
	if err != nil {
		return err
	}
	o := login.Options{Config: g.config.Login, Store: g.store, Logger: g.log, Registerer: g.registry}
	if directory != nil {
		o.Directory = directory
	}
	g.login = login.New(o)
	return nil
}

// listenForNetwork opens the TCP address of the API, when there is anybody who could come in there. When nobody could yet, serveNetwork opens it later.
func (g *gateway) listenForNetwork(ctx context.Context) error {
	if g.config.API.Listen == "" {
		return nil
	}
	pair, err := httpd.LoadCertificate(g.config.API)
	if err != nil {
		return err
	}
	g.network.certificate.Use(pair)
	anybody, err := g.login.Anybody(ctx)
	if err != nil || !anybody {
		return err
	}
	g.network.listener, err = httpd.ListenTCP(g.config.API)
	return err
}

// networkRetry is how long an address that cannot be opened is left alone.
const networkRetry = 10 * time.Second

// serveNetwork answers over TCP, as soon as somebody could come in, until ctx ends.
func (g *gateway) serveNetwork(ctx context.Context) error {
	for told := false; g.network.listener == nil; told = true {
		changed := g.store.Changed()
		anybody, err := g.login.Anybody(ctx)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("look for somebody who could use api.listen: %w", err)
		}
		var retry <-chan time.Time
		if anybody {
			if g.network.listener, err = httpd.ListenTCP(g.config.API); err == nil {
				break
			}
			g.log.Error("the API cannot be reached over TCP; trying again", "err", err, "in", networkRetry)
			retry = time.After(networkRetry)
		} else if !told {
			g.log.Warn("api.listen stays closed until there is a token or an administrator who can log in", "listen", g.config.API.Listen, "hint", "trunkline admin token, or trunkline admin invite")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-retry:
		case <-changed:
			if retry != nil {
				select {
				case <-ctx.Done():
					return nil
				case <-retry:
				}
			}
		}
	}
	g.log.Info("the API is open over TCP", "address", g.network.listener.Addr().String(), "tls", g.config.API.TLSCert != "")
	return g.server.ServeTCP(ctx, g.network.listener, &g.network.certificate)
}
