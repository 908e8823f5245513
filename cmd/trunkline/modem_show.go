package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newModemShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Show all that is known of one modem",
		Annotations:       printsJSON("modem"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeTrunks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "show modem "+args[0], func(ctx context.Context, client *api.Client) (api.Modem, error) { return client.Modem(ctx, args[0]) },
				func(cmd *cobra.Command, m api.Modem) error { return showModem(cmd.OutOrStdout(), m) })
		},
	}
}

// showModem prints one line for each thing that is known.
func showModem(w io.Writer, m api.Modem) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, oneLine(value))
		}
	}
	dbm := func(name string, v int) {
		if v != 0 {
			row(name, strconv.Itoa(v)+" dBm")
		}
	}
	clock := func(name string, v time.Time) {
		if !v.IsZero() {
			row(name, v.Local().Format(time.RFC3339))
		}
	}
	tries := func(name string, v *int) {
		if v != nil {
			row(name, strconv.Itoa(*v))
		}
	}
	row("name", m.Name)
	row("state", m.State)
	row("reason", m.Reason)
	row("hint", m.Hint)
	row("device", m.Device)
	row("make", strings.TrimSpace(m.Manufacturer+" "+m.Model))
	row("firmware", m.Revision)
	row("IMEI", m.IMEI)
	row("IMSI", m.IMSI)
	row("ICCID", m.ICCID)
	row("SMSC", m.SMSC)
	row("operator", m.Operator)
	registration := m.Registration
	if m.Roaming {
		registration += " (roaming)"
	}
	row("registration", registration)
	row("network", m.Network)
	row("domain", m.Domain)
	if m.SignalDBm != nil {
		dbm("signal", *m.SignalDBm)
	}
	if q := m.Quality; q != nil {
		dbm("RXLEV", q.RxLevelDBm)
		dbm("RSCP", q.RSCPDBm)
		dbm("RSRP", q.RSRPDBm)
		if q.EcNoDB != 0 {
			row("Ec/No", fmt.Sprintf("%.1f dB", q.EcNoDB))
		}
		if q.RSRQDB != 0 {
			row("RSRQ", fmt.Sprintf("%.1f dB", q.RSRQDB))
		}
	}
	for _, s := range m.Storage {
		row("storage "+oneLine(s.Memory), fmt.Sprintf("%d of %d", s.Used, s.Total))
	}
	tries("PIN tries left", m.PINTries)
	tries("PUK tries left", m.PUKTries)
	if m.Balance != nil {
		row("balance", strconv.FormatFloat(*m.Balance, 'f', 2, 64))
		clock("balance asked", m.BalanceAt)
	}
	for _, k := range m.Calls {
		row("call", strings.TrimSpace(k.Direction+" "+k.State+" "+k.Caller+" "+k.Number))
	}
	row("opened", strconv.FormatUint(m.Opens, 10)+" times")
	row("restarted", strconv.Itoa(m.Restarts)+" times within the hour")
	clock("last answer", m.LastAnswer)
	clock("last received", m.LastReceived)
	return t.Flush()
}
