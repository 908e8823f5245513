package modem

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Stored is one message in a memory of the modem.
type Stored struct {
	Memory string // name of the memory, "" when the modem has no choice of them
	Index  int    // slot
	Status int    // 0 unread, 1 read, 2 unsent, 3 sent; -1 when it could not be read. 3GPP TS 27.005 §3.1
	Length int    // octets of the TPDU as announced, SMSC field excluded; -1 when not announced
	Raw    string // the PDU in hex as printed, SMSC field included; "" when the line was missing or damaged
}

// List sweeps every memory and returns what is there, slots in order, messages of this modem's own sending included.
func (m *Modem) List(ctx context.Context) (found []Stored, err error) {
	err = m.do(ctx, func(s *session) error {
		if s.memories[0] == "" {
			// Perhaps it could only not be read at the beginning.
			if err := s.chooseMemories(); err != nil {
				return err
			}
		}
		for _, memory := range s.memories {
			if err := ctx.Err(); err != nil {
				return err
			}
			part, err := s.list(ctx, memory)
			if err == nil {
				part, err = s.takeOwn(part)
			}
			if err != nil {
				return err
			}
			found = append(found, part...)
		}
		return nil
	})
	return found, err
}

// list reads one memory. A memory that cannot be selected or read counts as empty, so that the others are still read.
func (s *session) list(ctx context.Context, memory string) ([]Stored, error) {
	s.selected = ""
	if err := s.use(memory); err != nil {
		s.m.limiter.warn("list", "a message memory cannot be selected", "memory", memory, "error", err)
		return nil, ignoreRefusal(err)
	}
	for try := 0; ; try++ {
		answer, err := s.run(&exchange{text: "+CMGL=4", bare: true, idle: true, limit: 30 * time.Second})
		if fatal(err) {
			return nil, err
		}
		if err != nil && try > 0 {
			return s.listSlots(ctx, memory, err)
		}
		found, ok := parseList(memory, "+CMGL", answer)
		if err == nil && (ok || try > 0) {
			if !ok {
				s.g.damaged("cmgl", "list of messages is damaged", "memory", memory)
			}
			return found, nil
		}
		// Text form, or the refusal of what is no list in text form: the modem lost PDU mode.
		if err := s.soft("+CMGF=0"); err != nil {
			return nil, err
		}
	}
}

// listSlots reads slot by slot where the modem refuses to list. A list refused because the memory is busy or broken is
// refused for good.
func (s *session) listSlots(ctx context.Context, memory string, refusal error) ([]Stored, error) {
	total := 0
	for _, st := range s.m.Status().Storage {
		if st.Memory == memory {
			total = st.Total
		}
	}
	ce, _ := errors.AsType[*CommandError](refusal)
	if total == 0 || ce == nil || ce.CMS > 303 {
		s.m.limiter.warn("list", "a message memory cannot be read", "memory", memory, "error", refusal)
		return nil, nil
	}
	var found []Stored
	for i := 0; i <= min(total, 255); i++ {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		answer, err := s.run(&exchange{text: fmt.Sprintf("+CMGR=%d", i), bare: true})
		if fatal(err) {
			return found, err
		}
		if err != nil || len(answer) == 0 {
			continue
		}
		one, _ := parseList(memory, "+CMGR", answer)
		for _, st := range one {
			if st.Length == 0 && st.Raw == "" {
				continue
			}
			st.Index = i
			found = append(found, st)
		}
	}
	return found, nil
}

// parseList reads the answer to +CMGL=4 or +CMGR: per message a header "i,stat,[alpha],length" (+CMGR without i) and a line of
// hex, which some firmware prints behind the header and an indication may have cut in two. ok is false when something was not
// understood, as in text form; what was understood is returned all the same.
func parseList(memory, prefix string, answer []string) (found []Stored, ok bool) {
	ok = true
	var cur *Stored
	for _, line := range answer {
		if prefixOf(line) != prefix {
			hex := strings.TrimRight(line, `" `)
			if cur == nil || !isHexDigits(hex) {
				ok = false
				continue
			}
			cur.Raw += hex
			continue
		}
		cur = nil
		v := valueOf(line)
		head, hex := v, ""
		if i := strings.LastIndexByte(v, ' '); i >= 0 && len(v)-i > 16 && isHexDigits(v[i+1:]) {
			head, hex = v[:i], v[i+1:]
		}
		st, good := parseHeader(memory, prefix, fields(head))
		if !good {
			ok = false
			continue
		}
		st.Raw = hex
		found = append(found, st)
		cur = &found[len(found)-1]
	}
	for i := range found {
		if !isHex(found[i].Raw) && found[i].Raw != "" {
			found[i].Raw = ""
			ok = false
		}
	}
	return found, ok
}

func parseHeader(memory, prefix string, f []string) (Stored, bool) {
	st := Stored{Memory: memory, Index: -1, Status: -1, Length: -1}
	if prefix == "+CMGL" {
		n, ok := smallNumber(f[0], maxSlot)
		if !ok {
			return st, false
		}
		st.Index, f = n, f[1:]
	}
	if len(f) == 0 {
		return st, true
	}
	if n, ok := smallNumber(f[len(f)-1], 999); ok {
		st.Length = n
	}
	if len(f) > 1 {
		n, ok := smallNumber(f[0], 99)
		if !ok {
			return st, false
		}
		st.Status = n
	}
	return st, true
}

// Delete removes a message that List returned. A slot that is empty already is a success.
func (m *Modem) Delete(ctx context.Context, st Stored) error {
	if st.Index < 0 || st.Index > maxSlot || st.Memory != "" && !slices.Contains(memoryNames, st.Memory) {
		return fmt.Errorf("delete message: no such slot: %q %d", st.Memory, st.Index)
	}
	return m.do(ctx, func(s *session) error { return s.delete(st) })
}

func (s *session) delete(st Stored) error {
	if err := s.use(st.Memory); err != nil {
		return fmt.Errorf("delete message: select memory: %w", err)
	}
	_, err := s.run(&exchange{text: fmt.Sprintf("+CMGD=%d", st.Index)})
	if ce, ok := errors.AsType[*CommandError](err); ok && (ce.CMS == 321 || ce.CME == 21) {
		return nil
	}
	if err != nil {
		// What the modem believes to be selected may be what is wrong.
		s.selected = ""
		return fmt.Errorf("delete message: %w", err)
	}
	s.selectedAt = time.Now()
	return nil
}

// Acknowledge answers a directly routed message: ok tells the network that it is stored, otherwise that it has to keep it.
// A modem that acknowledges by itself (AT+CSMS=0) is not asked; a superfluous answer is harmless. 3GPP TS 27.005 §4.7.
func (m *Modem) Acknowledge(ctx context.Context, ok bool) error {
	text := "+CNMA=0"
	if !ok {
		text = "+CNMA=2"
	}
	return m.do(ctx, func(s *session) error {
		if !s.acknowledges {
			return nil
		}
		_, err := s.ask(text)
		if ce, refused := errors.AsType[*CommandError](err); refused && ce.CMS == 340 {
			return nil
		}
		return err
	})
}
