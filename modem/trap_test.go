package modem

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// These tests show that the known defects of the at package, and of drivers in general, cannot bite behind the guard.

// ask runs one command through the owner of the dialogue.
func (r *rig) ask(t *testing.T, text string) ([]string, error) {
	t.Helper()
	var answer []string
	err := r.do(t.Context(), func(s *session) (err error) {
		answer, err = s.ask(text)
		return err
	})
	return answer, err
}

// An indication inside an answer goes to its consumer and does not leak into the answer.
func TestTrap01IndicationInsideAnswer(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		<-r.Notices() // online
		r.p.set(func(p *peer, c string) bool {
			if c != "+CSQ" {
				return false
			}
			p.say("\r\n+CSQ: 20,99\r\n\r\n+CMTI: \"SM\",3\r\n\r\nOK\r\n")
			return true
		})
		got, err := r.ask(t, "+CSQ")
		if err != nil || !slices.Equal(got, []string{"+CSQ: 20,99"}) {
			t.Errorf("answer %q, %v", got, err)
		}
		if n := <-r.Notices(); n.Kind != NoticeStored || n.Memory != "SM" || n.Index != 3 {
			t.Errorf("notice %+v", n)
		}
	})
}

// A late answer never becomes the answer of the next command: after a missed deadline the line is drained and proven in step.
func TestTrap02LateAnswer(t *testing.T) {
	for _, queues := range []bool{true, false} { // what comes while it is busy is answered afterwards, or forgotten
		for _, late := range []time.Duration{5001, 5100, 5290, 5310, 5500, 6000, 6400, 7000, 9000} {
			late *= time.Millisecond
			t.Run(fmt.Sprintf("%v queues=%v", late, queues), func(t *testing.T) {
				bubble(t, nil, func(t *testing.T, r *rig) {
					r.ready(t)
					var mu sync.Mutex
					var busy bool
					var queue []string
					r.p.set(func(p *peer, c string) bool {
						mu.Lock()
						defer mu.Unlock()
						if busy {
							queue = append(queue, c)
							return true
						}
						if c != "+SLOW" {
							return false
						}
						busy = true
						go func() {
							time.Sleep(late)
							p.say("\r\n+SLOW: 1\r\n\r\nOK\r\n")
							mu.Lock()
							busy = false
							again := queue
							mu.Unlock()
							for _, c := range again {
								if queues {
									p.answer(c)
								}
							}
						}()
						return true
					})
					if _, err := r.ask(t, "+SLOW"); !errors.Is(err, ErrTimeout) {
						t.Fatalf("slow command: %v", err)
					}
					for range 5 {
						got, err := r.ask(t, "+CSQ")
						if err != nil || !slices.Equal(got, []string{"+CSQ: 20,99"}) {
							t.Fatalf("next command got %q, %v", got, err)
						}
						if ref, err := r.Submit(t.Context(), tpdu, committed); ref != 7 || err != nil {
							t.Fatalf("Submit = %d, %v", ref, err)
						}
					}
					if s := r.Status(); s.Opens != 1 {
						t.Errorf("port was opened %d times", s.Opens)
					}
				})
			})
		}
	}
}

// A second prompt does not write the PDU again.
func TestTrap03SecondPrompt(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.data = func(p *peer, _ string) {
			p.prompt()
			p.say("\r\n> \r\n> ")
			time.Sleep(time.Second)
			p.say("\r\n+CMGS: 8\r\n\r\nOK\r\n")
		}
		r.p.set(func(p *peer, c string) bool {
			if !strings.HasPrefix(c, "+CMGS=") {
				return false
			}
			p.prompt()
			p.say("\r\n> \r\n> ")
			return true
		})
		ref, err := r.Submit(t.Context(), tpdu, committed)
		if ref != 8 || err != nil {
			t.Errorf("Submit = %d, %v", ref, err)
		}
		if n := r.p.heard("PDU:"); n != 1 {
			t.Errorf("PDU written %d times", n)
		}
	})
}

// The OK after an announcement that lost its PDU line ends the command; nothing waits for another line.
func TestTrap04AnnouncementWithoutPDU(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		<-r.Notices()
		r.p.set(func(p *peer, c string) bool {
			if c != "+CSQ" {
				return false
			}
			p.say("\r\n+CSQ: 20,99\r\n\r\n+CMT: ,24\r\nOK\r\n")
			return true
		})
		start := time.Now()
		got, err := r.ask(t, "+CSQ")
		if err != nil || len(got) != 1 || time.Since(start) > time.Second {
			t.Errorf("answer %q, %v after %v", got, err, time.Since(start))
		}
		if n := <-r.Notices(); n.Kind != NoticeStored {
			t.Errorf("notice %+v, want a sweep", n)
		}
		if n := r.counter(t, "trunkline_modem_damaged_total", "cmt"); n != 1 {
			t.Errorf("damaged cmt counted %v times", n)
		}
	})
}

// A line that begins with '>' is no prompt unless one is due, and keeps its '>'.
func TestTrap05LineLikePrompt(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.set(func(p *peer, c string) bool {
			if c != "+CGMM" {
				return false
			}
			p.say("\r\n> greater\r\n>\r\n\r\nOK\r\n")
			return true
		})
		var got []string
		err := r.do(t.Context(), func(s *session) (err error) {
			got, err = s.run(&exchange{text: "+CGMM", bare: true})
			return err
		})
		if err != nil || !slices.Equal(got, []string{"> greater", ">"}) {
			t.Errorf("answer %q, %v", got, err)
		}
	})
}

// emptyReads is a port whose reads return nothing most of the time, as those of serial libraries with a read limit do.
type emptyReads struct {
	Port
	n int
}

func (e *emptyReads) Read(p []byte) (int, error) {
	if e.n++; e.n%500 != 0 {
		return 0, nil
	}
	return e.Port.Read(p)
}

// Any number of empty reads leaves the modem open.
func TestTrap06EmptyReads(t *testing.T) {
	bubble(t, func(_ *Config, o *Options, p *peer) {
		o.Open = func(ctx context.Context) (Port, error) {
			port, err := p.open(ctx)
			return &emptyReads{Port: port}, err
		}
	}, func(t *testing.T, r *rig) {
		r.ready(t)
		if ref, err := r.Submit(t.Context(), tpdu, committed); ref != 7 || err != nil {
			t.Errorf("Submit = %d, %v", ref, err)
		}
		if s := r.Status(); s.Opens != 1 {
			t.Errorf("opened %d times", s.Opens)
		}
	})
}

// A flood without line end is dropped with its length; the port is usable at once.
func TestTrap07NoLineEnd(t *testing.T) {
	for _, size := range []int{lineLimit, lineLimit + 1, 70_000, 1 << 20} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				r.ready(t)
				r.p.set(func(p *peer, c string) bool {
					if c != "I" {
						return false
					}
					p.say(strings.Repeat("A", size) + "\r\nOK\r\n")
					return true
				})
				start := time.Now()
				if _, err := r.ask(t, "I"); err != nil {
					t.Errorf("command: %v", err)
				}
				if got, err := r.ask(t, "+CSQ"); err != nil || len(got) != 1 {
					t.Errorf("next command: %q, %v", got, err)
				}
				if d := time.Since(start); d > 5*time.Second {
					t.Errorf("usable after %v", d)
				}
				want := 0.0
				if size > lineLimit {
					want = 1
				}
				if n := r.counter(t, "trunkline_modem_damaged_total", "line"); n != want {
					t.Errorf("damaged lines %v, want %v", n, want)
				}
			})
		})
	}
}

// deadWrites is a port that takes no octets once blocked; with deaf set it ignores its deadline as well.
type deadWrites struct {
	Port
	blocked chan struct{} // closed: block
	closed  chan struct{}
	deaf    bool
	until   time.Time
}

func (d *deadWrites) SetWriteDeadline(t time.Time) error { d.until = t; return nil }

func (d *deadWrites) Close() error {
	select {
	case <-d.closed:
	default:
		close(d.closed)
	}
	return d.Port.Close()
}

func (d *deadWrites) Write(p []byte) (int, error) {
	select {
	case <-d.blocked:
	default:
		return d.Port.Write(p)
	}
	var deadline <-chan time.Time
	if !d.deaf {
		timer := time.NewTimer(time.Until(d.until))
		defer timer.Stop()
		deadline = timer.C
	}
	select {
	case <-deadline:
		return 0, context.DeadlineExceeded
	case <-d.closed:
		return 0, net.ErrClosed
	}
}

// A port that takes no octets ends the command at the write limit and is opened again; indications go on meanwhile.
func TestTrap08HangingWrite(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		t.Run(fmt.Sprintf("deaf=%v", deaf), func(t *testing.T) {
			blocked := make(chan struct{})
			bubble(t, func(_ *Config, o *Options, p *peer) {
				blocked = make(chan struct{})
				o.Open = func(ctx context.Context) (Port, error) {
					port, err := p.open(ctx)
					if p.opens > 1 {
						return port, err
					}
					return &deadWrites{Port: port, blocked: blocked, closed: make(chan struct{}), deaf: deaf}, err
				}
			}, func(t *testing.T, r *rig) {
				r.ready(t)
				<-r.Notices()
				close(blocked)
				start := time.Now()
				go func() {
					time.Sleep(time.Second)
					r.p.say("\r\n+CMTI: \"SM\",1\r\n")
				}()
				errs := make(chan error, 1)
				go func() {
					_, err := r.Submit(t.Context(), tpdu, committed)
					errs <- err
				}()
				if n := <-r.Notices(); n.Index != 1 || time.Since(start) > 2*time.Second {
					t.Errorf("notice %+v after %v", n, time.Since(start))
				}
				var se *SubmitError
				if err := <-errs; !errors.As(err, &se) || se.Committed || !errors.Is(err, ErrPortLost) {
					t.Errorf("Submit: %v", err)
				}
				if d := time.Since(start); d > 7*time.Second {
					t.Errorf("ended after %v", d)
				}
				synctest.Wait()
				r.ready(t)
				if s := r.Status(); s.Opens != 2 {
					t.Errorf("opened %d times", s.Opens)
				}
			})
		})
	}
}

// Notices keep their order, whatever the consumer does.
func TestTrap09Order(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		<-r.Notices()
		go func() {
			for i := range 2000 {
				r.p.say(fmt.Sprintf("\r\n+CMTI: \"SM\",%d\r\n", i))
			}
		}()
		for i := range 2000 {
			if i%100 == 0 {
				time.Sleep(time.Millisecond)
			}
			if n := <-r.Notices(); n.Index != i {
				t.Fatalf("notice %d is %+v", i, n)
			}
		}
	})
}

// What a modem says about its capabilities does not keep it from being used.
func TestTrap10Capabilities(t *testing.T) {
	for _, gcap := range []string{"+GCAP: +FCLASS, +CGSM", "+GCAP: +CGSM +FCLASS", "+GCAP: +FCLASS", "", "ERROR"} {
		t.Run(gcap, func(t *testing.T) {
			bubble(t, func(_ *Config, _ *Options, p *peer) {
				p.script = func(p *peer, c string) bool {
					if c == "+GCAP" {
						p.say("\r\n" + gcap + "\r\n\r\nOK\r\n")
						return true
					}
					return false
				}
			}, func(t *testing.T, r *rig) { r.ready(t) })
		})
	}
}

// An empty message is an error, not a panic.
func TestTrap11EmptyMessage(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		for _, b := range [][]byte{nil, {}, make([]byte, maxTPDU+1)} {
			_, err := r.Submit(t.Context(), b, func() error { t.Error("committed"); return nil })
			var se *SubmitError
			if !errors.As(err, &se) || se.Committed {
				t.Errorf("%d octets: %v", len(b), err)
			}
		}
		if n := r.p.heard("+CMGS"); n != 0 {
			t.Errorf("CMGS written %d times", n)
		}
	})
}

// The packages that race or acknowledge before storing are not used.
func TestTrap12NoGSMPackage(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if strings.HasPrefix(path, "github.com/warthog618/") && path != "github.com/warthog618/modem/at" {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

// The answer to a send that comes after the limit still counts when it comes while the dialogue is brought into step, and is
// told as a notice when it comes later. The next command gets its own answer either way.
func TestLateReference(t *testing.T) {
	for _, tt := range []struct {
		late   time.Duration
		inTime bool
	}{{200 * time.Millisecond, true}, {20 * time.Second, false}} {
		t.Run(tt.late.String(), func(t *testing.T) {
			bubble(t, nil, func(t *testing.T, r *rig) {
				r.ready(t)
				<-r.Notices()
				r.p.data = func(p *peer, _ string) {
					go func() {
						time.Sleep(r.config.SendTimeout + tt.late)
						p.say("\r\n+CMGS: 77\r\n\r\nOK\r\n")
					}()
				}
				// Hints of the regular sweep come in between.
				next := func() Notice {
					for {
						if n := <-r.Notices(); n.Kind != NoticeStored {
							return n
						}
					}
				}
				start := time.Now()
				ref, err := r.Submit(t.Context(), tpdu, committed)
				if d := time.Since(start); d < r.config.SendTimeout {
					t.Errorf("gave up after %v", d)
				}
				if tt.inTime {
					if ref != 77 || err != nil {
						t.Errorf("Submit = %d, %v", ref, err)
					}
				} else {
					var se *SubmitError
					if !errors.As(err, &se) || !se.Committed || se.Class() != Unclear || !errors.Is(err, ErrTimeout) {
						t.Errorf("Submit: %v", err)
					}
					if n := next(); n.Kind != NoticeLate || n.Index != 77 {
						t.Errorf("notice %+v", n)
					}
				}
				if got, err := r.ask(t, "+CSQ"); err != nil || !slices.Equal(got, []string{"+CSQ: 20,99"}) {
					t.Errorf("next command: %q, %v", got, err)
				}
			})
		})
	}
}

// 20,000 indications with nobody listening cost neither goroutines nor unbounded memory.
func TestNotificationFlood(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		before := runtime.NumGoroutine()
		for i := range 20_000 {
			r.p.say(fmt.Sprintf("\r\n+CDS: 25\r\n%02X07919761989901F0\r\n", i%256))
		}
		if n := runtime.NumGoroutine(); n > before+3 {
			t.Errorf("%d goroutines, %d before", n, before)
		}
		r.notices.mu.Lock()
		n := len(r.notices.waiting)
		r.notices.mu.Unlock()
		if n > noticeLimit {
			t.Errorf("%d notices wait", n)
		}
		if got, err := r.ask(t, "+CSQ"); err != nil || len(got) != 1 {
			t.Errorf("command after the flood: %q, %v", got, err)
		}
	})
}

// Nothing that came from the modem goes back to it: memory names are of a fixed list, slots are checked numbers.
func TestNoEchoOfModemText(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		for _, st := range []Stored{{Memory: `SM";+CFUN=0;"`, Index: 1}, {Memory: "sm", Index: 1}, {Index: -1}, {Index: 1 << 20}} {
			if err := r.Delete(t.Context(), st); err == nil {
				t.Errorf("%+v was deleted", st)
			}
		}
		if n := r.p.heard("+CMGD"); n != 0 {
			t.Errorf("CMGD written %d times", n)
		}
	})
}

// A port that is gone right after Ctrl-Z leaves the send unclear and is opened again.
func TestPortLostAfterPDU(t *testing.T) {
	bubble(t, nil, func(t *testing.T, r *rig) {
		r.ready(t)
		r.p.data = func(p *peer, _ string) { p.conn.Close() }
		_, err := r.Submit(t.Context(), tpdu, committed)
		var se *SubmitError
		if !errors.As(err, &se) || !se.Committed || se.Class() != Unclear || !errors.Is(err, ErrPortLost) || !errors.Is(err, io.EOF) {
			t.Errorf("Submit: %v", err)
		}
		synctest.Wait()
		r.ready(t)
		if s := r.Status(); s.Opens != 2 {
			t.Errorf("opened %d times", s.Opens)
		}
	})
}
