package bolt

import (
	"encoding/binary"
	"slices"
	"strings"
)

// inOrder returns writes by key, and of those to one key the last. all is its own.
func inOrder(all []write) []write {
	rising := true // as what is appended is
	for i := 1; i < len(all) && rising; i++ {
		rising = all[i-1].key < all[i].key
	}
	if rising {
		return all
	}
	places := make([]place, len(all))
	for i := range all {
		places[i].at = i
	}
	arrange(all, places, make([]place, len(all)), 0)
	out := make([]write, 0, len(all))
	for i, p := range places {
		if i+1 == len(places) || all[places[i+1].at].key != all[p.at].key {
			out = append(out, all[p.at])
		}
	}
	return out
}

// place is where a write is, and eight octets of its key as a number that is in their order. It is what is sorted, for it is small.
type place struct {
	head uint64
	at   int
}

// few is how many places are sorted faster by their whole keys than by eight octets at a time.
const few = 64

// arrange sorts places by key, and those of one key as they were. All keys begin with the same octets, known of them at least; room is for as many places.
func arrange(all []write, places, room []place, known int) {
	first := all[places[0].at].key
	shared, shortest := len(first), len(first)
	for _, p := range places[1:] {
		key := all[p.at].key
		shared = known + commonPrefix(first[known:shared], key[known:])
		shortest = min(shortest, len(key))
	}
	if len(places) <= few || shared == shortest {
		// Or one key is what all begin with: zeros in place of the octets that it has not would not tell it from others.
		slices.SortStableFunc(places, func(a, b place) int { return strings.Compare(all[a.at].key[shared:], all[b.at].key[shared:]) })
		return
	}
	for i := range places {
		places[i].head = head(all[places[i].at].key[shared:])
	}
	sortByHead(places, room)
	for len(places) > 0 {
		n := 1
		for n < len(places) && places[n].head == places[0].head {
			n++
		}
		if n > 1 {
			arrange(all, places[:n], room[:n], shared)
		}
		places = places[n:]
	}
}

// sortByHead is a radix sort that begins with the last octet and leaves out those in which all are alike; equal ones stay as they were.
func sortByHead(places, room []place) {
	var counts [8][256]int
	for _, p := range places {
		for i := range counts {
			counts[i][byte(p.head>>(8*i))]++
		}
	}
	from, to := places, room[:len(places)]
	for i := range counts {
		next := &counts[i] // where the next one with each octet goes
		if next[byte(places[0].head>>(8*i))] == len(places) {
			continue
		}
		at := 0
		for octet, n := range next {
			next[octet] = at
			at += n
		}
		for _, p := range from {
			octet := byte(p.head >> (8 * i))
			to[next[octet]] = p
			next[octet]++
		}
		from, to = to, from
	}
	if &from[0] != &places[0] {
		copy(places, from)
	}
}

// commonPrefix is how many octets two strings begin alike with.
func commonPrefix(a, b string) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// head returns the first eight octets, followed by zeros when there are fewer, as a number that is in their order.
func head(s string) (h uint64) {
	if len(s) >= 8 {
		return binary.BigEndian.Uint64(octets(s))
	}
	for i := range len(s) {
		h |= uint64(s[i]) << (56 - 8*i)
	}
	return h
}
