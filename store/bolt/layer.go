package bolt

import (
	"strings"
	"unsafe"

	"github.com/tidwall/btree"

	"trunkline/store"
)

// layers hold what was committed to the log and is not yet in the database file, a tree for each table. They are never changed once others can see
// them; a tree's Copy costs nothing until one of the two is written.
type layers []layer

type layer struct {
	table store.Table
	tree  *layerTree
}

// layerTree has the value of each key that was written, nil when the key was deleted.
type layerTree = btree.Map[string, []byte]

// Nodes are small, since each batch of updates copies those on the way to what it writes.
const layerDegree = 16

// of returns the tree of a table, nil when nothing of it is here.
func (l layers) of(table store.Table) *layerTree {
	for i := range l {
		if l[i].table == table {
			return l[i].tree
		}
	}
	return nil
}

// touches tells whether a tree has a key with from ≤ key < to, a deleted one too; nil bounds are open.
func touches(tree *layerTree, from, to []byte) (has bool) {
	tree.Ascend(text(from), func(key string, _ []byte) bool {
		has = to == nil || key < text(to)
		return false
	})
	return has
}

// hasPrefix tells whether a tree has a key that begins with prefix, a deleted one too.
func hasPrefix(tree *layerTree, prefix string) (has bool) {
	tree.Ascend(prefix, func(key string, _ []byte) bool {
		has = strings.HasPrefix(key, prefix)
		return false
	})
	return has
}

// with returns layers in which those of own take the place of the tables that they have.
func (l layers) with(own layers) layers {
	out := make(layers, len(l), len(l)+len(own))
	copy(out, l)
next:
	for _, o := range own {
		for i := range out {
			if out[i].table == o.table {
				out[i].tree = o.tree
				continue next
			}
		}
		out = append(out, o)
	}
	return out
}

// writing returns the tree of a table to write to, which is a copy of the one below when it is the first write.
func (l *layers) writing(table store.Table, below layers) *layerTree {
	tree := l.of(table)
	if tree != nil {
		return tree
	}
	if under := below.of(table); under != nil {
		tree = under.Copy()
	} else {
		tree = btree.NewMap[string, []byte](layerDegree)
	}
	*l = append(*l, layer{table, tree})
	return tree
}

// text is a string over octets that never change.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// octets is the reverse; they must not be changed.
func octets(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
