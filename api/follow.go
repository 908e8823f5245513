package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// silence is how long a stream may say nothing, heartbeats included, before it counts as broken.
const silence = 60 * time.Second

// maxLine is the longest line of an event stream, in bytes: an event with a whole message.
const maxLine = 1 << 20

// Events yields what happens after position after, in order and without gaps: 0 is the beginning of what is kept, FromNow is only what comes.
// A broken connection is opened again where it ended, with growing pauses up to 5 s; each failure to do so is yielded as an error with a zero
// event and iteration may go on. It ends with ctx, or after yielding a *Problem, which trying again would not mend.
func (c *Client) Events(ctx context.Context, after uint64) iter.Seq2[Event, error] {
	return c.follow(ctx, after, nil)
}

// Follow is Events with a hook: opened is called each time that a stream stands, before its first event. What is looked up then and what the stream
// yields leave no gap between them.
func (c *Client) Follow(ctx context.Context, after uint64, opened func()) iter.Seq2[Event, error] {
	return c.follow(ctx, after, func() bool { opened(); return true })
}

// Wait follows one message and returns it as soon as done says so, or with an error when ctx ends. done sees the message at once and after each change.
func (c *Client) Wait(ctx context.Context, id string, done func(Message) bool) (Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var m Message
	look := func() (bool, error) {
		var err error
		m, err = c.Message(ctx, id)
		return err == nil && done(m), err
	}
	// Looking when the stream is open, and after each break of it, closes the gap between what is known and what will be told.
	var seen bool
	var failure error
	opened := func() bool {
		seen, failure = look()
		return !seen && failure == nil
	}
	for e, err := range c.follow(ctx, FromNow, opened) {
		var p *Problem
		switch {
		case errors.As(err, &p):
			return m, err
		case err != nil || e.MessageID != id:
			continue
		case e.Message != nil:
			m = *e.Message
		}
		if done(m) {
			return m, nil
		}
	}
	if seen || failure != nil {
		return m, failure
	}
	return m, ctx.Err()
}

// follow is Events; opened, when there is one, is called each time that a stream stands and stops the iteration by returning false.
func (c *Client) follow(ctx context.Context, after uint64, opened func() bool) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := stream{client: c, position: after, opened: opened, yield: yield}
		pause := 100 * time.Millisecond
		for ctx.Err() == nil && !s.stop {
			before := s.position
			err := s.run(ctx)
			var p *Problem
			if s.stop || ctx.Err() != nil || !s.report(err) || errors.As(err, &p) {
				return
			}
			if s.position != before {
				pause = 100 * time.Millisecond
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, 5*time.Second)
		}
	}
}

// stream is one walk over the feed, over any number of connections.
type stream struct {
	client   *Client
	position uint64
	opened   func() bool
	yield    func(Event, error) bool
	stop     bool // the consumer wants no more
}

// report yields a failure, but not a stream that simply ended.
func (s *stream) report(err error) bool {
	if err == nil || errors.Is(err, io.EOF) {
		return true
	}
	if !s.yield(Event{}, err) {
		s.stop = true
	}
	return !s.stop
}

// run reads one connection to its end.
func (s *stream) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	header := http.Header{"Accept": {"text/event-stream"}}
	if s.position != FromNow {
		header.Set("Last-Event-ID", strconv.FormatUint(s.position, 10))
	}
	resp, err := s.client.send(ctx, http.MethodGet, "/v1/events", header, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if s.opened != nil && !s.opened() {
		s.stop = true
		return nil
	}
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	var data []byte
	position := s.position
	for lines.Scan() {
		watchdog.Reset(silence)
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
		switch {
		case len(lines.Bytes()) == 0:
			s.position = position
			if len(data) == 0 {
				continue
			}
			var e Event
			if err := json.Unmarshal(data, &e); err != nil {
				return fmt.Errorf("decode event after %d: %w", s.position, err)
			}
			data = data[:0]
			if !s.yield(e, nil) {
				s.stop = true
				return nil
			}
		case string(name) == "id":
			if position, err = strconv.ParseUint(string(value), 10, 64); err != nil {
				return fmt.Errorf("event after %d has id %q: %w", s.position, value, err)
			}
		case string(name) == "data":
			data = append(data, value...)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("event stream broke after %d: %w", s.position, err)
	}
	return io.EOF
}
