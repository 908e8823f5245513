package router

import (
	"context"
	"fmt"

	"trunkline/callplan"
)

// What can be asked of the plans that are in use.

// Set returns the plans of the service provider with a key as they are compiled now, nil when it has none.
func (p *Plans) Set(provider string) *callplan.Set { return p.o.Book.Set(provider) }

// Diff tells which calls would be decided otherwise if some plans of the service provider with a key were published: each takes the place of the one with its name. The
// findings are about all of them, their pointers beginning with the place in docs; ErrPlanInvalid when there are errors.
func (p *Plans) Diff(ctx context.Context, provider string, docs [][]byte, calls []callplan.Facts, o callplan.DiffOptions) (callplan.Difference, callplan.Findings, error) {
	name := p.o.Store.ProviderName
	var next []*callplan.Plan
	var found callplan.Findings
	named := map[string]bool{}
	for i, doc := range docs {
		plan, one := p.readNamed(doc, provider)
		if plan != nil && plan.Provider != provider {
			one = append(one, callplan.Finding{Code: "E_PROVIDER_UNKNOWN", Pointer: "/service_provider", Found: name(plan.Provider), Allowed: name(provider),
				Message: fmt.Sprintf("the plan is one of %q, and those of %q are compared", name(plan.Provider), name(provider))})
		}
		if plan != nil && named[plan.Name] {
			one = append(one, callplan.Finding{Code: "E_NAME_TWICE", Pointer: "/name", Found: plan.Name, Allowed: "each plan once",
				Message: fmt.Sprintf("plan %q stands twice: leave one of the two out", plan.Name)})
		}
		for _, f := range one {
			f.Pointer = fmt.Sprintf("/%d%s", i, f.Pointer)
			found = append(found, f)
		}
		if plan != nil {
			next, named[plan.Name] = append(next, plan), true
		}
	}
	if found.Errors() != nil {
		return callplan.Difference{}, found, ErrPlanInvalid
	}
	p.mu.Lock()
	row, err := p.o.Store.Provider(ctx, provider)
	if err != nil {
		p.mu.Unlock()
		return callplan.Difference{}, found, err
	}
	for plan, one := range p.read[provider] {
		if one.plan != nil && !named[plan] {
			next = append(next, one.plan)
		}
	}
	env, err := p.env(ctx, &row)
	p.mu.Unlock()
	if err != nil {
		return callplan.Difference{}, found, err
	}
	set, err := callplan.Compile(provider, next, env)
	if err != nil {
		return callplan.Difference{}, found, fmt.Errorf("call plans of %q: %w", name(provider), err)
	}
	return callplan.Diff(p.Set(provider), set, calls, o), found, nil
}
