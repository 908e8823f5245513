package pdu

import (
	"encoding/binary"
	"errors"
)

// assemblyVersion is the first octet of the stored form.
const assemblyVersion = 1

// ErrAssembly says that octets are no stored Assembly.
var ErrAssembly = errors.New("not a stored assembly")

// MarshalBinary returns the stored form: a version, then the open sets and the completed ones. The septets of 7-bit text are packed. It never fails.
//
// Times are varints of Unix seconds; counts and lengths are single octets, which the bounds of an Assembly allow.
//
//	version  n  n × {total ports(2,2,1) class k  k × {seq alphabet locking shift scts(7) at length payload length raw}}  m  m × {at k  k × digest(8)}
func (a *Assembly) MarshalBinary() ([]byte, error) { return a.AppendBinary(nil) }

// AppendBinary appends what MarshalBinary returns.
func (a *Assembly) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, assemblyVersion, byte(len(a.open)))
	for _, s := range a.open {
		b = append(b, s.total)
		b = binary.BigEndian.AppendUint16(b, s.ports.Dst)
		b = binary.BigEndian.AppendUint16(b, s.ports.Src)
		b = append(b, s.ports.Bits, byte(s.class), byte(len(s.parts)))
		for _, p := range s.parts {
			b = append(b, p.seq, byte(p.alphabet), byte(p.locking), byte(p.shift))
			b = append(b, p.scts[:]...)
			b = binary.AppendVarint(b, p.at)
			b = append(b, byte(len(p.payload)))
			if p.alphabet == GSM7 {
				b = pack(b, p.payload)
			} else {
				b = append(b, p.payload...)
			}
			b = append(b, byte(len(p.raw)))
			b = append(b, p.raw...)
		}
	}
	b = append(b, byte(len(a.completed)))
	for _, c := range a.completed {
		b = binary.AppendVarint(b, c.at)
		b = append(b, byte(len(c.digests)))
		for _, d := range c.digests {
			b = append(b, d[:]...)
		}
	}
	return b, nil
}

// UnmarshalBinary replaces a with what MarshalBinary returned; an empty b is an empty Assembly. The error wraps ErrAssembly and leaves a as it was. b is not kept.
func (a *Assembly) UnmarshalBinary(b []byte) error {
	if len(b) == 0 {
		*a = Assembly{}
		return nil
	}
	r := reader{b: b}
	if r.octet() != assemblyVersion {
		return ErrAssembly
	}
	var stored Assembly
	for range r.count(maxOpen) {
		s := set{total: r.octet(), ports: Ports{Dst: r.uint16(), Src: r.uint16(), Bits: r.octet()}, class: Class(r.octet())}
		n := r.count(int(s.total) - 1)
		r.check(n > 0 && s.class <= Class3)
		for range n {
			p := r.piece()
			r.check(p.seq > 0 && p.seq <= s.total)
			if k := len(s.parts); k > 0 {
				r.check(p.seq > s.parts[k-1].seq)
			}
			if r.bad {
				return ErrAssembly
			}
			s.parts = append(s.parts, p)
		}
		stored.open = append(stored.open, s)
	}
	for range r.count(maxCompleted) {
		c := completedSet{at: r.varint()}
		for range r.count(maxParts) {
			c.digests = append(c.digests, [8]byte(r.octets(8)))
		}
		stored.completed = append(stored.completed, c)
	}
	if r.bad || len(r.b) > 0 {
		return ErrAssembly
	}
	*a = stored
	return nil
}

// reader takes fields from octets; after the first that is not there everything is zero and bad is set.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) check(ok bool) { r.bad = r.bad || !ok }

// octets takes n octets; zeros when they are not there. n is at most 255.
func (r *reader) octets(n int) []byte {
	if r.bad || len(r.b) < n {
		r.bad = true
		return make([]byte, n)
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) octet() byte    { return r.octets(1)[0] }
func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.octets(2)) }

// count takes a number of things of which there are at most limit.
func (r *reader) count(limit int) int {
	n := int(r.octet())
	r.check(n <= limit)
	if r.bad {
		return 0
	}
	return n
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// piece takes one part.
func (r *reader) piece() piece {
	p := piece{seq: r.octet(), alphabet: Alphabet(r.octet()), locking: Language(r.octet()), shift: Language(r.octet())}
	copy(p.scts[:], r.octets(len(p.scts)))
	p.at = r.varint()
	n := r.count(maxSeptets)
	r.check(p.alphabet >= GSM7 && p.alphabet <= UCS2)
	if p.alphabet == GSM7 {
		var b septetBuffer
		p.payload = append([]byte(nil), b.unpack(r.octets(packedLen(n)), n)...)
	} else {
		p.payload = append([]byte(nil), r.octets(n)...)
	}
	p.raw = append([]byte(nil), r.octets(r.count(maxRaw))...)
	return p
}
