package gsm

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"trunkline/callplan/phone"
	"trunkline/modem"
	"trunkline/pdu"
	"trunkline/store"
)

// take brings one PDU into the store; slot is where the modem keeps it, empty when it came directly. After nil the modem may forget it.
func (t *Trunk) take(ctx context.Context, slot, raw string, length int) error {
	at := t.store.Now()
	bad := store.Bad{Trunk: t.name, Slot: slot, Raw: raw, At: at}
	octets, err := hex.DecodeString(raw)
	if err != nil || len(octets) == 0 {
		bad.Field, bad.Reason = "pdu", "is no hexadecimal"
		if raw == "" {
			bad.Reason = "is empty"
		}
		return t.quarantine(ctx, bad)
	}
	m, err := pdu.Decode(octets, pdu.MobileTerminated, true)
	if err == nil {
		err = checkLength(octets, length)
	}
	if err != nil {
		var e *pdu.Error
		if errors.As(err, &e) {
			bad.Field, bad.Offset = e.Field, e.Offset
		}
		bad.Reason = err.Error()
		return t.quarantine(ctx, bad)
	}
	switch m.Type {
	case pdu.StatusReport:
		return t.report(ctx, m, octets, at)
	case pdu.Deliver:
		return t.deliver(ctx, m, octets, slot, at)
	}
	bad.Field, bad.Reason = "tp_mti", fmt.Sprintf("is a %s, which no network delivers", m.Type)
	return t.quarantine(ctx, bad)
}

func (t *Trunk) quarantine(ctx context.Context, b store.Bad) error {
	if err := t.store.Quarantine(ctx, b); err != nil {
		return err
	}
	t.metrics.received.WithLabelValues(t.name, "undecodable").Inc()
	t.log.Warn("a message could not be decoded; it is kept in quarantine", "slot", b.Slot, "field", b.Field, "offset", b.Offset, "reason", b.Reason)
	return nil
}

func (t *Trunk) report(ctx context.Context, m *pdu.Message, octets []byte, at time.Time) error {
	centre, _ := m.SCTS.Time()
	discharged, _ := m.DT.Time()
	match, _, err := t.store.Report(ctx, store.Report{Trunk: t.name, SIM: t.line(), Reference: int(m.MR), Recipient: number(m.Address), Status: int(m.Status),
		CentreAt: centre.UTC(), DischargedAt: discharged.UTC(), At: at, Raw: octets})
	if err != nil {
		return err
	}
	t.metrics.received.WithLabelValues(t.name, "report").Inc()
	t.log.Debug("status report", "reference", m.MR, "recipient", number(m.Address), "status", m.Status, "match", match)
	return nil
}

func (t *Trunk) deliver(ctx context.Context, m *pdu.Message, octets []byte, slot string, at time.Time) error {
	sim := t.line()
	a := store.Arrival{Trunk: t.name, SIM: sim, Slot: slot, Raw: octets, At: at, Silent: m.Silent(), Message: store.Message{
		ID: store.NewMessageID(), Direction: store.In, State: store.Received, From: number(m.Address), Text: m.Text, Trunk: t.name, Provider: t.owner(t.name),
		Flash: m.DCS.Class() == pdu.Class0, CreatedAt: at, ReceivedAt: at, Notes: fields(m.Warnings()),
		Parts: []store.Part{{Seq: 1, State: store.Received, Reference: -1, Status: -1, TPDU: octets, Trunk: t.name, SIM: sim}},
	}}
	if m.DCS.Alphabet() == pdu.Octets || m.DCS.Compressed() {
		a.Message.Data = m.Data
	}
	if centre, ok := m.SCTS.Time(); ok {
		a.Message.CentreAt = centre.UTC()
	}
	if m.Ports.Bits != 0 {
		a.Message.Port = m.Ports.Dst
	}
	if m.Concat.Total > 1 {
		a.Segment = &store.Segment{Key: m.SetKey().Append([]byte(sim + "\x00")), Sender: m.Address.String(), Total: int(m.Concat.Total), Seq: int(m.Concat.Seq)}
	}
	got, err := t.store.Receive(ctx, a)
	if err != nil {
		return err
	}
	kind := "message"
	switch {
	case got.Known:
		kind = "known"
	case a.Silent:
		kind = "silent"
	case a.Segment != nil:
		kind = "part"
	}
	t.metrics.received.WithLabelValues(t.name, kind).Inc()
	for i := range got.Messages {
		t.log.Info("message received", "message", got.Messages[i].ID, "from", got.Messages[i].From, "parts", len(got.Messages[i].Parts))
	}
	return nil
}

// whole tells whether what was listed is as long as the modem announced it.
func whole(s modem.Stored) bool {
	octets, err := hex.DecodeString(s.Raw)
	return err == nil && checkLength(octets, s.Length) == nil
}

// checkLength compares octets with the length that the modem announced, -1 when it announced none.
func checkLength(octets []byte, announced int) error {
	if announced < 0 {
		return nil
	}
	return pdu.CheckLength(octets, announced, true)
}

// fields names what the decoder warned of, each field once.
func fields(warnings []pdu.Warning) (names []string) {
	for _, w := range warnings {
		if !slices.Contains(names, w.Field) {
			names = append(names, w.Field)
		}
	}
	return names
}

func number(a pdu.Address) phone.Number { return phone.FromAddress(a.String(), a.IsAlphanumeric()) }

// slotOf names the place of a stored message.
func slotOf(s modem.Stored) string { return fmt.Sprintf("%s/%d", s.Memory, s.Index) }
