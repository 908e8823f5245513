package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"trunkline/api"
)

// TestKilledAtEverySyncPoint kills the daemon in each sync of two stories in turn, from its start on: a message of three parts is accepted, sent and
// reported; a text of two parts comes in. After each death a new life brings to its end what was begun. Needs the Debian package strace.
func TestKilledAtEverySyncPoint(t *testing.T) {
	t.Parallel()
	needStrace(t)
	const most = 200
	for _, c := range []struct {
		name  string
		begin func(s *story, ctx context.Context, k int)      // starts the story; the daemon may die under it
		done  func(s *story, ctx context.Context, k int) bool // tells whether the daemon came to its end
	}{
		{"send three parts", func(s *story, ctx context.Context, k int) { s.submit(ctx, 3*k) }, func(s *story, ctx context.Context, k int) bool {
			s.mu.Lock()
			id := s.accepted[3*k]
			s.mu.Unlock()
			m, err := s.client.Message(ctx, id)
			return err == nil && m.State == "delivered"
		}},
		{"receive two parts", func(s *story, ctx context.Context, k int) {
			for long := false; !long; s.texted++ { // the shorter ones before it come along
				s.phone.Send(context.WithoutCancel(ctx), gatewayNumber, inText(s.texted))
				long = s.texted%3 == 0
			}
		}, func(s *story, ctx context.Context, k int) bool {
			page, err := s.client.Messages(ctx, api.MessageQuery{Direction: "in", Limit: 1000})
			return err == nil && len(page.Items) >= s.texted
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory(t)
			deaths := 0
			for k := 1; ; k++ {
				if k == most {
					t.Fatalf("the story has no end after %d syncs", most)
				}
				cmd, _ := s.life(fmt.Sprintf("fdatasync:signal=KILL:when=%d", k))
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				died := make(chan struct{})
				go func() { outlive(cmd); close(died); cancel() }()
				c.begin(s, ctx, k)
				for ctx.Err() == nil && !c.done(s, ctx, k) {
					pause(ctx, 5*time.Millisecond)
				}
				ended := ctx.Err() != nil
				kill(cmd)
				<-died
				cancel()
				if !ended {
					break
				}
				deaths++
				s.heal()
			}
			if deaths < 2 { // what comes at once shares a sync, so how many there are differs
				t.Errorf("only %d syncs in a story", deaths)
			}
			t.Logf("killed in each of %d syncs", deaths)
			s.both()
			s.finish()
			s.compare()
		})
	}
}

// heal gives the daemon a life in which it brings to its end what it finds.
func (s *story) heal() {
	cmd, wait, out := s.lifeUnder()
	defer func() { kill(cmd); wait() }()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	s.awaitReady(ctx)
	for {
		open, err := s.unsent(ctx)
		if err != nil {
			s.t.Fatalf("%v\n%s", err, out)
		}
		if open == 0 && len(s.received(ctx)) >= s.texted {
			return
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// both lets a message go each way, without which there is nothing to compare.
func (s *story) both() {
	cmd, wait, _ := s.lifeUnder()
	defer func() { kill(cmd); wait() }()
	s.submit(s.t.Context(), 1)
	s.texted++
	if err := s.phone.Send(s.t.Context(), gatewayNumber, inText(s.texted-1)); err != nil {
		s.t.Fatal(err)
	}
}
