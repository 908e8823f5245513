package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/modem"
)

// probeJSON is what modem probe prints with --json.
type probeJSON struct {
	Device       string        `json:"device"`
	USB          string        `json:"usb,omitempty"`
	Baud         int           `json:"baud"`
	Vendor       string        `json:"vendor"` // the family whose ways are followed
	Manufacturer string        `json:"manufacturer,omitempty"`
	Model        string        `json:"model,omitempty"`
	Revision     string        `json:"revision,omitempty"`
	IMEI         string        `json:"imei,omitempty"`
	Card         string        `json:"card,omitempty"`      // READY, SIM PIN, …
	PINTries     *int          `json:"pin_tries,omitempty"` // absent when the modem does not tell
	ICCID        string        `json:"iccid,omitempty"`
	IMSI         string        `json:"imsi,omitempty"`
	Number       string        `json:"number,omitempty"`
	SMSC         string        `json:"smsc,omitempty"`
	Registration string        `json:"registration"`
	Operator     string        `json:"operator,omitempty"`
	SignalDBm    *int          `json:"signal_dbm,omitempty"`
	Storage      []api.Storage `json:"storage,omitempty"`
	Receive      []string      `json:"receive,omitempty"` // memories that messages can come into
	Read         []string      `json:"read,omitempty"`    // memories that can be read
	Routing      string        `json:"routing,omitempty"` // what AT+CNMI can be set to
	Service      string        `json:"service,omitempty"` // what AT+CSMS can be set to
	Config       string        `json:"config"`            // a section for the configuration file
}

func newModemProbe(c *cli) *cobra.Command {
	baud := modem.Default().Baud
	cmd := &cobra.Command{
		Use:   "probe DEVICE",
		Short: "Ask the modem at a port who it is and how it is",
		Long: "Probe opens a port, asks the modem behind it for its identity, card, network and abilities, and closes the port again: within 30 s, and\n" +
			"without setting anything that the modem keeps. It prints a section for the configuration file. A port that the daemon has is not opened.",
		Annotations: printsJSON("`{\"device\", \"usb\", \"baud\", \"manufacturer\", \"model\", \"imei\", \"card\", \"iccid\", \"registration\", \"signal_dbm\", \"storage\", \"routing\", \"config\", …}`"),
		Args:        cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := modem.Probe(cmd.Context(), args[0], baud, modem.ProbeOptions{})
			var setup *modem.SetupError
			if errors.As(err, &setup) {
				return hintError{fmt.Errorf("probe %s: %w", args[0], err), setup.Hint}
			}
			if wrong, ok := errors.AsType[*modem.ConfigError](err); ok {
				return usagef(wrong.Hint, "%s: %s", wrong.Key, wrong.Reason)
			}
			if err != nil {
				return fmt.Errorf("probe %s: %w", args[0], err)
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), probeView(p))
			}
			return showProbe(cmd.OutOrStdout(), probeView(p))
		},
	}
	cmd.Flags().IntVar(&baud, "baud", baud, "line speed of a real serial port; 0 tries the usual ones")
	return cmd
}

func probeView(p modem.Probed) *probeJSON {
	v := &probeJSON{Device: p.Device, USB: p.USB, Baud: p.Baud, Vendor: p.Vendor, Manufacturer: p.Manufacturer, Model: p.Model, Revision: p.Revision,
		IMEI: p.IMEI, Card: p.Card, ICCID: p.ICCID, IMSI: p.IMSI, Number: p.Number, SMSC: p.SMSC, Registration: p.Registration.String(), Operator: p.Operator,
		Receive: p.Receive, Read: p.Read, Routing: p.Routing, Service: p.Service, Config: sectionFor(p)}
	if p.PINTries >= 0 {
		v.PINTries = &p.PINTries
	}
	if p.SignalDBm != 0 {
		v.SignalDBm = &p.SignalDBm
	}
	for _, s := range p.Storage {
		v.Storage = append(v.Storage, api.Storage{Memory: s.Memory, Used: s.Used, Total: s.Total})
	}
	return v
}

// sectionFor writes the section of a modem as the configuration file takes it.
func sectionFor(p modem.Probed) string {
	var b strings.Builder
	b.WriteString("[modem.desk]\n")
	device := p.Device
	if p.Port.USB != nil && len(p.Port.Links) > 0 && !slices.Contains(p.Port.Links, device) {
		device = p.Port.Stable()
	}
	fmt.Fprintf(&b, "device = %s\n", strconv.Quote(device))
	if p.USB != "" {
		fmt.Fprintf(&b, "# or by its USB socket:       usb = %s\n", strconv.Quote(p.USB))
	}
	if p.IMEI != "" {
		fmt.Fprintf(&b, "# or wherever it is plugged:  imei = %s\n", strconv.Quote(p.IMEI))
	}
	if def := modem.Default().Baud; p.Baud != def && p.Port.USB == nil {
		fmt.Fprintf(&b, "baud = %d\n", p.Baud)
	}
	if strings.HasPrefix(p.Card, "SIM PIN") && p.Card != "SIM PIN2" {
		b.WriteString("pin_file = \"/etc/trunkline/desk.pin\"  # the PIN and nothing else, mode 0600\n")
	}
	if p.Card == "READY" && p.SMSC == "" {
		b.WriteString("smsc = \"+…\"  # the card has none: ask the operator\n")
	}
	return b.String()
}

// showProbe prints one fact on each line, and the section.
func showProbe(w io.Writer, p *probeJSON) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value = oneLine(strings.TrimSpace(value)); value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, value)
		}
	}
	row("port", p.Device)
	row("usb", p.USB)
	row("modem", p.Manufacturer+" "+p.Model)
	row("revision", p.Revision)
	row("treated as", p.Vendor)
	row("imei", p.IMEI)
	card := p.Card
	if p.PINTries != nil {
		card += fmt.Sprintf(", %d PIN tries left", *p.PINTries)
	}
	row("card", card)
	row("iccid", p.ICCID)
	row("imsi", p.IMSI)
	row("number", p.Number)
	row("smsc", p.SMSC)
	row("registration", p.Registration+" "+p.Operator)
	if p.SignalDBm != nil {
		row("signal", fmt.Sprintf("%d dBm", *p.SignalDBm))
	}
	var memories []string
	for _, s := range p.Storage {
		memories = append(memories, fmt.Sprintf("%s %d/%d", s.Memory, s.Used, s.Total))
	}
	row("memories", strings.Join(memories, ", "))
	row("receives into", strings.Join(p.Receive, ", "))
	row("routing", p.Routing)
	row("service", p.Service)
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s", p.Config)
	return err
}
