package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newInboxCommand(c *cli) *cobra.Command {
	q := api.MessageQuery{Direction: "in"}
	var follow bool
	cmd := &cobra.Command{
		Use:   "inbox",
		Short: "Show received messages",
		Long: "Inbox prints the newest received messages, the latest last. With --follow it goes on printing what comes in, and takes up where it was after the\n" +
			"daemon restarted.",
		Annotations: printsJSON("`{\"items\": [message, …], \"next\": cursor}`, the latest last; with --follow one message on each line"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client := c.client()
			defer client.Close()
			box := inbox{client: client, query: q, out: cmd.OutOrStdout(), json: c.json}
			if follow {
				return box.follow(cmd.Context(), cmd.ErrOrStderr())
			}
			return box.list(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on with what comes in, until interrupted")
	f.IntVar(&q.Limit, "limit", 20, "at most so many of those that are there, 1 to 1000")
	f.StringVar(&q.Trunk, "trunk", "", "only those that came in through this trunk")
	f.StringVar(&q.Number, "number", "", "only those from this number")
	complete(cmd, "trunk", c.completeTrunks)
	return cmd
}

// inbox prints received messages.
type inbox struct {
	client *api.Client
	query  api.MessageQuery
	out    io.Writer
	json   bool
}

// page returns the newest messages, the latest last.
func (b inbox) page(ctx context.Context) (api.MessageList, error) {
	page, err := b.client.Messages(ctx, b.query)
	if err != nil {
		return page, fmt.Errorf("list received messages: %w", err)
	}
	slices.Reverse(page.Items)
	return page, nil
}

// list prints what is there.
func (b inbox) list(ctx context.Context) error {
	page, err := b.page(ctx)
	if err != nil {
		return err
	}
	if b.json {
		return printJSON(b.out, page)
	}
	for _, m := range page.Items {
		if err := b.print(m); err != nil {
			return err
		}
	}
	return nil
}

// follow prints what is there and then what comes in, until ctx ends, which is no failure. Connections that break are told on notices and made anew.
func (b inbox) follow(ctx context.Context, notices io.Writer) error {
	var failure error
	shown := map[string]bool{} // of the list: the feed may tell of them again
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	line := connection{notices: notices}
	list := func() {
		if first := line.opened(); !first {
			return
		}
		page, err := b.page(ctx)
		failure = err
		for _, m := range page.Items {
			shown[m.ID] = true
			failure = errors.Join(failure, b.print(m))
		}
		if failure != nil {
			cancel()
		}
	}
	for e, err := range b.client.Follow(ctx, api.FromNow, list) {
		if failure != nil {
			return failure
		}
		if err := line.broken(err); err != nil {
			return err
		}
		m := e.Message
		if err != nil || e.Type != "message.received" || m == nil || shown[m.ID] || b.query.Trunk != "" && m.Trunk != b.query.Trunk ||
			b.query.Number != "" && m.From != b.query.Number {
			continue
		}
		if err := b.print(*m); err != nil {
			return err
		}
	}
	return failure
}

// print writes one message: a line about it, and its text indented.
func (b inbox) print(m api.Message) error {
	if b.json {
		return printJSON(b.out, m)
	}
	from := m.From
	if from == "" {
		from = "unknown sender"
	}
	note := ""
	switch {
	case m.DuplicateOf != "":
		note = " (again)"
	case m.Incomplete:
		note = " (incomplete)"
	}
	_, err := fmt.Fprintf(b.out, "%s  %s  via %s%s\n%s\n", clock(m.ReceivedAt), oneLine(from), oneLine(m.Trunk), note, indent(oneScreen(content(m))))
	return err
}
