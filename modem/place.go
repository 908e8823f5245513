package modem

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Store-and-send: the modem is given a message to keep first (AT+CMGW), and then told to send what it keeps (AT+CMSS). The copy stays, marked "not sent"
// until the network took it and "sent" after, so that it can be asked when an answer was lost, by another process too. 3GPP TS 27.005 §3.5.2, §3.5.3.

// The <stat> of messages that were stored to be sent. 3GPP TS 27.005 §3.1.
const (
	StatusUnsent = 2
	StatusSent   = 3
)

// storeLimit is how long a modem may take to write a message into its memory.
const storeLimit = 30 * time.Second

// errAltered is why a copy is not sent: it is not what was stored.
var errAltered = errors.New("the modem keeps something else than it was given")

// StoresAndSends tells whether messages are to be sent from the memory of the modem.
func (m *Modem) StoresAndSends() bool { return m.config.StoreAndSend }

// SubmitStored is SubmitPart by way of the modem's memory. placed is called with where the copy is once it was read back and found right, and before
// commit; when it fails nothing goes out. Of a modem that cannot store, or has no room, placed is not called: it is told to send directly, which Status
// and the log say. The copy stays where it is: it is for the caller to delete.
func (m *Modem) SubmitStored(ctx context.Context, tpdu []byte, more bool, placed func(Stored) error, commit func() error) (int, error) {
	return m.submitBy(ctx, tpdu, func(s *session) (int, bool, error) {
		copied, ok, err := s.place(ctx, tpdu)
		switch {
		case err != nil:
			return -1, false, err
		case !ok:
			return s.submit(ctx, tpdu, more, commit)
		}
		if err := placed(copied); err != nil {
			return -1, false, err
		}
		if err := s.beforeSend(ctx, more); err != nil {
			return -1, false, err
		}
		if err := s.useForSending(copied.Memory); err != nil {
			return -1, false, fmt.Errorf("%w: %v", ErrNotReady, err) // what it refused is not the message
		}
		return s.send(ctx, &exchange{text: fmt.Sprintf("+CMSS=%d", copied.Index)}, commit)
	})
}

// place stores a TPDU in the memory that is sent from, and reads it back. ok is false when the modem does not do that; the error ends the send.
func (s *session) place(ctx context.Context, tpdu []byte) (copied Stored, ok bool, err error) {
	if s.noStore {
		return Stored{}, false, nil
	}
	if !s.canStore {
		_, err := s.ask("+CMSS=?")
		if fatal(err) {
			return Stored{}, false, err
		}
		if s.canStore = err == nil && s.sendMemory() != ""; !s.canStore {
			return Stored{}, false, s.cannotStore(err)
		}
	}
	memory := s.sendMemory()
	if err := s.useForSending(memory); err != nil {
		return Stored{}, false, s.cannotStore(err)
	}
	answer, err := s.run(&exchange{text: fmt.Sprintf("+CMGW=%d", len(tpdu)), pdu: pduOf(tpdu), bare: true, limit: promptLimit, result: storeLimit, ctx: ctx})
	ce, _ := errors.AsType[*CommandError](err)
	switch {
	case ce != nil && (ce.CMS == 322 || ce.CME == 20):
		s.m.limiter.warn("copy", "no room in the memory of the modem: a message is sent without a copy", "memory", memory)
		return Stored{}, false, nil
	case ce != nil && (ce.CMS == 304 || ce.CMS == 305): // what is wrong with the message is told better when it is sent
		return Stored{}, false, nil
	case errors.Is(err, ErrTimeout):
		if s.storeLost++; s.storeLost > 1 {
			s.noStore = true
		}
		return Stored{}, false, err
	case err != nil:
		return Stored{}, false, s.cannotStore(err)
	}
	s.storeLost = 0
	index := indexOf(answer)
	if index < 0 {
		return Stored{}, false, s.cannotStore(errAltered)
	}
	s.selectedAt = time.Now()
	copied, there, err := s.read(memory, index)
	if err != nil {
		return Stored{}, false, s.cannotStore(err)
	}
	if !there || copied.Status != StatusUnsent || !copied.Holds(tpdu) {
		return Stored{}, false, s.cannotStore(errAltered)
	}
	s.m.board.update(func(st *Status) {
		st.Note = strings.TrimSuffix(strings.TrimSuffix(st.Note, noteNoStore), "; ")
	})
	return copied, true, nil
}

// noteNoStore is what Status says of a modem that is told to do what it cannot.
const noteNoStore = "it does not store and send as store_and_send wants: messages are sent directly"

// cannotStore gives store-and-send up after a refusal, until the device is opened again, and says so; other errors are passed on.
func (s *session) cannotStore(err error) error {
	if fatal(err) && !errors.Is(err, errAltered) {
		return err
	}
	s.noStore = true
	s.m.limiter.warn("copy", "the modem does not store and send; messages are sent directly", "error", err)
	s.m.board.update(func(st *Status) {
		if !strings.Contains(st.Note, noteNoStore) {
			st.Note = strings.TrimPrefix(st.Note+"; "+noteNoStore, "; ")
		}
	})
	return nil
}

// sendMemory returns the memory that messages are sent from: one that can be read too, the device's own before the card. "" when there is none.
func (s *session) sendMemory() string {
	for _, name := range []string{"ME", "SM"} {
		if slices.Contains(s.memories, name) && slices.Contains(s.writable, name) {
			return name
		}
	}
	return ""
}

// useForSending selects a memory for reading, writing and sending. It is relied on no longer than use relies on it.
func (s *session) useForSending(memory string) error {
	if memory == s.sending && memory == s.selected && time.Since(s.selectedAt) < selectionLasts {
		return nil
	}
	s.selected, s.sending = "", ""
	answer, err := s.ask(`+CPMS="` + memory + `","` + memory + `"`)
	if err != nil {
		return fmt.Errorf("select memory %s: %w", memory, err)
	}
	s.selected, s.sending, s.selectedAt = memory, memory, time.Now()
	s.fill(memory, answer)
	return nil
}

// indexOf reads "+CMGW: n" and n on a line of its own; -1 when there is none.
func indexOf(answer []string) int {
	for i, line := range answer {
		if prefixOf(line) != "+CMGW" {
			continue
		}
		v := valueOf(line)
		if v == "" && i+1 < len(answer) {
			v = answer[i+1]
		}
		if n, ok := smallNumber(fields(v)[0], maxSlot); ok {
			return n
		}
	}
	return -1
}

// Read returns what is in a slot of a memory; ok is false when nothing is.
func (m *Modem) Read(ctx context.Context, memory string, index int) (st Stored, ok bool, err error) {
	if index < 0 || index > maxSlot || !slices.Contains(memoryNames, memory) {
		return st, false, fmt.Errorf("read message: no such slot: %q %d", memory, index)
	}
	err = m.do(ctx, func(s *session) error {
		st, ok, err = s.read(memory, index)
		return err
	})
	return st, ok, err
}

func (s *session) read(memory string, index int) (st Stored, ok bool, err error) {
	if err := s.use(memory); err != nil {
		return st, false, fmt.Errorf("read message: select memory: %w", err)
	}
	answer, err := s.run(&exchange{text: fmt.Sprintf("+CMGR=%d", index), bare: true})
	if ce, refused := errors.AsType[*CommandError](err); refused && (ce.CMS == 321 || ce.CME == 21) {
		return st, false, nil
	}
	if err != nil {
		return st, false, fmt.Errorf("read message: %w", err)
	}
	s.selectedAt = time.Now()
	found, _ := parseList(memory, "+CMGR", answer)
	if len(found) != 1 || found[0].Raw == "" {
		return st, false, nil
	}
	found[0].Index = index
	return found[0], true, nil
}

// Holds tells whether this is a copy of an SMS-SUBMIT: the same TPDU but for the reference, which the modem sets when it sends. tpdu is without SMSC field.
func (st Stored) Holds(tpdu []byte) bool {
	raw, err := hex.DecodeString(st.Raw)
	if err != nil || len(raw) == 0 || int(raw[0]) >= len(raw) {
		return false
	}
	raw = raw[1+int(raw[0]):]
	return len(raw) >= 2 && len(tpdu) == len(raw) && raw[0] == tpdu[0] && bytes.Equal(raw[2:], tpdu[2:])
}
