package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/callplan"
)

func newPlanDecide(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "decide [FILE]",
		Short: "Decide calls by plans that are given with them",
		Long: "Reads {\"plans\": [plan, …], \"env\": {…}, \"facts\": {…}}, or a list of such objects, from FILE or standard input, and prints a line for each.\n" +
			"Facts: provider, kind, calling, called, at, opc, calling_lata, called_lata, zip, call_id, trunks_down, draw. What cannot be used gets a line that says why; the verb then fails.",
		Example:     "  echo '{\"plans\":[{\"name\":\"p\",\"service_provider\":\"acme\",\"priority\":1,\"rules\":{\"criteria\":{\"always\":true},\"destination\":{\"number\":\"1\"}}}],\"facts\":{\"provider\":\"acme\"}}' | trunkline plan decide --json",
		Annotations: printsJSON("`{\"action\", \"plan\", \"path\", \"candidates\"}` a line; `{\"error\"}` for what cannot be used"),
		Args:        cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc, err := readFile(cmd, append(args, "-")[0])
			if err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			defer out.Flush()
			failed := 0
			err = callplan.ParseQuestions(doc, callplan.ParseOptions{}, func(q callplan.Question, err error) {
				var d callplan.Decision
				if err == nil {
					err = decideQuestion(&q, &d)
				}
				if err != nil {
					failed++
				}
				printDecision(out, c.json, &d, err)
			})
			if err != nil {
				return usagef(seeHelp(cmd), "%w", err)
			}
			if failed > 0 {
				return shownError{fmt.Errorf("%d could not be decided", failed)}
			}
			return nil
		},
	}
}

// decideQuestion answers one question.
func decideQuestion(q *callplan.Question, d *callplan.Decision) error {
	set, err := callplan.Compile(q.Facts.Provider, q.Plans, q.Env)
	if err != nil {
		return err
	}
	set.Decide(&q.Facts, d)
	return nil
}

func printDecision(w io.Writer, asJSON bool, d *callplan.Decision, err error) {
	switch {
	case asJSON && err != nil:
		_ = printJSON(w, struct { // a broken pipe is found by the flush
			Error string `json:"error"`
		}{err.Error()})
	case asJSON:
		_ = printJSON(w, d)
	case err != nil:
		fmt.Fprintf(w, "error: %s\n", oneLine(err.Error()))
	default:
		fmt.Fprintln(w, decisionText(d))
	}
}

// decisionText is a decision in a line.
func decisionText(d *callplan.Decision) string {
	if d.Action == callplan.NoMatch {
		return "no rule decides"
	}
	line := fmt.Sprintf("%s by %s, rule %s", d.Action, oneLine(d.Plan), d.Path)
	if d.Label != "" {
		line += fmt.Sprintf(" (%s)", oneLine(d.Label))
	}
	for i, c := range d.Candidates {
		line += map[bool]string{true: " to ", false: ", then "}[i == 0] + candidateText(c)
	}
	return line
}

func candidateText(c callplan.Candidate) string {
	switch c.Type {
	case callplan.SIP:
		return oneLine(c.URI)
	case callplan.Number:
		return oneLine(c.Number)
	}
	return oneLine(fmt.Sprintf("%s by trunk %s", cmp.Or(c.Number, "the dialled number"), c.Trunk))
}

// planFactFlags are facts on the command line.
type planFactFlags struct {
	facts callplan.Facts
	at    string
	draw  float64
}

func (f *planFactFlags) register(cmd *cobra.Command) {
	s := func(to *string, name, usage string) { cmd.Flags().StringVar(to, name, "", usage) }
	s(&f.facts.Provider, "provider", "service provider (default: that of the first plan)")
	s(&f.facts.Kind, "kind", "voice or sms (default voice)")
	s(&f.facts.Calling, "calling", "calling number; none is withheld")
	s(&f.facts.Called, "called", "dialled number")
	s(&f.at, "at", "`time` of the call, as 2026-06-10T15:00:00Z (default now)")
	s(&f.facts.OPC, "opc", "originating point code, as 245-016-000")
	s(&f.facts.CallingLATA, "calling-lata", "LATA of the calling side")
	s(&f.facts.CalledLATA, "called-lata", "LATA of the called side")
	s(&f.facts.ZIP, "zip", "ZIP code of the caller")
	s(&f.facts.CallID, "call-id", "identity of the call, which makes the draw of percent rules")
	cmd.Flags().StringSliceVar(&f.facts.TrunksDown, "down", nil, "trunks that are down")
	cmd.Flags().Float64Var(&f.draw, "draw", -1, "draw for percent rules, 0 to 99.99, instead of the one that the call has")
}

// read returns the facts that the flags say.
func (f *planFactFlags) read(cmd *cobra.Command, plans []*callplan.Plan) (callplan.Facts, error) {
	facts := f.facts
	facts.At = time.Now()
	if f.at != "" {
		at, err := time.Parse(time.RFC3339, f.at)
		if err != nil {
			return facts, usagef("write it as 2026-06-10T15:00:00Z", "--at %q is no time", f.at)
		}
		facts.At = at
	}
	if cmd.Flags().Changed("draw") {
		facts.Draw = &f.draw
	}
	if facts.Provider == "" && len(plans) > 0 {
		facts.Provider = plans[0].Provider
	}
	if err := facts.Check(); err != nil {
		return facts, usagef(seeHelp(cmd), "%w", err)
	}
	return facts, nil
}

func newPlanExplain(c *cli) *cobra.Command {
	var shared planEnvFlags
	var said planFactFlags
	cmd := &cobra.Command{
		Use:   "explain [FILE...]",
		Short: "Tell what plans do with a call, rule by rule",
		Long: "Reads plans from FILEs, or without any asks the daemon for those in use, and tells for every rule that is looked at whether it matches, what it does, and of those\n" +
			"that do not match the first criterion that is false: what the rule wants, and what the call has.",
		Example: "  trunkline plan explain night.json --calling +12055550100 --called 0 --at 2026-06-10T23:00:00Z\n" +
			"  trunkline plan explain --provider acme --calling +12055550100",
		Annotations: printsJSON("`{\"decision\", \"effect\", \"steps\": [{\"plan\", \"path\", \"label\", \"verdict\", \"effect\", \"first_failed\": {\"criterion\", \"wanted\", \"had\"}, …}, …], \"area_codes\"}`"),
		Args:        cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.explainLive(cmd, &said)
			}
			plans, err := readAllPlans(cmd, args)
			if err != nil {
				return err
			}
			env, err := shared.load(cmd)
			if err != nil {
				return err
			}
			facts, err := said.read(cmd, plans)
			if err != nil {
				return err
			}
			set, err := callplan.Compile(facts.Provider, plans, env)
			if err != nil {
				return err
			}
			e := set.Explain(&facts)
			if c.json {
				return printJSON(cmd.OutOrStdout(), e)
			}
			return printExplanation(cmd.OutOrStdout(), &e)
		},
	}
	shared.register(cmd)
	said.register(cmd)
	return cmd
}

// readAllPlans reads several files.
func readAllPlans(cmd *cobra.Command, files []string) ([]*callplan.Plan, error) {
	var all []*callplan.Plan
	var errs []error
	for _, file := range files {
		plans, err := readPlans(cmd, file)
		all, errs = append(all, plans...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// printExplanation writes an explanation for people, a rule a line, indented as the rules are nested.
func printExplanation(w io.Writer, e *callplan.Explanation) error {
	plan := ""
	for _, s := range e.Steps {
		if s.Plan != plan {
			plan = s.Plan
			fmt.Fprintf(w, "plan %s\n", oneLine(plan))
		}
		name := s.Path
		if s.Label != "" {
			name += " " + oneLine(s.Label)
		}
		line := fmt.Sprintf("%s%s: %s", strings.Repeat("  ", 1+strings.Count(s.Path, ".")), name, s.Verdict)
		if f := s.FirstFailed; f != nil {
			line += fmt.Sprintf(": %s wants %s, the call has %s", f.Criterion, oneLine(string(f.Wanted)), oneLine(f.Had))
		}
		if s.Default {
			line += ", by default"
		}
		if s.Draw != nil {
			line += fmt.Sprintf(", drawn %v", *s.Draw)
		}
		if s.Effect != "" {
			line += ": " + s.Effect
		}
		for _, c := range s.Candidates {
			line += "; " + candidateText(c)
		}
		if s.Down != nil {
			line += "; down: " + oneLine(strings.Join(s.Down, ", "))
		}
		fmt.Fprintln(w, line)
	}
	if e.Omitted > 0 {
		fmt.Fprintf(w, "and %d more rules that do not match\n", e.Omitted)
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", decisionText(&e.Decision), oneLine(e.Effect))
	return err
}
