package modem

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// vectorFile reads a file of testdata, or the one of the same name in the folder that TRUNKLINE_VECTORS names.
func vectorFile(t *testing.T, name string, into any) {
	t.Helper()
	dir := "testdata"
	if d := os.Getenv("TRUNKLINE_VECTORS"); d != "" {
		dir = d
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// transcript is a recorded dialogue: what the host wrote (">") and what the modem printed ("<").
type transcript struct {
	ID       string
	Note     string
	Exchange []struct{ Dir, Data string }
}

// replayed is what the guard made of a transcript.
type replayed struct {
	answers map[string][]string // by command
	errs    map[string]error
	urcs    []urc
}

// replay lets a guard issue the commands of a transcript while a peer prints what was recorded.
func replay(t *testing.T, tr transcript) (out replayed) {
	out.answers, out.errs = map[string][]string{}, map[string]error{}
	synctest.Test(t, func(t *testing.T) {
		host, dev := net.Pipe()
		m, err := New(Default(), Options{Open: (&peer{}).open})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		g := newGuard(host, m, func(u urc) { mu.Lock(); out.urcs = append(out.urcs, u); mu.Unlock() })
		units := make(chan string, 64) // what the host wrote, cut at CR and Ctrl-Z
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(units)
			var unit []byte
			buf := make([]byte, 256)
			for {
				n, err := dev.Read(buf)
				for _, b := range buf[:n] {
					if unit = append(unit, b); b == '\r' || b == endOfPDU {
						units <- string(unit)
						unit = nil
					}
				}
				if err != nil {
					return
				}
			}
		})
		s := &session{m: m, g: g, e: newEvents()}
		play := func(from int) int { // prints what stands between two writes of the host
			for ; from < len(tr.Exchange) && tr.Exchange[from].Dir == "<"; from++ {
				io.WriteString(dev, tr.Exchange[from].Data)
			}
			return from
		}
		i := play(0)
		for i < len(tr.Exchange) {
			text := strings.TrimPrefix(strings.TrimRight(tr.Exchange[i].Data, "\r\n"), "AT")
			e := &exchange{text: text, shown: text, id: prefixID(text), bare: true, limit: 10 * time.Second}
			// A send goes on to its Ctrl-Z.
			for j := i + 1; j < len(tr.Exchange) && !strings.HasPrefix(tr.Exchange[j].Data, "AT"); j++ {
				if pdu, is := strings.CutSuffix(tr.Exchange[j].Data, "\x1a"); is && tr.Exchange[j].Dir == ">" {
					e.pdu, e.ctx, e.commit, e.result = pdu, t.Context(), committed, 10*time.Second
				}
			}
			var next int
			wg.Go(func() {
				<-units
				next = play(i + 1)
				for next < len(tr.Exchange) && !strings.HasPrefix(tr.Exchange[next].Data, "AT") {
					if strings.HasSuffix(tr.Exchange[next].Data, "\x1a") {
						<-units
					}
					next = play(next + 1)
				}
			})
			answer, err := g.run(e)
			synctest.Wait()
			out.answers[text], out.errs[text] = answer, err
			i = next
		}
		synctest.Wait()
		// Whatever was printed, the dialogue gets back into step.
		wg.Go(func() {
			for u := range units {
				if u == "AT\r" {
					io.WriteString(dev, "\r\nOK\r\n")
				}
			}
		})
		if err := s.resync(); err != nil {
			t.Errorf("not in step: %v", err)
		}
		g.close()
		dev.Close()
		wg.Wait()
	})
	return out
}

func TestTranscripts(t *testing.T) {
	var all []transcript
	vectorFile(t, "at-transcripts.json", &all)
	if len(all) < 100 {
		t.Fatalf("%d transcripts", len(all))
	}
	for _, tr := range all {
		t.Run(tr.ID, func(t *testing.T) {
			got := replay(t, tr)
			printed := ""
			for _, x := range tr.Exchange {
				if x.Dir == "<" {
					printed += x.Data
				}
			}
			for text, err := range got.errs {
				_, refused := errors.AsType[*CommandError](err)
				if err != nil && !refused && !errors.Is(err, ErrTimeout) {
					t.Errorf("AT%s: %v", text, err)
				}
				// Nothing leaks from one into the other.
				for _, line := range got.answers[text] {
					prefix := prefixOf(line)
					if prefix != "" && prefix != prefixID(text) {
						t.Errorf("AT%s got %q", text, line)
					}
				}
				if strings.Contains(printed, "OK\r") && len(got.errs) == 1 && errors.Is(err, ErrTimeout) {
					t.Errorf("AT%s missed its OK", text)
				}
			}
			if len(got.errs) == 0 && len(got.urcs) == 0 && prefixOf(strings.TrimSpace(printed)) != "" && !strings.Contains(printed, "OK\r") {
				t.Errorf("indication was not seen: %q", printed)
			}
			for _, u := range got.urcs {
				if u.kind == urcRegistration && registrationOf(valueOf(u.text), false) < 0 {
					t.Errorf("registration of %q was not understood", u.text)
				}
			}
			for text, answer := range got.answers {
				switch prefixID(text) {
				case "+CREG", "+CGREG", "+CEREG", "+C5GREG":
					if len(answer) != 1 || registrationOf(valueOf(answer[0]), true) < 0 {
						t.Errorf("AT%s: %q was not understood", text, answer)
					}
				case "+CMGR":
					parseList("SM", "+CMGR", answer)
				case "+CMGL":
					parseList("SM", "+CMGL", answer)
				case "+CPMS":
					if strings.HasSuffix(text, "=?") && len(answer) > 0 {
						memoryGroups(valueOf(answer[0]))
					}
				case "+CNMI":
					if strings.HasSuffix(text, "=?") && len(answer) > 0 && len(fields(valueOf(answer[0]))) != 5 {
						t.Errorf("offer %q", answer)
					}
				case "+CSCA":
					if len(answer) == 1 && !strings.HasPrefix(centreOf(firstField(answer)), "+") {
						t.Errorf("service centre %q was not understood", answer[0])
					}
				}
			}
		})
	}
}

// What single transcripts are known for.
func TestTranscriptDetails(t *testing.T) {
	var all []transcript
	vectorFile(t, "at-transcripts.json", &all)
	byID := map[string]transcript{}
	for _, tr := range all {
		byID[tr.ID] = tr
	}
	cms := func(n int) func(error) bool {
		return func(err error) bool { ce, ok := errors.AsType[*CommandError](err); return ok && ce.CMS == n }
	}
	cme := func(n int) func(error) bool {
		return func(err error) bool { ce, ok := errors.AsType[*CommandError](err); return ok && ce.CME == n }
	}
	refused := func(err error) bool {
		ce, ok := errors.AsType[*CommandError](err)
		return ok && ce.CMS < 0 && ce.CME < 0
	}
	fine := func(err error) bool { return err == nil }
	for _, tt := range []struct {
		id, command string
		ok          func(error) bool
		answer      []string
		urcs        int
	}{
		{"ts008", "+CSQ", fine, []string{"+CSQ: 28,99"}, 2},
		{"ts015", "+CMMS=2", cms(500), nil, 0},
		{"ts015", "+CPIN?", fine, []string{"+CPIN: READY"}, 0},
		{"ts018", `+CLCK="SC",0,"1111"`, cme(13), nil, 0},
		{"ts029", "+WIND?", refused, nil, 0},
		{"ts030", `+CSCS="HEX"`, fine, nil, 1},
		{"ts031", "+CMGS=19", cms(69), nil, 0},
		{"ts080", "+CIMI", cme(11), nil, 0},
		{"ts106", "", fine, nil, 0},
		{"ts129", "+CMGR=21", cms(321), nil, 0},
		{"ts142", "+CNMA", cms(340), nil, 1},
		{"ts150", "+CNUM", cme(25), []string{`+CNUM: "","+33671651906",145`}, 0},
	} {
		tr, found := byID[tt.id]
		if !found {
			continue // another set of vectors
		}
		t.Run(tt.id+" "+tt.command, func(t *testing.T) {
			got := replay(t, tr)
			if !tt.ok(got.errs[tt.command]) || !slices.Equal(got.answers[tt.command], tt.answer) || len(got.urcs) != tt.urcs {
				t.Errorf("AT%s: %q, %v; indications %+v", tt.command, got.answers[tt.command], got.errs[tt.command], got.urcs)
			}
		})
	}
}

// badInput is one case of hostile or broken input from a modem.
type badInput struct {
	ID, Surface, Title string
	Input              struct {
		Command string
		Stream  []struct {
			Text, Hex, After string
			Gen              *struct {
				Kind, Text string
				Count      int
			}
			EOF     bool
			DelayMS int `json:"delay_ms"`
			Delay   int
		}
		Port        string
		TimeLimitMS int `json:"time_limit_ms"`
	}
	Expect struct{ Outcome, Field string }
}

func TestBadReplies(t *testing.T) {
	var file struct{ Cases []badInput }
	vectorFile(t, "bad-inputs.json", &file)
	ran := 0
	for _, c := range file.Cases {
		if c.Surface != "at_reply" {
			continue
		}
		ran++
		t.Run(c.ID, func(t *testing.T) { badReply(t, c) })
	}
	if ran == 0 {
		t.Fatal("no cases")
	}
}

func badReply(t *testing.T, c badInput) {
	blocked := make(chan struct{})
	var logged logBuffer
	bubble(t, func(cf *Config, o *Options, p *peer) {
		blocked = make(chan struct{})
		o.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		if c.Input.TimeLimitMS > 0 {
			cf.SendTimeout = time.Duration(c.Input.TimeLimitMS) * time.Millisecond
		}
		if c.Input.Port == "write_blocks" {
			open := o.Open
			o.Open = func(ctx context.Context) (Port, error) {
				port, err := open(ctx)
				if p.opens > 1 {
					return port, err
				}
				return &deadWrites{Port: port, blocked: blocked, closed: make(chan struct{})}, err
			}
		}
	}, func(t *testing.T, r *rig) {
		r.ready(t)
		<-r.Notices()
		if c.Input.Port == "write_blocks" {
			close(blocked)
		}
		say := func(p *peer, after string) {
			for _, x := range c.Input.Stream {
				if x.After != after {
					continue
				}
				time.Sleep(time.Duration(x.DelayMS+x.Delay) * time.Millisecond)
				switch {
				case x.EOF:
					p.conn.Close()
				case x.Hex != "":
					b, err := hex.DecodeString(x.Hex)
					if err != nil {
						t.Error(err)
					}
					p.say(string(b))
				case x.Gen != nil:
					p.say(strings.Repeat(x.Gen.Text, x.Gen.Count))
				default:
					p.say(x.Text)
				}
			}
		}
		command := strings.TrimPrefix(c.Input.Command, "AT")
		sends := strings.HasPrefix(command, "+CMGS")
		fresh := true
		r.p.data = func(p *peer, _ string) { say(p, "ctrl-z") }
		r.p.set(func(p *peer, got string) bool {
			if !fresh || c.Input.Command == "" || got != command && !(sends && strings.HasPrefix(got, "+CMGS=")) {
				return false
			}
			fresh = false
			if sends {
				p.prompt()
			}
			say(p, "")
			return true
		})
		start := time.Now()
		var answer []string
		var err error
		ref := 0
		switch {
		case sends:
			ref, err = r.Submit(t.Context(), tpdu, committed)
		case c.Input.Command == "":
			say(r.p, "")
		default:
			answer, err = r.ask(t, command)
		}
		se, _ := errors.AsType[*SubmitError](err)
		switch c.Expect.Outcome {
		case "sent_no_ref":
			if ref != -1 || err != nil || r.p.heard("PDU:") != 1 {
				t.Errorf("Submit = %d, %v", ref, err)
			}
		case "not_sent":
			if se == nil || se.Committed && se.Class() != Temporary || !se.Committed && r.p.heard("PDU:") > 0 {
				t.Errorf("Submit = %d, %v", ref, err)
			}
			if c.Expect.Field == "prompt" && r.p.heard("ESC") == 0 {
				t.Error("no ESC")
			}
		case "failed":
			if se == nil || se.Class() != Permanent {
				t.Errorf("Submit = %d, %v", ref, err)
			}
		case "unknown":
			if se == nil || !se.Committed || se.Class() != Unclear {
				t.Errorf("Submit = %d, %v", ref, err)
			}
		case "accept_safe":
			if err != nil {
				t.Errorf("%q, %v", answer, err)
			}
			if c.Expect.Field == "line" && command == "+CSQ" && signalDBm(firstField(answer)[:2]) != -73 {
				t.Errorf("signal of %q", answer)
			}
		case "resync", "reject":
			if c.Input.Command != "" && time.Since(start) > 5*time.Second {
				t.Errorf("took %v", time.Since(start))
			}
		case "limit":
			if time.Since(start) > 10*time.Second {
				t.Errorf("took %v", time.Since(start))
			}
		default:
			t.Errorf("outcome %q", c.Expect.Outcome)
		}
		// Whatever it was, the modem is usable at once, with one log line at most per kind and minute.
		r.p.set(nil)
		r.p.setData(nil)
		synctest.Wait()
		for _, line := range strings.Split(logged.String(), "\n") {
			if n := strings.Count(logged.String(), line); line != "" && n > 1 {
				t.Errorf("%d times in the log: %s", n, line)
			}
		}
		for _, told := range r.p.told {
			if strings.Contains(told, "CFUN=0") || strings.Contains(told, "9999999") {
				t.Errorf("modem text went back to it: %q", told)
			}
		}
		r.ready(t)
		if ref, err := r.Submit(t.Context(), tpdu, committed); ref != 7 || err != nil {
			t.Errorf("next Submit = %d, %v", ref, err)
		}
		if f := c.Expect.Field; slices.Contains(damagedFields, f) && (c.Expect.Outcome == "resync" || c.Expect.Outcome == "reject" || c.Expect.Outcome == "sent_no_ref" || f == "prompt" || f == "write") {
			if n := r.counter(t, "trunkline_modem_damaged_total", f); n == 0 {
				t.Errorf("%s is not reported; log:\n%s", f, logged.String())
			}
			if !strings.Contains(logged.String(), "field="+f) && f != "write" {
				t.Errorf("%s is not named in the log:\n%s", f, logged.String())
			}
		}
	})
}
