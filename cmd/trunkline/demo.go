package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/config"
	"trunkline/modem"
	"trunkline/modem/emulator"
)

// The numbers of the demo: the two modems' cards and the phone of a person.
const (
	demoAlpha   = "+491700000001"
	demoBeta    = "+491700000002"
	demoHandset = "+491700000010"
)

func newDemoCommand(c *cli) *cobra.Command {
	var dir string
	var verbose bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole gateway with emulated modems, to try it",
		Long: "Demo runs the gateway with two emulated modems on an emulated network, in a temporary folder that is removed at the end. It needs no hardware,\n" +
			"no root and no configuration, and nothing leaves this machine. It prints what to type in another terminal, and then what happens.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := demo{dir: dir, out: &lines{w: cmd.OutOrStdout()}, self: invocation()}
			if verbose {
				d.log = newLogger("text", slog.LevelInfo, cmd.ErrOrStderr(), c.env)
			}
			return d.run(cmd.Context())
		},
	}
	cmd.PersistentFlags().StringVar(&dir, "dir", "", "folder for database and sockets, which is kept; default: a temporary one")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "print the gateway's log too")
	cmd.AddCommand(newDemoText(&dir))
	return cmd
}

// demo is one run of the emulated network and the gateway on it.
type demo struct {
	dir  string // empty: a temporary one
	out  *lines
	self string       // how this program was called
	log  *slog.Logger // nil: none
}

// lines writes whole lines from several goroutines.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lines) printf(format string, a ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", a...)
}

// run serves until ctx ends, which is no failure, and leaves nothing behind but a folder that was asked for.
func (d *demo) run(ctx context.Context) (err error) {
	if err := d.prepare(); err != nil {
		return err
	}
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "trunkline-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	}
	network := emulator.NewNetwork(emulator.NetworkOptions{Latency: 1500 * time.Millisecond, Delivery: 500 * time.Millisecond, ReportDelay: 500 * time.Millisecond})
	defer network.Close()
	c := d.configuration()
	g, err := newGateway(c, gatewayOptions{logger: d.log}) // before anything is put into a folder that another demo may have
	if err != nil {
		return err
	}
	air, off := context.WithCancel(context.Background()) // the modems outlive the gateway
	wait, err := d.plugIn(air, network)
	defer wait()
	defer off()
	if err != nil {
		return errors.Join(err, g.close())
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	os.Remove(d.controlSocket()) // left over by a demo that was killed: a running one has the store locked
	control, err := net.Listen("unix", d.controlSocket())
	if err != nil {
		return errors.Join(fmt.Errorf("open the network's socket: %w", err), g.close())
	}
	server := &http.Server{Handler: network.Control(), ReadHeaderTimeout: 5 * time.Second}
	wg.Go(func() { server.Serve(control) })
	defer server.Close()
	d.introduce(c)
	wg.Go(func() { d.tellEvents(ctx, c.API.Socket) })
	wg.Go(func() { d.tellHandset(ctx, network.Handset(demoHandset)) })
	return g.run(ctx)
}

// prepare makes the folder that was asked for.
func (d *demo) prepare() (err error) {
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.dir == "" {
		return nil
	}
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return err
	}
	return os.MkdirAll(d.dir, 0o700)
}

func (d *demo) controlSocket() string { return filepath.Join(d.dir, "network.sock") }

// demoModems are the modems: each has a trunk, the number of its card, and the make that it behaves like.
func demoModems() [2]struct{ name, number, profile string } {
	return [2]struct{ name, number, profile string }{{"alpha", demoAlpha, "huawei-e173"}, {"beta", demoBeta, "ec25"}}
}

// configuration is that of a gateway with everything in the demo's folder.
func (d *demo) configuration() config.Config {
	c := config.Default()
	c.Store.Path = filepath.Join(d.dir, "trunkline.db")
	c.API.Socket = filepath.Join(d.dir, "api.sock")
	c.API.Metrics = ""
	for _, m := range demoModems() {
		section := modem.Default()
		section.Device = filepath.Join(d.dir, m.name)
		c.Modem[m.name] = section
	}
	return c
}

// plugIn starts the modems until ctx ends; wait blocks until they are gone then.
func (d *demo) plugIn(ctx context.Context, network *emulator.Network) (wait func(), err error) {
	var plugged []*emulator.Modem
	wait = func() {
		for _, m := range plugged {
			m.Wait()
		}
	}
	for _, m := range demoModems() {
		profile, _ := emulator.ProfileByName(m.profile)
		device := emulator.New(network, emulator.Options{Name: m.name, Number: m.number, Profile: profile})
		if _, err := device.PTY(ctx, filepath.Join(d.dir, m.name)); err != nil {
			return wait, err
		}
		plugged = append(plugged, device)
	}
	return wait, nil
}

// introduce says what runs, and what to type to see it work.
func (d *demo) introduce(c config.Config) {
	socket := shellQuote(c.API.Socket)
	d.out.printf("Trunkline demo: two emulated modems on an emulated network. Nothing leaves this machine.\n\n"+
		"  trunk alpha  %s\n  trunk beta   %s\n  a phone      %s\n  API socket   %s\n\nType in another terminal:\n\n"+
		"  %s message watch --socket %s\n"+
		"  %s send --socket %s --wait=delivered %s \"Hello from the gateway\"\n"+
		"  %s demo text --dir %s %s \"Hello from the phone\"\n\nCtrl-C ends it. What happens:\n",
		demoAlpha, demoBeta, demoHandset, c.API.Socket, d.self, socket, d.self, socket, demoHandset, d.self, shellQuote(d.dir), demoAlpha)
}

// tellEvents prints the events of the gateway until ctx ends.
func (d *demo) tellEvents(ctx context.Context, socket string) {
	client := api.NewClient(socket)
	defer client.Close()
	for e, err := range client.Events(ctx, api.FromNow) {
		if err == nil {
			d.out.printf("%s", eventLine(e))
		}
	}
}

// tellHandset prints what the phone receives until ctx ends.
func (d *demo) tellHandset(ctx context.Context, h *emulator.Handset) {
	for seen := 0; ; {
		all, err := h.Wait(ctx, seen+1)
		if err != nil {
			return
		}
		for ; seen < len(all); seen++ {
			d.out.printf("%s  phone %s shows a text from %s: %s", time.Now().Format("15:04:05.000"), h.Number(), all[seen].From, oneLine(all[seen].Text))
		}
	}
}
