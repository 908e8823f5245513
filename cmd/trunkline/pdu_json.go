package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"trunkline/pdu"
)

// shownPDU is what "pdu decode --json" prints of one PDU; docs/cli.md tells the fields. null is what the type or coding does not have.
type shownPDU struct {
	ID         string          `json:"id,omitempty"`
	PDU        string          `json:"pdu"`
	HasSMSC    bool            `json:"has_smsc"`
	Direction  string          `json:"direction"`
	Error      string          `json:"error,omitempty"` // of a malformed one, with the field and the octet; other fields are then what could be read
	Field      string          `json:"field,omitempty"`
	Offset     *int            `json:"offset,omitempty"`
	Type       *string         `json:"type"`
	TPDULen    int             `json:"tpdu_len"`
	SMSC       *string         `json:"smsc"`
	SMSCTOA    *string         `json:"smsc_toa"`
	Address    *string         `json:"address"`
	TOA        *string         `json:"toa"`
	TON        *int            `json:"ton"`
	NPI        *int            `json:"npi"`
	FO         *string         `json:"fo"`
	MR         *int            `json:"mr"`
	PID        *string         `json:"pid"`
	DCS        *string         `json:"dcs"`
	Charset    *string         `json:"charset"`
	Class      *int            `json:"class"`
	Compressed bool            `json:"compressed"`
	MWI        *shownWaiting   `json:"mwi"`
	UDL        *int            `json:"udl"`
	UDH        *string         `json:"udh"`
	IEs        []shownIE       `json:"ies"`
	Concat     *shownConcat    `json:"concat"`
	Ports      *shownPorts     `json:"ports"`
	Lang       *shownLanguages `json:"lang"`
	Text       *string         `json:"text"`
	Data       *string         `json:"data"`
	SCTS       *string         `json:"scts"`
	SCTSLocal  *string         `json:"scts_local"`
	DT         *string         `json:"dt"`
	DTLocal    *string         `json:"dt_local"`
	ST         *string         `json:"st"`
	VP         map[string]any  `json:"vp"`
	Flags      map[string]bool `json:"flags"`
	Quirks     []string        `json:"quirks"`
	Reencodes  bool            `json:"reencodes"`
}

type shownWaiting struct {
	Store  bool   `json:"store"`
	Active bool   `json:"active"`
	Type   string `json:"type"`
}

type shownIE struct {
	ID   string `json:"id"`
	Data string `json:"data"`
}

type shownConcat struct {
	Ref   int `json:"ref"`
	Bits  int `json:"bits"`
	Total int `json:"total"`
	Seq   int `json:"seq"`
}

type shownPorts struct {
	Dst  int `json:"dst"`
	Src  int `json:"src"`
	Bits int `json:"bits"`
}

type shownLanguages struct {
	Locking int `json:"locking"`
	Shift   int `json:"shift"`
}

// describePDU puts a decoded message, and the error beside it, into the form that is printed.
func describePDU(id, raw string, dir pdu.Direction, withSMSC bool, m *pdu.Message, err error) shownPDU {
	raw = strings.ToUpper(strings.TrimSpace(raw))
	s := shownPDU{ID: id, PDU: raw, HasSMSC: withSMSC, Direction: "mt", IEs: []shownIE{}, Quirks: m.QuirkNames()}
	if dir == pdu.MobileOriginated {
		s.Direction = "mo"
	}
	if octets, bad := hex.DecodeString(raw); bad == nil {
		s.TPDULen = len(octets)
		if withSMSC && len(octets) > 0 {
			s.TPDULen = max(0, len(octets)-1-int(octets[0]))
		}
	}
	var where *pdu.Error
	if errors.As(err, &where) {
		s.Error, s.Field, s.Offset = where.Reason, where.Field, &where.Offset
	}
	if err == nil {
		again, _, bad := pdu.EncodeHex(m, withSMSC)
		s.Reencodes = bad == nil && again == raw
	}
	if !m.SMSC.IsZero() {
		s.SMSC, s.SMSCTOA = ptr(m.SMSC.String()), hexPtr(m.SMSC.TOA)
	}
	if err != nil && m.Address.IsZero() && m.FO == 0 {
		return s // nothing else could be read
	}
	s.Type, s.FO = ptr(m.Type.String()), hexPtr(m.FO)
	if err == nil || !m.Address.IsZero() {
		s.Address, s.TOA, s.TON, s.NPI = ptr(m.Address.String()), hexPtr(m.Address.TOA), ptr(m.Address.TON()), ptr(m.Address.NPI())
	}
	s.coding(m)
	s.header(m)
	s.times(m)
	return s
}

// coding fills what says how the user data are written, and the user data.
func (s *shownPDU) coding(m *pdu.Message) {
	switch m.Type {
	case pdu.Submit, pdu.StatusReport, pdu.Command:
		s.MR = ptr(int(m.MR))
	}
	report := m.Type == pdu.StatusReport || m.Type == pdu.DeliverReport || m.Type == pdu.SubmitReport
	if !report || m.PI&1 != 0 {
		s.PID = hexPtr(m.PID)
	}
	if m.Type != pdu.Command && (!report || m.PI&2 != 0) {
		s.DCS = hexPtr(byte(m.DCS))
	}
	if class := m.DCS.Class(); class != pdu.NoClass {
		s.Class = ptr(class.Number())
	}
	s.Compressed = m.DCS.Compressed()
	if w, ok := m.DCS.Waiting(); ok {
		s.MWI = &shownWaiting{w.Store, w.Active, w.Type.String()}
	}
	if m.Type == pdu.Command {
		s.UDL, s.Data = ptr(m.UDL), hexPtr(m.Data...)
		return
	}
	if !m.HasUserData() {
		return
	}
	alphabet := m.DCS.Alphabet()
	s.Charset, s.UDL = ptr(alphabet.String()), ptr(m.UDL)
	if alphabet != pdu.Octets && !s.Compressed {
		s.Text = &m.Text
	}
	if alphabet != pdu.GSM7 || s.Compressed {
		s.Data = hexPtr(m.Data...)
	}
}

// header fills the user data header and what it says.
func (s *shownPDU) header(m *pdu.Message) {
	if octets := m.Header(); octets != nil {
		s.UDH = hexPtr(octets...)
	}
	var languages shownLanguages
	for _, e := range m.UDH {
		s.IEs = append(s.IEs, shownIE{*hexPtr(e.ID), *hexPtr(e.Data...)})
		if (e.ID == 0x24 || e.ID == 0x25) && len(e.Data) == 1 {
			languages = shownLanguages{int(m.Locking), int(m.Shift)}
			s.Lang = &languages
		}
	}
	if c, ok := m.RawConcat(); ok {
		s.Concat = &shownConcat{int(c.Ref), int(c.Bits), int(c.Total), int(c.Seq)}
	}
	if p := m.Ports; p.Bits != 0 {
		s.Ports = &shownPorts{int(p.Dst), int(p.Src), int(p.Bits)}
	}
}

// times fills time stamps, validity, status and flags.
func (s *shownPDU) times(m *pdu.Message) {
	s.SCTS, s.SCTSLocal = shownTime(m.SCTS)
	s.DT, s.DTLocal = shownTime(m.DT)
	switch m.Type {
	case pdu.Deliver:
		s.Flags = map[string]bool{"mms": !m.MoreMessages, "lp": m.LP, "sri": m.SRI, "rp": m.RP}
	case pdu.StatusReport:
		s.ST = hexPtr(m.Status)
		s.Flags = map[string]bool{"mms": !m.MoreMessages, "lp": m.LP, "srq": m.SRQ}
	case pdu.Command:
		s.Flags = map[string]bool{"srr": m.SRR}
	case pdu.Submit:
		s.Flags = map[string]bool{"rp": m.RP, "rd": m.RD, "srr": m.SRR}
		s.VP = map[string]any{"format": m.Validity.Format.String()}
		if m.Validity.Format != pdu.NoValidity {
			s.VP["raw"] = *hexPtr(m.Validity.Raw()...)
		}
		if d, ok := m.Validity.Duration(); ok {
			s.VP["seconds"] = int(d / time.Second)
		}
		if m.Validity.Format == pdu.Absolute {
			end, _ := shownTime(m.Validity.Octets)
			s.VP["time"] = end
		}
	}
}

func ptr[T any](v T) *T { return &v }

func hexPtr(octets ...byte) *string { return ptr(strings.ToUpper(hex.EncodeToString(octets))) }

// shownTime writes a time stamp with its zone, and without; nil for what is no time.
func shownTime(t pdu.Timestamp) (zoned, local *string) {
	if at, ok := t.Time(); ok {
		zoned = ptr(at.Format("2006-01-02T15:04:05-07:00"))
	}
	if at, ok := t.Local(); ok {
		local = ptr(at.Format("2006-01-02T15:04:05"))
	}
	return zoned, local
}

// printPDU writes a message for people: a field a line, without those that it does not have.
func printPDU(out io.Writer, s shownPDU, m *pdu.Message) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	line := func(name string, value any) { fmt.Fprintf(w, "%s\t%v\n", name, value) }
	optional := func(name string, value *string) {
		if value != nil {
			line(name, oneLine(*value))
		}
	}
	if s.Error != "" {
		line("MALFORMED", fmt.Sprintf("%s at octet %d: %s", s.Field, *s.Offset, s.Error))
	}
	optional("type", s.Type)
	optional("service centre", s.SMSC)
	if s.Address != nil {
		line(addressName(m.Type), fmt.Sprintf("%s (type of number %d, plan %d)", oneLine(*s.Address), *s.TON, *s.NPI))
	}
	if s.MR != nil {
		line("reference", *s.MR)
	}
	optional("first octet", s.FO)
	var flags []string
	for name, on := range s.Flags {
		if on {
			flags = append(flags, name)
		}
	}
	if slices.Sort(flags); len(flags) > 0 {
		line("flags", strings.Join(flags, " "))
	}
	optional("PID", s.PID)
	optional("DCS", s.DCS)
	optional("alphabet", s.Charset)
	if s.Class != nil {
		line("class", *s.Class)
	}
	if s.MWI != nil {
		line("message waiting", fmt.Sprintf("%s, active %t, to be kept %t", s.MWI.Type, s.MWI.Active, s.MWI.Store))
	}
	optional("sent", s.SCTS)
	optional("discharged", s.DT)
	if s.ST != nil {
		line("status", fmt.Sprintf("%s (%s)", *s.ST, outcomes[m.Outcome()]))
	}
	if s.VP != nil {
		line("validity", validity(m.Validity))
	}
	for i, e := range m.UDH {
		line(fmt.Sprintf("element %d", i+1), fmt.Sprintf("%s %s (%s)", s.IEs[i].ID, s.IEs[i].Data, e.Name()))
	}
	if c := s.Concat; c != nil {
		line("part", fmt.Sprintf("%d of %d, reference %d (%d bits)", c.Seq, c.Total, c.Ref, c.Bits))
	}
	optional("text", s.Text)
	if len(m.Data) > 0 {
		optional("data", s.Data)
	}
	for _, warning := range m.Warnings() {
		line("note", warning.Field+": "+warning.Text)
	}
}

// validity says how long a message is to be tried.
func validity(v pdu.Validity) string {
	if d, ok := v.Duration(); ok {
		return fmt.Sprintf("%s, %v", v.Format, d)
	}
	if t, ok := v.Time(); ok {
		return fmt.Sprintf("%s, until %s", v.Format, t.Format(time.RFC3339))
	}
	return v.Format.String()
}

// addressName says what the address of a type is.
func addressName(t pdu.Type) string {
	switch t {
	case pdu.Submit:
		return "to"
	case pdu.StatusReport:
		return "recipient"
	case pdu.Command:
		return "about"
	}
	return "from"
}

// outcomes says what a status means.
var outcomes = [...]string{
	pdu.OutcomeUnknown: "reserved", pdu.OutcomeDone: "done", pdu.OutcomeTrying: "still trying",
	pdu.OutcomeFailed: "failed for good", pdu.OutcomeAbandoned: "failed, given up",
}
