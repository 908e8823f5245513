package gsm

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"trunkline/callplan"
	"trunkline/modem"
	"trunkline/modem/emulator"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/memory"
)

const elsewhere = "+4915100000003"

// callRig is a modem whose calls are followed, in a bubble. What runs can be stopped and started again with other settings; network, modem and disk stay.
type callRig struct {
	t       *testing.T
	network *emulator.Network
	device  *emulator.Modem
	phone   *emulator.Handset
	engine  *memory.Engine
	config  router.CallConfig // at the next start
	plan    string            // rules of the only plan at the next start; empty: none
	store   *store.Store
	calls   *router.Calls
	stop    func()
}

// onCalls runs a test with a modem and a plan of one list of rules.
func onCalls(t *testing.T, p emulator.Profile, config router.CallConfig, plan string, test func(r *callRig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &callRig{t: t, network: emulator.NewNetwork(emulator.NetworkOptions{}), engine: memory.New(), config: config, plan: plan}
		r.device = emulator.New(r.network, emulator.Options{Name: "desk", Number: own, Profile: p})
		r.phone = r.network.Handset(friend)
		r.start()
		test(r)
		r.stop()
		if _, err := r.store.Check(context.Background(), func(d store.Damage) { t.Errorf("check: %v", &d) }); err != nil {
			t.Error(err)
		}
		r.network.Close()
	})
}

func (r *callRig) start() {
	t := r.t
	t.Helper()
	var err error
	if r.store, err = store.Open(context.Background(), r.engine, store.Options{Assembler: Assembler{}}); err != nil {
		t.Fatal(err)
	}
	book := new(callplan.Book)
	if r.plan != "" {
		plan, found := callplan.Parse([]byte(`{"name":"office","service_provider":"default","priority":1,"timezone":"UTC","rules":`+r.plan+`}`), callplan.ParseOptions{})
		if err := found.Err(); err != nil {
			t.Fatal(err)
		}
		plan.Version = 7
		set, err := callplan.Compile("default", []*callplan.Plan{plan}, &callplan.Env{})
		if err != nil {
			t.Fatal(err)
		}
		book.Publish(set)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving, running sync.WaitGroup
	c := modem.Default()
	c.SweepInterval = time.Hour // messages are no matter here
	m, err := modem.New(c, modem.Options{Name: "desk", Open: func(context.Context) (modem.Port, error) {
		host, end := net.Pipe()
		serving.Wait()
		serving.Go(func() { r.device.Serve(ctx, end) })
		return host, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var trunk *Trunk
	var messages *router.Router
	r.calls = router.NewCalls(router.CallsOptions{Config: r.config, Store: r.store, Plans: book, Lines: func() map[string]router.Line { return map[string]router.Line{"desk": trunk} },
		Submit: func(ctx context.Context, s router.Submission) (router.Accepted, error) {
			return messages.Submit(ctx, s)
		}})
	trunk = New(Options{Name: "desk", Modem: m, Store: r.store, Calls: r.calls})
	messages = router.New(router.Options{Config: router.Default(), Store: r.store, Trunks: []router.Trunk{{Name: "desk", Backend: trunk}}, Measure: Measure})
	if err := r.calls.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	for _, run := range []func(context.Context) error{m.Run, trunk.Run, messages.Run, r.calls.Run} {
		running.Go(func() { run(ctx) })
	}
	r.stop = func() { cancel(); running.Wait(); serving.Wait() }
	if err := m.Ready(r.t.Context()); err != nil {
		t.Fatal(err)
	}
}

// crash goes back to what was on disk at this moment, while modem and network live on, and starts again.
func (r *callRig) crash() {
	disk := r.engine.Snapshot()
	r.stop()
	r.engine = memory.Restore(disk)
	r.start()
}

// ring lets the phone call for a time, and returns what it saw and how long that took.
func (r *callRig) ring(d time.Duration, o emulator.CallOptions) (answered bool, took time.Duration, err error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	defer cancel()
	begin := time.Now()
	answered, err = r.phone.CallWith(ctx, own, o)
	took = time.Since(begin)
	time.Sleep(10 * time.Second) // lists without the call end it
	return answered, took, err
}

// records returns the records of calls, oldest first.
func (r *callRig) records() []store.CDR {
	r.t.Helper()
	page, err := r.store.CDRs(r.t.Context(), store.CDRQuery{Ascending: true, Limit: 100})
	if err != nil {
		r.t.Fatal(err)
	}
	return page.Items
}

// last returns the newest record.
func (r *callRig) last() store.CDR {
	r.t.Helper()
	all := r.records()
	if len(all) == 0 {
		r.t.Fatal("there is no record")
	}
	return all[len(all)-1]
}

// events counts the events of a type.
func (r *callRig) events(typ string) (n int) {
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

const always = `"label":"all","criteria":{"always":true}`

// able is a modem whose network connects calls.
func able() emulator.Profile {
	p, _ := emulator.ProfileByName("generic")
	p.Transfer = true
	return p
}

// TestCallPlanOutcomes: whatever a plan says is seen on the modem, in the record and in the events.
func TestCallPlanOutcomes(t *testing.T) {
	with := func(change func(*router.CallConfig)) router.CallConfig {
		c := router.DefaultCalls()
		change(&c)
		return c
	}
	unable := able()
	unable.Missing = append(unable.Missing, "+CHLD")
	joining := able()
	joining.Transfer = false
	transfer := func(c *router.CallConfig) { c.Route = router.TreatTransfer }
	toNumber := `[{` + always + `,"destination":{"number":"` + elsewhere + `"}}]`
	for _, c := range []struct {
		name     string
		profile  emulator.Profile
		config   router.CallConfig
		plan     string
		options  emulator.CallOptions
		answered bool
		atLeast  time.Duration // that the caller was there; it gives up after 30 s
		atMost   time.Duration
		outcome  string
		action   string // empty: no decision
		treated  string
		handed   int
		records  int
	}{
		{"terminate: refused", able(), router.DefaultCalls(), `[{` + always + `,"destination":{"terminate":true}}]`, emulator.CallOptions{}, false, 0, 3 * time.Second,
			store.CallRejected, "terminate", router.TreatReject, 0, 1},
		{"terminate: answered and hung up", able(), with(func(c *router.CallConfig) { c.Terminate = router.TreatAnswer }), `[{` + always + `,"destination":{"terminate":true}}]`,
			emulator.CallOptions{}, true, 3 * time.Second, 6 * time.Second, store.CallAnswered, "terminate", router.TreatAnswer, 0, 1},
		{"one plan answers", able(), with(func(c *router.CallConfig) {
			c.Plan = map[string]router.CallPlanConfig{"office": {Terminate: router.TreatAnswer}}
		}),
			`[{` + always + `,"destination":{"terminate":true}}]`, emulator.CallOptions{}, true, 3 * time.Second, 6 * time.Second, store.CallAnswered, "terminate", router.TreatAnswer, 0, 1},
		{"continue: rings on", able(), router.DefaultCalls(), `[{` + always + `,"destination":{"continue":true}}]`, emulator.CallOptions{}, false, 30 * time.Second, 31 * time.Second,
			store.CallMissed, "continue", router.TreatRing, 0, 1},
		{"no plan: rings on", able(), router.DefaultCalls(), "", emulator.CallOptions{}, false, 30 * time.Second, 31 * time.Second, store.CallMissed, "", "", 0, 1},
		{"no rule: refused by setting", able(), with(func(c *router.CallConfig) { c.NoMatch = router.TreatReject }), "", emulator.CallOptions{}, false, 0, 3 * time.Second,
			store.CallRejected, "no_match", router.TreatReject, 0, 1},
		{"the caller decides", able(), router.DefaultCalls(), `[{"label":"friend","criteria":{"match":["` + friend + `"]},"destination":{"terminate":true}}]`, emulator.CallOptions{}, false, 0,
			3 * time.Second, store.CallRejected, "terminate", router.TreatReject, 0, 1},
		{"a withheld caller", able(), router.DefaultCalls(), `[{"label":"hidden","criteria":{"match":["anonymous"]},"destination":{"terminate":true}}]`, emulator.CallOptions{Withheld: true}, false,
			0, 3 * time.Second, store.CallRejected, "terminate", router.TreatReject, 0, 1},
		{"a caller who is told too late", able(), router.DefaultCalls(), `[{"label":"friend","criteria":{"match":["` + friend + `"]},"destination":{"terminate":true}}]`,
			emulator.CallOptions{LateCLIP: true, Unlisted: true}, false, 30 * time.Second, 31 * time.Second, store.CallMissed, "", "", 0, 1},
		{"route: rings on", able(), router.DefaultCalls(), toNumber, emulator.CallOptions{}, false, 30 * time.Second, 31 * time.Second, store.CallMissed, "route", router.TreatRing, 0, 1},
		{"route: handed over", able(), with(transfer), toNumber, emulator.CallOptions{}, true, 2 * time.Second, 8 * time.Second, store.CallPassedOn, "route", router.TreatTransfer, 1, 2},
		{"route: joined in the modem", joining, with(transfer), toNumber, emulator.CallOptions{}, true, 30 * time.Second, 31 * time.Second, store.CallAnswered, "route", router.TreatTransfer, 0, 2},
		{"route: the modem cannot", unable, with(transfer), toNumber, emulator.CallOptions{}, false, 30 * time.Second, 31 * time.Second, store.CallMissed, "route", router.TreatTransfer, 0, 1},
		{"route: a SIP address is for switches", able(), with(transfer), `[{` + always + `,"destination":{"sip":"a@example.com"}}]`, emulator.CallOptions{}, false, 30 * time.Second, 31 * time.Second,
			store.CallMissed, "route", router.TreatRing, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			onCalls(t, c.profile, c.config, c.plan, func(r *callRig) {
				answered, took, err := r.ring(30*time.Second, c.options)
				if err != nil || answered != c.answered || took < c.atLeast || took > c.atMost {
					t.Errorf("the caller: answered %v after %s, %v", answered, took, err)
				}
				all := r.records()
				if len(all) != c.records {
					t.Fatalf("%d records: %+v", len(all), all)
				}
				k := all[0]
				if k.Outcome != c.outcome || k.Provider != "default" || k.Trunk != "desk" || k.Direction != store.In || k.EndedAt.Sub(k.StartedAt) > took+6*time.Second {
					t.Errorf("record: %+v", k)
				}
				switch d := k.Decision; {
				case c.action == "":
					if d != nil {
						t.Errorf("decision: %+v", d)
					}
				case d == nil || d.Action != c.action || d.Treatment != c.treated || c.action != "no_match" && (d.Plan != "office" || d.Version != 7 || d.Label == ""):
					t.Errorf("decision: %+v", d)
				case r.events("call.decided") != 1:
					t.Errorf("%d events call.decided", r.events("call.decided"))
				}
				if c.options.Withheld != k.Withheld || k.Number.IsZero() == !c.options.Withheld {
					t.Errorf("caller %s, withheld %v", k.Number, k.Withheld)
				}
				if len(r.device.Handovers()) != c.handed || len(r.device.Calls()) != 0 {
					t.Errorf("handed over: %v, calls: %v", r.device.Handovers(), r.device.Calls())
				}
				if n := r.events("call.incoming"); n != 1 {
					t.Errorf("%d events call.incoming", n)
				}
			})
		})
	}
}

// TestTransferThatFails: a caller who was answered, and whose call nobody takes, is not left alone on the line.
func TestTransferThatFails(t *testing.T) {
	config := router.DefaultCalls()
	config.Route = router.TreatTransfer
	config.TransferWait = 10 * time.Second
	onCalls(t, able(), config, `[{`+always+`,"destination":{"number":"`+elsewhere+`"}}]`, func(r *callRig) {
		r.device.NextCalls(false, -1)
		answered, took, err := r.ring(2*time.Minute, emulator.CallOptions{})
		if err != nil || !answered || took > 30*time.Second || len(r.device.Calls()) != 0 {
			t.Errorf("answered %v after %s, %v, calls %v", answered, took, err, r.device.Calls())
		}
		all := r.records()
		if len(all) != 2 || all[0].Outcome != store.CallAnswered || all[1].Outcome != store.CallNoAnswer || all[1].Direction != store.Out {
			t.Errorf("records: %+v", all)
		}
	})
}

// TestCallOverACrash: the program ends while a call rings, and its record says so.
func TestCallOverACrash(t *testing.T) {
	onCalls(t, able(), router.DefaultCalls(), "", func(r *callRig) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
			defer cancel()
			if _, err := r.phone.Call(ctx, own); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(5 * time.Second)
		if k := r.last(); k.Ended() {
			t.Fatalf("record: %+v", k)
		}
		r.crash()
		<-done
		time.Sleep(10 * time.Second)
		all := r.records()
		if newest := all[len(all)-1]; all[0].Outcome != store.CallLost || !newest.Ended() {
			t.Errorf("records: %+v", all)
		}
	})
}

// TestLineThatGoes: a modem that a reload ends takes its calls with it, and no later call is taken for one of them.
func TestLineThatGoes(t *testing.T) {
	onCalls(t, able(), router.DefaultCalls(), "", func(r *callRig) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
			defer cancel()
			if _, err := r.phone.Call(ctx, own); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(5 * time.Second)
		r.stop()
		for range 2 {
			r.calls.Leave(r.t.Context(), "desk", true)
		}
		if all := r.records(); len(all) != 1 || all[0].Outcome != store.CallLost || all[0].EndedAt.Sub(all[0].StartedAt) < 4*time.Second {
			t.Errorf("records: %+v", all)
		}
		<-done
		r.start()
		r.ring(7*time.Second, emulator.CallOptions{})
		if k := r.last(); k.Outcome != store.CallMissed {
			t.Errorf("the next call: %+v", k)
		}
	})
}

// TestPlaceCall: calls for alarms ring, press keys, and end by themselves.
func TestPlaceCall(t *testing.T) {
	for _, c := range []struct {
		name    string
		callee  func(*emulator.Modem)
		faults  []emulator.Fault
		order   router.CallOrder
		outcome string
		keys    string
		lasts   time.Duration // at most
	}{
		{"answered", func(*emulator.Modem) {}, nil, router.CallOrder{To: elsewhere, Keys: "12#", TalkFor: 5 * time.Second}, store.CallAnswered, "12#", 15 * time.Second},
		{"nobody answers", func(d *emulator.Modem) { d.NextCalls(false, -1) }, nil, router.CallOrder{To: elsewhere, RingFor: 10 * time.Second}, store.CallNoAnswer, "", 15 * time.Second},
		{"busy", func(d *emulator.Modem) { d.NextCalls(true, 0) }, nil, router.CallOrder{To: elsewhere}, store.CallBusy, "", 10 * time.Second},
		{"the modem refuses", func(*emulator.Modem) {}, []emulator.Fault{{Kind: emulator.Error, On: "D"}}, router.CallOrder{To: elsewhere}, store.CallFailed, "", 10 * time.Second},
		{"the modem goes", func(*emulator.Modem) {}, []emulator.Fault{{Kind: emulator.Unplug, On: "D"}}, router.CallOrder{To: elsewhere}, store.CallLost, "", 20 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			onCalls(t, able(), router.DefaultCalls(), "", func(r *callRig) {
				c.callee(r.device)
				if err := r.device.Inject(c.faults...); err != nil {
					t.Fatal(err)
				}
				c.order.Account = "uid:1000"
				begun, err := r.calls.Place(r.t.Context(), c.order)
				if err != nil || begun.Ended() || begun.Trunk != "desk" {
					t.Fatalf("Place = %+v, %v", begun, err)
				}
				if c.faults == nil { // else it may be over already
					if _, err := r.calls.Place(r.t.Context(), router.CallOrder{To: elsewhere, Trunk: "desk"}); !errors.Is(err, router.ErrLineBusy) {
						t.Errorf("a second call: %v", err)
					}
				}
				time.Sleep(time.Minute)
				all := r.records()
				if len(all) != 1 {
					t.Fatalf("records: %+v", all)
				}
				k := all[0]
				if k.ID != begun.ID || k.Outcome != c.outcome || k.Account != "uid:1000" || k.EndedAt.Sub(k.StartedAt) > c.lasts || r.device.Pressed() != c.keys || len(r.device.Calls()) != 0 {
					t.Errorf("record %+v, keys %q, calls %v", k, r.device.Pressed(), r.device.Calls())
				}
				r.device.NextCalls(false, 2*time.Second)
				if again, err := r.calls.Place(r.t.Context(), router.CallOrder{To: elsewhere, RingFor: 5 * time.Second}); err != nil {
					t.Errorf("the next call: %v", err)
				} else {
					time.Sleep(3 * time.Second)
					if err := r.calls.HangUp(r.t.Context(), again.ID); err != nil {
						t.Errorf("hang up: %v", err)
					}
					time.Sleep(30 * time.Second)
					if err := r.calls.HangUp(r.t.Context(), again.ID); !errors.Is(err, router.ErrNoCall) {
						t.Errorf("hang up twice: %v", err)
					}
				}
			})
		})
	}
}

func TestOrdersThatAreWrong(t *testing.T) {
	onCalls(t, able(), router.DefaultCalls(), "", func(r *callRig) {
		for field, o := range map[string]router.CallOrder{"to": {To: "112"}, "trunk": {To: elsewhere, Trunk: "roof"}, "keys": {To: elsewhere, Keys: "12E"},
			"ring_for": {To: elsewhere, RingFor: time.Hour}, "talk_for": {To: elsewhere, TalkFor: time.Hour}} {
			_, err := r.calls.Place(r.t.Context(), o)
			if wrong, ok := errors.AsType[*router.ValidationError](err); !ok || len(wrong.Fields) != 1 || wrong.Fields[0].Field != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		for _, to := range []string{"", "x", "110", "1234", "+449012345678", "+491370000000"} {
			if _, err := r.calls.Place(r.t.Context(), router.CallOrder{To: to}); err == nil {
				t.Errorf("%q was called", to)
			}
		}
		if all := r.records(); len(all) != 0 {
			t.Errorf("records: %+v", all)
		}
	})
}
