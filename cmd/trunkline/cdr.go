package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newCDRCommand(c *cli) *cobra.Command {
	return group("cdr", "List, show and export the records of calls", newCDRList(c), newCDRShow(c), newCDRExport(c))
}

// cdrFlags adds the flags that choose records. The times are read by the function that is returned.
func (c *cli) cdrFlags(cmd *cobra.Command, q *api.CDRQuery) (times func() error) {
	var since, until string
	f := cmd.Flags()
	f.StringVar(&q.Kind, "kind", "", "only voice or sms")
	f.StringVar(&q.Direction, "direction", "", "only in or out")
	f.StringVar(&q.Provider, "provider", "", "only of this service provider")
	f.StringVar(&q.Subscriber, "subscriber", "", "only of this subscriber")
	f.StringVar(&q.Trunk, "trunk", "", "only of this trunk")
	f.StringVar(&q.Number, "number", "", "only with this number on the other side")
	f.StringVar(&q.Plan, "plan", "", "only those that this call plan decided")
	f.StringVar(&q.Outcome, "outcome", "", "only those that ended so: answered, missed, rejected, passed_on, busy, no_answer, failed, lost")
	f.StringVar(&since, "since", "", "only from this time on: 2026-12-24T18:00:00Z, or as long ago as 24h")
	f.StringVar(&until, "until", "", "only before this time")
	complete(cmd, "trunk", c.completeTrunks)
	complete(cmd, "kind", cobra.FixedCompletions([]string{"voice", "sms"}, cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "direction", cobra.FixedCompletions([]string{"in", "out"}, cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "outcome", cobra.FixedCompletions([]string{"answered", "missed", "rejected", "passed_on", "busy", "no_answer", "failed", "lost"}, cobra.ShellCompDirectiveNoFileComp))
	return func() (err error) {
		if q.Since, err = listTime("since", since); err != nil {
			return err
		}
		q.Until, err = listTime("until", until)
		return err
	}
}

func newCDRList(c *cli) *cobra.Command {
	var q api.CDRQuery
	var times func() error
	cmd := &cobra.Command{
		Use:         "list",
		Short:       "List records of calls, the newest first",
		Annotations: printsJSON("`{\"items\": [record, …], \"next\": cursor}`; `next` is absent on the last page"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := times(); err != nil {
				return err
			}
			return show(c, cmd, "list records of calls", func(ctx context.Context, client *api.Client) (api.CDRList, error) { return client.CDRs(ctx, q) },
				func(cmd *cobra.Command, page api.CDRList) error {
					err := listCDRs(cmd.OutOrStdout(), page.Items)
					if err == nil && page.Next != "" {
						_, err = fmt.Fprintf(cmd.ErrOrStderr(), "more: --cursor %s\n", page.Next)
					}
					return err
				})
		},
	}
	times = c.cdrFlags(cmd, &q)
	f := cmd.Flags()
	f.IntVar(&q.Limit, "limit", 50, "at most so many")
	f.StringVar(&q.Cursor, "cursor", "", "go on after the page that gave this cursor")
	f.BoolVar(&q.Ascending, "ascending", false, "the oldest first")
	return cmd
}

func newCDRShow(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "show ID",
		Short:             "Show all that is known of a call",
		Annotations:       printsJSON("a record"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "show record of a call", func(ctx context.Context, client *api.Client) (api.CDR, error) { return client.CDR(ctx, args[0]) },
				func(cmd *cobra.Command, k api.CDR) error { return showCDR(cmd.OutOrStdout(), k) })
		},
	}
}

func newCDRExport(c *cli) *cobra.Command {
	var q api.CDRQuery
	var columns, output string
	var times func() error
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write records of calls as CSV, the oldest first",
		Long: "Export writes the seven columns of Easy 0: Service Provider Name, Subscriber Name, CDR ID, Start Time, End Time, Additional Data, Events. With --columns all\n" +
			"what else is known follows them. Times are in UTC. A field that a spreadsheet would take for a formula begins with an apostrophe.",
		Example: "  trunkline cdr export --since 720h --output calls.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := times(); err != nil {
				return err
			}
			client := c.client()
			defer client.Close()
			if output == "" || output == "-" {
				return exportCDRs(cmd.Context(), client, q, columns, cmd.OutOrStdout())
			}
			// It appears under its name only when it is whole.
			file, err := os.CreateTemp(filepath.Dir(output), ".cdr-*")
			if err != nil {
				return fmt.Errorf("write %s: %w", output, err)
			}
			defer os.Remove(file.Name())
			if err := errors.Join(exportCDRs(cmd.Context(), client, q, columns, file), file.Sync(), file.Close()); err != nil {
				return err
			}
			return os.Rename(file.Name(), output)
		},
	}
	times = c.cdrFlags(cmd, &q)
	cmd.Flags().StringVar(&columns, "columns", api.ColumnsEasy0, "easy0 or all")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write; else standard output")
	complete(cmd, "columns", cobra.FixedCompletions([]string{api.ColumnsEasy0, api.ColumnsAll}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func exportCDRs(ctx context.Context, client *api.Client, q api.CDRQuery, columns string, w io.Writer) error {
	if err := client.ExportCDRs(ctx, q, columns, w); err != nil {
		return fmt.Errorf("export records of calls: %w", err)
	}
	return nil
}

// listCDRs prints one line for each record.
func listCDRs(w io.Writer, all []api.CDR) error {
	if len(all) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tTIME\tDIRECTION\tOUTCOME\tNUMBER\tTRUNK\tTALK\tDECISION")
	for _, k := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, clock(k.StartedAt), k.Direction, cmp.Or(k.Outcome, "lasts"), otherSide(k), k.Trunk, lasted(k.Seconds), decisionOf(k))
	}
	return t.Flush()
}

// otherSide is the number of the other side, or why there is none.
func otherSide(k api.CDR) string {
	switch {
	case k.Number != "":
		return oneLine(k.Number)
	case k.Withheld:
		return "withheld"
	}
	return "unknown"
}

func lasted(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// decisionOf tells in a few words what a plan said, "" when none did.
func decisionOf(k api.CDR) string {
	d := k.Decision
	switch {
	case d == nil:
		return ""
	case d.Plan == "":
		return d.Treatment + " (no rule matches)"
	}
	return oneLine(fmt.Sprintf("%s (%s by %s of %s)", d.Treatment, d.Action, cmp.Or(d.Label, d.Rule), d.Plan))
}

// showCDR prints every field that a record has, then its events.
func showCDR(w io.Writer, k api.CDR) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, oneLine(value))
		}
	}
	row("id", k.ID)
	row("kind", k.Kind)
	row("direction", k.Direction)
	row("outcome", cmp.Or(k.Outcome, "lasts"))
	row("cause", k.Cause)
	row("number", otherSide(k))
	row("line", k.Line)
	row("trunk", k.Trunk)
	row("provider", k.Provider)
	row("subscriber", k.Subscriber)
	row("account", k.Account)
	row("message", k.MessageID)
	row("started", clock(k.StartedAt))
	row("answered", clock(k.AnsweredAt))
	row("ended", clock(k.EndedAt))
	if k.Seconds > 0 {
		row("talk", lasted(k.Seconds))
	}
	row("decision", decisionOf(k))
	if d := k.Decision; d != nil && d.Version > 0 {
		row("rule", fmt.Sprintf("%s of version %d", d.Rule, d.Version))
	}
	if r := k.Reply; r != nil {
		row("written back", cmp.Or(r.MessageID, "no: "+cmp.Or(r.Refused, "the daemon ended meanwhile")))
	}
	for _, e := range k.Events {
		row(clock(e.At), e.Name+" "+e.Detail)
	}
	return t.Flush()
}
