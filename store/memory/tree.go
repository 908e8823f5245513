package memory

import (
	"bytes"
	"hash/fnv"
)

// node is a node of a persistent treap: it is never changed once it is linked, so that copies of a root are snapshots. Its priority is a hash of the
// key, which makes the shape depend on the content alone.
type node struct {
	key, value  []byte
	priority    uint64
	left, right *node
}

func priorityOf(key []byte) uint64 {
	h := fnv.New64a()
	h.Write(key)
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

func (n *node) find(key []byte) *node {
	for n != nil {
		switch c := bytes.Compare(key, n.key); {
		case c == 0:
			return n
		case c < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil
}

// split returns the keys before key, the node of key itself, and the keys after it.
func (n *node) split(key []byte) (before, at, behind *node) {
	if n == nil {
		return nil, nil, nil
	}
	c := *n
	switch order := bytes.Compare(key, n.key); {
	case order == 0:
		return n.left, n, n.right
	case order < 0:
		before, at, c.left = n.left.split(key)
		return before, at, &c
	default:
		c.right, at, behind = n.right.split(key)
		return &c, at, behind
	}
}

// join returns all of a and b, every key of a being before every key of b.
func join(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority > b.priority:
		c := *a
		c.right = join(a.right, b)
		return &c
	default:
		c := *b
		c.left = join(a, b.left)
		return &c
	}
}

func (n *node) put(key, value []byte) *node {
	before, _, behind := n.split(key)
	return join(join(before, &node{key: key, value: value, priority: priorityOf(key)}), behind)
}

func (n *node) remove(key []byte) *node {
	if n.find(key) == nil {
		return n
	}
	before, _, behind := n.split(key)
	return join(before, behind)
}

// scan calls fn for from ≤ key < to and returns false when fn said stop.
func (n *node) scan(from, to []byte, reverse bool, fn func(k, v []byte) (bool, error)) (bool, error) {
	if n == nil {
		return true, nil
	}
	low := from == nil || bytes.Compare(n.key, from) >= 0
	high := to == nil || bytes.Compare(n.key, to) < 0
	first, last, goFirst, goLast := n.left, n.right, low, high
	if reverse {
		first, last, goFirst, goLast = n.right, n.left, high, low
	}
	if goFirst {
		if more, err := first.scan(from, to, reverse, fn); !more || err != nil {
			return false, err
		}
	}
	if low && high {
		// What fn gets is a copy: it cannot reach into the tree.
		if more, err := fn(bytes.Clone(n.key), append([]byte{}, n.value...)); !more || err != nil {
			return false, err
		}
	}
	if goLast {
		return last.scan(from, to, reverse, fn)
	}
	return true, nil
}
