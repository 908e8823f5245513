package pdu

import (
	"strings"
	"unsafe"
)

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
	text []byte
}

// blockSize is that of a block.
const blockSize = 32 << 10

// noBlock is the block of a Message that was used once: it is full.
var noBlock = &textBlock{}

// room returns where to write text, behind the strings in the block.
func (m *Message) room() []byte {
	if b := m.block; len(b.text)-b.n < textRoom {
		m.block = newBlock()
	}
	b := m.block
	return b.text[b.n:b.n]
}

// newBlock returns an empty block. A Builder's memory is not cleared first, which would cost more than all text that is written into it.
func newBlock() *textBlock {
	var b strings.Builder
	b.Grow(blockSize)
	return &textBlock{text: unsafe.Slice(unsafe.StringData(b.String()), blockSize)}
}
