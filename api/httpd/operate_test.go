package httpd

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/memory"
)

// doubtful accepts a message and loses the answer to it.
func (g *gateway) doubtful(text string) string {
	g.t.Helper()
	id, err := store.ParseMessageID(g.submit("+4915112345678", text).ID)
	if err != nil {
		g.t.Fatal(err)
	}
	now := time.Now().UTC()
	m, ok, err := g.store.Claim(g.t.Context(), store.Claim{Trunk: "desk", SIM: "sim", At: now})
	if err != nil || !ok || m.ID != id {
		g.t.Fatal(ok, err)
	}
	if err := g.store.Mark(g.t.Context(), id, 1, now); err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.store.Settle(g.t.Context(), store.Outcome{ID: id, Seq: 1, At: now, State: store.Unknown, Failure: &store.Failure{Code: "answer_lost"}}); err != nil {
		g.t.Fatal(err)
	}
	return id.String()
}

func status(err error) int {
	var p *api.Problem
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}

func TestOperatorsDecide(t *testing.T) {
	g := serve(t, nil)
	ctx := t.Context()
	for _, c := range []struct{ verb, state, want string }{
		{"resend", "", "waiting"}, {"settle", "sent", "sent"}, {"settle", "delivered", "delivered"}, {"settle", "failed", "error"},
	} {
		id := g.doubtful(c.verb + c.state)
		before := g.lastEvent()
		var m api.Message
		var err error
		if c.verb == "resend" {
			m, err = g.client.Resend(ctx, id)
		} else {
			m, err = g.client.Settle(ctx, id, c.state)
		}
		if err != nil || m.State != c.want {
			t.Errorf("%s %s: %s, %v", c.verb, c.state, m.State, err)
		}
		events, err := g.store.Events(ctx, before, 10)
		if err != nil || len(events) == 0 || events[0].Type != "message."+c.verb || events[0].Account != "uid:"+strconv.Itoa(os.Getuid()) {
			t.Errorf("%s %s: events %+v, %v", c.verb, c.state, events, err)
		}
		if c.verb == "resend" {
			if m.Parts[0].Resends != 1 {
				t.Errorf("sent again: %+v", m.Parts[0])
			}
			if _, err := g.client.Cancel(ctx, id); err != nil { // else the next claim finds it
				t.Fatal(err)
			}
			continue
		}
		if m.Parts[0].Evidence != store.EvidenceOperator {
			t.Errorf("settled: %+v", m.Parts[0])
		}
		if _, err := g.client.Resend(ctx, id); status(err) != 409 {
			t.Errorf("resend of what is %s: %v", m.State, err)
		}
	}
	waiting := g.submit("+4915112345678", "waits").ID
	if _, err := g.client.Settle(ctx, waiting, "sent"); status(err) != 409 {
		t.Errorf("settle of what waits: %v", err)
	}
	if _, err := g.client.Settle(ctx, waiting, "lost"); status(err) != 422 {
		t.Errorf("settle as nonsense: %v", err)
	}
	if _, err := g.client.Release(ctx, waiting); status(err) != 409 {
		t.Errorf("release of what is not held: %v", err)
	}
	if _, err := g.client.Release(ctx, store.NewMessageID().String()); status(err) != 404 {
		t.Errorf("release of nothing: %v", err)
	}
	held := store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Held, Text: "held", CreatedAt: time.Now().UTC(), Parts: []store.Part{{Seq: 1, State: store.Waiting, Reference: -1, Status: -1}}}
	if _, err := g.store.Accept(ctx, store.Acceptance{Messages: []store.Message{held}}); err != nil {
		t.Fatal(err)
	}
	if m, err := g.client.Release(ctx, held.ID.String()); err != nil || m.State != "waiting" {
		t.Errorf("release: %s, %v", m.State, err)
	}
}

// TestQuotaIsExact: many senders at a time get exactly what the quota allows, and everyone else is told.
func TestQuotaIsExact(t *testing.T) {
	me := fmt.Sprintf("uid:%d", os.Getuid())
	c := router.Default()
	c.Quotas = []string{me + " 10 D"}
	c.TimeZone = "UTC"
	st, err := store.Open(t.Context(), memory.New(), store.Options{Accounting: router.NewBooks(c)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	r := router.New(router.Options{Config: c, Store: st, Trunks: []router.Trunk{{Name: "desk", Backend: idle{}}}, Measure: func(string, int) (int, error) { return 1, nil }})
	g := serve(t, func(_ *Config, o *Options) { o.Router, o.Store = r, st })
	var mu sync.Mutex
	var group sync.WaitGroup
	answers := map[int]int{}
	for i := range 200 {
		group.Go(func() {
			_, err := g.client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{"+4915112345678"}, Text: fmt.Sprint(i)}, "")
			mu.Lock()
			defer mu.Unlock()
			answers[status(err)]++
			var p *api.Problem
			if errors.As(err, &p) && (p.Code() != api.CodeQuota || p.RetryAfter <= 0 || p.Detail == "") {
				t.Errorf("refused with %+v", p)
			}
		})
	}
	group.Wait()
	if answers[0] != 10 || answers[429] != 190 {
		t.Errorf("answers by status: %v; want 10 accepted and 190 with 429", answers)
	}
	for state, want := range map[store.State]int{store.Waiting: 10, store.Error: 190} {
		page, err := st.Messages(t.Context(), store.Query{State: state, Limit: 1000})
		if err != nil || len(page.Items) != want {
			t.Errorf("%d messages are %s, %v; want %d", len(page.Items), state, err, want)
		}
		for _, m := range page.Items {
			if status, _ := m.LogStatus(); state == store.Error && (m.Failure == nil || m.Failure.Code != store.CodeQuota || status != store.LogUnsupported) {
				t.Errorf("refused as %+v, status %d", m.Failure, status)
			}
		}
	}
	told := 0
	events, err := st.Events(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Type == "quota.reached" && e.Account == me {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times that the quota is reached, want once", told)
	}
}

// TestOneKeyManyTimes: one key at once from many sides makes one message; everyone gets it, or is told to ask again.
func TestOneKeyManyTimes(t *testing.T) {
	g := serve(t, nil)
	var mu sync.Mutex
	var group sync.WaitGroup
	ids, replayed, running := map[string]int{}, 0, 0
	for range 50 {
		group.Go(func() {
			for {
				a, err := g.client.Submit(t.Context(), api.SubmitRequest{To: api.Recipients{"+4915112345678"}, Text: "once"}, "the-key")
				mu.Lock()
				if status(err) == 409 {
					running++
					mu.Unlock()
					continue
				}
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				ids[a.Messages[0].ID]++
				if a.Replayed {
					replayed++
				}
				return
			}
		})
	}
	group.Wait()
	if len(ids) != 1 || replayed != 49 {
		t.Errorf("%d messages, %d replays; want 1 and 49", len(ids), replayed)
	}
	if page, err := g.store.Messages(t.Context(), store.Query{}); err != nil || len(page.Items) != 1 {
		t.Errorf("%d messages in the store, %v", len(page.Items), err)
	}
	t.Logf("%d were told that the first is still being answered", running)
}
