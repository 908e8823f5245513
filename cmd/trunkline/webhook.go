package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newWebhookCommand(c *cli) *cobra.Command {
	return group("webhook", "Have events delivered to URLs", newWebhookAdd(c), newWebhookList(c), newWebhookShow(c), newWebhookEdit(c), newWebhookSecret(c),
		newWebhookPause(c), newWebhookResume(c), newWebhookTest(c), newWebhookDeliveries(c), newWebhookReplay(c), newWebhookRemove(c), newWebhookRestore(c))
}

func newWebhookAdd(c *cli) *cobra.Command {
	var r api.WebhookRequest
	cmd := &cobra.Command{
		Use:   "add URL",
		Short: "Make an endpoint and print its secret",
		Long: "Add makes an endpoint that is told of what happens from now on. Its secret is printed once and never again: give it to the receiver, which verifies\n" +
			"with it that requests come from here. URL begins with https://; http:// is for networks of webhook.allow_networks. For administrators.",
		Example:     "  trunkline webhook add https://example.com/hook --type 'message.*' --description billing",
		Annotations: printsJSON("a webhook, with its `secret`"),
		Args:        cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.URL = args[0]
			return c.withWebhook(cmd, "add webhook", func(ctx context.Context, client *api.Client) (api.Webhook, error) { return client.AddWebhook(ctx, r) }, tellSecret)
		},
	}
	cmd.Flags().StringArrayVar(&r.Types, "type", nil, "only events of this type, or with this beginning, such as \"message.*\"; may be given again (default all)")
	cmd.Flags().StringVar(&r.Description, "description", "", "what it is for")
	complete(cmd, "type", cobra.FixedCompletions([]string{"message.*", "message.received", "message.delivered", "part.*", "modem.*", "call.*", "webhook.*"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// tellSecret prints an endpoint that has just got a secret.
func tellSecret(cmd *cobra.Command, w api.Webhook) error {
	fmt.Fprintln(cmd.ErrOrStderr(), "The secret is shown this once:")
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "id      %s\nsecret  %s\n", w.ID, w.Secret)
	return err
}

// tellState prints an endpoint of which something was changed.
func tellState(cmd *cobra.Command, w api.Webhook) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", w.ID, w.State)
	return err
}

// withWebhook does something that returns an endpoint, and prints it.
func (c *cli) withWebhook(cmd *cobra.Command, what string, do func(context.Context, *api.Client) (api.Webhook, error), tell func(*cobra.Command, api.Webhook) error) error {
	client := c.client()
	defer client.Close()
	w, err := do(cmd.Context(), client)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if c.json {
		return printJSON(cmd.OutOrStdout(), w)
	}
	return tell(cmd, w)
}

// webhookVerb makes a verb that takes the id of an endpoint.
func (c *cli) webhookVerb(use, short, long string, do func(ctx context.Context, client *api.Client, id string) (api.Webhook, error), tell func(*cobra.Command, api.Webhook) error) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	return &cobra.Command{
		Use:               use,
		Short:             short,
		Long:              long,
		Annotations:       printsJSON("a webhook"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeWebhooks,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withWebhook(cmd, name+" webhook", func(ctx context.Context, client *api.Client) (api.Webhook, error) { return do(ctx, client, args[0]) }, tell)
		},
	}
}

func newWebhookList(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:         "list",
		Short:       "List the endpoints and how they are",
		Annotations: printsJSON("`{\"items\": [webhook, …]}`"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := c.client()
			defer client.Close()
			all, err := client.Webhooks(cmd.Context())
			if err != nil {
				return fmt.Errorf("list webhooks: %w", err)
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), api.WebhookList{Items: all})
			}
			if len(all) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are no webhooks; make one with trunkline webhook add URL")
				return err
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "ID\tSTATE\tBEHIND\tPENDING\tTYPES\tURL\tDESCRIPTION")
			for _, w := range all {
				fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n", w.ID, w.State, w.Behind, w.Pending, typesOf(w), oneLine(w.URL), oneLine(w.Description))
			}
			return t.Flush()
		},
	}
}

func typesOf(w api.Webhook) string {
	if len(w.Types) == 0 {
		return "all"
	}
	return oneLine(strings.Join(w.Types, ","))
}

func newWebhookShow(c *cli) *cobra.Command {
	return c.webhookVerb("show ID", "Show all that is known about an endpoint", "", func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
		return client.Webhook(ctx, id)
	}, func(cmd *cobra.Command, w api.Webhook) error { return showWebhook(cmd.OutOrStdout(), w) })
}

// showWebhook prints every field that an endpoint has.
func showWebhook(out io.Writer, w api.Webhook) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, oneLine(value))
		}
	}
	row("id", w.ID)
	row("url", w.URL)
	row("description", w.Description)
	row("types", typesOf(w))
	row("state", w.State)
	if w.Pause != nil {
		row("paused", clock(w.PausedAt)+" "+w.Pause.Code+": "+w.Pause.Text)
	}
	row("archived", clock(w.ArchivedAt))
	row("failing since", clock(w.FailingSince))
	row("position", fmt.Sprintf("event %d, %d behind", w.Position, w.Behind))
	row("pending", strconv.Itoa(w.Pending))
	for i, s := range w.Secrets {
		text := "of " + clock(s.CreatedAt)
		if !s.ExpiresAt.IsZero() {
			text += ", until " + clock(s.ExpiresAt)
		}
		row(fmt.Sprintf("secret %d", i+1), text)
	}
	row("created", clock(w.CreatedAt))
	row("changed", clock(w.UpdatedAt))
	return t.Flush()
}

func newWebhookEdit(c *cli) *cobra.Command {
	var url, description string
	var types []string
	cmd := c.webhookVerb("edit ID", "Change an endpoint", "Edit changes what its flags name; all else stays.", nil, nil)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var r api.WebhookChange
		f := cmd.Flags()
		if f.Changed("url") {
			r.URL = &url
		}
		if f.Changed("description") {
			r.Description = &description
		}
		if f.Changed("type") {
			if len(types) == 1 && types[0] == "" {
				types = []string{}
			}
			r.Types = &types
		}
		if r == (api.WebhookChange{}) {
			return usagef("name what to change: --url, --description, --type", "nothing to change")
		}
		return c.withWebhook(cmd, "edit webhook", func(ctx context.Context, client *api.Client) (api.Webhook, error) {
			return client.EditWebhook(ctx, args[0], r)
		}, tellState)
	}
	cmd.Flags().StringVar(&url, "url", "", "new URL")
	cmd.Flags().StringVar(&description, "description", "", "what it is for")
	cmd.Flags().StringArrayVar(&types, "type", nil, "only events of this type, instead of those before; may be given again, empty is all")
	return cmd
}

func newWebhookSecret(c *cli) *cobra.Command {
	overlap := 24 * time.Hour
	cmd := c.webhookVerb("secret ID", "Make a new secret and print it",
		"Secret replaces the secret of an endpoint. The one before is used beside it for a while, so that the receiver can change in peace. The new one is printed\nonce and never again.",
		func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
			return client.RotateSecret(ctx, id, overlap)
		}, tellSecret)
	cmd.Flags().DurationVar(&overlap, "overlap", overlap, "for so long the secret before is used too; at most 720h")
	cmd.Annotations = printsJSON("a webhook, with its new `secret`")
	return cmd
}

func newWebhookPause(c *cli) *cobra.Command {
	return c.webhookVerb("pause ID", "Stop deliveries to an endpoint", "What happens meanwhile waits in the event feed, for store.events_keep.",
		func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
			return client.PauseWebhook(ctx, id)
		}, tellState)
}

func newWebhookResume(c *cli) *cobra.Command {
	var r api.ResumeRequest
	cmd := c.webhookVerb("resume ID", "Take deliveries up again where they stopped", "", func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
		return client.ResumeWebhook(ctx, id, r)
	}, tellState)
	cmd.Flags().BoolVar(&r.Skip, "skip", false, "go on with what happens from now on instead")
	return cmd
}

func newWebhookTest(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:               "test ID",
		Short:             "Send an event webhook.test and print what came of it",
		Annotations:       printsJSON("`{\"at\", \"seconds\", \"status\", \"error\", \"answer\"}`"),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeWebhooks,
		RunE: func(cmd *cobra.Command, args []string) error {
			client := c.client()
			defer client.Close()
			t, err := client.TestWebhook(cmd.Context(), args[0])
			if err != nil {
				return fmt.Errorf("test webhook: %w", err)
			}
			if c.json {
				err = printJSON(cmd.OutOrStdout(), t)
			} else {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), tryLine(t))
			}
			if err == nil && t.Error != "" {
				err = shownError{errors.New(t.Error)}
			}
			return err
		},
	}
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

func newWebhookDeliveries(c *cli) *cobra.Command {
	var q api.DeliveryQuery
	cmd := &cobra.Command{
		Use:               "deliveries ID [EVENT]",
		Short:             "List deliveries to an endpoint, or show that of one event",
		Annotations:       printsJSON("`{\"items\": [delivery, …], \"next\": cursor}`, or one delivery"),
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.completeWebhooks,
		RunE: func(cmd *cobra.Command, args []string) error {
			client := c.client()
			defer client.Close()
			if len(args) == 2 {
				return c.showDelivery(cmd, client, args[0], args[1])
			}
			page, err := client.Deliveries(cmd.Context(), args[0], q)
			if err != nil {
				return fmt.Errorf("list deliveries: %w", err)
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), page)
			}
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
		},
	}
	cmd.Flags().StringVar(&q.State, "state", "", "only pending, delivered or dead")
	cmd.Flags().IntVar(&q.Limit, "limit", 50, "at most so many")
	cmd.Flags().StringVar(&q.Cursor, "cursor", "", "go on after the page that gave this cursor")
	complete(cmd, "state", cobra.FixedCompletions([]string{"pending", "delivered", "dead"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) showDelivery(cmd *cobra.Command, client *api.Client, id, event string) error {
	seq, err := eventNumber(event)
	if err != nil {
		return err
	}
	d, err := client.Delivery(cmd.Context(), id, seq)
	if err != nil {
		return fmt.Errorf("show delivery: %w", err)
	}
	out := cmd.OutOrStdout()
	if c.json {
		return printJSON(out, d)
	}
	fmt.Fprintf(out, "event %d (%s) of %s, webhook-id %s: %s after %d tries\n", d.Event, oneLine(d.Type), clock(d.At), d.WebhookID, d.State, d.Tries)
	if !d.NextAt.IsZero() {
		fmt.Fprintf(out, "next try %s\n", clock(d.NextAt))
	}
	for _, t := range d.Log {
		fmt.Fprintln(out, tryLine(t))
	}
	return nil
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
			client := c.client()
			defer client.Close()
			out, err := client.ReplayWebhook(cmd.Context(), args[0], r)
			if err != nil {
				return fmt.Errorf("replay: %w", err)
			}
			if c.json {
				return printJSON(cmd.OutOrStdout(), out)
			}
			if since != "" {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d events are looked at once more\n", out.Webhook.Behind)
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d deliveries are made once more\n", out.Deliveries)
			return err
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

func newWebhookRemove(c *cli) *cobra.Command {
	var purge bool
	cmd := c.webhookVerb("remove ID", "End deliveries to an endpoint",
		"Remove archives an endpoint: it gets nothing any more, its records are kept, and restore brings it back. With --purge it and its deliveries are gone for good.",
		func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
			w, err := client.ArchiveWebhook(ctx, id)
			if err == nil && purge {
				if w, err = client.PurgeWebhook(ctx, id); err == nil {
					w.State = "purged"
				}
			}
			return w, err
		}, tellState)
	cmd.Flags().BoolVar(&purge, "purge", false, "remove it and its deliveries for good")
	return cmd
}

func newWebhookRestore(c *cli) *cobra.Command {
	return c.webhookVerb("restore ID", "Bring back an endpoint that was removed, paused", "", func(ctx context.Context, client *api.Client, id string) (api.Webhook, error) {
		return client.RestoreWebhook(ctx, id)
	}, tellState)
}

// completeWebhooks offers the ids of the endpoints.
func (c *cli) completeWebhooks(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	client := c.client()
	defer client.Close()
	all, err := client.Webhooks(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, w := range all {
		ids = append(ids, cobra.CompletionWithDesc(w.ID, oneLine(w.State+" "+w.URL)))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
