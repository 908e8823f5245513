package bolt

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tidwall/btree"

	"trunkline/store"
)

// layers hold what was committed to the log and is not yet in the database file, for each table. They are never changed once others can see them.
type layers []layer

type layer struct {
	table store.Table
	*written
}

// written is what a table has in a layer. Who looks into it needs a tree; until somebody does, it is what was there before, and the writes since then. So
// indexes that are written all the time and seldom read cost no more than a list, and their writes come to the database file in order all the same.
type written struct {
	top     write // that of the greatest key; none when the key is empty
	form    atomic.Pointer[form]
	forming sync.Mutex // held while a tree is made, or copied
}

type form struct {
	tree   *layerTree // nil: not made yet, but to be made of
	under  *written   // this, if it is not nil,
	writes []write    // and these
}

// write is a put, or a deletion when the value is nil.
type write struct {
	key   string
	value []byte
}

// layerTree has the value of each key that was written, nil when the key was deleted. Its Copy costs nothing until one of the two is written.
type layerTree = btree.Map[string, []byte]

// Nodes are small, since each batch of updates copies those on the way to what it writes.
const layerDegree = 16

// of returns what a table has, nil when nothing of it is here.
func (l layers) of(table store.Table) *written {
	for i := range l {
		if l[i].table == table {
			return l[i].written
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

// with returns layers in which what was written takes the place of what the same tables had.
func (l layers) with(all []pending) layers {
	out := make(layers, len(l), len(l)+len(all))
	copy(out, l)
next:
	for i := range all {
		for j := range out {
			if out[j].table == all[i].table {
				out[j].written = all[i].written()
				continue next
			}
		}
		out = append(out, layer{all[i].table, all[i].written()})
	}
	return out
}

// tree returns the tree to look into; nobody may change it. nil has none.
func (c *written) tree() *layerTree {
	if c == nil {
		return nil
	}
	if f := c.form.Load(); f.tree != nil {
		return f.tree
	}
	c.forming.Lock()
	defer c.forming.Unlock()
	f := c.form.Load()
	if f.tree == nil {
		f = &form{tree: treeOf(f.under, f.writes)}
		c.form.Store(f)
	}
	return f.tree
}

// since returns the nearest that has a tree, nil when none has, and in their order all writes that came after it.
func (c *written) since() (known *written, writes []write) {
	var all [][]write
	for c != nil {
		f := c.form.Load()
		if f.tree != nil {
			break
		}
		all = append(all, f.writes)
		c = f.under
	}
	slices.Reverse(all)
	return c, slices.Concat(all...)
}

// treeOf makes a tree of what was there and the writes since then.
func treeOf(under *written, writes []write) *layerTree {
	known, before := under.since()
	tree := known.copy()
	for _, w := range inOrder(append(before, writes...)) {
		tree.Set(w.key, w.value)
	}
	return tree
}

// copy returns a copy of the tree, which must be there; nil has an empty one.
func (c *written) copy() *layerTree {
	if c == nil {
		return btree.NewMap[string, []byte](layerDegree)
	}
	c.forming.Lock()
	defer c.forming.Unlock()
	return c.form.Load().tree.Copy()
}

// inOrder returns what a table has, by key.
func (c *written) inOrder() (all []write) {
	if known, writes := c.since(); known == nil {
		return inOrder(writes)
	}
	tree := c.tree()
	all = make([]write, 0, tree.Len())
	tree.Scan(func(key string, value []byte) bool {
		all = append(all, write{key: key, value: value})
		return true
	})
	return all
}

// pending is what a transaction wrote to a table.
type pending struct {
	table  store.Table
	under  *written
	writes []write
	top    write      // of writes, that of the greatest key; none when the key is empty
	own    *layerTree // instead of all these, since the transaction looked
}

func (p *pending) set(key string, value []byte) {
	if p.own != nil {
		p.own.Set(key, value)
	} else {
		p.writes = append(p.writes, write{key: key, value: value})
		if key >= p.top.key {
			p.top = write{key: key, value: value}
		}
	}
}

// greatest returns the write to the greatest key that a table has; its key is empty when there is none.
func (p *pending) greatest() write {
	if p.own != nil {
		key, value, _ := p.own.Max()
		return write{key: key, value: value}
	}
	if under := p.under.greatest(); under.key > p.top.key {
		return under
	}
	return p.top
}

func (c *written) greatest() write {
	if c == nil {
		return write{}
	}
	return c.top
}

// tree returns the tree to look into, which goes on with what is written next.
func (p *pending) tree() *layerTree {
	if p.own == nil {
		p.own, p.writes = treeOf(p.under, p.writes), nil
	}
	return p.own
}

func (p *pending) written() *written {
	c := &written{top: p.greatest()}
	if p.own != nil {
		c.form.Store(&form{tree: p.own})
	} else {
		c.form.Store(&form{under: p.under, writes: p.writes})
	}
	return c
}

// text is a string over octets that never change.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// octets is the reverse; they must not be changed.
func octets(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
