package emulator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"trunkline/pdu"
)

// Handset is a phone with one number: a person who writes and reads.
type Handset struct {
	n      *Network
	number string

	off   bool
	inbox []Text
	sets  map[setKey]*set // long messages of which parts are missing
}

// Text is a message as a person sees it: long ones are one.
type Text struct {
	At    time.Time `json:"at"`
	From  string    `json:"from"`
	Text  string    `json:"text"`
	Data  Octets    `json:"data,omitempty"` // of 8-bit messages
	Parts int       `json:"parts"`
}

// setKey and set are a long message that is still coming in.
type setKey struct {
	from  string
	ref   uint16
	bits  uint8
	total uint8
}

type set struct{ parts map[uint8]*pdu.Message }

// Handset returns the phone with that number, which may also be the name of an
// alphanumeric sender. Every number has one, unless a modem has it.
func (n *Network) Handset(number string) *Handset {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.handsetOf(n.sub(number))
}

// Handsets lists the numbers of all phones that were asked for or written to.
func (n *Network) Handsets() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := []string{}
	for number, s := range n.subs {
		if s.handset != nil {
			out = append(out, number)
		}
	}
	slices.Sort(out)
	return out
}

// handsetOf makes the phone of a subscriber. The lock is held.
func (n *Network) handsetOf(s *subscriber) *Handset {
	if s.handset == nil {
		s.handset = &Handset{n: n, number: s.number, sets: map[setKey]*set{}}
	}
	return s.handset
}

// Number returns the number of the phone.
func (h *Handset) Number() string { return h.number }

// SetReachable switches the phone on or off. While it is off the network keeps
// what is sent to it, and reports nothing.
func (h *Handset) SetReachable(on bool) {
	h.n.mu.Lock()
	h.off = !on
	h.n.mu.Unlock()
	if on {
		h.n.alert(h.number)
	}
}

// Send writes a text to a number, in as many parts as it needs. It returns when
// the network has it; ctx ends nothing before that.
func (h *Handset) Send(ctx context.Context, to, text string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n := h.n
	from, err := senderAddress(h.number)
	if err != nil {
		return fmt.Errorf("send from %s: %w", h.number, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reference++
	split, err := pdu.SplitText(text, pdu.SplitOptions{Reference: n.reference & 0xFF, MaxParts: 255})
	if err != nil {
		return fmt.Errorf("send from %s: %w", h.number, err)
	}
	for i := range split.Parts {
		m := split.Message(i, pdu.Deliver)
		m.Address, m.SCTS = from, pdu.TimestampOf(time.Now())
		tpdu, err := m.Append(nil, false)
		if err != nil {
			return fmt.Errorf("send part %d from %s: %w", i+1, h.number, err)
		}
		n.deliver(n.sub(to), &delivery{from: h.number, tpdu: tpdu})
	}
	return nil
}

// SendTPDU hands a complete SMS-DELIVER to the network as it is, malformed or not.
func (h *Handset) SendTPDU(to string, tpdu []byte) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	h.n.deliver(h.n.sub(to), &delivery{from: h.number, tpdu: slices.Clone(tpdu)})
}

func senderAddress(number string) (pdu.Address, error) {
	if strings.IndexFunc(number, unicode.IsLetter) >= 0 {
		return pdu.ParseAlphanumeric(number)
	}
	return pdu.ParseAddress(number)
}

// Inbox lists the messages received, oldest first. A long message appears when
// its last part came.
func (h *Handset) Inbox() []Text {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	return newest(h.inbox, h.n.o.History)
}

// Wait blocks until the phone has received at least count messages and returns
// them all; the error is that of ctx. More than [NetworkOptions.History] never come.
func (h *Handset) Wait(ctx context.Context, count int) ([]Text, error) {
	err := h.n.Wait(ctx, func() bool { return len(h.Inbox()) >= count })
	return h.Inbox(), err
}

// receive takes one TPDU. The network's lock is held.
func (h *Handset) receive(d *delivery) cause {
	if h.off {
		return noAnswer
	}
	if d.report {
		return acknowledged // nobody looks at it
	}
	p, err := pdu.Decode(d.tpdu, pdu.MobileTerminated, false)
	if p == nil || err != nil {
		return protocolError
	}
	parts := []*pdu.Message{p}
	if c := p.Concat; c.Total > 1 {
		key := setKey{p.Address.String(), c.Ref, c.Bits, c.Total}
		have := h.sets[key]
		if have == nil {
			have = &set{parts: map[uint8]*pdu.Message{}}
			h.sets[key] = have
		}
		have.parts[c.Seq] = p
		if len(have.parts) < int(c.Total) {
			return acknowledged
		}
		delete(h.sets, key)
		parts = parts[:0]
		for seq := uint8(1); seq <= c.Total; seq++ {
			parts = append(parts, have.parts[seq])
			if seq == c.Total {
				break // 255 parts
			}
		}
	}
	h.inbox = recent(h.inbox, h.n.o.History, joined(parts))
	return acknowledged
}

// joined makes one text of all parts. UTF-16 is joined before it is decoded:
// a character may lie on the border of two parts.
func joined(parts []*pdu.Message) Text {
	t := Text{At: time.Now(), From: parts[0].Address.String(), Parts: len(parts)}
	var units []uint16
	flush := func() {
		t.Text += string(utf16.Decode(units))
		units = nil
	}
	for _, p := range parts {
		switch p.DCS.Alphabet() {
		case pdu.UCS2:
			for i := 0; i+1 < len(p.Data); i += 2 {
				units = append(units, uint16(p.Data[i])<<8|uint16(p.Data[i+1]))
			}
		case pdu.GSM7:
			flush()
			t.Text += p.Text
		default:
			t.Data = append(t.Data, p.Data...)
		}
	}
	flush()
	return t
}
