package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/api/httpd"
	"trunkline/api/httpd/login"
	"trunkline/callplan"
	"trunkline/config"
	"trunkline/router"
	"trunkline/router/gsm"
	"trunkline/router/program"
	"trunkline/store"
	"trunkline/store/bolt"
)

// offlineFlags are those of verbs that explain: they can be asked without a daemon.
type offlineFlags struct {
	offline        bool
	config, source string // files
}

func (o *offlineFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.offline, "offline", false, "answer from the database and the configuration, without asking a daemon")
	f.StringVar(&o.config, "config", config.DefaultFile, "configuration file, for an answer without a daemon")
	f.StringVar(&o.source, "database", "", "a database or a backup of one, for an answer without a daemon (default that of the configuration)")
}

// offlineHelp is what the long help of such a verb says.
const offlineHelp = "\nWith --offline, with --database, or when no daemon answers on the usual socket, the answer comes from the database and the configuration: the same code decides,\n" +
	"and nothing is written. No modem is asked then, so that every trunk is taken to be up."

// showEither is show for verbs that need no daemon.
func showEither[T any](c *cli, cmd *cobra.Command, o *offlineFlags, doing string, ask func(context.Context, *api.Client) (T, error), tell func(*cobra.Command, T) error) error {
	asked := errOffline
	if !o.offline && o.source == "" {
		asked = show(c, cmd, doing, ask, tell)
		var unreachable *api.UnreachableError
		if !errors.As(asked, &unreachable) || c.socket != "" || c.env("TRUNKLINE_SOCKET") != "" {
			return asked
		}
	}
	socket, end, err := o.serve(cmd.Context(), asked)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	defer end()
	alone := *c
	alone.socket = socket
	return show(&alone, cmd, doing, ask, tell)
}

// serve answers requests from the database until end is called, on a socket that only this user can reach. asked is what asking the daemon brought.
func (o *offlineFlags) serve(ctx context.Context, asked error) (socket string, end func(), err error) {
	conf, err := config.Load(o.config)
	if errors.Is(err, fs.ErrNotExist) && o.source != "" && o.config == config.DefaultFile {
		conf, err = config.Default(), nil // a backup on a machine that has no gateway
	}
	if err != nil {
		return "", nil, errors.Join(asked, err)
	}
	path := conf.Store.Path
	if o.source != "" {
		path = o.source
	}
	st, err := openForReading(ctx, path)
	if errors.Is(err, store.ErrLocked) {
		return "", nil, hintError{err, "a daemon has it open: leave out --offline, or name its socket with --socket"}
	}
	if err != nil {
		return "", nil, errors.Join(asked, err)
	}
	server, err := serverOver(ctx, conf, st)
	if err != nil {
		return "", nil, errors.Join(err, st.Close())
	}
	dir, err := os.MkdirTemp("", "trunkline")
	if err != nil {
		return "", nil, errors.Join(err, st.Close())
	}
	at := httpd.Default()
	at.Socket, at.SocketMode = filepath.Join(dir, "s"), "0600"
	l, err := httpd.Listen(at)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir), st.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(serving, l) // what it ends with matters to nobody: whoever asked has the answer, or an error
	}()
	return at.Socket, func() {
		stop()
		<-done
		st.Close()
		os.RemoveAll(dir)
	}, nil
}

// openForReading opens a database that exists and that nobody writes to.
func openForReading(ctx context.Context, path string) (*store.Store, error) {
	if err := mustExist(path); err != nil {
		return nil, err
	}
	engine, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, engine, store.Options{Assembler: gsm.Assembler{}})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), engine.Close())
	}
	return s, nil
}

// serverOver wires what decides, without anything that acts.
func serverOver(ctx context.Context, conf config.Config, st *store.Store) (*httpd.Server, error) {
	screening, err := router.NewScreening(router.ScreeningOptions{Config: conf.Screening, Store: st})
	if err == nil {
		err = screening.Load(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("screening: %w", err)
	}
	tables, err := conf.Plans.Load()
	if err != nil {
		return nil, err
	}
	book := new(callplan.Book)
	plans := router.NewPlans(router.PlansOptions{Store: st, Book: book, Tables: tables})
	if err := plans.Load(ctx); err != nil {
		return nil, fmt.Errorf("call plans: %w", err)
	}
	r := router.New(router.Options{Config: conf.Router, Plans: book, Store: st, Screening: screening, Measure: gsm.Measure})
	inbound := router.NewInbound(router.InboundOptions{Router: r, Screening: screening, Store: st, Programs: program.New(program.Options{Programs: conf.Program}), Client: conf.Screening.ClientURL})
	return httpd.New(httpd.Options{Router: r, Store: st, Screening: screening, Inbound: inbound, Plans: book, CallPlans: plans, Login: login.New(login.Options{Store: st}), Version: thisBuild().Version}), nil
}
