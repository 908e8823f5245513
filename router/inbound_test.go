package router

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/callplan/phone"
	"trunkline/router/access"
	"trunkline/router/program"
	"trunkline/router/screen"
	"trunkline/store"
	"trunkline/store/memory"
)

func TestMain(m *testing.M) {
	if program.Confined() {
		program.Confine()
	}
	os.Exit(m.Run())
}

// Numbers of the people of the tests.
const (
	rootNumber  = "+61491570001" // owner of the platform
	sueNumber   = "+61491570002" // supervisor
	annNumber   = "+61491570006" // contact of sue, in group ops
	bobNumber   = "+61491570007" // contact of sue, in group ops
	carlNumber  = "+61491570008" // contact of sue, in no group
	alienNumber = "+61491579999" // nobody
)

// desk is an Inbound over a store of its own, with people and actions.
type desk struct {
	*Inbound
	t      *testing.T
	store  *store.Store
	screen *Screening
	sue    store.Administrator
	root   store.Administrator
	ops    store.Group
	ann    store.Contact
	seen   map[store.MessageID]bool
	n      int
}

func newDesk(t *testing.T, change func(*ScreenConfig), programs map[string]program.Config) *desk {
	t.Helper()
	ctx, now := t.Context(), time.Now().UTC()
	st, err := store.Open(ctx, memory.New(), store.Options{Screened: true})
	if err != nil {
		t.Fatal(err)
	}
	c := DefaultScreening()
	if change != nil {
		change(&c)
	}
	if errs := c.Validate(); errs != nil {
		t.Fatal(errs)
	}
	s, err := NewScreening(ScreeningOptions{Config: c, Store: st})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Options{Config: Default(), Store: st, Screening: s, Measure: func(text string, limit int) (int, error) {
		n := (len(text) + 159) / 160
		if n > limit {
			return n, errors.New("too long")
		}
		return n, nil
	}})
	d := &desk{t: t, store: st, screen: s, seen: map[store.MessageID]bool{}}
	d.Inbound = NewInbound(InboundOptions{Router: r, Screening: s, Store: st, Programs: program.New(program.Options{Programs: programs}), Status: func() string { return "1/1 modems up" }})
	admins, err := st.Administrators().Add(ctx, now, "test",
		store.Administrator{Username: "root", LastName: "Root", PhoneNumber: number(rootNumber), Email: "root@example.org", Level: store.SuperAdministrator, RoleID: store.RolePlatformOwner, SMSQuota: "100 M", AuthBackend: "local", PhoneToken: "rOOt2345"},
		store.Administrator{Username: "sue", LastName: "Sue", PhoneNumber: number(sueNumber), Email: "sue@example.org", Level: store.Supervisor, RoleID: store.ProviderRole("default"), SMSQuota: "100 M", AuthBackend: "local", PhoneToken: "sUe23456"})
	if err != nil {
		t.Fatal(err)
	}
	d.root, d.sue = admins[0], admins[1]
	contacts, err := st.Contacts().Add(ctx, now, "test",
		store.Contact{AdminID: d.sue.ID, FirstName: "Ann", LastName: "A", PhoneNumber: number(annNumber)},
		store.Contact{AdminID: d.sue.ID, FirstName: "Bob", LastName: "B", PhoneNumber: number(bobNumber)},
		store.Contact{AdminID: d.sue.ID, FirstName: "Carl", LastName: "C", PhoneNumber: number(carlNumber)})
	if err != nil {
		t.Fatal(err)
	}
	d.ann = contacts[0]
	groups, err := st.Groups().Add(ctx, now, "test", store.Group{AdminID: d.sue.ID, Name: "ops"})
	if err != nil {
		t.Fatal(err)
	}
	d.ops = groups[0]
	if err := st.AddMembers(ctx, d.ops.ID, now, "test", contacts[0].ID, contacts[1].ID); err != nil {
		t.Fatal(err)
	}
	return d
}

func number(s string) phone.Number { return phone.FromAddress(s, strings.Trim(s, "+0123456789") != "") }

// everybody lets any real number pass screening.
func (d *desk) everybody() *desk {
	d.t.Helper()
	if _, err := d.screen.Add(d.t.Context(), store.ListEntry{Allow: true, Kind: "pattern", Value: "*", Direction: "in"}, time.Now().UTC(), "test"); err != nil {
		d.t.Fatal(err)
	}
	return d
}

// action adds an action of sue's that group ops may start.
func (d *desk) action(a store.Action) store.Action {
	d.t.Helper()
	ctx, now := d.t.Context(), time.Now().UTC()
	if a.Name == "" {
		a.Name = a.Keyword
	}
	if a.AdminID == 0 && a.Provider == "" {
		a.AdminID = d.sue.ID
	}
	a.Enabled, a.Module = true, "test:"+a.Name
	added, err := d.store.Actions().Add(ctx, now, "test", a)
	if err != nil {
		d.t.Fatal(err)
	}
	if a.Filtered {
		if err := d.store.AllowGroup(ctx, added[0].ID, d.ops.ID, now, "test"); err != nil {
			d.t.Fatal(err)
		}
	}
	return added[0]
}

// message is one that comes in.
func (d *desk) message(from, text string) store.Message {
	d.n++
	now := time.Now().UTC()
	return store.Message{ID: store.NewMessageID(), Direction: store.In, State: store.Received, From: number(from), Text: text, Trunk: "desk", CreatedAt: now, ReceivedAt: now,
		Parts: []store.Part{{Seq: 1, State: store.Received, Reference: -1, Status: -1}}}
}

// says lets a message come in and be handled, programs included, and returns it and what is sent because of it, as "number: text".
func (d *desk) says(from, text string) (store.Message, []string) {
	d.t.Helper()
	return d.receives(d.message(from, text))
}

func (d *desk) receives(m store.Message) (store.Message, []string) {
	d.t.Helper()
	ctx := d.t.Context()
	got, err := d.store.Receive(ctx, store.Arrival{Trunk: "desk", SIM: "8949", Raw: fmt.Append(nil, d.n), At: m.ReceivedAt, Message: m})
	if err != nil || len(got.Messages) != 1 {
		d.t.Fatal(got, err)
	}
	if err := d.round(ctx, ctx); err != nil {
		d.t.Fatal(err)
	}
	d.running.Wait()
	handled, err := d.store.Message(ctx, got.Messages[0].ID)
	if err != nil || handled.Unhandled || handled.Verdict == nil {
		d.t.Fatalf("%+v, %v", handled, err)
	}
	return handled, d.sent()
}

// sent returns what was accepted for sending since it was asked last.
func (d *desk) sent() (all []string) {
	d.t.Helper()
	page, err := d.store.Messages(d.t.Context(), store.Query{Direction: store.Out, State: store.Waiting, Limit: 100})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, m := range slices.Backward(page.Items) {
		if !d.seen[m.ID] && m.Verdict == nil { // not what was refused
			d.seen[m.ID] = true
			all = append(all, m.To.String()+": "+m.Text)
		}
	}
	return all
}

// run returns the run that a message started, or the zero one.
func (d *desk) run(m store.Message) store.Run {
	d.t.Helper()
	r, err := d.store.Run(d.t.Context(), m.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		d.t.Fatal(err)
	}
	return r
}

func (d *desk) sound() {
	d.t.Helper()
	if r, err := d.store.Check(d.t.Context(), func(x store.Damage) { d.t.Error(x.Error()) }); err != nil || r.Damaged > 0 {
		d.t.Errorf("check: %+v, %v", r, err)
	}
}

// sentCode returns the six digits in the text that was sent to a number.
func sentCode(t *testing.T, sent []string, to string) string {
	t.Helper()
	for _, s := range sent {
		if text, ok := strings.CutPrefix(s, to+": "); ok {
			for _, w := range strings.Fields(text) {
				if w = strings.Trim(w, ".,"); len(w) == 6 && strings.Trim(w, "0123456789") == "" {
					return w
				}
			}
		}
	}
	t.Fatalf("no code for %s in %q", to, sent)
	return ""
}

func has(sent []string, to, part string) bool {
	return slices.ContainsFunc(sent, func(s string) bool { return strings.HasPrefix(s, to+": ") && strings.Contains(s, part) })
}

func TestEmptyAllowListRunsNothing(t *testing.T) {
	d := newDesk(t, nil, nil)
	d.action(store.Action{Keyword: "hi", Kind: store.ActionReply, Text: "hello"})
	for _, from := range []string{annNumber, rootNumber, alienNumber} {
		m, sent := d.says(from, "hi")
		if m.Verdict.Authorized || m.Verdict.Code != screen.CodeNoList || !strings.Contains(m.Verdict.Text, "no action runs") || len(sent) > 0 || d.run(m).State != store.RunRefused {
			t.Errorf("%s: %+v %q %+v", from, m.Verdict, sent, d.run(m))
		}
	}
	d.sound()
}

func TestWhoMayStartWhat(t *testing.T) {
	d := newDesk(t, nil, nil).everybody()
	d.action(store.Action{Keyword: "open", Kind: store.ActionReply, Text: "for all"})
	d.action(store.Action{Keyword: "listed", Kind: store.ActionReply, Text: "for {{name}}", Filtered: true})
	d.action(store.Action{Keyword: "level", Kind: store.ActionReply, Text: "for the list", Level: 1})
	off := d.action(store.Action{Keyword: "off", Kind: store.ActionReply, Text: "never"})
	if _, err := d.store.Actions().Edit(t.Context(), off.ID, time.Now(), "test", func(a *store.Action) error { a.Enabled = false; return nil }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, text, answer string
		state              store.RunState
	}{
		{annNumber, "open", "for all", store.RunDone}, {alienNumber, "OPEN", "for all", store.RunDone}, {"Bank", "open", "", store.RunRefused}, {"12345", "open", "", store.RunRefused},
		{annNumber, "listed", "for Ann A", store.RunDone}, {rootNumber, "listed", "for Root", store.RunDone}, {sueNumber, "listed", "for Sue", store.RunDone}, {carlNumber, "listed", "", store.RunRefused},
		{alienNumber, "listed", "", store.RunRefused}, {"0491570006", "listed", "", store.RunRefused}, {annNumber, "off", "", 0}, {annNumber, "nothing", "", 0},
		{annNumber, "level", "", store.RunRefused}, {sueNumber, "level", "for the list", store.RunDone},
	} {
		m, sent := d.says(c.from, c.text)
		if r := d.run(m); r.State != c.state || (c.answer == "") != (len(sent) == 0) || c.answer != "" && !has(sent, c.from, c.answer) {
			t.Errorf("%s %q: %+v %q; want %s %q", c.from, c.text, r, sent, c.state, c.answer)
		}
	}
	if _, err := d.store.Contacts().Edit(t.Context(), d.ann.ID, time.Now(), "test", func(c *store.Contact) error { c.Restricted = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if m, sent := d.says(annNumber, "open"); m.Verdict.Code != CodeRestricted || len(sent) > 0 {
		t.Errorf("restricted: %+v %q", m.Verdict, sent)
	}
	d.sound()
}

// What a stranger gets is the same, whether a command does not exist, belongs to another, or is not for him.
func TestUnknownLooksTheSame(t *testing.T) {
	d := newDesk(t, func(c *ScreenConfig) { c.UnknownText = "What?" }, nil).everybody()
	if _, err := d.store.Providers().Add(t.Context(), time.Now(), "test", store.Provider{Name: "beta"}); err != nil {
		t.Fatal(err)
	}
	d.action(store.Action{Keyword: "doorbeta", Kind: store.ActionReply, Text: "open", Meta: store.Meta{Provider: "beta"}})
	d.action(store.Action{Keyword: "mine", Kind: store.ActionReply, Text: "open", Filtered: true})
	for _, text := range []string{"doorbeta open", "nothing open", "mine open"} {
		if _, sent := d.says(alienNumber+strings.Repeat("0", d.n), text); len(sent) != 1 || !strings.HasSuffix(sent[0], ": What?") {
			t.Errorf("%q: %q", text, sent)
		}
	}
}

func TestOptOutWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, func(c *ScreenConfig) { c.HelpReply = "We are us." }, nil)
		m, sent := d.says(alienNumber, "Stop. thanks")
		if out, err := d.store.OptedOut(t.Context(), m.From, ""); err != nil || !out || len(sent) != 1 || !strings.Contains(sent[0], "no more messages") {
			t.Errorf("%v %v %q", out, err, sent)
		}
		if _, sent := d.says(alienNumber, "STOP"); len(sent) != 0 {
			t.Errorf("answered twice: %q", sent)
		}
		_, err := d.Inbound.o.Router.Submit(t.Context(), Submission{To: []string{alienNumber}, Text: "x"})
		var wrong *ValidationError
		if !errors.As(err, &wrong) || wrong.Fields[0].Field != "to" || wrong.Fields[0].Code != CodeOptedOut {
			t.Errorf("%v", err)
		}
		if _, sent := d.says(alienNumber, "start"); len(sent) != 1 || !strings.Contains(sent[0], "again") {
			t.Errorf("%q", sent)
		}
		if out, _ := d.store.OptedOut(t.Context(), m.From, ""); out {
			t.Error("still opted out")
		}
		for i, want := range []int{1, 0} {
			if _, sent := d.says(alienNumber, "HELP"); len(sent) != want {
				t.Errorf("help %d: %q", i, sent)
			}
		}
		time.Sleep(25 * time.Hour)
		if _, sent := d.says(alienNumber, "help"); len(sent) != 1 {
			t.Errorf("a day later: %q", sent)
		}
		if _, sent := d.says("Bank", "stop"); len(sent) != 0 {
			t.Errorf("a name was answered: %q", sent)
		}
		m, _ = d.says(annNumber, "please take me off your list")
		if !d.event("optout.suspected", m.ID) {
			t.Error("nobody was told of a free wish")
		}
		d.sound()
	})
}

// event tells whether there is an event of a type about a message.
func (d *desk) event(kind string, id store.MessageID) bool {
	d.t.Helper()
	all, err := d.store.Events(d.t.Context(), 0, 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(e store.Event) bool { return e.Type == kind && e.Message == id })
}

// A forged sender gets as far as the level of the action lets him: the number alone starts what is listed, never what asks for proof.
func TestForgedSenderAgainstEachLevel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, nil).everybody()
		secret := []byte("12345678901234567890")
		if err := d.store.PutFactor(t.Context(), store.Factor{ID: d.ann.ID, Secret: secret}, time.Now(), "test"); err != nil {
			t.Fatal(err)
		}
		for level, keyword := range []string{"zero", "one", "two", "three", "four"} {
			d.action(store.Action{Keyword: keyword, Kind: store.ActionReply, Text: "did " + keyword, Level: level, Filtered: level > 0})
		}
		d.action(store.Action{Keyword: "reboot", Kind: store.ActionReply, Text: "did reboot", Authentication: true, Filtered: true})
		for keyword, want := range map[string]store.RunState{"zero": store.RunDone, "one": store.RunDone, "two": store.RunWaiting, "three": store.RunRefused, "three 000000": store.RunRefused, "four": store.RunWaiting,
			"reboot": store.RunWaiting} {
			m, sent := d.says(annNumber, keyword) // anybody can write this number into a message
			if r := d.run(m); r.State != want {
				t.Errorf("%s: %+v", keyword, r)
			}
			if want == store.RunWaiting && has(sent, alienNumber, "") {
				t.Errorf("%s: a code went to a stranger: %q", keyword, sent)
			}
			if keyword == "reboot" && sentCode(t, sent, annNumber) == "" {
				t.Errorf("no code went to the number on file: %q", sent)
			}
			if keyword == "four" && (has(sent, annNumber, "answer") || !has(sent, bobNumber, "Contact") && !has(sent, bobNumber, "contact")) {
				t.Errorf("four: %q", sent)
			}
		}
		d.sound()
	})
}

func TestChallenge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, nil).everybody()
		d.action(store.Action{Keyword: "reboot", Kind: store.ActionReply, Text: "rebooting {{args.host}}", Authentication: true, Filtered: true, Arguments: []store.ActionArgument{{Name: "host", Type: "str", Required: true}}})
		asked, sent := d.says(annNumber, "reboot host1")
		digits := sentCode(t, sent, annNumber)
		if _, sent := d.says(bobNumber, digits); d.run(asked).State != store.RunWaiting || len(sent) > 0 {
			t.Errorf("the code of another: %+v %q", d.run(asked), sent)
		}
		m, sent := d.says(annNumber, " "+digits+"\n")
		if r := d.run(asked); r.State != store.RunDone || !has(sent, annNumber, "rebooting host1") || m.Text != "(code)" || m.Action != "reboot" {
			t.Errorf("%+v %q %q", r, sent, m.Text)
		}
		if _, sent := d.says(annNumber, digits); len(sent) > 0 {
			t.Errorf("a code counted twice: %q", sent)
		}
		// Too late.
		asked, sent = d.says(annNumber, "reboot host2")
		digits = sentCode(t, sent, annNumber)
		time.Sleep(5*time.Minute + time.Second)
		if _, sent := d.says(annNumber, digits); d.run(asked).State != store.RunExpired || len(sent) > 0 {
			t.Errorf("%+v %q", d.run(asked), sent)
		}
		// Five wrong ones, then the right one. The manager is told.
		asked, sent = d.says(annNumber, "reboot host3")
		digits = sentCode(t, sent, annNumber)
		var answers []string
		for i := range 5 {
			wrong := fmt.Sprintf("%06d", i)
			if wrong == digits {
				wrong = "999999"
			}
			_, sent := d.says(annNumber, wrong)
			answers = append(answers, sent...)
		}
		if r := d.run(asked); r.State != store.RunRefused || !has(answers, annNumber, "too many") || !has(answers, sueNumber, "wrong codes") || len(answers) != 2 {
			t.Errorf("%+v %q", r, answers)
		}
		if _, sent := d.says(annNumber, digits); len(sent) > 0 || d.run(asked).State != store.RunRefused {
			t.Errorf("after the lock: %q", sent)
		}
		// For an hour no code is sent any more. Who may no longer start it when the code comes, does not.
		if m, sent := d.says(annNumber, "reboot host3"); d.run(m).State != store.RunRefused || len(sent) > 0 {
			t.Errorf("%+v %q", d.run(m), sent)
		}
		time.Sleep(time.Hour)
		asked, sent = d.says(annNumber, "reboot host4")
		digits = sentCode(t, sent, annNumber)
		a, err := d.store.ActionByKeyword(t.Context(), "default", "reboot")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.store.DisallowGroup(t.Context(), a.ID, d.ops.ID, time.Now(), "test"); err != nil {
			t.Fatal(err)
		}
		if d.says(annNumber, digits); d.run(asked).State != store.RunRefused {
			t.Errorf("%+v", d.run(asked))
		}
		d.sound()
	})
}

func TestTwoPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, nil).everybody()
		d.action(store.Action{Keyword: "door", Kind: store.ActionReply, Text: "opens", Level: 4, Filtered: true})
		asked, sent := d.says(annNumber, "door")
		digits := sentCode(t, sent, bobNumber)
		if !has(sent, sueNumber, digits) || has(sent, carlNumber, "") || !has(sent, annNumber, "second person") {
			t.Errorf("%q", sent)
		}
		if d.says(annNumber, digits); d.run(asked).State != store.RunWaiting {
			t.Errorf("one person was enough: %+v", d.run(asked))
		}
		_, sent = d.says(bobNumber, digits)
		if r := d.run(asked); r.State != store.RunDone || r.By != bobNumber || !has(sent, annNumber, "opens") || r.Sender.String() != annNumber {
			t.Errorf("%+v %q", r, sent)
		}
		d.sound()
	})
}

func TestOneTimePassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, nil).everybody()
		secret := []byte("12345678901234567890")
		if err := d.store.PutFactor(t.Context(), store.Factor{ID: d.ann.ID, Secret: secret}, time.Now(), "test"); err != nil {
			t.Fatal(err)
		}
		d.action(store.Action{Keyword: "wake", Kind: store.ActionReply, Text: "wakes {{args.host}}", Level: 3, Filtered: true, Arguments: []store.ActionArgument{{Name: "host", Type: "str", Required: true}}})
		now := func() string { return access.TOTPCode(secret, uint64(time.Now().Unix())/30) }
		m, sent := d.says(annNumber, "wake host1 "+now())
		if d.run(m).State != store.RunDone || !has(sent, annNumber, "wakes host1") || m.Text != "wake host1" {
			t.Errorf("%+v %q %q", d.run(m), sent, m.Text)
		}
		if m, _ := d.says(annNumber, "wake host1 "+now()); d.run(m).State != store.RunRefused {
			t.Error("a code counted twice")
		}
		if m, _ := d.says(bobNumber, "wake host1 "+now()); d.run(m).State != store.RunRefused {
			t.Error("the code of another counted")
		}
		time.Sleep(time.Minute)
		// A thousand guesses: locked after five, the manager is told, and there is at most one answer.
		var answers []string
		for i := range 1000 {
			guess := fmt.Sprintf("%06d", i)
			m, sent := d.says(annNumber, "wake host1 "+guess)
			answers = append(answers, sent...)
			if d.run(m).State != store.RunRefused && guess != now() {
				t.Fatalf("guess %d: %+v", i, d.run(m))
			}
		}
		alarms, others := 0, 0
		for _, a := range answers {
			if strings.HasPrefix(a, sueNumber) {
				alarms++
			} else {
				others++
			}
		}
		if alarms != 1 || others > 1 {
			t.Errorf("%d alarms, %d answers: %q", alarms, others, answers)
		}
		if m, _ := d.says(annNumber, "wake host1 "+now()); d.run(m).State != store.RunRefused {
			t.Error("the right code counts while locked")
		}
		time.Sleep(2 * time.Hour)
		if m, _ := d.says(annNumber, "wake host1 "+now()); d.run(m).State != store.RunDone {
			t.Errorf("after the lock: %+v", d.run(m))
		}
	})
}

func TestEncodedForm(t *testing.T) {
	d := newDesk(t, nil, nil).everybody()
	a := d.action(store.Action{Name: "lamp", Kind: store.ActionReply, Text: "lamp {{args.state}} by {{who}}", Arguments: []store.ActionArgument{{Name: "state", Type: "list", Required: true, Choices: []string{"on", "off"}}}, AdminID: d.root.ID})
	text := func(token string) string { return fmt.Sprintf("%s:%d:0,1", token, a.JanuaID) }
	for _, c := range []struct {
		from, token string
		state       store.RunState
	}{{rootNumber, "rOOt2345", store.RunDone}, {rootNumber, "rOOt2346", store.RunRefused}, {rootNumber, "sUe23456", store.RunRefused}, {sueNumber, "sUe23456", store.RunRefused}, {annNumber, "rOOt2345", store.RunRefused}} {
		m, _ := d.says(c.from, text(c.token))
		if r := d.run(m); r.State != c.state || strings.Contains(m.Text, c.token) {
			t.Errorf("%s %s: %+v %q", c.from, c.token, r, m.Text)
		}
	}
	if err := d.store.AllowAdministrator(t.Context(), a.ID, d.sue.ID, time.Now(), "test"); err != nil {
		t.Fatal(err)
	}
	if m, sent := d.says(sueNumber, text("sUe23456")); d.run(m).State != store.RunDone || !has(sent, sueNumber, "lamp off") {
		t.Errorf("%+v %q", d.run(m), sent)
	}
	// An action of another number, and one that is none: nothing happens, and the next message is handled.
	for _, odd := range []string{"rOOt2345:9999", "rOOt2345:2147483648", "rOOt2345:1:1", "rOOt2345:1:77,1"} {
		if m, _ := d.says(rootNumber, odd); d.run(m).State == store.RunDone {
			t.Errorf("%q ran", odd)
		}
	}
	d.sound()
}

func TestPhoneClient(t *testing.T) {
	d := newDesk(t, nil, nil).everybody()
	if _, sent := d.says(rootNumber, "x:0"); len(sent) > 0 {
		t.Errorf("without an address: %q", sent)
	}
	d.o.Client = "https://gw.example/"
	if _, err := d.store.Administrators().Edit(t.Context(), d.sue.ID, time.Now(), "test", func(a *store.Administrator) error { a.PhoneToken = ""; return nil }); err != nil {
		t.Fatal(err)
	}
	_, sent := d.says(sueNumber, "x:0")
	sue, err := d.store.Administrators().Read(t.Context(), d.sue.ID)
	if err != nil || !sue.HasClient || len(sue.PhoneToken) != 8 || !has(sent, sueNumber, "1:https://gw.example/v1/account/client") {
		t.Errorf("%+v %v %q", sue, err, sent)
	}
	if _, sent := d.says(annNumber, "x:0"); len(sent) > 0 {
		t.Errorf("a contact: %q", sent)
	}
}

func TestBuiltins(t *testing.T) {
	d := newDesk(t, nil, nil).everybody()
	for _, name := range []string{BuiltinHelp, BuiltinStatus, BuiltinUsage, BuiltinStats, BuiltinRole} {
		d.action(store.Action{Keyword: name, Kind: store.ActionBuiltin, Target: name})
	}
	d.action(store.Action{Keyword: "sendsms", Kind: store.ActionBuiltin, Target: BuiltinSendSMS, Filtered: true, Arguments: []store.ActionArgument{{Name: "to", Type: "str", Required: true}, {Name: "message", Type: "str", Required: true}}})
	_, sent := d.says(alienNumber, "help")
	if len(sent) != 1 || !strings.Contains(sent[0], "status") || strings.Contains(sent[0], "sendsms") {
		t.Errorf("%q", sent)
	}
	if _, sent := d.says(sueNumber, "help"); !has(sent, sueNumber, "sendsms TO MESSAGE") {
		t.Errorf("%q", sent)
	}
	if _, sent := d.says(alienNumber, "status"); !has(sent, alienNumber, "1/1 modems up") {
		t.Errorf("%q", sent)
	}
	if _, sent := d.says(annNumber, "usage"); !has(sent, annNumber, "Only administrators") {
		t.Errorf("%q", sent)
	}
	if _, sent := d.says(sueNumber, "usage"); !has(sent, sueNumber, "quota") {
		t.Errorf("%q", sent)
	}
	if _, sent := d.says(sueNumber, "stats"); !has(sent, sueNumber, time.Now().UTC().Month().String()[:3]+" 0") {
		t.Errorf("%q", sent)
	}
	for from, want := range map[string]string{
		sueNumber: "You are Sue: supervisor, service_provider:default.", rootNumber: "You are Root: super administrator, platform_owner.",
		annNumber: "You are Ann A: a contact, in the groups ops.", carlNumber: "You are Carl C: a contact, in no group.", alienNumber: "You are nobody that is known here.",
	} {
		if _, sent := d.says(from, "role"); !slices.Equal(sent, []string{from + ": " + want}) {
			t.Errorf("%q, want %q", sent, want)
		}
	}
	_, sent = d.says(sueNumber, "sendsms ops,"+carlNumber+" lunch at noon")
	if !has(sent, annNumber, "lunch at noon") || !has(sent, bobNumber, "lunch") || !has(sent, carlNumber, "lunch") || !has(sent, sueNumber, "queued") {
		t.Errorf("%q", sent)
	}
	if m, sent := d.says(annNumber, "sendsms ops hello"); d.run(m).State != store.RunFailed || !has(sent, annNumber, "Only administrators") || len(sent) != 1 {
		t.Errorf("%+v %q", d.run(m), sent)
	}
	d.sound()
}

func TestForwardAndWebhook(t *testing.T) {
	d := newDesk(t, nil, nil).everybody()
	d.action(store.Action{Keyword: "tell", Kind: store.ActionForward, Target: "ops, " + carlNumber + ", " + carlNumber + ", 112"})
	d.action(store.Action{Keyword: "hook", Kind: store.ActionWebhook, Target: "x"})
	m, sent := d.says(alienNumber, "tell them; $(id) <b>")
	if !has(sent, annNumber, alienNumber+": tell them; $(id) <b>") || !has(sent, bobNumber, "tell") || !has(sent, carlNumber, "tell") || has(sent, "112", "") {
		t.Errorf("%q", sent)
	}
	if n := len(slices.DeleteFunc(sent, func(s string) bool { return !strings.HasPrefix(s, carlNumber) })); n != 1 || d.run(m).State != store.RunDone {
		t.Errorf("carl got %d, %+v", n, d.run(m))
	}
	if kept := d.refusedNow(); len(kept) != 1 || kept[0].To.String() != "112" || kept[0].Failure.Code != "emergency_number" {
		t.Errorf("refused: %+v", kept)
	}
	if m, _ := d.says(alienNumber, "hook x"); !d.event("action.hook", m.ID) {
		t.Error("no event for webhooks")
	}
	d.sound()
}

func TestNotices(t *testing.T) {
	d := newDesk(t, nil, nil).everybody()
	d.o.Mail = func() string { return "post" }
	a := d.action(store.Action{Keyword: "hook", Kind: store.ActionWebhook, Target: "x", Filtered: true})
	bob, err := d.store.Party(t.Context(), "default", number(bobNumber))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.store.Notify(t.Context(), a.ID, bob.Contacts[0].ID, d.ops.ID, time.Now(), "test"); err != nil {
		t.Fatal(err)
	}
	_, sent := d.says(annNumber, "hook")
	if !has(sent, bobNumber, "hook by contact") || !has(sent, sueNumber, "hook by contact") || !has(sent, "sue@example.org", "hook by contact") || has(sent, annNumber, "") || len(sent) != 3 {
		t.Errorf("%q", sent)
	}
}

func TestLimitsAndLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, func(c *ScreenConfig) { c.UnknownText = "unknown command" }, nil).everybody()
		answers := 0
		for range 50 { // a machine that answers our answer with the same
			_, sent := d.says(alienNumber, "unknown command")
			answers += len(sent)
		}
		if answers != 3 {
			t.Errorf("%d equal answers within ten minutes", answers)
		}
		time.Sleep(11 * time.Minute)
		if _, sent := d.says(alienNumber, "unknown command"); len(sent) != 1 {
			t.Errorf("%q", sent)
		}
		d.action(store.Action{Keyword: "ping", Kind: store.ActionReply, Text: "pong {{text}}", SenderLimit: 2, HourLimit: 3})
		ran := 0
		for i, from := range []string{annNumber, annNumber, annNumber, bobNumber, bobNumber} {
			m, _ := d.says(from, "ping")
			if r := d.run(m); r.State == store.RunDone {
				ran++
			} else if !strings.Contains(r.Reason, "in this hour") {
				t.Errorf("%d: %+v", i, r)
			}
		}
		if ran != 3 {
			t.Errorf("ran %d times", ran)
		}
	})
}

func TestProgramAction(t *testing.T) {
	if err := program.Check(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "wol")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n[ \"$1\" = fail ] && exit 3\nprintf 'woke %s of %s' \"$1\" \"$#\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, nil, map[string]program.Config{"wol": {Path: path, Args: []string{"{host}"}}}).everybody()
	d.action(store.Action{Keyword: "wake", Kind: store.ActionProgram, Target: "wol", Filtered: true, Arguments: []store.ActionArgument{{Name: "host", Type: "str", Required: true}}})
	m, sent := d.says(annNumber, "wake host1; rm -rf / #")
	if r := d.run(m); r.State != store.RunDone || !has(sent, annNumber, "woke host1; rm -rf / # of 1") || r.Exit != 0 || !has(sent, sueNumber, "wake by contact") {
		t.Errorf("%+v %q", r, sent)
	}
	if m, sent := d.says(annNumber, "wake fail"); d.run(m).State != store.RunFailed || d.run(m).Exit != 3 || !has(sent, annNumber, "failed (status 3)") {
		t.Errorf("%+v %q", d.run(m), sent)
	}
	if m, sent := d.says(annNumber, "wake "+strings.Repeat("a", 10000)); d.run(m).State != 0 || !has(sent, annNumber, "Argument host is longer") {
		t.Errorf("%+v %q", d.run(m), sent)
	}
	d.action(store.Action{Keyword: "gone", Kind: store.ActionProgram, Target: "missing", Filtered: true})
	if m, _ := d.says(annNumber, "gone"); d.run(m).State != store.RunFailed || !strings.Contains(d.run(m).Reason, "no such program") {
		t.Errorf("%+v", d.run(m))
	}
	d.sound()
}

// A run that was begun when the gateway ended is told of at the next start, and not begun again.
func TestInterruptedRuns(t *testing.T) {
	d := newDesk(t, nil, nil).everybody()
	a := d.action(store.Action{Keyword: "wake", Kind: store.ActionProgram, Target: "wol"})
	ctx, now := t.Context(), time.Now().UTC()
	m := d.message(annNumber, "wake")
	if _, err := d.store.Receive(ctx, store.Arrival{Trunk: "desk", SIM: "8949", Raw: []byte("x"), At: now, Message: m}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.store.Handle(ctx, store.Handling{ID: m.ID, At: now, Action: "wake", Begin: &store.Run{Action: a.Name, ActionID: a.ID, Provider: "default", Sender: m.From, Who: "contact 1", State: store.RunRunning, At: now, Exit: -1}}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // two starts
		if err := d.recover(ctx, ctx); err != nil {
			t.Fatal(err)
		}
	}
	sent := d.sent()
	if r := d.run(m); r.State != store.RunInterrupted || !has(sent, sueNumber, "interrupted") || len(sent) != 1 {
		t.Errorf("%+v %q", r, sent)
	}
	d.sound()
}

// What came in before the gateway ended is handled at the next start, once.
func TestRunHandlesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, nil, nil).everybody()
		d.action(store.Action{Keyword: "hi", Kind: store.ActionReply, Text: "hello"})
		receive := func() store.Message {
			m := d.message(annNumber, "hi")
			if _, err := d.store.Receive(t.Context(), store.Arrival{Trunk: "desk", SIM: "8949", Raw: fmt.Append(nil, d.n), At: m.ReceivedAt, Message: m}); err != nil {
				t.Fatal(err)
			}
			return m
		}
		before := receive()
		done := make(chan error)
		ctx, cancel := contextWithCancel(t)
		go func() { done <- d.Run(ctx) }()
		synctest.Wait()
		while := receive()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if sent := d.sent(); len(sent) != 2 || d.run(before).State != store.RunDone || d.run(while).State != store.RunDone {
			t.Errorf("%q", sent)
		}
	})
}

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
