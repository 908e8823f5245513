package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/modem/emulator"
)

// emulateHistory is how many submissions, deliveries and texts an emulated network remembers: enough to look at, and no more
// after a month.
const emulateHistory = 10_000

// maxEmulated bounds --modems: a machine has so many terminals.
const maxEmulated = 1000

// emulation is what emulate runs.
type emulation struct {
	dir     string // empty: a temporary one
	listen  string // socket of the control interface; empty: network.sock in dir
	count   int
	specs   []string // of --modem
	profile string   // of modems that name none; empty: all makes in turn
	network emulator.NetworkOptions
	boot    bool
	json    bool
	out     io.Writer
}

func newEmulateCommand(c *cli) *cobra.Command {
	e := emulation{network: emulator.NetworkOptions{History: emulateHistory}}
	cmd := &cobra.Command{
		Use:   "emulate",
		Short: "Run emulated modems on terminals of their own, for any program that speaks AT",
		Long: "Emulate runs GSM modems that are not there, on an emulated network: each answers AT commands on a terminal (/dev/pts/…) that a link in --dir\n" +
			"leads to. Gateways and tools open the link as they would a serial port. A socket takes JSON over HTTP: texts from phones, what phones received,\n" +
			"what the network took, and faults. docs/emulator.md describes makes, faults and the socket. Linux only. Ctrl-C ends it and removes links and socket.",
		Example: "  trunkline emulate --modems 2 --dir /tmp/modems\n" +
			"  trunkline emulate --modem name=desk,number=+491700000001,profile=sim800 --modem name=roof,profile=ec25,pin=1234 --latency 2s",
		Args:        cobra.NoArgs,
		Annotations: printsJSON("`{\"control\", \"modems\": [{\"name\", \"number\", \"profile\", \"device\", \"terminal\", \"imei\", \"iccid\"}, …]}` once they run; `device` is the link, `terminal` where it leads now"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("modems") && len(e.specs) > 0 {
				return usagef("name each with --modem, or give a number of them with --modems", "--modems and --modem exclude each other")
			}
			e.out, e.json = cmd.OutOrStdout(), c.json
			return e.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.IntVar(&e.count, "modems", 1, "how many modems, named modem1, modem2, …")
	f.StringArrayVar(&e.specs, "modem", nil, "a modem: name=…,number=…,profile=…,pin=…,imei=…,iccid=…, all but name optional; may be repeated")
	f.StringVar(&e.profile, "profile", "", "make of modems that name none: "+strings.Join(profileNames(), ", ")+"; default: all in turn")
	f.StringVar(&e.dir, "dir", "", "folder for the links, which is kept; default: a temporary one")
	f.StringVar(&e.listen, "listen", "", "path of the control socket (default network.sock in the folder)")
	f.DurationVar(&e.network.Latency, "latency", 0, "how long the network takes for each message that a modem sends")
	f.DurationVar(&e.network.Delivery, "delivery", 0, "how long it takes to deliver each message or report")
	f.DurationVar(&e.network.ReportDelay, "report-delay", 0, "how long after the delivery the status report follows")
	f.DurationVar(&e.network.Retry, "retry", time.Minute, "how long until it tries again what a modem refused")
	f.BoolVar(&e.boot, "boot", false, "start as if just switched on, with boot lines and what is not ready yet")
	return cmd
}

// run serves until ctx ends, which is no failure.
func (e *emulation) run(ctx context.Context) (err error) {
	if e.network.Latency < 0 || e.network.Delivery < 0 || e.network.ReportDelay < 0 || e.network.Retry <= 0 {
		return usagef("write them as 300ms, 2s", "times cannot be negative, and --retry not 0")
	}
	options, err := e.modems()
	if err != nil {
		return err
	}
	if e.dir == "" {
		if e.dir, err = os.MkdirTemp("", "trunkline-emulate-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(e.dir)) }()
	} else if e.dir, err = filepath.Abs(e.dir); err != nil {
		return err
	} else if err = os.MkdirAll(e.dir, 0o700); err != nil {
		return err
	}
	if e.listen == "" {
		e.listen = filepath.Join(e.dir, "network.sock")
	}
	control, err := listenAlone(e.listen) // first: it tells whether another one has the folder
	if err != nil {
		return err
	}
	defer control.Close()
	network := emulator.NewNetwork(e.network)
	defer network.Close()
	air, off := context.WithCancel(ctx)
	var modems []*emulator.Modem
	defer func() {
		off()
		for _, m := range modems {
			m.Wait()
		}
	}()
	var devices []emulatedModem
	for _, o := range options {
		link := filepath.Join(e.dir, o.Name)
		if err := freeLink(link); err != nil {
			return err
		}
		m := emulator.New(network, o)
		path, err := m.PTY(air, link)
		if err != nil {
			return err
		}
		modems = append(modems, m)
		devices = append(devices, emulatedModem{o.Name, m.Number(), o.Profile.Name, link, path, m.IMEI(), m.ICCID()})
	}
	server := &http.Server{Handler: network.Control(), ReadHeaderTimeout: 5 * time.Second}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { server.Serve(control) })
	defer server.Close()
	if err := e.introduce(devices); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// emulatedModem is what emulate prints of a modem.
type emulatedModem struct {
	Name     string `json:"name"`
	Number   string `json:"number"`
	Profile  string `json:"profile"`
	Device   string `json:"device"`
	Terminal string `json:"terminal"`
	IMEI     string `json:"imei"`
	ICCID    string `json:"iccid"`
}

// introduce says what runs, and how to use it.
func (e *emulation) introduce(devices []emulatedModem) error {
	if e.json {
		return json.NewEncoder(e.out).Encode(struct {
			Control string          `json:"control"`
			Modems  []emulatedModem `json:"modems"`
		}{e.listen, devices})
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MODEM\tNUMBER\tMAKE\tDEVICE\tTERMINAL")
	for _, d := range devices {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", d.Name, d.Number, d.Profile, d.Device, d.Terminal)
	}
	table.Flush()
	first, socket := devices[0], shellQuote(e.listen)
	_, err := fmt.Fprintf(e.out, "%s\nOpen a device with any program that speaks AT. For people and scripts, %s answers:\n\n"+
		"  curl --unix-socket %s http://network/modems\n"+
		"  curl --unix-socket %s http://network/handset/%s/messages -d '{\"to\": \"%s\", \"text\": \"Hello\"}'\n"+
		"  curl --unix-socket %s http://network/handset/%s/messages\n"+
		"  curl --unix-socket %s http://network/modems/%s/faults -d '{\"kind\": \"lost\", \"on\": \"+CMGS\"}'\n\nCtrl-C ends it.\n",
		b.String(), e.listen, socket, socket, demoHandset, first.Number, socket, demoHandset, socket, first.Name)
	return err
}

// socketPathLimit is the longest path of a unix socket. unix(7), sun_path.
const socketPathLimit = 107

// listenAlone opens a unix socket. One that a dead program left is replaced, one that answers is not.
func listenAlone(path string) (net.Listener, error) {
	if len(path) > socketPathLimit {
		return nil, usagef(fmt.Sprintf("a socket's path has at most %d octets: give a shorter one with --listen or --dir", socketPathLimit), "%s is too long", path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		c.Close()
		return nil, hintError{fmt.Errorf("%s is in use", path), "another trunkline emulate runs there: end it, or give another --dir"}
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != fs.ModeSocket {
			return nil, fmt.Errorf("%s is there and no socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// freeLink refuses to put a link where something else is; a link to a terminal, which an earlier run left, may be replaced.
func freeLink(path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if target, err := os.Readlink(path); err != nil || !strings.HasPrefix(target, "/dev/pts/") {
		return hintError{fmt.Errorf("%s is there already", path), "give an empty folder with --dir, or another name to the modem"}
	}
	return nil
}
