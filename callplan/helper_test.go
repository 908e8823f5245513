package callplan

import (
	"testing"
	"time"
)

func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// mustParse reads a plan that has no errors.
func mustParse(t testing.TB, doc string) *Plan {
	t.Helper()
	p, found := Parse([]byte(doc), ParseOptions{Provider: "acme"})
	if err := found.Err(); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return p
}

func mustCompile(t testing.TB, env *Env, plans ...*Plan) *Set {
	t.Helper()
	s, err := Compile("acme", plans, env)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
