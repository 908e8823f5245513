package emulator

// Status of a stored message as <stat> of PDU mode. 3GPP TS 27.005 §3.1.
const (
	statUnread = 0
	statRead   = 1
	statUnsent = 2
	statSent   = 3
)

// slot is one place of a message memory; tpdu nil means free.
type slot struct {
	status int
	smsc   []byte // SMSC field with its length octet, as printed before the TPDU
	tpdu   []byte
}

// memory is one preferred memory: "SM" on the card, "ME" in the device, "SR" for
// status reports. first is the index that the modem gives its first slot.
type memory struct {
	name  string
	first int
	slots []slot
}

func (m *memory) used() int {
	n := 0
	for i := range m.slots {
		if m.slots[i].tpdu != nil {
			n++
		}
	}
	return n
}

// add puts s into the first free slot and returns its index; ok is false when
// the memory is full.
func (m *memory) add(s slot) (index int, ok bool) {
	for i := range m.slots {
		if m.slots[i].tpdu == nil {
			m.slots[i] = s
			return m.first + i, true
		}
	}
	return 0, false
}

// view is what one of <mem1>..<mem3> names: a memory, or all of them joined for
// "MT". The index of a message in a joined view follows those of the memories
// before it.
type view struct {
	name  string
	parts []*memory
}

func (v view) used() int {
	n := 0
	for _, m := range v.parts {
		n += m.used()
	}
	return n
}

func (v view) total() int {
	n := 0
	for _, m := range v.parts {
		n += len(m.slots)
	}
	return n
}

// at returns the slot with the given index, nil when there is no such place.
func (v view) at(index int) *slot {
	if len(v.parts) == 0 {
		return nil
	}
	index -= v.parts[0].first
	for _, m := range v.parts {
		if index < 0 {
			return nil
		}
		if index < len(m.slots) {
			return &m.slots[index]
		}
		index -= len(m.slots)
	}
	return nil
}

// each calls fn for every occupied slot in the order of indices.
func (v view) each(fn func(index int, s *slot)) {
	if len(v.parts) == 0 {
		return
	}
	index := v.parts[0].first
	for _, m := range v.parts {
		for i := range m.slots {
			if m.slots[i].tpdu != nil {
				fn(index, &m.slots[i])
			}
			index++
		}
	}
}

// indexIn turns an index of one memory of the view into an index of the view.
func (v view) indexIn(name string, index int) int {
	base := 0
	for _, m := range v.parts {
		if m.name == name {
			return v.parts[0].first + base + index - m.first
		}
		base += len(m.slots)
	}
	return index
}
