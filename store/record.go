package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"unsafe"
)

// A frame is version(1) · length of the payload(4) · CRC-32C(4) · payload; numbers are little-endian. The sum covers table, key, version and
// payload, so that a value that ended up under another key is noticed too.
const (
	frameVersion = 1
	frameBytes   = 9
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newFrame returns a buffer with room for the header and a payload of about n bytes; append the payload and give it to seal.
func newFrame(n int) []byte { return make([]byte, frameBytes, frameBytes+n) }

// seal fills the header in and returns the finished value.
func seal(t Table, key, frame []byte) []byte {
	frame[0] = frameVersion
	binary.LittleEndian.PutUint32(frame[1:], uint32(len(frame)-frameBytes))
	binary.LittleEndian.PutUint32(frame[5:], sum(t, key, frame[:1], frame[frameBytes:]))
	return frame
}

// unseal returns the payload of a value, or a *Damage that says what is wrong with it.
func unseal(t Table, key, value []byte) ([]byte, error) {
	reason := ""
	switch {
	case len(value) < frameBytes:
		reason = fmt.Sprintf("%d bytes are too few for a record", len(value))
	case value[0] != frameVersion:
		reason = fmt.Sprintf("format %d is unknown", value[0])
	case binary.LittleEndian.Uint32(value[1:]) != uint32(len(value)-frameBytes):
		reason = fmt.Sprintf("%d bytes follow where %d were written", len(value)-frameBytes, binary.LittleEndian.Uint32(value[1:]))
	case binary.LittleEndian.Uint32(value[5:]) != sum(t, key, value[:1], value[frameBytes:]):
		reason = "checksum does not match"
	default:
		return value[frameBytes:], nil
	}
	return nil, damage(t, key, reason)
}

// sum is the checksum of a record. The name of the table is read where it is: a copy of it for each record would be most of the work.
func sum(t Table, key, version, payload []byte) uint32 {
	c := crc32.Update(0, castagnoli, unsafe.Slice(unsafe.StringData(string(t)), len(t)))
	c = crc32.Update(c, castagnoli, key)
	c = crc32.Update(c, castagnoli, version)
	return crc32.Update(c, castagnoli, payload)
}

func damage(t Table, key []byte, reason string) *Damage {
	return &Damage{Table: t, Key: append([]byte(nil), key...), Reason: reason}
}
