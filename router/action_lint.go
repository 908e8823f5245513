package router

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"trunkline/router/action"
	"trunkline/router/screen"
	"trunkline/router/template"
	"trunkline/store"
)

// ActionFinding is something about an action that is probably not meant.
type ActionFinding struct{ Action, Code, Text string }

// Lint looks at the actions of a service provider that are in use: keywords that never reach their action, and actions that cannot do what they are for.
func (in *Inbound) Lint(ctx context.Context, provider string) (all []ActionFinding, err error) {
	p := in.o.Screening.policy.Load()
	hooks, err := in.o.Store.Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	q := store.Listing[store.Action]{Provider: provider, Order: "name", Limit: 1000}
	for {
		page, err := in.o.Store.Actions().List(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			a := &page.Items[i]
			found := func(code, format string, args ...any) {
				all = append(all, ActionFinding{a.Name, code, fmt.Sprintf(format, args...)})
			}
			if !a.Enabled {
				continue
			}
			in.lintKeyword(a, p, found)
			in.lintKind(a, hooks, found)
			grants, err := in.o.Store.Grants(ctx, a.ID)
			if err != nil {
				return nil, err
			}
			if a.Filtered && len(grants.Groups)+len(grants.Administrators) == 0 {
				found("no_list", "no group and no administrator may start it but its manager and the owner of the platform")
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return all, nil
		}
	}
}

func (in *Inbound) lintKeyword(a *store.Action, p *policy, found func(code, format string, args ...any)) {
	if a.Keyword == "" {
		return
	}
	wish, word := p.words.Read(a.Keyword)
	switch wish {
	case screen.Stop:
		found("stop_word", "the keyword %q means stop (%s): the text opts its sender out and never starts the action", a.Keyword, word)
	case screen.Start:
		found("start_word", "the keyword %q means start: for a sender who opted out it does that instead", a.Keyword)
	case screen.Help:
		found("help_word", "the keyword %q asks for help: the action answers instead of screening.help_reply", a.Keyword)
	}
	if !action.IsKeyword(a.Keyword) {
		found("shadowed", "the keyword %q can never be the first word of a text", a.Keyword)
	}
	if len(a.Keyword) == codeDigits && strings.Trim(a.Keyword, "0123456789") == "" {
		found("code", "the keyword %q is taken for a code while a run waits for one", a.Keyword)
	}
}

func (in *Inbound) lintKind(a *store.Action, hooks []store.Webhook, found func(code, format string, args ...any)) {
	if a.Text != "" {
		if parsed, err := template.Parse(a.Text); err != nil {
			found("bad_text", "its text: %v", err)
		} else {
			known := []string{"sender", "action", "who", "text", "trunk", "time", "name", "output"}
			for _, g := range a.Arguments {
				known = append(known, "args."+strings.ReplaceAll(g.Name, "-", "_"))
			}
			for _, name := range parsed.Names() {
				if !slices.Contains(known, name) {
					found("bad_text", "its text names %q, of which there is no value", name)
				}
			}
		}
	}
	switch a.Kind {
	case store.ActionProgram:
		c, ok := in.o.Programs.Config(a.Target)
		if !ok {
			found("no_program", "there is no section [program.%s] in the configuration", a.Target)
			return
		}
		if err := c.May(); err != nil {
			found("no_program", "program %s: %v", a.Target, err)
		}
		for _, name := range c.Names() {
			if !slices.ContainsFunc(a.Arguments, func(g store.ActionArgument) bool { return g.Name == name }) {
				found("no_program", "program %s wants the argument %q, which the action does not have", a.Target, name)
			}
		}
	case store.ActionWebhook:
		kind := "action." + a.Name
		if !slices.ContainsFunc(hooks, func(w store.Webhook) bool { return w.Active() && takes(w.Types, kind) }) {
			found("no_webhook", "no webhook is told of events %q: make one with this type", kind)
		}
	case store.ActionBuiltin:
		if !slices.Contains(Builtins(), a.Target) {
			found("unknown_builtin", "%q is none of %s", a.Target, strings.Join(Builtins(), ", "))
		}
	}
}

// takes tells whether an endpoint with some types is told of events of a kind.
func takes(types []string, kind string) bool {
	return len(types) == 0 || slices.ContainsFunc(types, func(t string) bool {
		beginning, star := strings.CutSuffix(t, "*")
		return t == kind || star && strings.HasPrefix(kind, beginning)
	})
}
