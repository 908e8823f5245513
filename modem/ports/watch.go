package ports

import (
	"context"
	"log/slog"
	"reflect"
	"time"
)

// WatchOptions say what Watch looks at.
type WatchOptions struct {
	Roots  Roots
	Rescan time.Duration // how often to look although nothing was announced; 0 means 5 s
	Events <-chan Event  // events instead of the kernel's, for tests; nil means the kernel's
	Logger *slog.Logger  // nil means none
}

// settle is when to look after an event. What was pulled out is gone at once, but the ports of a device that was plugged in come
// one after the other, and after the kernel has told of them udev makes links and sets owners.
var settle = [...]time.Duration{0, 50 * time.Millisecond, 200 * time.Millisecond, time.Second, 3 * time.Second}

// Watch calls changed with the present listing at once, and again whenever it differs from the one before, until ctx ends.
// The events of the kernel cause a look at once; without them, as in some containers, only the rescan does.
func Watch(ctx context.Context, o WatchOptions, changed func(Listing)) error {
	if o.Rescan == 0 {
		o.Rescan = 5 * time.Second
	}
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	news := o.Events
	if news == nil {
		source, err := openEvents()
		if err != nil {
			log.Info("no device events from the kernel: ports are looked for at intervals", "interval", o.Rescan, "error", err)
		} else {
			c := make(chan Event, 16)
			done := make(chan struct{})
			go func() {
				defer close(done)
				relay(source, c)
			}()
			defer func() { source.Close(); <-done }()
			news = c
		}
	}
	var last Listing
	var failed string
	look := func(first bool) {
		l, err := List(o.Roots)
		if err != nil {
			if failed != err.Error() {
				failed = err.Error()
				log.Warn("ports cannot be listed", "error", err)
			}
			return
		}
		failed = ""
		if first || !reflect.DeepEqual(l, last) {
			last = l
			changed(l)
		}
	}
	look(true)
	step := len(settle)
	var told time.Time
	again := time.NewTimer(time.Hour)
	again.Stop()
	defer again.Stop()
	// unsettled finds a change that was not announced just now. It may be half done, as one that was, and gets the same time to settle.
	unsettled := func() bool {
		l, err := List(o.Roots)
		if err != nil || reflect.DeepEqual(l, last) {
			return false
		}
		told, step = time.Now(), 1
		again.Reset(settle[step])
		return true
	}
	rescan := time.NewTicker(o.Rescan)
	defer rescan.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-news:
			if !ok {
				news = nil
			}
			if !e.about() {
				continue
			}
			for len(news) > 0 {
				<-news // one look is for all of them
			}
			if step > 1 {
				told, step = time.Now(), 1 // else the next look is due within 50 ms: a flood of events does not put it off
			}
			again.Reset(max(time.Until(told.Add(settle[step])), 0))
			if e.Action == "remove" {
				look(false)
			}
			continue
		case <-again.C:
			if step > 1 && unsettled() {
				continue
			}
		case <-rescan.C:
			if step != 1 && !unsettled() { // at step 1 a look is due within 50 ms
				look(false)
			}
			continue
		}
		look(false)
		if step++; step < len(settle) {
			again.Reset(max(time.Until(told.Add(settle[step])), 0))
		}
	}
}

// relay passes events that matter on until the source is closed. While the reader is busy more of them add nothing: it
// looks at everything anyway.
func relay(source *events, to chan<- Event) {
	for {
		e, ok, err := source.Next()
		if err != nil {
			return
		}
		if !ok || !e.about() {
			continue
		}
		select {
		case to <- e:
		default:
		}
	}
}
