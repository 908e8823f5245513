package main

import (
	"strings"
	"testing"
)

// Subscribers and calendars on the command line, over a whole gateway: a call plan knows a calendar as soon as it is there.
func TestSubscriberAndCalendarVerbs(t *testing.T) {
	verb := runGateway(t, nil)
	has := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%q is not in\n%s", w, out)
			}
		}
	}
	has(verb(exitDone, "subscriber", "add", "--name", "smith", "--numbers", "+12055550100"), "+12055550100")
	has(verb(exitFailed, "subscriber", "add", "--name", "jones", "--numbers", "+12055550100"), "has it already")
	has(verb(exitDone, "subscriber", "list"), "smith")
	has(verb(exitDone, "calendar", "add", "--name", "us", "--days", "2026/12/25"), "2026/12/25")
	has(verb(exitFailed, "calendar", "edit", "us", "--days", "tomorrow"), "2026/12/25")
	has(verb(exitDone, "calendar", "archive", "us"), "archived")
	has(verb(exitDone, "calendar", "list", "--archived", "true"), "us")
	has(verb(exitDone, "calendar", "purge", "us"), "us")
}
