package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/modem/emulator"
	"trunkline/pdu"
)

// The daemon is killed again and again while it sends and receives: by SIGKILL at random moments, and inside fdatasync, where what is on disk is least
// certain. Then it is left to finish, and everything that was accepted is compared with what the emulated network saw.
//
// TRUNKLINE_CRASH_ROUNDS sets the number of rounds (50). Needs the Debian package strace.

// story is one gateway with one emulated modem, over many lives of the daemon.
type story struct {
	t       *testing.T
	binary  string
	config  string
	store   string
	client  *api.Client
	network *emulator.Network
	phone   *emulator.Handset

	mu       sync.Mutex
	accepted map[int]string // ids of messages by the number in their text
	texted   int            // texts that the handset sent to the gateway

	redelivers bool // modems are reset, so that the network may deliver again what they had not acknowledged: such messages come marked
}

const (
	gatewayNumber = "+491700000001"
	phoneNumber   = "+491700000099"
)

func newStory(t *testing.T) *story { return storyOf(t, buildProgram(t)) }

func storyOf(t *testing.T, binary string) *story {
	dir := t.TempDir()
	s := &story{t: t, binary: binary, config: filepath.Join(dir, "trunkline.toml"), store: filepath.Join(dir, "trunkline.db"), accepted: map[int]string{}}
	s.network = emulator.NewNetwork(emulator.NetworkOptions{})
	t.Cleanup(s.network.Close)
	s.phone = s.network.Handset(phoneNumber)
	m := emulator.New(s.network, emulator.Options{Name: "desk", Number: gatewayNumber})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	link := filepath.Join(dir, "modem")
	if _, err := m.PTY(ctx, link); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "api.sock")
	s.client = api.NewClient(socket)
	t.Cleanup(s.client.Close)
	config := fmt.Sprintf("[store]\npath = %q\n[api]\nsocket = %q\nmetrics = \"\"\n[router]\nretry_min = \"100ms\"\nunknown_after = \"1s\"\n[modem.desk]\ndevice = %q\nsweep_interval = \"2s\"\n",
		s.store, socket, link)
	if err := os.WriteFile(s.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// life starts the daemon, with an strace injection unless inject is empty. The function returned waits until it has ended.
func (s *story) life(inject string) (*exec.Cmd, func()) {
	var under []string
	if inject != "" {
		under = []string{"strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", "inject=" + inject}
	}
	cmd, wait, _ := s.lifeUnder(under...)
	return cmd, wait
}

// ended tells whether a life is over and was waited for.
func ended(cmd *exec.Cmd) bool {
	return errors.Is(cmd.Process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// outlive waits until a life is over, however long it takes.
func outlive(cmd *exec.Cmd) {
	for !ended(cmd) {
		time.Sleep(time.Millisecond)
	}
}

// lifeUnder starts the daemon under a program, and returns also what it prints.
func (s *story) lifeUnder(under ...string) (*exec.Cmd, func(), *tail) {
	args := append(under, s.binary, "serve", "--config", s.config)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	return cmd, func() {
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			s.t.Errorf("the daemon did not end:\n%s", out)
			kill(cmd)
			<-done
		}
	}, out
}

// kill ends a life at once, strace included.
func kill(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// submit sends message n until it is accepted or ctx ends, under one key, so that a lost answer makes no second message.
func (s *story) submit(ctx context.Context, n int) bool {
	r := api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: outText(n)}
	for ctx.Err() == nil {
		a, err := s.client.Submit(ctx, r, fmt.Sprintf("crash-%d", n))
		if err == nil {
			s.mu.Lock()
			s.accepted[n] = a.Messages[0].ID
			s.mu.Unlock()
			return true
		}
		var p *api.Problem
		if errors.As(err, &p) && p.Status/100 == 4 && p.Status != 409 {
			s.t.Errorf("message %d refused: %v", n, err)
			return false
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	return false
}

// outText is the text of message n. Every third has three parts, every fifth of these needs UCS-2.
func outText(n int) string {
	token := fmt.Sprintf("m%dm ", n)
	switch {
	case n%15 == 0:
		return longText(token+"č", 67)
	case n%3 == 0:
		return longText(token, 153)
	}
	return token + "short"
}

func inText(n int) string {
	token := fmt.Sprintf("i%di ", n)
	if n%3 == 0 { // two parts
		all := []rune(strings.Repeat(token, 153))
		return string(all[:153]) + token
	}
	return token + "short"
}

// longText fills two parts of some characters each with a token, and puts one more into a third, so that each part names its message.
func longText(token string, part int) string {
	all := []rune(strings.Repeat(token, part))
	return string(all[:2*part]) + token
}

func TestNothingIsLostOrDoubledWhenKilled(t *testing.T) {
	t.Parallel()
	needStrace(t)
	rounds := 50
	if v, err := strconv.Atoi(os.Getenv("TRUNKLINE_CRASH_ROUNDS")); err == nil {
		rounds = v
	}
	if testing.Short() {
		rounds = 10
	}
	s := newStory(t)
	next := 0
	for round := range rounds {
		inject := ""
		if round%2 == 1 {
			inject = fmt.Sprintf("fdatasync:signal=KILL:when=%d", 1+round/2)
		}
		cmd, wait := s.life(inject)
		ctx, cancel := context.WithCancel(context.Background())
		var traffic sync.WaitGroup
		for range 3 {
			first := next
			next += 1000 // numbers of its own for each sender of each round
			traffic.Go(func() {
				for n := first; ctx.Err() == nil && n < first+100; n++ { // no more than the modem can send afterwards
					s.submit(ctx, n)
				}
			})
		}
		traffic.Go(func() {
			for ctx.Err() == nil {
				s.mu.Lock()
				n := s.texted
				s.texted++
				s.mu.Unlock()
				s.phone.Send(context.WithoutCancel(ctx), gatewayNumber, inText(n))
				select {
				case <-ctx.Done():
				case <-time.After(40 * time.Millisecond):
				}
			}
		})
		if inject == "" {
			s.awaitReady(ctx)
			time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
		} else {
			go func() { wait(); cancel() }()
			select {
			case <-ctx.Done():
			case <-time.After(3 * time.Second):
			}
		}
		kill(cmd)
		wait()
		cancel()
		traffic.Wait()
	}
	s.finish()
	s.compare()
}

// awaitReady waits until the daemon answers.
func (s *story) awaitReady(ctx context.Context) {
	end := time.Now().Add(20 * time.Second)
	for s.client.Ready(ctx) != nil {
		if time.Now().After(end) {
			s.t.Fatal("the daemon does not become ready")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// finish gives the daemon a life of its own until nothing is left to do. It fails when nothing moves any more.
func (s *story) finish() {
	cmd, wait, out := s.lifeUnder()
	s.t.Cleanup(func() { kill(cmd); wait() })
	ctx := s.t.Context()
	s.awaitReady(ctx)
	moved, taken, held := time.Now(), -1, -1
	for {
		open, err := s.unsent(ctx)
		if err != nil {
			s.t.Fatalf("%v\n%s", err, out)
		}
		received := len(s.received(ctx))
		if open == 0 && received >= s.texted {
			return
		}
		if now := len(s.network.Ledger()); now != taken || received != held {
			taken, held, moved = now, received, time.Now()
		}
		if time.Since(moved) > 30*time.Second {
			s.t.Errorf("nothing moves after the last life: %d open, %d of %d texts in\n%s", open, received, s.texted, out)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// unsent tells how many messages wait or are being sent, up to a page of each.
func (s *story) unsent(ctx context.Context) (n int, err error) {
	for _, state := range []string{"waiting", "sending", "waiting"} { // what was being sent may wait again between two questions
		l, err := s.client.Messages(ctx, api.MessageQuery{State: state, Limit: 1000})
		if err != nil {
			return 0, err
		}
		if n += len(l.Items); l.Next != "" { // a page may be short when the machine is slow
			n++
		}
	}
	return n, nil
}

// events returns all events up to now; a message for tomorrow marks where that is.
func (s *story) events(ctx context.Context) (all []api.Event) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	r := api.SubmitRequest{To: api.Recipients{phoneNumber}, Text: "now", SendAt: time.Now().Add(24 * time.Hour).Format(time.RFC3339)}
	mark, err := s.client.Submit(ctx, r, "")
	if err != nil {
		s.t.Fatal(err)
	}
	for e, err := range s.client.Events(ctx, 0) {
		if err != nil {
			s.t.Fatal(err)
		}
		if e.MessageID == mark.Messages[0].ID {
			return all
		}
		all = append(all, e)
	}
	s.t.Fatal("the stream of events has ended")
	return nil
}

// received returns how often each text of the handset is in the inbox.
func (s *story) received(ctx context.Context) map[int]int {
	got := map[int]int{}
	for m := range s.all(ctx, "in") {
		n, ok := number(m.Text, "i")
		if !ok || m.Text != inText(n) {
			s.t.Errorf("the inbox has a text that nobody sent: %q", m.Text)
		}
		if s.redelivers && m.DuplicateOf != "" {
			continue
		}
		got[n]++
	}
	return got
}

// compareRepeats checks that what is in the inbox again came again: each message that is marked as a duplicate names one with the same text from the same
// trunk, and a text is there no more often than the network handed any part of it over. It returns how many messages the inbox has, duplicates included.
func (s *story) compareRepeats(ctx context.Context) (all int) {
	handed := map[int]int{} // the most often that one part of a text was handed over
	counts := map[string]int{}
	for _, d := range s.network.Deliveries() {
		if d.Report || d.To == phoneNumber {
			continue
		}
		m, err := pdu.Decode(d.TPDU, pdu.MobileTerminated, false)
		if err != nil {
			s.t.Fatalf("the network delivered a TPDU that cannot be decoded: %v", err)
		}
		if n, ok := number(m.Text, "i"); ok {
			key := d.To + string(d.TPDU)
			counts[key]++
			handed[n] = max(handed[n], counts[key])
		}
	}
	byID, there := map[string]api.Message{}, map[int]int{}
	for m := range s.all(ctx, "in") {
		all++
		byID[m.ID] = m
		n, _ := number(m.Text, "i")
		there[n]++
		if m.DuplicateOf == "" {
			continue
		}
		if first, ok := byID[m.DuplicateOf]; !ok || first.Text != m.Text || first.Trunk != m.Trunk {
			s.t.Errorf("message %s is marked as a duplicate of %q, which it is not", m.ID, m.DuplicateOf)
		}
	}
	for n, count := range there {
		if count > max(1, handed[n]) {
			s.t.Errorf("text %d is %d times in the inbox, and was handed over %d times", n, count, handed[n])
		}
	}
	return all
}

func (s *story) all(ctx context.Context, direction string) func(func(api.Message) bool) {
	return func(yield func(api.Message) bool) {
		for q := (api.MessageQuery{Direction: direction, Limit: 500, Ascending: true}); ; {
			l, err := s.client.Messages(ctx, q)
			if err != nil {
				s.t.Error(err)
				return
			}
			for _, m := range l.Items {
				if !yield(m) {
					return
				}
			}
			if q.Cursor = l.Next; q.Cursor == "" {
				return
			}
		}
	}
}

// compare checks every promise against the ledger of the network.
func (s *story) compare() {
	t, ctx := s.t, context.Background()
	type part struct{ message, seq int }
	taken := map[part]int{}
	for _, l := range s.network.Ledger() {
		m, err := pdu.Decode(l.TPDU, pdu.MobileOriginated, false)
		if err != nil {
			t.Fatalf("the network took a TPDU that cannot be decoded: %v", err)
		}
		n, ok := number(m.Text, "m")
		if !ok {
			t.Fatalf("the network took a text that nobody submitted: %q", m.Text)
		}
		taken[part{n, max(int(m.Concat.Seq), 1)}]++
	}
	states, unknown := map[string]int{}, 0
	byID := map[string]api.Message{}
	for m := range s.all(ctx, "out") {
		byID[m.ID] = m
		n, ok := number(m.Text, "m")
		if !ok || m.Text != outText(n) {
			t.Errorf("message %s has a text that nobody submitted", m.ID)
		}
		if id, ok := s.accepted[n]; ok && id != m.ID {
			t.Errorf("message %d exists twice: %s and %s", n, id, m.ID)
		}
		states[m.State]++
		for _, p := range m.Parts {
			count := taken[part{n, p.Seq}]
			switch p.State {
			case "sent", "delivered":
				if count != 1 || p.Reference == nil {
					t.Errorf("message %d part %d is %s, but the network took it %d times: %s; attempts %+v", n, p.Seq, p.State, count, partLine(p), p.Attempts)
				}
			case "unknown":
				unknown++
				if count > 1 {
					t.Errorf("message %d part %d is unknown and was sent %d times", n, p.Seq, count)
				}
			default:
				t.Errorf("message %d part %d ended as %s, taken %d times", n, p.Seq, p.State, count)
			}
		}
	}
	for n, id := range s.accepted {
		if _, ok := byID[id]; !ok {
			t.Errorf("message %d was accepted as %s and is lost", n, id)
		}
	}
	got := s.received(ctx)
	for n := range s.texted {
		if got[n] != 1 {
			t.Errorf("text %d of the handset is %d times in the inbox", n, got[n])
		}
	}
	s.compareEvents(ctx, byID)
	t.Logf("%d accepted with an answer, %d messages out %v, %d parts unknown, %d texts in, %d parts at the network", len(s.accepted), len(byID), states, unknown, s.texted, len(taken))
	if len(s.accepted) == 0 || s.texted == 0 || states["sent"]+states["delivered"] == 0 {
		t.Error("there was no traffic to judge")
	}
}

// compareEvents checks that the event stream has no gap and tells of every acceptance and every receipt exactly once.
func (s *story) compareEvents(ctx context.Context, out map[string]api.Message) {
	waiting, received, last := map[string]int{}, map[string]int{}, uint64(0)
	for _, e := range s.events(ctx) {
		if e.Seq != last+1 {
			s.t.Fatalf("event %d follows %d", e.Seq, last)
		}
		last = e.Seq
		switch e.Type {
		case "message.waiting":
			waiting[e.MessageID]++
		case "message.received":
			received[e.MessageID]++
		}
	}
	for id := range out {
		if waiting[id] < 1 {
			s.t.Errorf("no event tells that message %s was accepted", id)
		}
	}
	for id, n := range received {
		if n != 1 {
			s.t.Errorf("%d events tell that message %s was received", n, id)
		}
	}
	if all := s.compareRepeats(ctx); len(received) != all || all != s.texted && !s.redelivers {
		s.t.Errorf("%d events of receipt for %d messages of %d texts", len(received), all, s.texted)
	}
}

var numbered = map[string]*regexp.Regexp{"m": regexp.MustCompile(`m(\d+)m`), "i": regexp.MustCompile(`i(\d+)i`)}

func number(text, kind string) (int, bool) {
	f := numbered[kind].FindStringSubmatch(text)
	if f == nil {
		return 0, false
	}
	n, err := strconv.Atoi(f[1])
	return n, err == nil
}

// tail keeps the end of what a daemon prints.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	if len(w.b) > 64<<10 {
		w.b = w.b[len(w.b)-32<<10:]
	}
	return len(p), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.b)
}
