package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"

	"trunkline/store"
)

// cursor walks through the records of a table of the file, like a bbolt.Cursor through its keys.
type cursor struct {
	blocks *bbolt.Cursor
	block  block // where it stands
	at, n  int
}

// enter goes to a block, and to its first record; false when there is no block.
func (c *cursor) enter(key, value []byte) bool {
	if c.at, c.n, c.block = 0, 0, nil; key == nil {
		return false
	}
	c.block = value
	c.n = c.block.count()
	return true
}

// there returns the record at which the cursor stands.
func (c *cursor) there() (key, value []byte) { return c.block.record(c.at) }

// First goes to the least key; nil when there is none.
func (c *cursor) First() (key, value []byte) {
	if !c.enter(c.blocks.First()) {
		return nil, nil
	}
	return c.there()
}

// Last goes to the greatest key; nil when there is none.
func (c *cursor) Last() (key, value []byte) {
	if !c.enter(c.blocks.Last()) {
		return nil, nil
	}
	c.at = c.n - 1
	return c.there()
}

// Seek goes to the first key that is not before another; nil when there is none.
func (c *cursor) Seek(key []byte) (k, v []byte) {
	c.enter(nearest(c.blocks, key))
	if c.block == nil {
		return nil, nil
	}
	if c.at = c.block.search(key); c.at == c.n && !c.enter(c.blocks.Next()) {
		return nil, nil
	}
	return c.there()
}

// Next goes to the key behind; nil when there is none.
func (c *cursor) Next() (key, value []byte) {
	if c.at++; c.at >= c.n && !c.enter(c.blocks.Next()) {
		return nil, nil
	}
	return c.there()
}

// Prev goes to the key before; nil when there is none.
func (c *cursor) Prev() (key, value []byte) {
	if c.at--; c.at < 0 {
		if !c.enter(c.blocks.Prev()) {
			return nil, nil
		}
		c.at = c.n - 1
	}
	return c.there()
}

// nearest goes to the block in which a key is, if it is there; nil when there is no block at all.
func nearest(blocks *bbolt.Cursor, key []byte) (k, v []byte) {
	k, v = blocks.Seek(key)
	switch {
	case k == nil:
		return blocks.Last()
	case bytes.Equal(k, key):
		return k, v
	}
	if p, w := blocks.Prev(); p != nil {
		return p, w
	}
	return blocks.First()
}

// tableBucket returns the name of the bucket that holds a table.
func tableBucket(t store.Table) []byte { return append([]byte{tableMark}, t...) }
