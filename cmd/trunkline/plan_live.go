package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/callplan"
	"trunkline/store"
)

// What the daemon tells about the plans in use, printed as the verbs without a daemon do.

// notOnline refuses flags that make sense only with files.
func notOnline(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			return usagef("name the files of the plans too, or leave --"+name+" out: the daemon has its own", "--%s is for plans in files", name)
		}
	}
	return nil
}

// envFlags are the flags of planEnvFlags.
var envFlags = []string{"env", "area-codes", "latas", "zips"}

// factsOf are facts as they are sent.
func factsOf(f *callplan.Facts) api.DecideRequest {
	return api.DecideRequest{Provider: f.Provider, Kind: f.Kind, Calling: f.Calling, Called: f.Called, At: f.At, OPC: f.OPC, CallingLATA: f.CallingLATA, CalledLATA: f.CalledLATA,
		ZIP: f.ZIP, CallID: f.CallID, TrunksDown: f.TrunksDown}
}

// factsFrom are facts as they came.
func factsFrom(r *api.DecideRequest) callplan.Facts {
	return callplan.Facts{Provider: r.Provider, Kind: r.Kind, Calling: r.Calling, Called: r.Called, At: r.At, OPC: r.OPC, CallingLATA: r.CallingLATA, CalledLATA: r.CalledLATA,
		ZIP: r.ZIP, CallID: r.CallID, TrunksDown: r.TrunksDown}
}

// decisionFrom is a decision as it came.
func decisionFrom(d *api.Decision) callplan.Decision {
	out := callplan.Decision{Plan: d.Plan, Path: d.Path, Candidates: candidatesFrom(d.Candidates)}
	for _, a := range []callplan.Action{callplan.NoMatch, callplan.Route, callplan.Continue, callplan.Terminate} {
		if a.String() == d.Action {
			out.Action = a
		}
	}
	return out
}

func candidatesFrom(all []api.Candidate) (out []callplan.Candidate) {
	for _, c := range all {
		one := callplan.Candidate{Trunk: c.Trunk, Number: c.Number, URI: c.URI}
		for _, t := range []callplan.CandidateType{callplan.Trunk, callplan.Operator, callplan.SIP, callplan.Number} {
			if t.String() == c.Type {
				one.Type = t
			}
		}
		out = append(out, one)
	}
	return out
}

// explainLive asks the daemon what its plans do with a call.
func (c *cli) explainLive(cmd *cobra.Command, said *planFactFlags) error {
	if err := notOnline(cmd, append(envFlags, "draw")...); err != nil {
		return err
	}
	facts, err := said.read(cmd, nil)
	if err != nil {
		return err
	}
	client := c.client()
	defer client.Close()
	e, err := client.ExplainPlans(cmd.Context(), factsOf(&facts))
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	if c.json {
		return printJSON(cmd.OutOrStdout(), e)
	}
	out := callplan.Explanation{Decision: decisionFrom(&e.Decision), Effect: e.Effect, Omitted: e.Omitted, Areas: e.Areas}
	for _, s := range e.Steps {
		step := callplan.Step{Plan: s.Plan, Path: s.Path, Label: s.Label, Verdict: callplan.Verdict(s.Verdict), Effect: s.Effect, Default: s.Default,
			Candidates: candidatesFrom(s.Candidates), Down: s.Down, Draw: s.Draw}
		if f := s.FirstFailed; f != nil {
			step.FirstFailed = &callplan.Failure{Criterion: f.Criterion, Wanted: f.Wanted, Had: f.Had}
		}
		out.Steps = append(out.Steps, step)
	}
	if len(out.Steps) == 0 {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "service provider %s has no plan in use with a rule for such a call: the default applies; trunkline plan list shows the plans\n",
			oneLine(cmp.Or(facts.Provider, store.DefaultProvider)))
		return err
	}
	return printExplanation(cmd.OutOrStdout(), &out)
}

// diffLive asks the daemon what would change if the plans of a file were published.
func (c *cli) diffLive(cmd *cobra.Command, provider, file string, recorded []callplan.Facts, examples int) error {
	if err := notOnline(cmd, envFlags...); err != nil {
		return err
	}
	doc, err := readFile(cmd, file)
	if err != nil {
		return err
	}
	plans, found := callplan.ParsePlans(doc, callplan.ParseOptions{Provider: store.DefaultProvider})
	if err := found.Err(); err != nil {
		return hintError{fmt.Errorf("%s: %w", file, err), "trunkline plan check " + file}
	}
	r := api.PlanDiffRequest{Provider: provider, Examples: examples}
	if r.Provider == "" && len(plans) > 0 {
		r.Provider = plans[0].Provider
	}
	if doc = bytes.TrimSpace(doc); doc[0] == '[' {
		if err := json.Unmarshal(doc, &r.Plans); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	} else {
		r.Plans = []json.RawMessage{doc}
	}
	for i := range recorded {
		r.Calls = append(r.Calls, factsOf(&recorded[i]))
	}
	client := c.client()
	defer client.Close()
	d, err := client.DiffPlans(cmd.Context(), r)
	if err != nil {
		return fmt.Errorf("diff %s: %w", file, err)
	}
	if c.json {
		return printJSON(cmd.OutOrStdout(), d)
	}
	out := callplan.Difference{Calls: d.Calls, CallsChanged: d.CallsChanged, Classes: d.Classes, ClassesChanged: d.ClassesChanged, Moved: d.Moved, Omitted: d.Omitted}
	for _, change := range d.Changes {
		one := callplan.Change{Calls: change.Calls, Classes: change.Classes, From: change.From, To: change.To}
		for _, e := range change.Examples {
			one.Examples = append(one.Examples, callplan.Example{Facts: factsFrom(&e.Facts), Old: decisionFrom(&e.Old), New: decisionFrom(&e.New), Recorded: e.Recorded})
		}
		out.Changes = append(out.Changes, one)
	}
	return printDifference(cmd.OutOrStdout(), &out)
}
