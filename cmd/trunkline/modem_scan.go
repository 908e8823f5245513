package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/modem"
	"trunkline/modem/ports"
)

// scanJSON is what modem scan prints with --json.
type scanJSON struct {
	Ports  []portJSON   `json:"ports"`
	Hidden []hiddenJSON `json:"hidden"`
}

// portJSON is one serial port.
type portJSON struct {
	Path   string     `json:"path"`
	Links  []string   `json:"links,omitempty"` // stable names
	Driver string     `json:"driver,omitempty"`
	USB    *usbJSON   `json:"usb,omitempty"`
	Role   string     `json:"role,omitempty"`  // at, ppp, diag, gps, audio, other
	Modem  string     `json:"modem,omitempty"` // of the running daemon that has it
	Reason string     `json:"reason,omitempty"`
	Detail string     `json:"detail,omitempty"`
	Hint   string     `json:"hint,omitempty"`
	Probe  *probeJSON `json:"probe,omitempty"`
}

// usbJSON is a USB device, or one interface of it.
type usbJSON struct {
	Place        string `json:"place"` // as the key usb takes it
	ID           string `json:"id"`    // vendor:product
	Manufacturer string `json:"manufacturer,omitempty"`
	Product      string `json:"product,omitempty"`
	Serial       string `json:"serial,omitempty"`
}

// hiddenJSON is a modem without serial ports.
type hiddenJSON struct {
	USB  usbJSON `json:"usb"`
	Name string  `json:"name"`
	Mode string  `json:"mode"` // storage, network, driver
	Hint string  `json:"hint"`
}

func newModemScan(c *cli, roots ports.Roots) *cobra.Command {
	var probe bool
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "List the serial ports, what each is, and why it cannot be used",
		Long: "Scan lists the serial ports of this machine and the modems that show none. It opens nothing unless told to --probe, and needs no daemon;\n" +
			"when one runs, it is asked which ports its modems have.",
		Annotations: printsJSON("`{\"ports\": [{\"path\", \"links\", \"driver\", \"usb\", \"role\", \"modem\", \"reason\", \"detail\", \"hint\", \"probe\"}, …], \"hidden\": [{\"usb\", \"name\", \"mode\", \"hint\"}, …]}`"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := modem.ScanOptions{Probe: probe, Held: c.heldPorts(cmd.Context()), Finder: modem.NewFinder(modem.FinderOptions{Roots: roots})}
			found, hidden, err := modem.Scan(cmd.Context(), o)
			if err != nil {
				return err
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), scanView(found, hidden))
			}
			return listPorts(cmd.OutOrStdout(), found, hidden)
		},
	}
	cmd.Flags().BoolVar(&probe, "probe", false, "ask each free port that may be a modem's who is there")
	return cmd
}

// heldPorts asks a running daemon which ports its modems have. Without a daemon there are none.
func (c *cli) heldPorts(ctx context.Context) map[string]string {
	client := c.client()
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	modems, err := client.Modems(ctx)
	if err != nil {
		return nil
	}
	held := map[string]string{}
	for _, m := range modems {
		switch modem.State(m.State) {
		case modem.Initialising, modem.Searching, modem.Ready:
			held[m.Device] = m.Name
		}
	}
	return held
}

func scanView(found []modem.Found, hidden []ports.Hidden) scanJSON {
	v := scanJSON{Ports: []portJSON{}, Hidden: []hiddenJSON{}}
	for _, f := range found {
		p := portJSON{Path: f.Port.Path, Links: f.Port.Links, Driver: f.Port.Driver, Role: string(f.Port.Role()), Modem: f.Modem,
			Reason: string(f.Reason), Detail: f.Detail, Hint: f.Hint}
		if f.Port.USB != nil {
			p.USB = usbView(f.Port.Place(), f.Port.USB)
		}
		if f.Probed != nil {
			p.Probe = probeView(*f.Probed)
		}
		v.Ports = append(v.Ports, p)
	}
	for _, h := range hidden {
		v.Hidden = append(v.Hidden, hiddenJSON{USB: *usbView(h.Device.Topology, &h.Device), Name: h.Name, Mode: string(h.Mode), Hint: h.Hint})
	}
	return v
}

func usbView(place string, d *ports.Device) *usbJSON {
	return &usbJSON{Place: place, ID: d.ID(), Manufacturer: d.Manufacturer, Product: d.Name, Serial: d.Serial}
}

// listPorts prints a table of the ports and below it what is to be said about single ones.
func listPorts(w io.Writer, found []modem.Found, hidden []ports.Hidden) error {
	if len(found) == 0 && len(hidden) == 0 {
		_, err := fmt.Fprintln(w, "no serial port and no modem on USB is there")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(found) > 0 {
		fmt.Fprintln(t, "PORT\tROLE\tUSB\tID\tDEVICE\tSTATE\tSTABLE NAME")
	}
	for _, f := range found {
		id, name, stable := "", "", ""
		if len(f.Port.Links) > 0 {
			stable = f.Port.Links[0]
		}
		if d := f.Port.USB; d != nil {
			id, name = d.ID(), strings.TrimSpace(d.Manufacturer+" "+d.Name)
		}
		state := string(f.Reason)
		switch {
		case f.Modem != "":
			state = "in use by modem " + f.Modem
		case f.Probed != nil:
			state = strings.TrimSpace(f.Probed.Manufacturer+" "+f.Probed.Model) + ", IMEI " + f.Probed.IMEI
		case state == "" && f.Port.Console:
			state = "console"
		case state == "":
			state = "free"
		}
		fmt.Fprintln(t, oneLine(f.Port.Path)+"\t"+string(f.Port.Role())+"\t"+f.Port.Place()+"\t"+id+"\t"+oneLine(name)+"\t"+oneLine(state)+"\t"+oneLine(stable))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	var notes []string
	for _, f := range found {
		if f.Detail == "" && f.Hint == "" {
			continue
		}
		notes = append(notes, f.Port.Path+": "+strings.TrimPrefix(f.Detail+"; "+f.Hint, "; "))
	}
	for _, h := range hidden {
		notes = append(notes, fmt.Sprintf("USB %s, %s (%s): %s", h.Device.Topology, h.Name, h.Device.ID(), h.Hint))
	}
	for _, n := range notes {
		if _, err := fmt.Fprintln(w, oneLine(strings.TrimSuffix(n, "; "))); err != nil {
			return err
		}
	}
	return nil
}
