package store_test

import (
	"strings"
	"testing"
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// Events about a person are those of his messages, calls, contacts and wish not to be written to, for each service provider its own; when he is erased none holds
// his number any more.
func TestPersonEvents(t *testing.T) {
	onEngines(t, store.Options{}, func(t *testing.T, s *store.Store) {
		acme := add(t, s.Providers(), store.Provider{Name: "acme"})
		n, other := number(t, "+4915112345678"), number(t, "+4915187654321")
		call := func(provider string, from phone.Number) {
			c := store.CDR{ID: store.NewCDRID(), Kind: store.CDRVoice, Direction: store.In, Provider: provider, Trunk: "desk", Number: from, StartedAt: start}
			if err := s.BeginCall(ctx, c, store.Event{Type: "call.ringing", At: start, Reference: -1, Trunk: "desk", Number: from}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.ChangeCall(ctx, c.ID, func(c *store.CDR) (store.Event, error) {
				c.EndedAt, c.Outcome = start.Add(time.Second), "missed"
				return store.Event{Type: "call.ended", At: c.EndedAt, Reference: -1, Number: from}, nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		contact(t, s, 0, "Abel", n.String())
		contact(t, s, 0, "Bach", other.String())
		for _, to := range []phone.Number{n, other} {
			m := outgoing(t, 1, func(m *store.Message) { m.To = to })
			accept(t, s, m)
			if _, err := s.Cancel(ctx, m.ID, start); err != nil {
				t.Fatal(err)
			}
			if err := s.Append(ctx, store.Event{Type: "action.alarm", At: start, Message: m.ID, Reference: -1, Text: "from " + to.String()}); err != nil {
				t.Fatal(err)
			}
			call("default", to)
		}
		call(acme.Provider, n)
		accept(t, s, outgoing(t, 1, func(m *store.Message) { m.To, m.Provider = n, acme.Provider }))
		read := func(provider string, n phone.Number) (types []string) {
			t.Helper()
			for after := uint64(0); ; {
				events, next, err := s.PersonEvents(ctx, provider, n, after)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events {
					types = append(types, e.Type)
				}
				if after = next; after == 0 {
					return types
				}
			}
		}
		is := func(what string, got []string, want string) {
			t.Helper()
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		is("his", read("default", n), "contact.added message.waiting message.canceled action.alarm call.ringing call.ended")
		is("those of acme", read(acme.Provider, n), "call.ringing call.ended message.waiting")
		is("nobody's", read("default", number(t, "+4915100000000")), "")
		for range 6000 { // more than one call looks at
			if err := s.Append(ctx, store.Event{Type: "modem.up", At: start, Reference: -1}); err != nil {
				t.Fatal(err)
			}
		}
		is("over several pages", read("default", n), "contact.added message.waiting message.canceled action.alarm call.ringing call.ended")

		e, err := s.Erase(ctx, "default", n, start, "uid:0")
		if err != nil || e.Events != 3 || e.Messages != 1 || e.Calls != 1 {
			t.Errorf("%+v, %v", e, err)
		}
		for after := uint64(0); ; {
			events, err := s.Events(ctx, after, 0)
			if err != nil || len(events) == 0 {
				break
			}
			for _, e := range events {
				c, _ := s.CDR(ctx, e.Call)
				if strings.Contains(e.Text, n.String()) || e.Number.SameLine(n) && c.Provider != acme.Provider {
					t.Errorf("event %d, %s, has the number: %s %s", e.Seq, e.Type, e.Number.String(), e.Text)
				}
				after = e.Seq
			}
		}
		is("those of another", read("default", other), "contact.added message.waiting message.canceled action.alarm call.ringing call.ended")
		is("those of acme afterwards", read(acme.Provider, n), "call.ringing call.ended message.waiting")
	})
}
