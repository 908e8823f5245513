package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/modem/ports"
)

func newModemCommand(c *cli) *cobra.Command {
	return group("modem", "Look at the modems and work on them", newModemList(c), newModemScan(c, ports.Roots{}), newModemProbe(c),
		newModemShow(c), newModemUSSD(c), newModemAT(c), newModemUnlock(c))
}

func newModemList(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:         "list",
		Short:       "List the modems and how they are",
		Annotations: printsJSON("`{\"items\": [modem, …]}`"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "list modems", func(ctx context.Context, client *api.Client) (l api.ModemList, err error) {
				l.Items, err = client.Modems(ctx)
				return l, err
			}, func(cmd *cobra.Command, l api.ModemList) error { return listModems(cmd.OutOrStdout(), l.Items) })
		},
	}
}

// listModems prints one line for each modem, and below the table what is remarkable about some and why others are not ready.
func listModems(w io.Writer, modems []api.Modem) error {
	if len(modems) == 0 {
		_, err := fmt.Fprintln(w, "no modems are configured")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tSTATE\tOPERATOR\tREGISTRATION\tSIGNAL\tSTORAGE\tMODEL\tDEVICE")
	for _, m := range modems {
		signal := ""
		if m.SignalDBm != nil {
			signal = fmt.Sprintf("%d dBm", *m.SignalDBm)
		}
		var storage []string
		for _, s := range m.Storage {
			storage = append(storage, fmt.Sprintf("%s %d/%d", s.Memory, s.Used, s.Total))
		}
		row := []string{m.Name, m.State, m.Operator, m.Registration, signal, strings.Join(storage, ", "), strings.TrimSpace(m.Manufacturer + " " + m.Model), m.Device}
		for i := range row {
			row[i] = oneLine(row[i])
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, m := range modems {
		if m.Note != "" {
			if _, err := fmt.Fprintln(w, oneLine(m.Name+": "+m.Note)); err != nil {
				return err
			}
		}
		if m.Reason == "" {
			continue
		}
		line := fmt.Sprintf("%s: %s", m.Name, m.Reason)
		if m.Hint != "" {
			line += " (" + m.Hint + ")"
		}
		if _, err := fmt.Fprintln(w, oneLine(line)); err != nil {
			return err
		}
	}
	return nil
}
