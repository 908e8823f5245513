package bolt

import (
	"strings"

	"github.com/tidwall/btree"
)

// merge walks through a table: what is in its layers, newest first, over what is in the file.
type merge struct {
	layers  [2]layerCursor
	count   int
	file    *cursor
	key     []byte // of the file's cursor, nil at its end
	value   []byte
	reverse bool
}

type layerCursor struct {
	iter btree.MapIter[string, []byte]
	ok   bool
}

// start puts every cursor at the first key of the range in the direction of the walk.
func (m *merge) start(trees [2]*layerTree, from, to []byte) {
	for _, tree := range trees {
		if tree == nil || !touches(tree, from, to) {
			continue // mostly: and a walk costs allocations
		}
		c := &m.layers[m.count]
		m.count++
		c.iter = tree.Iter()
		switch {
		case !m.reverse && from == nil:
			c.ok = c.iter.First()
		case !m.reverse:
			c.ok = c.iter.Seek(text(from))
		case to == nil:
			c.ok = c.iter.Last()
		case c.iter.Seek(text(to)):
			c.ok = c.iter.Prev()
		default:
			c.ok = c.iter.Last()
		}
	}
	if m.file == nil {
		return
	}
	switch {
	case !m.reverse && from == nil:
		m.key, m.value = m.file.First()
	case !m.reverse:
		m.key, m.value = m.file.Seek(from)
	case to == nil:
		m.key, m.value = m.file.Last()
	default:
		if at, _ := m.file.Seek(to); at != nil {
			m.key, m.value = m.file.Prev()
		} else {
			m.key, m.value = m.file.Last()
		}
	}
}

// next returns the next key that is there, nil at the end of all.
func (m *merge) next() (key, value []byte) {
	for {
		best := -1
		var first string
		for i := range m.count {
			if c := &m.layers[i]; c.ok && (best < 0 || m.before(c.iter.Key(), first)) {
				best, first = i, c.iter.Key()
			}
		}
		if best < 0 {
			key, value = m.key, m.value
			m.step()
			return key, value
		}
		order := -1
		if m.key != nil {
			if order = strings.Compare(first, text(m.key)); m.reverse {
				order = -order
			}
		}
		if order > 0 {
			key, value = m.key, m.value
			m.step()
			return key, value
		}
		value = m.layers[best].iter.Value()
		if order == 0 && m.key != nil {
			m.step()
		}
		for i := best; i < m.count; i++ {
			if c := &m.layers[i]; c.ok && c.iter.Key() == first {
				if m.reverse {
					c.ok = c.iter.Prev()
				} else {
					c.ok = c.iter.Next()
				}
			}
		}
		if value != nil {
			return octets(first), value
		}
	}
}

func (m *merge) before(a, b string) bool { return (a < b) != m.reverse && a != b }

func (m *merge) step() {
	switch {
	case m.key == nil:
	case m.reverse:
		m.key, m.value = m.file.Prev()
	default:
		m.key, m.value = m.file.Next()
	}
}
