package modem

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

var (
	// ErrUSSDBusy means that another USSD session is open: reply to it or cancel it first.
	ErrUSSDBusy = errors.New("a USSD session is open already")
	// ErrNoUSSD means that there is no session that waits for a reply.
	ErrNoUSSD = errors.New("no USSD session waits for a reply")
	// ErrUSSDTimeout means that the network did not answer in time; the session was canceled.
	ErrUSSDTimeout = errors.New("the network did not answer the USSD request in time")
)

const (
	ussdLimit   = 100 * time.Second // for the network to answer
	ussdPatient = 60 * time.Second  // for whoever opened a session to reply
	maxUSSD     = 182               // characters of a request. 3GPP TS 23.090 via 23.038: 160 octets packed
)

// A Reply is what the network said in a USSD session.
type Reply struct {
	Text string // lines end with LF; "" when the network ended the session without a word
	Raw  string // between the quotes, as the modem printed it
	DCS  int    // coding scheme that came with it, -1 when none did
	More bool   // the network waits for USSDReply
}

// A USSDError is an end of a session that is no answer. Code is <m> of +CUSD, 3GPP TS 27.007 §7.15.
type USSDError struct{ Code int }

func (e *USSDError) Error() string {
	switch e.Code {
	case 2:
		return "the network ended the USSD session"
	case 3:
		return "another program on this modem answered the USSD session"
	case 4:
		return "the network does not support this USSD request"
	case 5:
		return "the network gave up the USSD session: time is over"
	}
	return fmt.Sprintf("USSD session ended with code %d", e.Code)
}

// ussd is the one session that a modem can have. The network answers whenever it likes: before or after the OK of the request, or in
// the middle of another command; the reader of the port hands the answer over.
type ussd struct {
	mu     sync.Mutex
	await  chan ussdAnswer // capacity 1; nil when no answer is due
	open   bool            // the network waits for a reply
	expire *time.Timer     // ends an open session that nobody replies to
	packs  bool            // this modem prints and wants septets in hex
}

type ussdAnswer struct {
	code  int
	reply Reply
	err   error // instead of the rest
}

// USSD opens a session with code, such as "*100#", and returns the network's answer, for which it waits 100 s at most. Only one session
// can be open: ErrUSSDBusy. When the reply has More, the session stays open for 60 s; go on with USSDReply, or end it with USSDCancel.
// Canceling ctx ends the session. Other errors: ErrNotReady, ErrUSSDTimeout, *USSDError, *CommandError when the modem refused.
func (m *Modem) USSD(ctx context.Context, code string) (Reply, error) {
	return m.ussdExchange(ctx, code, false)
}

// USSDReply answers in an open session; see USSD. ErrNoUSSD when none waits.
func (m *Modem) USSDReply(ctx context.Context, text string) (Reply, error) {
	return m.ussdExchange(ctx, text, true)
}

// USSDCancel ends the session. It is no error when there is none.
func (m *Modem) USSDCancel(ctx context.Context) error {
	m.ussd.finish(nil, ussdAnswer{err: context.Canceled}, nil)
	return m.do(ctx, func(s *session) error { return s.soft("+CUSD=2") })
}

func (m *Modem) ussdExchange(ctx context.Context, text string, reply bool) (Reply, error) {
	if err := checkUSSD(text); err != nil {
		return Reply{}, err
	}
	await, err := m.ussd.begin(reply)
	if err != nil {
		return Reply{}, err
	}
	m.mu.Lock()
	offline := m.offline
	m.mu.Unlock()
	if err := m.do(ctx, func(s *session) error { return s.sendUSSD(text) }); err != nil {
		m.ussd.finish(await, ussdAnswer{}, nil)
		return Reply{}, err
	}
	limit := time.NewTimer(ussdLimit)
	defer limit.Stop()
	select {
	case a := <-await:
		return a.result()
	case <-offline:
		err = ErrPortLost
	case <-limit.C:
		err = ErrUSSDTimeout
	case <-ctx.Done():
		err = ctx.Err()
	}
	if m.ussd.finish(await, ussdAnswer{}, nil) {
		m.endUSSD()
	}
	return Reply{}, err
}

// result turns an answer into what USSD returns.
func (a ussdAnswer) result() (Reply, error) {
	switch {
	case a.err != nil:
		return Reply{}, a.err
	case a.code > 2 && a.code != 6 || a.code == 2 && a.reply.Text == "":
		return a.reply, &USSDError{a.code}
	}
	return a.reply, nil
}

// endUSSD tells the network that nobody replies any more; when the modem is gone, so is the session.
func (m *Modem) endUSSD() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	go func() {
		defer cancel()
		if err := m.do(ctx, func(s *session) error { return s.soft("+CUSD=2") }); err != nil {
			m.log.Debug("USSD session not canceled", "error", err)
		}
	}()
}

// checkUSSD bounds what goes between the quotes of the command.
func checkUSSD(text string) error {
	if text == "" || len([]rune(text)) > maxUSSD {
		return fmt.Errorf("%w: a USSD string has 1 to %d characters, not %d", ErrInvalid, maxUSSD, len([]rune(text)))
	}
	for _, r := range text {
		if r < ' ' || r == '"' || r == 0x7f {
			return fmt.Errorf("%w: a USSD string cannot have the character %q", ErrInvalid, r)
		}
	}
	return nil
}

// begin makes place for an answer.
func (u *ussd) begin(reply bool) (chan ussdAnswer, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.await != nil, !reply && u.open:
		return nil, ErrUSSDBusy
	case reply && !u.open:
		return nil, ErrNoUSSD
	}
	if u.expire != nil {
		u.expire.Stop()
	}
	u.open, u.await = false, make(chan ussdAnswer, 1)
	return u.await, nil
}

// finish hands a to whoever waits, or to nobody but the owner of await when that is not nil, and reports whether somebody did. When the
// answer wants a reply the session stays open, and end is called when none comes.
func (u *ussd) finish(await chan ussdAnswer, a ussdAnswer, end func()) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if await != nil && u.await != await {
		return false
	}
	waited := u.await != nil
	if waited {
		u.await <- a
	}
	if u.expire != nil {
		u.expire.Stop()
	}
	u.await, u.open = nil, a.reply.More
	if u.open {
		u.expire = time.AfterFunc(ussdPatient, func() {
			u.mu.Lock()
			forgotten := u.open && u.await == nil
			u.open = u.open && !forgotten
			u.mu.Unlock()
			if forgotten {
				end()
			}
		})
	}
	return waited
}

// sendUSSD gives the request to the modem in the form that it takes: as text, and where that is refused at once, packed or as UCS2.
func (s *session) sendUSSD(text string) error {
	u := &s.m.ussd
	u.mu.Lock()
	packs := u.packs
	u.mu.Unlock()
	packed := s.packUSSD(text)
	var forms []string
	switch {
	case !isASCII(text):
		forms = []string{packed, encodeUCS2(text)}
	case packs:
		forms = []string{packed, text}
	default:
		forms = []string{text, packed}
	}
	var err error
	for _, form := range forms {
		if form == "" {
			continue
		}
		_, err = s.run(&exchange{text: `+CUSD=1,"` + form + `",15`, shown: "+CUSD=1,…", limit: 30 * time.Second})
		ce, refused := errors.AsType[*CommandError](err)
		if err == nil {
			u.mu.Lock()
			u.packs = form == packed && form != text
			u.mu.Unlock()
		}
		// Another form helps only where the modem did not understand this one.
		if err == nil || !refused || ce.CME >= 0 && ce.CME != 50 && ce.CME != 100 && ce.CME != 3 && ce.CME != 4 {
			return err
		}
	}
	return err
}

func (s *session) packUSSD(text string) string {
	if s.m.alphabet == nil {
		return ""
	}
	b, err := s.m.alphabet.PackUSSD(text)
	if err != nil {
		return ""
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// indicateUSSD takes +CUSD: <m>[,<str>[,<dcs>]]. What nobody waits for is a message of the network's own making.
func (m *Modem) indicateUSSD(u urc) {
	m.ussd.mu.Lock()
	packs := m.ussd.packs
	m.ussd.mu.Unlock()
	a, ok := parseUSSD(valueOf(u.text), packs, m.alphabet)
	if !ok {
		m.metrics.damaged.WithLabelValues("cusd").Inc()
		m.limiter.warn("cusd", "answer of the network is damaged", "field", "cusd")
	}
	if m.ussd.finish(nil, a, m.endUSSD) || a.reply.Text == "" {
		return
	}
	m.tell(Event{Kind: EventUSSD, Text: a.reply.Text})
}

// parseUSSD reads the value of +CUSD. A text may hold quotes and commas of its own: it ends with the last quote.
func parseUSSD(v string, packs bool, alphabet Alphabet) (a ussdAnswer, ok bool) {
	head, rest, _ := strings.Cut(v, ",")
	code, ok := smallNumber(strings.TrimSpace(head), 99)
	if !ok {
		code = 2
	}
	a = ussdAnswer{code: code, reply: Reply{DCS: -1, More: code == 1}}
	rest = strings.TrimLeft(rest, " ")
	if rest == "" {
		return a, ok
	}
	text := rest
	if strings.HasPrefix(rest, `"`) {
		end := strings.LastIndexByte(rest, '"')
		if end == 0 {
			end, ok = len(rest), false // the closing quote was lost
		}
		text = rest[1:end]
		if dcs, given := strings.CutPrefix(strings.TrimSpace(rest[min(end+1, len(rest)):]), ","); given {
			if n, is := smallNumber(strings.TrimSpace(dcs), 255); is {
				a.reply.DCS = n
			}
		}
	} else if i := strings.LastIndexByte(rest, ','); i >= 0 {
		if n, is := smallNumber(strings.TrimSpace(rest[i+1:]), 255); is {
			text, a.reply.DCS = rest[:i], n
		}
	}
	a.reply.Raw = text
	a.reply.Text = decodeUSSD(text, a.reply.DCS, packs, alphabet)
	return a, ok
}

// Bounds of a USSD text in several lines.
const (
	ussdOctets = 2048
	ussdPause  = 2 * time.Second
)

// openUSSD tells whether a +CUSD line is the first of several: the text that it quotes has line ends of its own.
func openUSSD(text string) bool {
	_, rest, _ := strings.Cut(valueOf(text), ",")
	rest = strings.TrimSpace(rest)
	if !strings.HasPrefix(rest, `"`) {
		return false
	}
	end := strings.LastIndexByte(rest, '"')
	if end == 0 {
		return true
	}
	dcs := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest[end+1:]), ","))
	return dcs != "" && !isDigits(dcs)
}

// moreUSSD adds a line to a USSD text that began before. A result of the running command or another indication ends it: its closing
// quote was lost. The lock is held.
func (g *guard) moreUSSD(h *urc, e *exchange, l line) []urc {
	_, indication := prefixIndications[prefixOf(l.text)]
	if indication || e != nil && isFinal(l.text, e.id) || len(h.text)+len(l.text) > ussdOctets || time.Since(h.at) > ussdPause {
		return append([]urc{*h}, g.place(e, l.text, l.blank)...)
	}
	h.text, h.at = h.text+"\n"+l.text, time.Now()
	if openUSSD(h.text) {
		g.await(h)
		return nil
	}
	return []urc{*h}
}
