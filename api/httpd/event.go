package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"trunkline/api"
	"trunkline/router/access"
	"trunkline/store"
)

// batch is how many events are read from the store at once. A reader that is slow to take them costs this much memory and no more.
const batch = 64

// eventParameters are the query of GET /v1/events.
var eventParameters = []parameter{{name: "after", doc: "number of the last event that is known, 0 for all that are kept; absent: only what comes. The header Last-Event-ID goes before it", integer: true}}

// lastEvent reads the position to resume from; ok is false when there is none and the stream begins with what comes.
func lastEvent(r *request) (seq uint64, ok bool, err error) {
	name, value := "after", r.query.Get("after")
	if h := r.Header["Last-Event-Id"]; len(h) > 0 {
		name, value = "Last-Event-ID", h[len(h)-1]
	} else if !r.query.Has("after") {
		return 0, false, nil
	}
	seq, err = parseSeq(value)
	if err != nil {
		return 0, false, badParameter(name, api.FieldInvalid, err.Error())
	}
	return seq, true, nil
}

// parseSeq reads the number of an event: decimal digits and nothing else.
func parseSeq(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || s != strconv.FormatUint(n, 10) {
		return 0, errors.New("is no number of an event")
	}
	return n, nil
}

// events is GET /v1/events: server-sent events, numbered as in the store. A reader has a position and reads from the store at its own pace, so that
// it misses nothing, sees nothing twice, and holds nobody up.
func (s *Server) events(w http.ResponseWriter, r *request) error {
	ctx := r.Context()
	newest, err := s.store.LastEvent(ctx)
	if err != nil {
		return err
	}
	position, resumed, err := lastEvent(r)
	switch {
	case err != nil:
		return err
	case !resumed:
		position = newest
	case position > newest:
		return badParameter("Last-Event-ID", api.FieldOutOfRange, fmt.Sprintf("is %d, but the last event is %d: it comes from another store", position, newest))
	}
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	f := &feed{server: s, request: r.Request, who: r.who, w: w, control: http.NewResponseController(w), position: position}
	if err := f.run(ctx); err != nil {
		s.log.Debug("event stream ended", "after", f.position, "err", err)
	}
	return nil
}

// feed is one open stream.
type feed struct {
	server   *Server
	request  *http.Request
	who      access.Principal // sees events of messages that he sees; owners of the platform with easy0_statistics_view see all
	w        http.ResponseWriter
	control  *http.ResponseController
	position uint64 // of the last event that was written
	buf      bytes.Buffer
}

// run writes events until the reader goes, is too slow to take one within the write timeout, or the server stops.
func (f *feed) run(ctx context.Context) error {
	f.control.SetReadDeadline(time.Time{})                     // the timeout for a request's body must not end its answer
	fmt.Fprintf(&f.buf, "retry: 1000\nid: %d\n\n", f.position) // where the stream stands, for a reader that gave no position
	if err := f.flush(); err != nil {
		return err
	}
	beat := time.NewTicker(f.server.config.Heartbeat)
	defer beat.Stop()
	for {
		changed := f.server.store.Changed() // before reading, or an event in between would wait for the next one
		if !f.known() {
			return nil
		}
		n, err := f.write(ctx)
		switch {
		case err != nil:
			return err
		case n == batch:
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.server.stopping:
			return nil
		case <-changed:
		case <-beat.C:
			f.buf.WriteString(":\n\n")
			if err := f.flush(); err != nil {
				return err
			}
		}
	}
}

// known tells whether who began the stream may still have it: a token may be revoked meanwhile, a session end, a permission be taken.
func (f *feed) known() bool {
	who, err := f.server.identify(f.request)
	if err != nil || who.Account != f.who.Account {
		return false
	}
	f.who = who.Principal
	return true
}

// write writes the next events, at most a batch, and returns how many.
func (f *feed) write(ctx context.Context) (int, error) {
	events, err := f.server.store.Events(ctx, f.position, batch)
	if err != nil {
		return 0, err
	}
	whole := f.who.Role.Platform() && f.who.Ever(access.StatisticsView)
	for i := range events {
		e, m, err := f.server.event(ctx, &events[i])
		if err != nil {
			return 0, err
		}
		if !whole && (m == nil || !sees(f.who, m)) {
			f.position = e.Seq
			continue
		}
		b, err := json.Marshal(e)
		if err != nil {
			return 0, fmt.Errorf("encode event %d: %w", e.Seq, err)
		}
		fmt.Fprintf(&f.buf, "id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Type, b)
		f.position = e.Seq
	}
	if f.buf.Len() == 0 {
		return len(events), nil
	}
	return len(events), f.flush()
}

// flush writes what is in the buffer; the reader has the write timeout to take it.
func (f *feed) flush() error {
	f.control.SetWriteDeadline(time.Now().Add(f.server.config.WriteTimeout))
	_, err := f.w.Write(f.buf.Bytes())
	f.buf.Reset()
	if err != nil {
		return err
	}
	return f.control.Flush()
}

// event returns an event as the contract shows it, and its message as it is now: nil when it has none, or it is gone or damaged.
func (s *Server) event(ctx context.Context, e *store.Event) (api.Event, *store.Message, error) {
	out := api.Event{Seq: e.Seq, Type: e.Type, At: e.At.UTC(), State: e.State.String(), Part: e.Part, Trunk: e.Trunk, Code: s.shownPath(e.Code), Text: e.Text, Account: s.shownAccount(e.Account)}
	out.Number, out.Seconds = e.Number.String(), e.Duration.Seconds()
	if e.Part > 0 {
		out.Reference = known(e.Reference)
	}
	if !e.Call.IsZero() {
		out.CallID = e.Call.String()
		c, err := s.store.CDR(ctx, e.Call)
		if err == nil {
			shown := s.cdrOf(&c)
			out.Call = &shown
		} else if !gone(err) {
			return out, nil, err
		}
	}
	if e.Message.IsZero() {
		return out, nil, nil
	}
	out.MessageID = e.Message.String()
	m, err := s.store.Message(ctx, e.Message)
	switch {
	case gone(err):
		return out, nil, nil
	case err != nil:
		return out, nil, err
	}
	shown := s.messageOf(&m)
	out.Message = &shown
	return out, &m, nil
}

// gone tells whether an error says that a record is not there any more, or damaged.
func gone(err error) bool {
	var damage *store.Damage
	return errors.Is(err, store.ErrNotFound) || errors.As(err, &damage)
}
