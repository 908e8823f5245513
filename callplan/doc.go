// Package callplan decides where a call or a message goes. It is pure: plans, facts, area codes, calendars, time, draw and the state of trunks come in as
// values, and the same question always has the same answer.
//
// A plan is a list of rules. A rule has criteria, all of which must be true, and a destination, which ends the evaluation or collects candidates and lets it
// go on. Plans of a service provider are tried in ascending priority, then by name. The meaning of every member is in docs/callplans.md.
//
//	document ──Parse──▶ Plan ──Compile──▶ Set ──Decide──▶ Decision
//	                     │                 └──Explain, Diff
//	                     └──Lint
//
// A Set holds the compiled plans of one provider and never changes; a Book maps providers to Sets and swaps them one pointer at a time, so that a decision
// is made by the old plans or the new ones, never by both.
//
// Reading order: plan.go, parse.go, compile.go, match.go, decide.go; index.go and numbers.go make decisions over many rules fast, index_build.go builds what they
// read; space.go holds the sets that the index, Lint and Diff share.
package callplan
