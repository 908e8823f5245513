package store

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"trunkline/callplan/phone"
)

// The functions put… append one field, and nothing when its value is zero.

func putUint(b []byte, n protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
}

func putBool(b []byte, n protowire.Number, v bool) []byte {
	if !v {
		return b
	}
	return putUint(b, n, 1)
}

// putOptional writes a number for which -1 means none.
func putOptional(b []byte, n protowire.Number, v int) []byte { return putUint(b, n, uint64(v+1)) }

func putString(b []byte, n protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
}

// putBytes writes octets; nil and empty are both zero.
func putBytes(b []byte, n protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
}

func putID(b []byte, n protowire.Number, v MessageID) []byte {
	if v.IsZero() {
		return b
	}
	return putBytes(b, n, v[:])
}

// putTime writes nanoseconds since 1970 as fixed64, for the years 1678 to 2261.
func putTime(b []byte, n protowire.Number, v time.Time) []byte {
	if v.IsZero() {
		return b
	}
	return protowire.AppendFixed64(protowire.AppendTag(b, n, protowire.Fixed64Type), uint64(v.UnixNano()))
}

// putNumber writes digits as field n and a name as field n+1, since a name made of digits is no number.
func putNumber(b []byte, n protowire.Number, v phone.Number) []byte {
	if v.Kind() == phone.Alphanumeric {
		n++
	}
	return putString(b, n, v.String())
}

// putRecord writes what fill appends as an embedded record, even when it is empty.
func putRecord(b []byte, n protowire.Number, fill func([]byte) []byte) []byte {
	b = protowire.AppendTag(b, n, protowire.BytesType)
	start := len(b)
	b = fill(b)
	length := len(b) - start
	head := protowire.SizeVarint(uint64(length))
	for range head {
		b = append(b, 0)
	}
	copy(b[start+head:], b[start:start+length])
	protowire.AppendVarint(b[:start], uint64(length))
	return b
}

// fields walks over the fields of a record. Fields of an unexpected type make it fail; unknown ones are passed over.
type fields struct {
	rest []byte
	num  protowire.Number
	typ  protowire.Type
	u    uint64
	v    []byte
	err  error
}

var errWireType = errors.New("field has an unexpected type")

func (f *fields) next() bool {
	if f.err != nil || len(f.rest) == 0 {
		return false
	}
	num, typ, n := protowire.ConsumeTag(f.rest)
	if n < 0 {
		f.err = protowire.ParseError(n)
		return false
	}
	f.num, f.typ, f.rest = num, typ, f.rest[n:]
	switch typ {
	case protowire.VarintType:
		f.u, n = protowire.ConsumeVarint(f.rest)
	case protowire.Fixed64Type:
		f.u, n = protowire.ConsumeFixed64(f.rest)
	case protowire.BytesType:
		f.v, n = protowire.ConsumeBytes(f.rest)
	default:
		n = protowire.ConsumeFieldValue(num, typ, f.rest)
	}
	if n < 0 {
		f.err = fmt.Errorf("field %d: %w", num, protowire.ParseError(n))
		return false
	}
	f.rest = f.rest[n:]
	return true
}

func (f *fields) is(t protowire.Type) bool {
	if f.typ != t && f.err == nil {
		f.err = fmt.Errorf("field %d: %w", f.num, errWireType)
	}
	return f.err == nil
}

func (f *fields) uint() uint64 {
	if f.is(protowire.VarintType) {
		return f.u
	}
	return 0
}

// small returns a number that fits into an int of any platform; larger ones are an error.
func (f *fields) small() int {
	u := f.uint()
	if u > 1<<31-1 && f.err == nil {
		f.err = fmt.Errorf("field %d: %d is out of range", f.num, u)
		return 0
	}
	return int(u)
}

// octet returns a number of at most 255; larger ones are an error.
func (f *fields) octet() uint8 {
	n := f.small()
	if n > 255 && f.err == nil {
		f.err = fmt.Errorf("field %d: %d is out of range", f.num, n)
	}
	return uint8(n)
}

func (f *fields) optional() int { return f.small() - 1 }
func (f *fields) bool() bool    { return f.uint() != 0 }

func (f *fields) bytes() []byte {
	if f.is(protowire.BytesType) {
		return f.v
	}
	return nil
}

// clone returns octets that outlive the transaction, nil when there are none.
func (f *fields) clone() []byte { return append([]byte(nil), f.bytes()...) }

func (f *fields) string() string { return string(f.bytes()) }

func (f *fields) id() (id MessageID) {
	v := f.bytes()
	if len(v) != idBytes {
		if f.err == nil {
			f.err = fmt.Errorf("field %d: id of %d bytes", f.num, len(v))
		}
		return id
	}
	return MessageID(v)
}

func (f *fields) time() time.Time {
	if f.is(protowire.Fixed64Type) {
		return time.Unix(0, int64(f.u)).UTC()
	}
	return time.Time{}
}

func (f *fields) duration() time.Duration { return time.Duration(f.uint()) }

func (f *fields) digits() phone.Number { return phone.FromAddress(f.string(), false) }
func (f *fields) name() phone.Number   { return phone.FromAddress(f.string(), true) }
