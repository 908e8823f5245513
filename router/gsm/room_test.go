package gsm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"trunkline/modem/emulator"
	"trunkline/router"
	"trunkline/store"
	"trunkline/store/memory"
	"trunkline/store/room"
)

// small is a disk that the engine writes to, and somebody else fills.
type small struct {
	mu             sync.Mutex
	size           int64
	others, ours   int64
	reserved       int64
	refusedCommits int
}

const commitBytes = 1024 // that a commit of the engine takes

func (d *small) free() int64 { return max(0, d.size-d.others-d.ours-d.reserved) }

// fill lets others have all but some bytes of what is free.
func (d *small) fill(left int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.others += d.free() - left
}

func (d *small) clean() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.others = 0
}

func (d *small) commit() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.free() < commitBytes {
		d.refusedCommits++
		return store.ErrFull
	}
	d.ours += commitBytes
	return nil
}

func (d *small) refused() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refusedCommits
}

func (d *small) Usage() (room.Usage, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return room.Usage{Size: d.size, Free: d.free()}, nil
}

func (d *small) Reserved() (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reserved, nil
}

func (d *small) Reserve(size int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.free() < size {
		return store.ErrFull
	}
	d.reserved = size
	return nil
}

func (d *small) Free() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reserved = 0
	return nil
}

// After a sync that failed nothing is taken from the modem any more, and nothing acknowledged; the next life finds it there, once.
func TestFailedSyncStopsReading(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		time.Sleep(time.Second) // until it is written that the modem is up
		r.engine.FailAt(r.engine.Operations()+1, memory.AtCommit, false, fmt.Errorf("%w: input/output error", store.ErrStopped))
		for i := range 3 {
			r.phone.Send(t.Context(), own, fmt.Sprintf("after the failure %d", i))
			time.Sleep(minutes)
		}
		select {
		case <-r.store.Failed():
		default:
			t.Error("nobody is told that the store failed")
		}
		if _, err := r.router.Submit(t.Context(), router.Submission{To: []string{friend}, Text: "new"}); !errors.Is(err, store.ErrStopped) {
			t.Errorf("a new message after a failed sync: %v", err)
		}
		if r.held() != 3 || len(r.inbox()) != 0 {
			t.Errorf("%d on the modem, %d in the inbox after a failed sync", r.held(), len(r.inbox()))
		}
		r.stop()
		r.engine = memory.Restore(r.engine.Snapshot())
		r.start()
		time.Sleep(minutes)
		if r.held() != 0 || len(r.inbox()) != 3 {
			t.Errorf("%d on the modem, %d in the inbox after the next start", r.held(), len(r.inbox()))
		}
	})
}

// The disk fills up, stays full for an hour, and has room again: nothing that was accepted is lost or sent twice, what comes in waits on the modem and in
// the network, and ten seconds after there is room everything works.
func TestDiskFullForAnHour(t *testing.T) {
	for _, reserve := range []int64{0, 8 * commitBytes, 1 << 20} {
		t.Run(fmt.Sprintf("reserve of %d", reserve), func(t *testing.T) {
			inBubble(t, emulator.NetworkOptions{}, func(r *rig) { fullForAnHour(r, reserve) })
		})
	}
}

func fullForAnHour(r *rig, reserve int64) {
	t := r.t
	r.stop()
	disk := &small{size: 100 << 20}
	r.engine.RefuseBy(disk.commit)
	guard, err := room.New(room.Options{Disk: disk, RefuseAt: 95, StopAt: 99, Reserve: reserve})
	if err != nil {
		t.Fatal(err)
	}
	r.room = guard
	r.start()
	ctx, cancel := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() { guard.Run(ctx, r.store.Append) })

	probes := 0
	refused := func() bool {
		t.Helper()
		probes++
		_, err := r.router.Submit(ctx, router.Submission{To: []string{friend}, Text: fmt.Sprintf("probe %d", probes)})
		if err != nil && !errors.Is(err, store.ErrFull) {
			t.Errorf("submission: %v", err)
		}
		return err != nil
	}
	if refused() {
		t.Error("refused although there is room")
	}

	// 96 %: nothing new, but what comes in.
	disk.fill(4 << 20)
	time.Sleep(3 * time.Second)
	r.phone.Send(ctx, own, "before")
	time.Sleep(10 * time.Second)
	if !refused() || guard.Check() == nil || len(r.inbox()) != 1 || r.held() != 0 {
		t.Errorf("nearly full: refused %v, ready %v, %d in the inbox, %d on the modem", refused(), guard.Check(), len(r.inbox()), r.held())
	}

	// Full, with some accepted messages still to be sent.
	disk.clean()
	time.Sleep(3 * time.Second)
	var ids []store.MessageID
	for i := range 6 {
		ids = append(ids, r.send(fmt.Sprintf("accepted %d", i)))
	}
	disk.fill(0)
	time.Sleep(2 * time.Second)
	for i := range 12 {
		r.phone.Send(ctx, own, fmt.Sprintf("while full %d", i))
		time.Sleep(5 * time.Minute)
	}
	if !refused() || len(r.inbox()) != 1 || r.held() == 0 {
		t.Errorf("full: refused %v, %d in the inbox, %d on the modem", refused(), len(r.inbox()), r.held())
	}
	if reserve == 1<<20 {
		for _, id := range ids {
			if m := r.message(id); m.State != store.Sent && m.State != store.Delivered {
				t.Errorf("message %s is %s although the reserve had room for that", id, m.State)
			}
		}
	}
	if disk.refused() == 0 {
		t.Error("the disk was never full")
	}

	disk.clean()
	time.Sleep(10 * time.Second)
	if refused() || guard.Check() != nil || len(r.inbox()) != 13 || r.held() != 0 {
		t.Errorf("ten seconds later: ready %v, %d in the inbox, %d on the modem", guard.Check(), len(r.inbox()), r.held())
	}
	if n, _ := disk.Reserved(); n != min(reserve, 1<<20) {
		t.Errorf("a reserve of %d bytes ten seconds later", n)
	}
	time.Sleep(minutes)
	for _, id := range ids {
		if m := r.message(id); m.State != store.Sent && m.State != store.Delivered {
			t.Errorf("message %s is %s", id, m.State)
		}
	}
	taken := map[string]int{}
	for _, l := range r.network.Ledger() {
		taken[string(l.TPDU[2:])]++ // without the reference
	}
	for pdu, n := range taken {
		if n != 1 {
			t.Errorf("sent %d times: %x", n, pdu)
		}
	}
	if len(taken) != 6+2 { // with the first and the last probe
		t.Errorf("%d messages were sent", len(taken))
	}
	if r.events("store.room_out") == 0 || r.events("store.room_enough") < 2 {
		t.Errorf("%d events that the disk is full, %d that it has room", r.events("store.room_out"), r.events("store.room_enough"))
	}
	cancel()
	watch.Wait()
}
