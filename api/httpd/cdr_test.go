package httpd

import (
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/callplan/phone"
	"trunkline/router"
	"trunkline/store"
)

// recorded stores the record of a call that has ended.
func (g *gateway) recorded(change func(*store.CDR)) store.CDR {
	g.t.Helper()
	now := time.Now().UTC()
	c := store.CDR{ID: store.NewCDRID(), Kind: store.CDRVoice, Direction: store.In, Provider: "default", Trunk: "desk", Number: phone.FromAddress("+4915112345678", false), StartedAt: now}
	c.Note(now, "incoming", "a;b")
	if err := g.store.BeginCall(g.t.Context(), c, store.Event{Type: "call.incoming", At: now, Reference: -1}); err != nil {
		g.t.Fatal(err)
	}
	c, err := g.store.ChangeCall(g.t.Context(), c.ID, func(c *store.CDR) (store.Event, error) {
		c.EndedAt, c.Outcome, c.AnsweredAt = now.Add(10*time.Second), store.CallAnswered, now.Add(4*time.Second)
		if change != nil {
			change(c)
		}
		return store.Event{Type: "call.ended", At: c.EndedAt, Reference: -1}, nil
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

func TestCDRs(t *testing.T) {
	g := serve(t, nil)
	ctx := t.Context()
	var all []string
	for range 5 {
		all = append(all, g.recorded(nil).ID.String())
	}
	full := g.recorded(func(c *store.CDR) {
		c.Subscriber, c.Line = "=evil()", phone.FromAddress("+4915100000001", false)
		c.Decision = &store.CallDecision{Action: "route", Plan: "office", Version: 3, Rule: "1", Label: "x", Draw: 1234, Treatment: "transfer"}
		c.Screening = []string{"listed"}
		c.Reply = &store.CallReply{At: c.EndedAt, Refused: "short"}
	})
	all = append(all, full.ID.String())
	var got []string
	for q := (api.CDRQuery{Limit: 2, Ascending: true}); ; {
		page, err := g.client.CDRs(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Items {
			got = append(got, c.ID)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("listed %v, want %v", got, all)
	}
	c, err := g.client.CDR(ctx, full.ID.String())
	if err != nil || c.Seconds != 6 || c.Decision == nil || *c.Decision.Draw != 12.34 || c.Reply.Refused != "short" || c.Line != "+4915100000001" || len(c.Events) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := g.client.CDR(ctx, store.NewCDRID().String()); status(err) != http.StatusNotFound {
		t.Errorf("no record: %v", err)
	}
	for _, q := range []api.CDRQuery{{Kind: "fax"}, {Direction: "up"}, {Number: "x"}, {Limit: 2000}, {Cursor: "x"}} {
		if _, err := g.client.CDRs(ctx, q); status(err) != http.StatusBadRequest {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if page, err := g.client.CDRs(ctx, api.CDRQuery{Plan: "office"}); err != nil || len(page.Items) != 1 {
		t.Errorf("by plan: %+v, %v", page, err)
	}
	for columns, width := range map[string]int{"": 7, api.ColumnsEasy0: 7, api.ColumnsAll: 24} {
		var b strings.Builder
		if err := g.client.ExportCDRs(ctx, api.CDRQuery{}, columns, &b); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || len(rows) != 7 || len(rows[0]) != width {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if last := rows[6]; last[1] != "'=evil()" || last[2] != full.ID.String() || last[5] != `["listed"]` || last[6] != exported(full.StartedAt)+" incoming a,b;" {
			t.Errorf("row: %q", last)
		}
	}
	if err := g.client.ExportCDRs(ctx, api.CDRQuery{}, "some", &strings.Builder{}); status(err) != http.StatusBadRequest {
		t.Errorf("unknown columns: %v", err)
	}
}

// TestCallEvents: events of calls carry the record.
func TestCallEvents(t *testing.T) {
	g := serve(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := g.recorded(nil)
	n := 0
	for e, err := range g.client.Follow(ctx, 0, func() {}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.CallID != c.ID.String() || e.Call == nil || e.Call.Outcome != store.CallAnswered {
			t.Errorf("%+v", e)
		}
		if n++; n == 2 {
			break
		}
	}
}

// told answers with what a test says, and remembers what it was asked.
type told struct {
	order router.CallOrder
	err   error
}

func (f *told) Place(_ context.Context, o router.CallOrder) (store.CDR, error) {
	f.order = o
	return store.CDR{ID: store.NewCDRID(), Kind: store.CDRVoice, Direction: store.Out, Provider: "default", StartedAt: time.Now()}, f.err
}
func (f *told) HangUp(context.Context, store.CDRID) error { return f.err }
func (f *told) Diversions(context.Context) ([]router.DivertedLine, error) {
	return []router.DivertedLine{{Trunk: "desk", Wanted: router.Diversion{When: "always", To: "+4915112345678"}, Problem: "refused"}}, f.err
}

func TestCalls(t *testing.T) {
	calls := &told{}
	g := serve(t, func(_ *Config, o *Options) { o.Calls = calls })
	ctx := t.Context()
	request := api.CallRequest{To: "+4915112345678", Trunk: "desk", RingFor: api.Duration(20 * time.Second), Keys: "12", TalkFor: api.Duration(5 * time.Second)}
	if c, err := g.client.PlaceCall(ctx, request); err != nil || c.Direction != "out" {
		t.Errorf("%+v, %v", c, err)
	}
	if o := calls.order; o.To != request.To || o.Trunk != "desk" || o.RingFor != 20*time.Second || o.Keys != "12" || o.TalkFor != 5*time.Second || !strings.HasPrefix(o.Account, "uid:") {
		t.Errorf("order: %+v", o)
	}
	for want, err := range map[int]error{409: router.ErrLineBusy, 503: router.ErrLineDown, 422: &router.ValidationError{Fields: []router.FieldError{{Field: "to", Code: "invalid", Message: "x"}}}, 500: errors.New("x")} {
		calls.err = err
		if _, err := g.client.PlaceCall(ctx, request); status(err) != want {
			t.Errorf("%v: %v", calls.err, err)
		}
	}
	calls.err = router.ErrNoCall
	over := g.recorded(nil).ID.String()
	if _, err := g.client.HangUp(ctx, over); status(err) != http.StatusConflict {
		t.Errorf("end of a call that is over: %v", err)
	}
	if _, err := g.client.HangUp(ctx, store.NewCDRID().String()); status(err) != http.StatusNotFound {
		t.Errorf("end of no call: %v", err)
	}
	calls.err = nil
	if _, err := g.client.HangUp(ctx, over); err != nil {
		t.Error(err)
	}
	if page, err := g.client.Calls(ctx); err != nil || len(page.Items) != 0 {
		t.Errorf("calls that last: %+v, %v", page, err)
	}
	if all, err := g.client.Diversions(ctx); err != nil || len(all) != 1 || all[0].Wanted != "+4915112345678" || all[0].When != "always" || all[0].Problem == "" {
		t.Errorf("diversions: %+v, %v", all, err)
	}
}
