package main

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"trunkline/api"
)

func newRouteCommand(c *cli) *cobra.Command {
	v := &recordVerbs[api.ListEntryFields, api.ListEntry]{noun: "entry", verb: "route", collection: (*api.Client).ListEntries,
		columns: []string{"list", "direction", "kind", "value", "provider", "global", "subscriber", "note", "archived_at"}}
	return group("route", "Say whom the gateway listens to and writes to: deny lists, allow lists and opt-outs", append(v.commands(c), newRouteTest(c), newOptOuts(c),
		optOutVerb(c, "optout", "Keep a number from being written to", func(ctx context.Context, client *api.Client, number string) (api.OptOut, error) {
			return client.AddOptOut(ctx, api.OptOutRequest{Number: number})
		}),
		optOutVerb(c, "optin", "Let a number be written to again; only when its owner wants it", func(ctx context.Context, client *api.Client, number string) (api.OptOut, error) {
			return client.RemoveOptOut(ctx, number)
		}))...)
}

func newRouteTest(c *cli) *cobra.Command {
	var r api.RouteTestRequest
	var in bool
	var either offlineFlags
	cmd := &cobra.Command{
		Use:   "test NUMBER [TO]",
		Short: "Explain what would become of a message; nothing is sent",
		Long: "Test explains what screening and call plans would do with a message to NUMBER, or with --in with one that comes from NUMBER, to the number TO when it is given.\n" +
			"Nothing is sent and nothing is stored. It ends with status 1 when the message would not pass." + offlineHelp,
		Example:     "  trunkline route test +4915112345678\n  trunkline route test --in Bank",
		Annotations: printsJSON("`{\"direction\", \"provider\", \"verdict\", \"steps\", \"plan\"}`"),
		Args:        cobra.RangeArgs(1, 2), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.To = args[0]; in {
				r.From, r.To = args[0], ""
				if len(args) == 2 {
					r.To = args[1]
				}
			} else if len(args) == 2 {
				return usagef("add --in, or leave the second number out", "only messages that come in have two numbers")
			}
			var passed bool
			err := showEither(c, cmd, &either, "test route", func(ctx context.Context, client *api.Client) (api.RouteTest, error) {
				out, err := client.TestRoute(ctx, r)
				passed = out.Verdict.Authorized
				return out, err
			}, func(cmd *cobra.Command, t api.RouteTest) error {
				if err := showSteps(cmd, t.Steps, t.Verdict); err != nil || t.Plan == "" {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "call plans: %s\n", oneLine(t.Plan))
				return err
			})
			if err == nil && !passed {
				err = shownError{fmt.Errorf("it would not pass")}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&in, "in", false, "a message that comes in, from NUMBER or from a name in letters")
	cmd.Flags().StringVar(&r.Provider, "provider", "", "service provider (default the caller's)")
	cmd.Flags().StringVar(&r.Account, "account", "", "who would send it, for the recipient filter (default the caller)")
	either.register(cmd)
	return cmd
}

// showSteps prints what was looked at for a decision, and the decision.
func showSteps(cmd *cobra.Command, steps []api.Step, v api.Verdict) error {
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, s := range steps {
		fmt.Fprintf(t, "%s\t%s\n", oneLine(s.Rule), oneLine(s.Result))
	}
	word := "not authorized"
	if v.Authorized {
		word = "authorized"
	}
	fmt.Fprintf(t, "verdict\t%s (%s): %s\n", word, v.Code, oneLine(v.Text))
	return t.Flush()
}

func newOptOuts(c *cli) *cobra.Command {
	var cursor string
	limit := 50
	cmd := &cobra.Command{
		Use: "optouts", Short: "List the numbers that asked not to be written to", Args: cobra.NoArgs, Annotations: printsJSON("`{\"items\": [opt-out, …], \"next\": cursor}`"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(c, cmd, "list opt-outs", func(ctx context.Context, client *api.Client) (api.OptOutList, error) {
				return client.OptOuts(ctx, cursor, limit)
			},
				func(cmd *cobra.Command, l api.OptOutList) error {
					t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
					fmt.Fprintln(t, "NUMBER\tTRUNK\tAT\tSOURCE\tWORD\tBY")
					for _, o := range l.Items {
						fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", oneLine(o.Number), o.Trunk, clock(o.At), o.Source, oneLine(o.Word), oneLine(o.By))
					}
					if l.Next != "" {
						fmt.Fprintf(cmd.ErrOrStderr(), "there are more: --cursor %s\n", l.Next)
					}
					return t.Flush()
				})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "at most so many, 1 to 1000")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on behind a page, with the cursor that it ended with")
	return cmd
}

func optOutVerb(c *cli, verb, short string, do func(context.Context, *api.Client, string) (api.OptOut, error)) *cobra.Command {
	return &cobra.Command{Use: verb + " NUMBER", Short: short, Args: cobra.ExactArgs(1), Annotations: printsJSON("the opt-out"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, verb, func(ctx context.Context, client *api.Client) (api.OptOut, error) { return do(ctx, client, args[0]) },
				func(cmd *cobra.Command, o api.OptOut) error { return showRecord(cmd.OutOrStdout(), o) })
		}}
}

// withTrials adds to the verbs of actions what explains them and what became of them.
func withTrials(c *cli, actions *cobra.Command) *cobra.Command {
	actions.AddCommand(newActionTest(c), newActionLint(c), newActionRuns(c))
	return actions
}

// withFactor adds the verb that makes a second factor for actions.
func withFactor(c *cli, people *cobra.Command, kind string) *cobra.Command {
	people.AddCommand(&cobra.Command{Use: "factor ID", Short: "Make a secret of one-time passwords for actions of level 3, and print it once", Args: cobra.ExactArgs(1),
		Annotations: printsJSON("`{\"secret\", \"uri\"}`"), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, "make factor", func(ctx context.Context, client *api.Client) (api.ActionFactor, error) {
				return client.MakeFactor(ctx, kind, args[0])
			}, func(cmd *cobra.Command, f api.ActionFactor) error { return showRecord(cmd.OutOrStdout(), f) })
		}})
	return people
}

func newActionTest(c *cli) *cobra.Command {
	var r api.ActionTestRequest
	var either offlineFlags
	cmd := &cobra.Command{
		Use:         "test FROM TEXT...",
		Short:       "Explain what would follow from a message that comes in; nothing is done",
		Long:        "Test explains which action a text from FROM would start, and why, or why none. Nothing is done and no limit is used up." + offlineHelp,
		Example:     "  trunkline action test +4915112345678 wake host1",
		Annotations: printsJSON("`{\"outcome\", \"reason\", \"action\", \"verdict\", \"steps\", …}`"),
		Args:        cobra.MinimumNArgs(2), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.From, r.Text = args[0], strings.Join(args[1:], " ")
			return showEither(c, cmd, &either, "test action", func(ctx context.Context, client *api.Client) (api.ActionTest, error) {
				return client.TestAction(ctx, r)
			},
				func(cmd *cobra.Command, t api.ActionTest) error {
					if err := showSteps(cmd, t.Steps, t.Verdict); err != nil {
						return err
					}
					out := cmd.OutOrStdout()
					fmt.Fprintf(out, "outcome: %s: %s\n", t.Outcome, oneLine(t.Reason))
					names := make([]string, 0, len(t.Arguments))
					for name := range t.Arguments {
						names = append(names, name)
					}
					sort.Strings(names)
					for _, name := range names {
						fmt.Fprintf(out, "%s = %s\n", name, oneLine(t.Arguments[name]))
					}
					if t.Answer != "" {
						fmt.Fprintf(out, "answer: %s\n", oneLine(t.Answer))
					}
					return nil
				})
		},
	}
	cmd.Flags().StringVar(&r.Trunk, "trunk", "", "trunk that it would come in through")
	cmd.Flags().StringVar(&r.Provider, "provider", "", "service provider (default that of the trunk)")
	complete(cmd, "trunk", c.completeTrunks)
	either.register(cmd)
	return cmd
}

func newActionLint(c *cli) *cobra.Command {
	var provider string
	var either offlineFlags
	cmd := &cobra.Command{
		Use: "lint", Short: "Tell what is probably not meant: keywords that never reach their action, actions that cannot do what they are for", Args: cobra.NoArgs,
		Long:        "Lint looks at the actions of a service provider that are in use. It ends with status 1 when it found something." + offlineHelp,
		Annotations: printsJSON("`{\"items\": [{\"action\", \"code\", \"text\"}, …]}`"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := 0
			err := showEither(c, cmd, &either, "lint actions", func(ctx context.Context, client *api.Client) (api.ActionFindings, error) {
				out, err := client.LintActions(ctx, provider)
				found = len(out.Items)
				return out, err
			}, func(cmd *cobra.Command, l api.ActionFindings) error {
				for _, f := range l.Items {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %s: %s\n", f.Action, f.Code, oneLine(f.Text))
				}
				return nil
			})
			if err == nil && found > 0 {
				err = shownError{fmt.Errorf("%d findings", found)}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&provider, "provider", "", "service provider (default the caller's)")
	either.register(cmd)
	return cmd
}

func newActionRuns(c *cli) *cobra.Command {
	var cursor string
	limit := 50
	cmd := &cobra.Command{
		Use: "runs [ID]", Short: "List runs of actions, the newest first, or show one", Args: cobra.MaximumNArgs(1), Annotations: printsJSON("`{\"items\": [run, …], \"next\": cursor}`, or a run"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return show(c, cmd, "show run", func(ctx context.Context, client *api.Client) (api.Run, error) { return client.Run(ctx, args[0]) },
					func(cmd *cobra.Command, r api.Run) error { return showRecord(cmd.OutOrStdout(), r) })
			}
			return show(c, cmd, "list runs", func(ctx context.Context, client *api.Client) (api.RunList, error) {
				return client.Runs(ctx, cursor, limit)
			},
				func(cmd *cobra.Command, l api.RunList) error {
					t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
					fmt.Fprintln(t, "AT\tACTION\tSENDER\tWHO\tSTATE\tREASON\tID")
					for _, r := range l.Items {
						fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", clock(r.At), r.Action, oneLine(r.Sender), oneLine(r.Who), r.State, oneLine(r.Reason), r.ID)
					}
					if l.Next != "" {
						fmt.Fprintf(cmd.ErrOrStderr(), "there are more: --cursor %s\n", l.Next)
					}
					return t.Flush()
				})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", limit, "at most so many, 1 to 1000")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on behind a page, with the cursor that it ended with")
	return cmd
}
