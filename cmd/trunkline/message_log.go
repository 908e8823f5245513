package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newMessageLog(c *cli) *cobra.Command {
	return group("log", "Export or delete the log of messages", newLogView(c), newLogDelete(c), newLogUsage(c), newLogStatistics(c))
}

func newLogView(c *cli) *cobra.Command {
	var since, until, output string
	cmd := &cobra.Command{
		Use: "view", Short: "Print the log, the oldest first",
		Long: "View prints what was given to a network or refused, and what came in, as a table with semicolons: Date;recipient;sender;message;status;authorized. A field that a\n" +
			"spreadsheet would take for a formula begins with an apostrophe.",
		Example:     "  trunkline message log view --since 2026-11-01T00:00:00Z --output november.csv",
		Annotations: printsJSON("one log entry a line, as `GET /v1/log` answers them"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			from, to, err := stretchOf(since, until)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if output != "" {
				f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if err != nil {
					return err
				}
				defer f.Close()
				out = f
			}
			return c.writeLog(cmd.Context(), out, from, to)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "accepted or received not before, e.g. 2026-11-01T00:00:00Z")
	cmd.Flags().StringVar(&until, "until", "", "accepted or received before")
	cmd.Flags().StringVar(&output, "output", "", "write to this file, which must not exist")
	return cmd
}

func stretchOf(since, until string) (from, to time.Time, err error) {
	if from, err = listTime("since", since); err == nil {
		to, err = listTime("until", until)
	}
	return from, to, err
}

func (c *cli) writeLog(ctx context.Context, out io.Writer, since, until time.Time) error {
	client := c.client()
	defer client.Close()
	table := csv.NewWriter(out)
	table.Comma = ';'
	if !c.json {
		table.Write([]string{"Date", "recipient", "sender", "message", "status", "authorized"})
	}
	for cursor := ""; ; {
		page, err := client.Log(ctx, since, until, true, cursor)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		for _, e := range page.Items {
			if c.json {
				if err := printJSON(out, e); err != nil {
					return err
				}
				continue
			}
			table.Write([]string{e.DateTime.Format(time.RFC3339), cell(e.Recipient), cell(e.Sender), cell(e.RawMessage), e.StatusLabel, fmt.Sprint(e.Authorized)})
		}
		if cursor = page.Next; cursor == "" {
			table.Flush()
			return table.Error()
		}
	}
}

// cell makes a text harmless for spreadsheets and terminals: what begins like a formula begins with an apostrophe, and control characters are escaped.
func cell(s string) string {
	if s = oneLine(s); s != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(s)[0]) && !plainNumber(s) {
		return "'" + s
	}
	return s
}

// plainNumber tells whether a text is a plus sign and digits only, which no spreadsheet calculates with.
func plainNumber(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	return plus && digits != "" && strings.Trim(digits, "0123456789") == ""
}

func newLogDelete(c *cli) *cobra.Command {
	var since, until string
	cmd := &cobra.Command{
		Use: "delete --until TIME", Short: "Delete the messages of a stretch of time",
		Long:        "Delete removes messages that were accepted or received in a stretch of time, for good. Those to which something may still happen stay.",
		Annotations: printsJSON("`{\"deleted\": n}`"), Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, to, err := stretchOf(since, until)
			if err != nil {
				return err
			}
			if to.IsZero() {
				return usagef("for example --until 2026-01-01T00:00:00Z", "--until is needed")
			}
			return show(c, cmd, "delete messages", func(ctx context.Context, client *api.Client) (out api.LogDeleted, err error) {
				out.Deleted, err = client.DeleteLog(ctx, from, to)
				return out, err
			}, func(cmd *cobra.Command, d api.LogDeleted) error {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d messages were deleted\n", d.Deleted)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "accepted or received not before")
	cmd.Flags().StringVar(&until, "until", "", "accepted or received before, e.g. 2026-01-01T00:00:00Z")
	return cmd
}

func newLogUsage(c *cli) *cobra.Command {
	var admin uint64
	cmd := &cobra.Command{Use: "usage", Short: "Tell how much was sent in the window of a quota", Args: cobra.NoArgs, Annotations: printsJSON("usage, as `GET /v1/usage` answers it"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "usage", func(ctx context.Context, client *api.Client) (api.Usage, error) { return client.Usage(ctx, admin) },
				func(cmd *cobra.Command, u api.Usage) error { return showRecord(cmd.OutOrStdout(), u) })
		}}
	cmd.Flags().Uint64Var(&admin, "admin", 0, "of the administrator with this id (default your own)")
	return cmd
}

func newLogStatistics(c *cli) *cobra.Command {
	var admin uint64
	var year int
	cmd := &cobra.Command{Use: "statistics", Short: "Tell how many parts were sent in each month of a year", Args: cobra.NoArgs, Annotations: printsJSON("statistics, as `GET /v1/statistics` answers them"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "statistics", func(ctx context.Context, client *api.Client) (api.Statistics, error) {
				return client.Statistics(ctx, admin, year)
			},
				func(cmd *cobra.Command, s api.Statistics) error {
					for _, m := range s.Objects {
						if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%d %s %d\n", s.Year, m.Month, m.Value); err != nil {
							return err
						}
					}
					return nil
				})
		}}
	cmd.Flags().Uint64Var(&admin, "admin", 0, "of the administrator with this id (default all, for those who may see them)")
	cmd.Flags().IntVar(&year, "year", 0, "of this year (default the present one)")
	return cmd
}
