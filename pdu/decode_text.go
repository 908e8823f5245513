package pdu

// strings makes all the text the strings of the message. A mark that was never reached lies at the end of the text that was.
func (d *decoder) strings(all string) {
	m := d.m
	start, end := d.smscEnd, max(d.addressEnd, d.smscEnd)
	if start > 0 || m.SMSC.Value != "" { // pointers cost more to write than to look at
		m.SMSC.Value = all[:start]
	}
	m.Address.Value, m.Text = all[start:end], all[end:]
}

// textRoom is more than the strings of one TPDU take, with what is written ahead.
const textRoom = 576

// textBlock holds the strings of a Message that is used again. Nothing before n is ever written again, so that strings can point there.
// It is behind a pointer since a Message may be copied: copies go on writing behind each other's strings.
type textBlock struct {
	n    int
	text [32<<10 - 8]byte
}

// noBlock is the block of a Message that was used once: it is full.
var noBlock = &textBlock{n: len(textBlock{}.text)}

// room returns where to write text, behind the strings in the block.
func (m *Message) room() []byte {
	b := m.block
	if len(b.text)-b.n < textRoom {
		b = new(textBlock)
		m.block = b
	}
	return b.text[b.n:b.n]
}
