package pdu

import "strconv"

// Quirks is a set of deviations from the standard that decoding survived. The zero value: none.
type Quirks uint16

const (
	NonzeroPadding  Quirks = 1 << iota // bits behind the last septet are set
	NonzeroFill                        // bits between the header and the first septet are set
	BadSCTS                            // the service centre time stamp is no time
	BadDT                              // the discharge time is no time
	TrailingOctets                     // octets follow the TPDU; Message.Trailing tells how many
	UndefinedEscape                    // an escape before a septet that the shift table leaves empty
	DoubleEscape                       // an escape after an escape
	DanglingEscape                     // an escape at the very end
	OddUCS2                            // half a character at the end
	LoneSurrogate                      // half a surrogate pair
	InvalidConcat                      // a concatenation element with impossible numbers; the message is treated as a single one
	BadValidity                        // the validity period is no time
	ReservedType                       // message type 3, read as a DELIVER
	FillerDigit                        // filler semi-octets counted as digits at the end of a number
	StoredSubmit                       // a SUBMIT where a SUBMIT-REPORT would stand: a stored message of our own
)

// quirkNames has the names and fields in the order of the bits.
var quirkNames = [...]struct{ name, field, text string }{
	{"nonzero-padding", "tp_ud", "bits behind the last character are set"},
	{"nonzero-fill", "tp_ud", "bits between the header and the text are set"},
	{"bad-scts", "tp_scts", "the time stamp of the service centre is no valid time"},
	{"bad-dt", "tp_dt", "the discharge time is no valid time"},
	{"trailing-octets", "pdu", "octets follow the message"},
	{"esc-undefined", "tp_ud", "an escape before a character without an extension"},
	{"esc-esc", "tp_ud", "an escape after an escape"},
	{"dangling-esc", "tp_ud", "an escape at the end of the text"},
	{"odd-ucs2", "tp_ud", "half a character at the end of the text"},
	{"lone-surrogate", "tp_ud", "half a surrogate pair"},
	{"concat-invalid", "udh.concat.sequence", "impossible part numbers; taken as a single message"},
	{"bad-vp", "tp_vp", "the validity period is no valid time"},
	{"reserved-type", "tp_mti", "reserved message type, read as a delivery"},
	{"filler-digit", "tp_oa", "fillers at the end of the number are counted as digits"},
	{"stored-submit", "tp_mti", "a stored message of our own"},
}

// Has tells whether q contains any of what.
func (q Quirks) Has(what Quirks) bool { return q&what != 0 }

// QuirkNames lists the deviations by their short names in a fixed order, "trailing-octets" with its number, e.g. "trailing-octets:30". Never nil.
func (m *Message) QuirkNames() []string {
	names := []string{}
	for i, q := range quirkNames {
		switch bit := Quirks(1) << i; {
		case !m.Quirks.Has(bit):
		case bit == TrailingOctets:
			names = append(names, q.name+":"+strconv.Itoa(m.Trailing))
		default:
			names = append(names, q.name)
		}
	}
	return names
}

// Warning is something about a readable message that its reader should know or act on.
type Warning struct {
	Field string // path of the field as in Error
	Text  string
}

// Warnings lists the deviations by field, and besides what makes a message other than a text for a person:
// a reserved coding (tp_dcs), a silent message (tp_pid), an application port (udh.port), compressed data (tp_dcs), a reserved status (tp_st).
func (m *Message) Warnings() []Warning {
	var all []Warning
	for i, q := range quirkNames {
		if !m.Quirks.Has(1 << i) {
			continue
		}
		field := q.field
		if Quirks(1)<<i == FillerDigit {
			field = m.Type.addressField()
		}
		all = append(all, Warning{field, q.text})
	}
	if c, ok := m.RawConcat(); ok && c.Total == 0 {
		all = append(all, Warning{"udh.concat.total", "a message of no parts; taken as a single message"})
	}
	if m.Type == StatusReport && m.Outcome() == OutcomeUnknown {
		all = append(all, Warning{"tp_st", "reserved status: whether the message arrived is not known"})
	}
	if m.DCS.Reserved() {
		all = append(all, Warning{"tp_dcs", "reserved coding, read as the default alphabet"})
	}
	if m.DCS.Compressed() {
		all = append(all, Warning{"tp_dcs", "compressed user data are kept, not decoded"})
	}
	if m.Silent() {
		all = append(all, Warning{"tp_pid", "a silent message: to be acknowledged and not shown"})
	}
	if m.Ports.Bits != 0 {
		all = append(all, Warning{"udh.port", "for the application at port " + strconv.Itoa(int(m.Ports.Dst)) + ", not for a person"})
	}
	return all
}
