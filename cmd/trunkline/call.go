package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newCallCommand(c *cli) *cobra.Command {
	var r api.CallRequest
	var ring, talk time.Duration
	var wait bool
	cmd := &cobra.Command{
		Use:   "call NUMBER",
		Short: "Place a call, as for an alarm, and list or end calls",
		Long: "Call has a modem call a number: it rings, presses keys when it is answered, and is hung up. Nothing is said: the ringing is the message. With --wait the\n" +
			"exit code is 0 only when somebody answered. Numbers of emergency and expensive services are not called. It is for administrators.",
		Example:           "  trunkline call +4915112345678 --ring 45s --wait",
		Annotations:       printsJSON("the record of the call; with --wait as it is when the call has ended"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.To, r.RingFor, r.TalkFor = args[0], api.Duration(ring), api.Duration(talk)
			missed := false
			err := show(c, cmd, "call "+args[0], func(ctx context.Context, client *api.Client) (api.CDR, error) {
				k, err := client.PlaceCall(ctx, r)
				if err == nil && wait {
					k, err = untilCallEnds(ctx, client, k)
					missed = k.Outcome != "answered"
				}
				return k, err
			}, func(cmd *cobra.Command, k api.CDR) error {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", k.ID, cmp.Or(k.Outcome, "placed"))
				return err
			})
			if err == nil && missed {
				return errors.New("nobody answered the call")
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Trunk, "trunk", "", "only through this trunk; else the first that is free")
	f.DurationVar(&ring, "ring", 30*time.Second, "give up when nobody answers within, 5s to 2m")
	f.DurationVar(&talk, "talk", 10*time.Second, "hang up so long after the answer, 1s to 10m")
	f.StringVar(&r.Keys, "keys", "", "keys to press when it is answered: 0-9, *, #, A-D")
	f.BoolVar(&wait, "wait", false, "wait for the end of the call")
	complete(cmd, "trunk", c.completeTrunks)
	cmd.AddCommand(newCallList(c), newCallEnd(c), newCallDiversions(c))
	return cmd
}

// callLook is the time between two questions whether a call has ended.
const callLook = time.Second

// untilCallEnds returns the record of a call when it has ended.
func untilCallEnds(ctx context.Context, client *api.Client, k api.CDR) (api.CDR, error) {
	for k.EndedAt.IsZero() {
		select {
		case <-ctx.Done():
			return k, ctx.Err()
		case <-time.After(callLook):
		}
		var err error
		if k, err = client.CDR(ctx, k.ID); err != nil {
			return k, err
		}
	}
	return k, nil
}

func newCallList(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:         "list",
		Short:       "List the calls that last",
		Annotations: printsJSON("`{\"items\": [record, …]}`"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "list calls", func(ctx context.Context, client *api.Client) (api.CDRList, error) { return client.Calls(ctx) },
				func(cmd *cobra.Command, l api.CDRList) error { return listCDRs(cmd.OutOrStdout(), l.Items) })
		},
	}
}

func newCallEnd(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "end ID",
		Short:             "End a call; one that rings is refused",
		Annotations:       printsJSON("the record of the call as it was before"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "end call", func(ctx context.Context, client *api.Client) (api.CDR, error) { return client.HangUp(ctx, args[0]) },
				func(cmd *cobra.Command, k api.CDR) error {
					_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is being ended\n", k.ID)
					return err
				})
		},
	}
}

func newCallDiversions(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:         "diversions",
		Short:       "Show where the network passes calls on to, and where it should",
		Annotations: printsJSON("a list of diversions"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "show diversions", func(ctx context.Context, client *api.Client) ([]api.Diversion, error) { return client.Diversions(ctx) },
				func(cmd *cobra.Command, all []api.Diversion) error { return listDiversions(cmd.OutOrStdout(), all) })
		},
	}
}

func listDiversions(w io.Writer, all []api.Diversion) error {
	if len(all) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TRUNK\tWHEN\tWANTED\tACTUAL\tCHECKED\tPROBLEM")
	for _, d := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", d.Trunk, d.When, cmp.Or(oneLine(d.Wanted), "-"), cmp.Or(oneLine(d.Actual), "-"), cmp.Or(clock(d.CheckedAt), "-"), oneLine(d.Problem))
	}
	return t.Flush()
}
