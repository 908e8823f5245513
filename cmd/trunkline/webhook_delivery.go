package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newWebhookDeliveries(c *cli) *cobra.Command {
	var q api.DeliveryQuery
	cmd := &cobra.Command{
		Use:               "deliveries ID [EVENT]",
		Short:             "List deliveries to an endpoint, or show that of one event",
		Annotations:       printsJSON("`{\"items\": [delivery, …], \"next\": cursor}`, or one delivery"),
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.completeWebhooks,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return show(c, cmd, "list deliveries", func(ctx context.Context, client *api.Client) (api.DeliveryList, error) {
					return client.Deliveries(ctx, args[0], q)
				}, listDeliveries)
			}
			event, err := eventNumber(args[1])
			if err != nil {
				return err
			}
			return show(c, cmd, "show delivery", func(ctx context.Context, client *api.Client) (api.Delivery, error) {
				return client.Delivery(ctx, args[0], event)
			}, showDelivery)
		},
	}
	cmd.Flags().StringVar(&q.State, "state", "", "only pending, delivered or dead")
	cmd.Flags().IntVar(&q.Limit, "limit", 50, "at most so many")
	cmd.Flags().StringVar(&q.Cursor, "cursor", "", "go on after the page that gave this cursor")
	complete(cmd, "state", cobra.FixedCompletions([]string{"pending", "delivered", "dead"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// listDeliveries prints one line for each delivery.
func listDeliveries(cmd *cobra.Command, page api.DeliveryList) error {
	if len(page.Items) > 0 {
		t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "EVENT\tTYPE\tHAPPENED\tSTATE\tTRIES\tLAST")
		for _, d := range page.Items {
			last := ""
			if n := len(d.Log); n > 0 {
				last = strconv.Itoa(d.Log[n-1].Status) + " " + d.Log[n-1].Error
			}
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%s\n", d.Event, d.Type, clock(d.At), d.State, d.Tries, oneLine(last))
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if page.Next != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "more: --cursor %s\n", page.Next)
	}
	return nil
}

// showDelivery prints all tries of a delivery.
func showDelivery(cmd *cobra.Command, d api.Delivery) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "event %d (%s) of %s, webhook-id %s: %s after %d tries\n", d.Event, oneLine(d.Type), clock(d.At), d.WebhookID, d.State, d.Tries)
	if !d.NextAt.IsZero() {
		fmt.Fprintf(out, "next try %s\n", clock(d.NextAt))
	}
	for _, t := range d.Log {
		fmt.Fprintln(out, tryLine(t))
	}
	return nil
}

// tryLine tells of a request in one line.
func tryLine(t api.DeliveryTry) string {
	line := fmt.Sprintf("%s  %.3fs  %d", clock(t.At), t.Seconds, t.Status)
	if t.Error != "" {
		line += "  " + t.Error
	}
	if answer := strings.TrimSpace(t.Answer); answer != "" {
		line += "  " + answer
	}
	return oneLine(line)
}

func eventNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 {
		return 0, usagef("events are numbered; webhook deliveries and message watch --json show the numbers", "%q is no number of an event", s)
	}
	return n, nil
}

func newWebhookReplay(c *cli) *cobra.Command {
	var since string
	var dead bool
	cmd := &cobra.Command{
		Use:   "replay ID [EVENT]",
		Short: "Deliver once more: one event, everything since a time, or what was given up",
		Example: "  trunkline webhook replay ID 4711\n" +
			"  trunkline webhook replay ID --since 2h\n" +
			"  trunkline webhook replay ID --dead",
		Annotations:       printsJSON("`{\"deliveries\", \"webhook\"}`"),
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.completeWebhooks,
		RunE: func(cmd *cobra.Command, args []string) error {
			r := api.ReplayRequest{Dead: dead}
			if since != "" {
				at, err := pastTime(since, time.Now())
				if err != nil {
					return err
				}
				r.Since = at.UTC().Format(time.RFC3339)
			}
			if len(args) == 2 {
				var err error
				if r.Event, err = eventNumber(args[1]); err != nil {
					return err
				}
			}
			if given := len(args) - 1 + map[bool]int{true: 1}[dead] + map[bool]int{true: 1}[since != ""]; given != 1 {
				return usagef("one of: EVENT, --since, --dead", "what to deliver once more is not clear")
			}
			return show(c, cmd, "replay", func(ctx context.Context, client *api.Client) (api.ReplayResponse, error) {
				return client.ReplayWebhook(ctx, args[0], r)
			},
				func(cmd *cobra.Command, r api.ReplayResponse) (err error) {
					if since != "" {
						_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d events are looked at once more\n", r.Webhook.Behind)
					} else {
						_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d deliveries are made once more\n", r.Deliveries)
					}
					return err
				})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "everything since a time (RFC 3339) or for a while back, such as 2h")
	cmd.Flags().BoolVar(&dead, "dead", false, "everything that was given up")
	return cmd
}

// pastTime reads a time, or how long ago it was.
func pastTime(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return at, usagef("write 2h, or 2026-12-24T18:00:00Z", "%q is neither a time nor how long ago it was", s)
	}
	return at, nil
}
