package gsm

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/modem"
	"trunkline/modem/emulator"
	"trunkline/pdu"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/memory"
)

const (
	own     = "+4915100000001"
	friend  = "+4915100000002"
	minutes = 5 * time.Minute
)

// rig is a router with one trunk over an emulated modem, in a bubble. What runs can be stopped and started again; network, modem and disk stay.
type rig struct {
	t       *testing.T
	network *emulator.Network
	device  *emulator.Modem
	phone   *emulator.Handset
	engine  *memory.Engine
	store   *store.Store
	router  *router.Router
	room    store.Room // store.Options.Room at the next start
	direct  bool       // modem.Config.Direct at the next start
	trunk   *Trunk

	storeAndSend bool                              // modem.Config.StoreAndSend at the next start
	wrap         func(*memory.Engine) store.Engine // what the store works on at the next start; nil: the engine

	provider     string        // what Options.ProviderOf says of the trunk
	unknownAfter time.Duration // store.Options.UnknownAfter at the next start

	stop func()
}

func inBubble(t *testing.T, o emulator.NetworkOptions, test func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, network: emulator.NewNetwork(o), engine: memory.New()}
		r.device = emulator.New(r.network, emulator.Options{Name: "desk", Number: own})
		r.phone = r.network.Handset(friend)
		r.start()
		test(r)
		r.stop()
		r.network.Close()
	})
}

func (r *rig) start() {
	var err error
	var engine store.Engine = r.engine
	if r.wrap != nil {
		engine = r.wrap(r.engine)
	}
	if r.store, err = store.Open(context.Background(), engine, store.Options{Assembler: Assembler{}, Room: r.room, UnknownAfter: r.unknownAfter}); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving, running sync.WaitGroup
	c := modem.Default()
	c.Direct, c.StoreAndSend = r.direct, r.storeAndSend
	card, err := LastCard(ctx, r.store, "desk")
	if err != nil {
		r.t.Fatal(err)
	}
	m, err := modem.New(c, modem.Options{Name: "desk", LastCard: card, Open: func(context.Context) (modem.Port, error) {
		host, end := net.Pipe()
		serving.Wait()
		serving.Go(func() { r.device.Serve(ctx, end) })
		return host, nil
	}})
	if err != nil {
		r.t.Fatal(err)
	}
	trunk := New(Options{Name: "desk", Modem: m, Store: r.store, ProviderOf: func(string) string { return r.provider }})
	r.trunk = trunk
	r.router = router.New(router.Options{Config: router.Default(), Store: r.store, Trunks: []router.Trunk{{Name: "desk", Backend: trunk}}, Measure: Measure})
	running.Go(func() { m.Run(ctx) })
	running.Go(func() { trunk.Run(ctx) })
	running.Go(func() { r.router.Run(ctx) })
	r.stop = func() { cancel(); running.Wait(); serving.Wait() }
	if err := m.Ready(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) send(text string) store.MessageID {
	r.t.Helper()
	a, err := r.router.Submit(r.t.Context(), router.Submission{To: []string{friend}, Text: text})
	if err != nil {
		r.t.Fatal(err)
	}
	return a.Messages[0].ID
}

// trySend submits a text to a store that may refuse it.
func (r *rig) trySend(text string) {
	r.router.Submit(r.t.Context(), router.Submission{To: []string{friend}, Text: text})
}

func (r *rig) message(id store.MessageID) store.Message {
	r.t.Helper()
	m, err := r.store.Message(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// inbox returns what came in, oldest first.
func (r *rig) inbox() []store.Message {
	r.t.Helper()
	p, err := r.store.Messages(r.t.Context(), store.Query{Direction: store.In, Limit: 100, Ascending: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return p.Items
}

// events counts the events of a type.
func (r *rig) events(typ string) (n int) {
	r.t.Helper()
	all, err := r.store.Events(r.t.Context(), 0, 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range all {
		if e.Type == typ {
			n++
		}
	}
	return n
}

func (r *rig) held() int { n, _ := r.device.Stored("SM"); m, _ := r.device.Stored("ME"); return n + m }

func (r *rig) inject(f ...emulator.Fault) {
	r.t.Helper()
	if err := r.device.Inject(f...); err != nil {
		r.t.Fatal(err)
	}
}

func TestOut(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		parts int
	}{
		"short":             {"hello", 1},
		"long":              {strings.Repeat("long text {€} ", 30), 4},
		"UCS-2":             {"Žluťoučký kůň 🐎", 1},
		"long UCS-2":        {strings.Repeat("příliš ", 25), 3},
		"control character": {"a\x1aAT+CFUN=0\r\x1b", 1},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, emulator.NetworkOptions{Latency: 3 * time.Second}, func(r *rig) {
				id := r.send(c.text)
				time.Sleep(minutes)
				m := r.message(id)
				if m.State != store.Delivered || len(m.Parts) != c.parts || m.SentAt.IsZero() || m.DeliveredAt.IsZero() || m.Trunk != "desk" {
					t.Errorf("%s in %d parts, sent %v, delivered %v", m.State, len(m.Parts), m.SentAt, m.DeliveredAt)
				}
				for _, p := range m.Parts {
					if p.Reference < 0 || p.State != store.Delivered || p.Status != 0 {
						t.Errorf("part %d: %s, reference %d, status %d", p.Seq, p.State, p.Reference, p.Status)
					}
				}
				if got := r.phone.Inbox(); len(got) != 1 || got[0].Text != c.text {
					t.Errorf("the handset has %+v", got)
				}
			})
		})
	}
}

func TestFlashAndValidityReachTheAir(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		if _, err := r.router.Submit(t.Context(), router.Submission{To: []string{"0151 23"}, Text: "fire", Flash: true, ValidFor: time.Hour}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(minutes)
		l := r.network.Ledger()
		if len(l) != 1 {
			t.Fatalf("%d in the ledger", len(l))
		}
		m, err := pdu.Decode(l[0].TPDU, pdu.MobileOriginated, false)
		if err != nil {
			t.Fatal(err)
		}
		if vp, _ := m.Validity.Duration(); m.DCS.Class() != pdu.Class0 || vp != time.Hour || !m.SRR || m.Address.String() != "015123" {
			t.Errorf("class %v, validity %v, report %v, to %s", m.DCS.Class(), vp, m.SRR, m.Address)
		}
	})
}

func TestIn(t *testing.T) {
	for name, text := range map[string]string{
		"short": "hi", "long": strings.Repeat("long text {€} ", 30), "UCS-2": "Žluťoučký kůň 🐎", "long UCS-2": strings.Repeat("🐎příliš ", 25),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
				if err := r.phone.Send(t.Context(), own, text); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second) // an indication is enough, no timer is waited for
				in := r.inbox()
				if len(in) != 1 || in[0].Text != text || in[0].From.String() != friend || in[0].Trunk != "desk" || in[0].CentreAt.IsZero() {
					t.Fatalf("inbox: %+v", in)
				}
				if in[0].Data != nil {
					t.Errorf("a text has data: %x", in[0].Data)
				}
				if len(in[0].Parts) == 0 || in[0].Parts[0].TPDU == nil {
					t.Error("the raw PDU is not kept")
				}
				if r.events("message.received") != 1 || r.held() != 0 {
					t.Errorf("%d events, %d left on the modem", r.events("message.received"), r.held())
				}
			})
		})
	}
}

func TestNamesAreNotNumbers(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		r.network.Handset("Bank1").Send(t.Context(), own, "code 123")
		time.Sleep(time.Second)
		if in := r.inbox(); len(in) != 1 || in[0].From.Kind().String() != "alphanumeric" || in[0].From.String() != "Bank1" {
			t.Errorf("inbox: %+v", in)
		}
	})
}

// parts encodes a long text as the network delivers it.
func parts(t *testing.T, text string, reference uint16) (tpdus [][]byte) {
	s, err := pdu.SplitText(text, pdu.SplitOptions{Reference: reference})
	if err != nil {
		t.Fatal(err)
	}
	from, _ := pdu.ParseAddress(friend)
	for i := range s.Parts {
		m := s.Message(i, pdu.Deliver)
		m.Address, m.SCTS = from, pdu.TimestampOf(time.Now())
		b, err := m.Append(nil, false)
		if err != nil {
			t.Fatal(err)
		}
		tpdus = append(tpdus, b)
	}
	return tpdus
}

// Parts come in any order, twice, and some only after a restart.
func TestPartsBeforeAndAfterARestart(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		text := strings.Repeat("0123456789", 60)
		p := parts(t, text, 99)
		deliver := func(order ...int) {
			for _, i := range order {
				r.phone.SendTPDU(own, p[i])
			}
			time.Sleep(time.Second)
		}
		deliver(3, 1, 1)
		r.stop()
		time.Sleep(time.Hour)
		r.start()
		deliver(3, 2)
		if n := len(r.inbox()); n != 0 {
			t.Fatalf("%d messages before the last part", n)
		}
		deliver(0)
		deliver(0, 1) // late repetitions
		time.Sleep(minutes)
		in := r.inbox()
		if len(in) != 1 || in[0].Text != text || in[0].Incomplete {
			t.Errorf("inbox: %+v", in)
		}
		if r.held() != 0 || r.events("message.received") != 1 {
			t.Errorf("%d left on the modem, %d events", r.held(), r.events("message.received"))
		}
	})
}

func TestMissingPartIsShownInTheEnd(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		p := parts(t, strings.Repeat("a", 153)+strings.Repeat("b", 153)+"c", 5)
		r.phone.SendTPDU(own, p[2])
		r.phone.SendTPDU(own, p[0])
		time.Sleep(23 * time.Hour)
		if n := len(r.inbox()); n != 0 {
			t.Fatalf("%d messages before the time for parts ended", n)
		}
		time.Sleep(2 * time.Hour)
		in := r.inbox()
		if len(in) != 1 || !in[0].Incomplete || fmt.Sprint(in[0].Missing) != "[2]" || !strings.HasPrefix(in[0].Text, "aaa") || !strings.HasSuffix(in[0].Text, "c") {
			t.Errorf("inbox: %+v", in)
		}
	})
}

func TestDeletionThatDoesNothing(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		r.inject(emulator.Fault{Kind: emulator.NoDelete, On: "+CMGD", Times: 5})
		r.phone.Send(t.Context(), own, "sticky")
		time.Sleep(10 * time.Minute)
		if in := r.inbox(); len(in) != 1 || r.events("message.received") != 1 || r.held() != 0 {
			t.Errorf("%d messages, %d events, %d left on the modem", len(in), r.events("message.received"), r.held())
		}
		r.phone.Send(t.Context(), own, "next")
		time.Sleep(time.Second)
		if in := r.inbox(); len(in) != 2 {
			t.Errorf("%d messages after another one", len(in))
		}
	})
}

// A modem that did not delete restarts, and its card is read slowly: the empty listing before that proves nothing.
func TestNotDeletedAndOutOfSight(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		r.inject(emulator.Fault{Kind: emulator.NoDelete, On: "+CMGD", Times: 2}, emulator.Fault{Kind: emulator.Reset, On: "+CMGL", Skip: 1, Step: emulator.StepCommand})
		r.phone.Send(t.Context(), own, "once")
		time.Sleep(30 * time.Minute)
		if in := r.inbox(); len(in) != 1 || r.events("message.received") != 1 || r.held() != 0 {
			t.Errorf("%d messages, %d events, %d left on the modem", len(in), r.events("message.received"), r.held())
		}
	})
}

func TestRepeatedByTheNetwork(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{Delivery: time.Second}, func(r *rig) {
		r.inject(emulator.Fault{Kind: emulator.Duplicate})
		r.phone.Send(t.Context(), own, "twice")
		time.Sleep(minutes)
		in := r.inbox()
		if len(in) != 2 || !in[0].DuplicateOf.IsZero() || in[1].DuplicateOf != in[0].ID {
			t.Errorf("inbox: %+v", in)
		}
	})
}

// A listing that lost octets on the line is read again before anything is put aside and deleted.
func TestGarbledListingIsReadAgain(t *testing.T) {
	for name, fault := range map[string]emulator.Fault{
		"cut":           {Kind: emulator.Truncate, On: "+CMGL", Code: 7},
		"half an octet": {Kind: emulator.Truncate, On: "+CMGL"},
		"wrong length":  {Kind: emulator.WrongLength, On: "+CMGL"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
				r.inject(fault)
				r.phone.Send(t.Context(), own, "whole in the end")
				time.Sleep(minutes)
				q, err := r.store.Quarantined(t.Context(), 10, "")
				if err != nil || len(q.Items) != 0 {
					t.Errorf("quarantine: %+v, %v", q, err)
				}
				if in := r.inbox(); len(in) != 1 || in[0].Text != "whole in the end" || r.held() != 0 {
					t.Errorf("%d messages, %d left on the modem", len(in), r.held())
				}
			})
		})
	}
}

func TestUndecodableGoesToQuarantine(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		bad := parts(t, "user data that is cut off", 0)[0]
		r.phone.SendTPDU(own, bad[:len(bad)-5])
		r.phone.Send(t.Context(), own, "good")
		time.Sleep(minutes)
		q, err := r.store.Quarantined(t.Context(), 10, "")
		if err != nil || len(q.Items) != 1 || q.Items[0].Field != "tp_ud" || q.Items[0].Raw == "" {
			t.Errorf("quarantine: %+v, %v", q, err)
		}
		if in := r.inbox(); len(in) != 1 || in[0].Text != "good" || r.held() != 0 {
			t.Errorf("%d messages, %d left on the modem", len(in), r.held())
		}
	})
}

func TestSilentMessageIsOnlyAnEvent(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		from, _ := pdu.ParseAddress(friend)
		m := pdu.Message{Type: pdu.Deliver, Address: from, PID: 0x40, SCTS: pdu.TimestampOf(time.Now()), Text: "Hi"}
		b, err := m.Append(nil, false)
		if err != nil {
			t.Fatal(err)
		}
		r.phone.SendTPDU(own, b)
		time.Sleep(minutes)
		if len(r.inbox()) != 0 || r.events("sms.silent") != 1 || r.held() != 0 {
			t.Errorf("%d messages, %d events, %d left on the modem", len(r.inbox()), r.events("sms.silent"), r.held())
		}
	})
}

// A message that the store cannot take stays on the modem until it can.
func TestNothingIsDeletedBeforeItIsStored(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		time.Sleep(time.Second) // until it is written that the modem is up
		r.engine.FailAt(r.engine.Operations()+1, memory.Before, false, store.ErrFull)
		r.phone.Send(t.Context(), own, "keep me")
		time.Sleep(time.Second)
		if len(r.inbox()) != 0 || r.held() != 1 {
			t.Fatalf("%d stored, %d on the modem while the store refuses", len(r.inbox()), r.held())
		}
		time.Sleep(minutes)
		if len(r.inbox()) != 1 || r.held() != 0 {
			t.Errorf("%d stored, %d on the modem afterwards", len(r.inbox()), r.held())
		}
	})
}

func TestSendFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  emulator.Fault
		state  store.State
		code   string
		taken  int
		within time.Duration
	}{
		{"answer lost", emulator.Fault{Kind: emulator.Lost, On: "+CMGS"}, store.Unknown, "answer_lost", 1, 24 * time.Hour},
		{"answer late but in time", emulator.Fault{Kind: emulator.Late, On: "+CMGS", Delay: 100 * time.Second}, store.Delivered, "", 1, minutes},
		{"answer after its time", emulator.Fault{Kind: emulator.Late, On: "+CMGS", Delay: 181 * time.Second}, store.Delivered, "", 1, 24 * time.Hour},
		{"report before the answer", emulator.Fault{Kind: emulator.ReportFirst, On: "+CMGS"}, store.Delivered, "", 1, minutes},
		{"two prompts", emulator.Fault{Kind: emulator.TwoPrompts, On: "+CMGS"}, store.Delivered, "", 1, minutes},
		{"no prompt", emulator.Fault{Kind: emulator.NoPrompt, On: "+CMGS"}, store.Delivered, "", 1, minutes},
		{"refused for good", emulator.Fault{Kind: emulator.Error, On: "+CMGS", Step: emulator.StepBody, Code: 28}, store.Error, "cms_28", 0, minutes},
		{"refused for now", emulator.Fault{Kind: emulator.Error, On: "+CMGS", Step: emulator.StepBody, Code: 42}, store.Delivered, "", 1, minutes},
		{"unclear error", emulator.Fault{Kind: emulator.Error, On: "+CMGS", Step: emulator.StepAnswer, Code: 500}, store.Unknown, "cms_500", 1, 24 * time.Hour},
		{"unplugged before the prompt", emulator.Fault{Kind: emulator.Unplug, On: "+CMGS", Step: emulator.StepCommand}, store.Delivered, "", 1, minutes},
		{"unplugged after the PDU", emulator.Fault{Kind: emulator.Unplug, On: "+CMGS", Step: emulator.StepAnswer}, store.Unknown, "answer_lost", 1, 24 * time.Hour},
		{"restart after the PDU", emulator.Fault{Kind: emulator.Reset, On: "+CMGS", Step: emulator.StepAnswer}, store.Unknown, "answer_lost", 1, 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
				r.inject(c.fault)
				id := r.send("once")
				time.Sleep(c.within)
				m := r.message(id)
				code := ""
				if m.Failure != nil {
					code = m.Failure.Code
				}
				// An answer or a report that still got through makes more of an unknown one; what counts is that it is not sent again.
				better := c.state == store.Unknown && (m.State == store.Sent || m.State == store.Delivered)
				if !better && (m.State != c.state || code != c.code) {
					t.Errorf("%s, code %q; want %s, %q; attempts %s", m.State, code, c.state, c.code, attempts(m))
				}
				if got := len(r.network.Ledger()); got != c.taken {
					t.Errorf("the network took it %d times, want %d", got, c.taken)
				}
				if next := r.send("next"); true { // and the trunk goes on
					time.Sleep(10 * time.Minute)
					if m := r.message(next); m.State != store.Delivered {
						t.Errorf("the next message is %s: %+v", m.State, m.Failure)
					}
				}
			})
		})
	}
}

func TestNegativeReport(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		r.network.Rule(emulator.Rule{To: friend, Outcome: emulator.Outcome{Undelivered: true, Reports: []emulator.Report{{Status: 0x20, After: time.Second}, {Status: 0x46, After: time.Hour}}}})
		id := r.send("never arrives")
		time.Sleep(minutes)
		if m := r.message(id); m.State != store.Sent {
			t.Errorf("after a temporary report: %s", m.State)
		}
		time.Sleep(2 * time.Hour)
		if m := r.message(id); m.State != store.Error || m.Parts[0].Status != 0x46 {
			t.Errorf("after the final report: %s, status %#x", m.State, m.Parts[0].Status)
		}
	})
}

// inDirectBubble is inBubble with messages handed over instead of stored in the modem.
func inDirectBubble(t *testing.T, o emulator.NetworkOptions, test func(r *rig)) {
	inBubble(t, o, func(r *rig) {
		r.stop()
		r.direct = true
		r.start()
		test(r)
	})
}

// refusedDeliveries counts what the modem did not acknowledge.
func (r *rig) refusedDeliveries() (n int) {
	for _, d := range r.network.Deliveries() {
		if d.To == own && d.Cause != 0 {
			n++
		}
	}
	return n
}

func TestDirectDelivery(t *testing.T) {
	inDirectBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		for _, text := range []string{"hi", strings.Repeat("long text {€} ", 30), "Žluťoučký kůň 🐎"} {
			r.phone.Send(t.Context(), own, text)
		}
		id := r.send("out")
		time.Sleep(30 * time.Second) // no sweep is needed, and the modem waited for every acknowledgement
		if in := r.inbox(); len(in) != 3 || r.events("message.received") != 3 || r.refusedDeliveries() != 0 {
			t.Errorf("%d messages, %d events, %d refused", len(in), r.events("message.received"), r.refusedDeliveries())
		}
		if m := r.message(id); m.State != store.Delivered {
			t.Errorf("a report that is handed over directly: %s", m.State)
		}
		if r.held() != 0 {
			t.Errorf("%d stored in the modem", r.held())
		}
	})
}

// What cannot be stored is refused, so that the network keeps it; it comes again and is stored once.
func TestDirectDeliveryIsAcknowledgedAfterTheCommit(t *testing.T) {
	inDirectBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		time.Sleep(10 * time.Second) // what the modem tells of its start is written
		r.engine.FailAt(r.engine.Operations()+1, memory.Before, false, store.ErrFull)
		r.phone.Send(t.Context(), own, "keep me")
		time.Sleep(time.Second)
		if len(r.inbox()) != 0 || r.refusedDeliveries() != 1 {
			t.Errorf("%d stored, %d refused while the store has no room: %+v", len(r.inbox()), r.refusedDeliveries(), r.network.Deliveries())
		}
		time.Sleep(time.Hour)
		if in := r.inbox(); len(in) != 1 || r.events("message.received") != 1 || in[0].Text != "keep me" {
			t.Errorf("%d messages, %d events afterwards", len(in), r.events("message.received"))
		}
	})
}

// A modem that switched its routing off is set again by itself.
func TestDirectDeliveryIsArmedAgain(t *testing.T) {
	inDirectBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		r.inject(emulator.Fault{Kind: emulator.CNMIOff})
		r.phone.Send(t.Context(), own, "while it is off")
		time.Sleep(3 * time.Minute)
		r.phone.Send(t.Context(), own, "on again")
		time.Sleep(time.Second)
		if in := r.inbox(); len(in) != 2 || r.held() != 0 {
			t.Errorf("%d messages, %d left on the modem", len(in), r.held())
		}
	})
}

func TestMeasure(t *testing.T) {
	for text, want := range map[string]int{"a": 1, strings.Repeat("a", 160): 1, strings.Repeat("a", 161): 2, strings.Repeat("č", 70): 1, strings.Repeat("č", 71): 2} {
		if n, err := Measure(text, 10); n != want || err != nil {
			t.Errorf("%d characters: %d parts, %v; want %d", len([]rune(text)), n, err, want)
		}
	}
	if _, err := Measure(strings.Repeat("a", 1531), 10); err == nil || !strings.Contains(err.Error(), "10") {
		t.Errorf("eleven parts: %v", err)
	}
}

// attempts tells what was tried, for messages of tests.
func attempts(m store.Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		for _, a := range p.Attempts {
			fmt.Fprintf(&b, "[part %d try %d phase %d %s–%s", p.Seq, a.Number, a.Phase, a.StartedAt.Format("15:04:05.000"), a.EndedAt.Format("15:04:05.000"))
			if a.Failure != nil {
				fmt.Fprintf(&b, " %s: %s", a.Failure.Code, a.Failure.Text)
			}
			b.WriteString("]")
		}
	}
	return b.String()
}
