package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"trunkline/api"
	"trunkline/store"
)

// maxText is the longest text read from standard input, in bytes; the daemon's own limit in parts is far below.
const maxText = 1 << 20

// sendFlags are the flags of send.
type sendFlags struct {
	request  api.SubmitRequest
	priority int
	validFor time.Duration
	key      string
	csv      string
	wait     string
	timeout  time.Duration
}

func newSendCommand(c *cli) *cobra.Command {
	var o sendFlags
	cmd := &cobra.Command{
		Use:   "send TO[,TO…] [TEXT|-] | send --csv FILE|- [TEXT]",
		Short: "Send a text message",
		Long: "Send hands a text to the daemon and prints the id, the state and the number of parts of each message that it made. Without TEXT, or with -,\n" +
			"the text is read from standard input; one line end at its end is dropped. TO is a number, or the name of a group of contacts: a message for each of\n" +
			"them; all is every contact of yours.\n\n" +
			"The daemon has the message on disk when send returns. With --wait it returns when the network took it (sent, the default) or the recipient\n" +
			"has it (delivered), and ends with exit code 1 when it does not get there.\n\n" +
			"With --csv it sends a list: a message for each line, whose first line names the columns: " + csvNames() + ".\n" +
			"A list without names has to, and perhaps text. TEXT and the flags hold where a line says nothing. A line that is wrong is told and keeps no other\n" +
			"from being sent. With --key a list that broke off is sent again as a whole, and nobody gets it twice.",
		Example: "  trunkline send +4915112345678 \"the door is open\"\n  uptime | trunkline send +4915112345678,+4915187654321\n" +
			"  trunkline send --wait=delivered --timeout 10m +4915112345678 \"call me\"\n" +
			"  trunkline send --csv members.csv --key newsletter-7 \"we meet at eight\"",
		Annotations: printsJSON("`{\"messages\": [message, …]}` as they are when send returns"),
		Args: func(cmd *cobra.Command, args []string) error {
			if o.csv != "" {
				return cobra.MaximumNArgs(1)(cmd, args)
			}
			return cobra.RangeArgs(1, 2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.send(cmd, args, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.request.Trunk, "trunk", "", "only through this trunk")
	f.StringVar(&o.request.Tag, "tag", "", "a word of your own, kept with the message")
	f.IntVar(&o.priority, "priority", 5, "0 (last) to 9 (first)")
	f.BoolVar(&o.request.Flash, "flash", false, "show it at once on the recipient's screen (class 0)")
	f.DurationVar(&o.validFor, "valid-for", 0, "give up after so long, e.g. 24h")
	f.StringVar(&o.request.SendAt, "at", "", "send at this time, e.g. 2026-12-24T18:00:00Z")
	f.StringVar(&o.request.TimeZone, "time-zone", "", "zone of an --at without one, e.g. Europe/Berlin")
	f.StringVar(&o.request.OnAmbiguous, "on-ambiguous", "", "when the answer is lost and nothing tells what became of it: unknown, resend or resend_once_if_no_report")
	f.StringVar(&o.request.Class, "class", "", "emergency: danger to people; goes to those too who asked not to be written to, and is told by an event")
	f.StringVar(&o.key, "key", "", "idempotency key: repeating the call with it sends nothing twice")
	f.StringVar(&o.csv, "csv", "", "send the messages of a file of comma-separated values; - reads standard input")
	f.StringVar(&o.wait, "wait", "", "wait until it is sent or delivered")
	f.Lookup("wait").NoOptDefVal = "sent"
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "wait at most so long")
	complete(cmd, "trunk", c.completeTrunks)
	complete(cmd, "on-ambiguous", cobra.FixedCompletions(store.Ambiguities(), cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "class", cobra.FixedCompletions([]string{store.ClassEmergency}, cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "wait", cobra.FixedCompletions([]string{"sent", "delivered"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) send(cmd *cobra.Command, args []string, o sendFlags) error {
	if o.wait != "" && o.wait != "sent" && o.wait != "delivered" {
		return usagef("write --wait, --wait=sent or --wait=delivered", "cannot wait for %q", o.wait)
	}
	o.request.ValidFor = api.Duration(o.validFor)
	if cmd.Flags().Changed("priority") {
		o.request.Priority = &o.priority
	}
	if o.csv != "" {
		return c.sendCSV(cmd, args, o)
	}
	for to := range strings.SplitSeq(args[0], ",") {
		// What begins like a number is meant to be one, and is refused as one.
		if to = strings.TrimSpace(to); strings.ContainsFunc(to, unicode.IsLetter) && strings.IndexAny(to, "+0123456789") != 0 {
			o.request.Group = append(o.request.Group, to)
		} else {
			o.request.To = append(o.request.To, to)
		}
	}
	text, err := sendText(cmd.InOrStdin(), args[1:])
	if err != nil {
		return err
	}
	o.request.Text = text
	client := c.client()
	defer client.Close()
	accepted, err := client.Submit(cmd.Context(), o.request, o.key)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	messages := accepted.Messages
	var failure error
	if o.wait != "" {
		messages, failure = waitFor(cmd.Context(), client, messages, o)
	}
	if c.json {
		return errors.Join(printJSON(cmd.OutOrStdout(), api.SubmitResponse{Messages: messages, Skipped: accepted.Skipped}), failure)
	}
	if err := printSent(cmd.OutOrStdout(), messages); err != nil {
		return err
	}
	for _, one := range accepted.Skipped {
		fmt.Fprintf(cmd.ErrOrStderr(), "skipped contact %d: %s\n", one.ContactID, oneLine(one.Text))
	}
	return failure
}

// printSent prints a line for each message.
func printSent(w io.Writer, messages []api.Message) error {
	for _, m := range messages {
		parts := "1 part"
		if n := len(m.Parts); n != 1 {
			parts = fmt.Sprintf("%d parts", n)
		}
		if _, err := fmt.Fprintf(w, "%s %s %s to %s\n", m.ID, m.State, parts, oneLine(m.To)); err != nil {
			return err
		}
	}
	return nil
}

// sendText returns the text of a message: the argument, or what standard input holds.
func sendText(in io.Reader, args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	if f, ok := in.(*os.File); ok && len(args) == 0 && term.IsTerminal(int(f.Fd())) {
		return "", usagef("write it as the second argument, pipe it in, or write - and type it", "there is no text to send")
	}
	b, err := io.ReadAll(io.LimitReader(in, maxText+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the text: %w", err)
	case len(b) > maxText:
		return "", fmt.Errorf("the text is longer than %d bytes", maxText)
	}
	text, _ := strings.CutSuffix(string(b), "\n")
	return strings.TrimSuffix(text, "\r"), nil
}

// waitFor follows messages until each got as far as is wanted, or will not. It returns them as they are then; the error names those that failed.
func waitFor(ctx context.Context, client *api.Client, messages []api.Message, o sendFlags) ([]api.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	var errs []error
	for i, m := range messages {
		now, err := client.Wait(ctx, m.ID, func(m api.Message) bool { return arrived(m, o.wait) || stuck(m) })
		if now.ID != "" {
			messages[i] = now
		}
		m = messages[i]
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			errs = append(errs, hintError{fmt.Errorf("message %s is still %s after %s", m.ID, m.State, o.timeout), "it goes on without you: trunkline message show " + m.ID})
		case err != nil:
			errs = append(errs, fmt.Errorf("wait for message %s: %w", m.ID, err))
		case !arrived(m, o.wait):
			errs = append(errs, fmt.Errorf("message %s to %s is %s%s", m.ID, m.To, m.State, because(m)))
		}
	}
	return messages, errors.Join(errs...)
}

// arrived tells whether a message got as far as is wanted.
func arrived(m api.Message, wanted string) bool {
	return m.State == "delivered" || m.State == "sent" && wanted == "sent"
}

// stuck tells whether waiting longer makes no sense.
func stuck(m api.Message) bool { return m.Final() || m.State == "unknown" || m.State == "held" }

// because appends the reason of a failure, when one is known.
func because(m api.Message) string {
	if why := reason(m); why != "" {
		return ": " + why
	}
	return ""
}
