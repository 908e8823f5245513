package pdu

import (
	"slices"
	"strings"
)

// Direction tells which way a TPDU goes; message types are numbered per direction.
type Direction uint8

const (
	MobileTerminated Direction = iota // service centre to mobile: DELIVER, SUBMIT-REPORT, STATUS-REPORT
	MobileOriginated                  // mobile to service centre: SUBMIT, DELIVER-REPORT, COMMAND
)

// Type is a message type. 3GPP TS 23.040 §9.2.3.1.
type Type uint8

const (
	Deliver Type = iota
	DeliverReport
	Submit
	SubmitReport
	StatusReport
	Command
)

// String returns the name in lower case, e.g. "status-report".
func (t Type) String() string {
	if t > Command {
		return "unknown"
	}
	return [...]string{"deliver", "deliver-report", "submit", "submit-report", "status-report", "command"}[t]
}

// Direction returns the way in which TPDUs of this type go.
func (t Type) Direction() Direction {
	switch t {
	case Submit, DeliverReport, Command:
		return MobileOriginated
	}
	return MobileTerminated
}

// mti returns the two bits of the first octet.
func (t Type) mti() byte {
	switch t {
	case Submit, SubmitReport:
		return 1
	case StatusReport, Command:
		return 2
	}
	return 0
}

// addressField names the address of a type in error paths.
func (t Type) addressField() string {
	switch t {
	case Submit, Command:
		return "tp_da"
	case StatusReport:
		return "tp_ra"
	}
	return "tp_oa"
}

// Message is one TPDU with the address of its service centre. Fields that a type does not have are zero. The zero value is an empty DELIVER.
//
// Text, and for 8-bit and UCS-2 codings Data, is what the user wrote, without the header. Decode fills both for UCS-2; Append writes Text, or Data when Text is empty.
// UDH is the header; Concat, Ports, Locking and Shift are views of it that Decode and SetHeader keep; Append writes UDH.
type Message struct {
	Type    Type
	SMSC    Address // service centre; zero when it is not given
	FO      byte    // first octet as decoded; Append makes its own
	MR      byte    // TP-MR of SUBMIT, STATUS-REPORT and COMMAND
	Address Address // TP-OA of a DELIVER, TP-DA of a SUBMIT or COMMAND, TP-RA of a STATUS-REPORT
	PID     byte    // TP-PID
	DCS     DCS
	SCTS    Timestamp // DELIVER, STATUS-REPORT and SUBMIT-REPORT
	DT      Timestamp // discharge time of a STATUS-REPORT

	Status   byte     // TP-ST of a STATUS-REPORT: 00-1F done, 20-3F still trying, 40-5F failed, 60-7F given up
	PI       byte     // TP-PI of the reports: bit 0 PID, bit 1 DCS, bit 2 user data are there; Append adds bits for what is not zero
	FCS      byte     // TP-FCS, failure cause of a DELIVER-REPORT or SUBMIT-REPORT for an error; 0 when there is none
	Validity Validity // SUBMIT

	CommandType   byte // TP-CT of a COMMAND
	CommandNumber byte // TP-MN of a COMMAND: reference of the message it is about

	MoreMessages bool // TP-MMS 0: more messages wait for the mobile. DELIVER, STATUS-REPORT
	LP           bool // loop prevention: forwarded or spawned. DELIVER, STATUS-REPORT
	SRI          bool // the sender gets a status report. DELIVER
	SRQ          bool // this report answers a COMMAND. STATUS-REPORT
	SRR          bool // a status report is wanted. SUBMIT, COMMAND
	RD           bool // the centre shall reject duplicates. SUBMIT
	RP           bool // the reply path is set. SUBMIT, DELIVER

	UDL  int    // TP-UDL as decoded: septets of GSM7 text, else octets, header included; Append makes its own
	UDH  []IE   // elements of the user data header, in order
	UDHI bool   // there is a header; needed only for one without elements, which means nothing but exists
	Text string // GSM7 and UCS-2 text, always valid UTF-8
	Data []byte // 8-bit, UCS-2 and compressed user data; of a COMMAND the command data

	Concat  Concat   // Total 0: a single message
	Ports   Ports    // Bits 0: none
	Locking Language // national tables of the header, as sent
	Shift   Language

	Quirks   Quirks // deviations that decoding survived
	Trailing int    // octets after the TPDU

	memory
	ready ready
}

// ready is what SplitText knows of a text, so that Append need not find it out again. It counts only for the same text in the same tables.
type ready struct {
	text           string
	locking, shift Language
	plain          bool   // every octet of the text is its own septet
	septets        []byte // else: one per octet
}

// is tells whether r is of the text of m. Texts made by SplitText and left alone are the same memory, which takes no time to compare.
func (r *ready) is(m *Message) bool {
	return r.locking == m.Locking && r.shift == m.Shift && r.text == m.Text
}

// encoded returns the septets of the text as SplitText left them; false when there are none, or the text or its tables are others now.
func (m *Message) encoded() ([]byte, bool) {
	return m.ready.septets, m.ready.septets != nil && m.ready.is(m)
}

// plain tells whether every octet of the text is its own septet, as in most text.
func (m *Message) plain() bool {
	if m.Locking != DefaultLanguage || m.Shift != DefaultLanguage {
		return false
	}
	return m.ready.plain && m.ready.is(m) || plainPrefix(m.Text) == len(m.Text)
}

// memory is what a Message uses again from one Decode to the next.
type memory struct {
	septets []byte     // user data of GSM7 as decoded, one per octet: Assembly needs what an escape at a seam stood for
	header  []byte     // what UDH points into
	block   *textBlock // strings made; nil before the first Decode
}

// Clone returns a copy that shares nothing with m, for keeping what was decoded into a reused Message.
func (m *Message) Clone() *Message {
	c := *m
	c.SMSC.Value, c.Address.Value, c.Text = strings.Clone(m.SMSC.Value), strings.Clone(m.Address.Value), strings.Clone(m.Text)
	c.Data = slices.Clone(m.Data)
	c.septets = slices.Clone(m.septets)
	c.header, c.block = nil, nil
	c.UDH = nil
	for _, e := range m.UDH {
		c.UDH = append(c.UDH, IE{e.ID, slices.Clone(e.Data)})
	}
	return &c
}

// SetHeader replaces the header and the views of it.
func (m *Message) SetHeader(elements ...IE) {
	m.UDH, m.UDHI = elements, len(elements) > 0
	m.readHeader()
}

// Silent tells whether this is a type 0 message: to be acknowledged, and neither shown nor answered. 3GPP TS 23.040 §9.2.3.9.
func (m *Message) Silent() bool { return m.Type == Deliver && m.PID == 0x40 }

// Replaces returns the number, 1 to 7, when the message replaces an earlier one of the same type from the same originator; else 0.
func (m *Message) Replaces() int {
	if (m.Type == Deliver || m.Type == Submit) && m.PID >= 0x41 && m.PID <= 0x47 {
		return int(m.PID - 0x40)
	}
	return 0
}

// HasUserData tells whether the TPDU has user data at all, perhaps empty ones.
func (m *Message) HasUserData() bool {
	switch m.Type {
	case Deliver, Submit:
		return true
	case Command:
		return false
	}
	return m.PI&4 != 0
}

// Outcome is what a status report says about the message. 3GPP TS 23.040 §9.2.3.15.
type Outcome uint8

const (
	OutcomeUnknown   Outcome = iota // 80-FF: reserved
	OutcomeDone                     // 00-1F: the centre has nothing to do any more
	OutcomeTrying                   // 20-3F: failed for now, the centre goes on trying; a further report follows
	OutcomeFailed                   // 40-5F: failed for good
	OutcomeAbandoned                // 60-7F: failed for now, and the centre tries no more
)

// Outcome classifies Status.
func (m *Message) Outcome() Outcome {
	if m.Status >= 0x80 {
		return OutcomeUnknown
	}
	return [...]Outcome{OutcomeDone, OutcomeTrying, OutcomeFailed, OutcomeAbandoned}[m.Status>>5]
}

// SetKey identifies the set of parts that belong together, apart from the SIM that received them. It is comparable.
// Two sets may share it when a sender uses a reference again; Assembly tells them apart.
type SetKey struct {
	Type    Type
	Address Address // type of address and value: a sender named "614915" is not the number 614915
	Ref     uint16
	Bits    uint8
	Total   uint8
}

// SetKey returns the key of the part; Total is 0 when m is a single message.
func (m *Message) SetKey() SetKey {
	if m.Concat.Total == 0 {
		return SetKey{Type: m.Type, Address: m.Address}
	}
	return SetKey{m.Type, m.Address, m.Concat.Ref, m.Concat.Bits, m.Concat.Total}
}

// Append appends a form of the key that is unique and fit for ordering by type, address and reference.
func (k SetKey) Append(dst []byte) []byte {
	dst = append(dst, byte(k.Type), k.Address.TOA, byte(len(k.Address.Value)))
	dst = append(dst, k.Address.Value...)
	return append(dst, k.Bits, byte(k.Ref>>8), byte(k.Ref), k.Total)
}
