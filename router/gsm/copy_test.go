package gsm

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline/modem/emulator"
	"trunkline/store"
	"trunkline/store/memory"
)

// storing is inDoubt for a modem that is to store and send, and that counts for itself, so that copies are the only evidence; no report comes.
func storing(t *testing.T, o emulator.NetworkOptions, test func(r *rig)) {
	inBubble(t, o, func(r *rig) {
		r.stop()
		r.unknownAfter, r.storeAndSend = 10*time.Minute, true
		r.start()
		r.phone.SetReachable(false)
		r.distrust()
		test(r)
	})
}

// clean checks that nothing lies in the modem any more, and that nothing is remembered of copies.
func (r *rig) clean() {
	r.t.Helper()
	if n := r.held(); n != 0 {
		r.t.Errorf("%d messages are left in the modem", n)
	}
	if v, err := r.store.Remembered(context.Background(), copiesKey("iccid:"+r.device.ICCID())); err != nil || v != nil {
		r.t.Errorf("remembered of copies: %q, %v", v, err)
	}
}

// taken counts how often the network took a text.
func (r *rig) taken(text string) (n int) {
	for _, s := range r.network.Ledger() {
		if strings.HasPrefix(s.Text, text) {
			n++
		}
	}
	return n
}

// TestStoreAndSend: every part goes by way of the memory, and no copy is left there.
func TestStoreAndSend(t *testing.T) {
	storing(t, emulator.NetworkOptions{Latency: 3 * time.Second}, func(r *rig) {
		r.phone.SetReachable(true)
		before := len(r.network.Ledger())
		id := r.send(strings.Repeat("long text ", 40))
		highest := 0
		for range 1000 {
			time.Sleep(50 * time.Millisecond)
			highest = max(highest, r.held())
		}
		if m := r.message(id); m.State != store.Delivered || len(m.Parts) != 3 || len(r.network.Ledger())-before != 3 {
			t.Errorf("%s in %d parts, %d sent", m.State, len(m.Parts), len(r.network.Ledger())-before)
		}
		if highest == 0 || highest > 2 {
			t.Errorf("up to %d copies lay in the modem", highest)
		}
		r.clean()
	})
}

// TestEvidenceOfCopies: what the copy tells after a lost answer, and what it cannot tell.
func TestEvidenceOfCopies(t *testing.T) {
	const text = "once"
	for _, c := range []struct {
		name     string
		fault    emulator.Fault
		state    store.State
		evidence string
		taken    int
	}{
		{"the answer is lost", emulator.Fault{Kind: emulator.Lost, On: "+CMSS"}, store.Sent, store.EvidenceStored, 1},
		{"the modem restarts after it was sent", emulator.Fault{Kind: emulator.Reset, On: "+CMSS", Step: emulator.StepAnswer}, store.Sent, store.EvidenceStored, 1},
		{"unplugged after it was sent", emulator.Fault{Kind: emulator.Unplug, On: "+CMSS", Step: emulator.StepAnswer}, store.Sent, store.EvidenceStored, 1},
		{"an error after it was sent", emulator.Fault{Kind: emulator.Error, On: "+CMSS", Step: emulator.StepAnswer, Code: 500}, store.Sent, store.EvidenceStored, 1},
		{"an unclear error, nothing sent", emulator.Fault{Kind: emulator.Error, On: "+CMSS", Step: emulator.StepCommand, Code: 500}, store.Unknown, "", 0},
		{"a plain error, nothing sent", emulator.Fault{Kind: emulator.Error, On: "+CMSS", Step: emulator.StepCommand}, store.Unknown, "", 0},
		{"a restart may have come while it was in the air", emulator.Fault{Kind: emulator.Reset, On: "+CMSS", Step: emulator.StepCommand}, store.Unknown, "", 0},
		{"refused for good", emulator.Fault{Kind: emulator.Error, On: "+CMSS", Step: emulator.StepCommand, Code: 28}, store.Error, "", 0},
		{"refused for now", emulator.Fault{Kind: emulator.Error, On: "+CMSS", Step: emulator.StepCommand, Code: 42}, store.Sent, "", 1},
		{"storing is not answered", emulator.Fault{Kind: emulator.Lost, On: "+CMGW"}, store.Sent, "", 1},
		{"restart while it stores", emulator.Fault{Kind: emulator.Reset, On: "+CMGW", Step: emulator.StepAnswer}, store.Sent, "", 1},
		{"no prompt", emulator.Fault{Kind: emulator.NoPrompt, On: "+CMGW"}, store.Sent, "", 1},
		{"storing is refused", emulator.Fault{Kind: emulator.Error, On: "+CMGW", Step: emulator.StepBody, Code: 500}, store.Sent, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			storing(t, emulator.NetworkOptions{}, func(r *rig) {
				r.inject(c.fault)
				id := r.send(text)
				time.Sleep(30 * time.Minute)
				m := r.message(id)
				if m.State != c.state || m.Parts[0].Evidence != c.evidence || r.taken(text) != c.taken {
					t.Errorf("%s by %q, taken %d times; want %s by %q, %d: %s", m.State, m.Parts[0].Evidence, r.taken(text), c.state, c.evidence, c.taken, attempts(m))
				}
				next := r.send("next")
				time.Sleep(10 * time.Minute)
				if m := r.message(next); m.State != store.Sent {
					t.Errorf("the next message is %s: %+v", m.State, m.Failure)
				}
				r.clean()
			})
		})
	}
}

// TestModemThatDoesNotStore: it sends all the same, and says so.
func TestModemThatDoesNotStore(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		r.stop()
		r.device = emulator.New(r.network, emulator.Options{Name: "old", Number: "+4915100000009", Profile: emulator.Profile{Name: "old", Missing: []string{"+CMSS"}}})
		r.storeAndSend = true
		r.start()
		id := r.send("directly")
		time.Sleep(time.Minute)
		if m := r.message(id); m.State != store.Delivered || !strings.Contains(r.trunk.modem.Status().Note, "store_and_send") {
			t.Errorf("%s, note %q", m.State, r.trunk.modem.Status().Note)
		}
		r.clean()
	})
}

// commits notes how many operations an engine had done at each commit.
type commits struct {
	*memory.Engine
	mu sync.Mutex
	at []int
}

// take returns what was noted and begins anew.
func (c *commits) take() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.at
	c.at = nil
	return at
}

func (c *commits) Update(ctx context.Context, fn func(store.Tx) error) error {
	err := c.Engine.Update(ctx, fn)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = append(c.at, c.Operations())
	return err
}

// TestStoreAndSendCrash ends the program at each commit of the story of one part, before and after it is durable, and at many moments between. What was
// accepted is sent once, which the copy proves without anything else, and no copy stays behind.
func TestStoreAndSendCrash(t *testing.T) {
	const text = "exactly once"
	var points []int
	storing(t, emulator.NetworkOptions{Latency: 4 * time.Second}, func(r *rig) {
		r.stop()
		counted := &commits{Engine: r.engine}
		r.wrap = func(*memory.Engine) store.Engine { return counted }
		r.start()
		time.Sleep(time.Minute)
		from := r.engine.Operations()
		counted.take()
		r.send(text)
		time.Sleep(time.Minute)
		for _, at := range counted.take() {
			points = append(points, at-from)
		}
	})
	if len(points) < 7 { // accept, claim, remember, place, mark, settle, forget
		t.Fatalf("only %d commits", len(points))
	}
	survive := func(when string, hit func(r *rig)) {
		storing(t, emulator.NetworkOptions{Latency: 4 * time.Second}, func(r *rig) {
			time.Sleep(time.Minute)
			hit(r)
			r.crash()
			time.Sleep(30 * time.Minute)
			p, err := r.store.Messages(t.Context(), store.Query{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			accepted := 0
			for _, m := range p.Items {
				if m.Text != text {
					continue
				}
				if accepted++; m.State != store.Sent {
					t.Errorf("%s: it is %s: %s", when, m.State, attempts(m))
				}
			}
			if got := r.taken(text); got != accepted || accepted > 1 {
				t.Errorf("%s: accepted %d times, taken by the network %d times", when, accepted, got)
			}
			r.clean()
		})
	}
	for _, point := range points {
		for _, applied := range []bool{false, true} {
			survive(fmt.Sprintf("operation %d, applied %v", point, applied), func(r *rig) {
				r.engine.FailAt(r.engine.Operations()+point, memory.AtCommit, applied, store.ErrStopped)
				r.trySend(text)
				time.Sleep(5 * time.Second)
			})
		}
	}
	// Never in the very moment in which the network takes it: a modem that loses its power then may not have marked the copy.
	for wait := 150 * time.Millisecond; wait < 6*time.Second; wait += 400 * time.Millisecond {
		survive(fmt.Sprintf("after %s", wait), func(r *rig) {
			r.send(text)
			time.Sleep(wait)
		})
	}
}

func TestCopiesText(t *testing.T) {
	c := copies{all: []*placedCopy{{id: store.NewMessageID(), seq: 3, digest: "00112233aabbccdd", memory: "ME", index: 17}, {id: store.NewMessageID(), seq: 1, digest: "ff"}}}
	if got := parseCopies(c.text()); !reflect.DeepEqual(got, c.all) {
		t.Errorf("%v became %v", c.all, got)
	}
}

func FuzzParseCopies(f *testing.F) {
	f.Add([]byte("0198f3c2-0000-7000-8000-000000000001 1 00112233aabbccdd ME- 17\n"))
	f.Add([]byte("0198f3c2-0000-7000-8000-000000000001 -1 x - 9999999999999999999\n\n  \n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		all := parseCopies(text)
		if len(all) > maxCopies {
			t.Fatalf("%d copies", len(all))
		}
		c := copies{all: all}
		if again := parseCopies(c.text()); !reflect.DeepEqual(again, all) {
			t.Errorf("%q became %q", text, c.text())
		}
	})
}
