package pdu

import (
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// clusterBoundary returns the last grapheme cluster boundary of text in (0, at], or at when one cluster covers all of it. at is a boundary of characters inside text.
//
// Segmentation is slow, so it goes back character by character as long as it is certain whether there is a boundary.
func clusterBoundary(text string, at int) int {
	right, _ := utf8.DecodeRuneInString(text[at:])
	kind := kindOf(right)
	for p := at; p > 0; {
		left, n := utf8.DecodeLastRuneInString(text[:p])
		leftKind := kindOf(left)
		switch {
		case leftKind == otherKind:
			return segmentBoundary(text, at)
		case kind == extending || kind == joiner:
			if left == '\n' { // GB4
				return p
			}
			// GB9: no boundary
		case kind == otherKind:
			return segmentBoundary(text, at)
		case leftKind != joiner:
			return p // GB999
		case kind != pictograph || !joins(text[:p-n]):
			return segmentBoundary(text, at)
		}
		p -= n
		kind = leftKind
	}
	return at
}

// joins tells whether a joiner behind text joins what follows to a pictograph. GB11.
func joins(text string) bool {
	for text != "" {
		r, n := utf8.DecodeLastRuneInString(text)
		switch kindOf(r) {
		case pictograph:
			return true
		case extending:
			text = text[:len(text)-n]
		default:
			return false
		}
	}
	return false
}

// segmentBoundary is clusterBoundary by segmentation, which looks only at the characters between at and the nearest place before it that is a boundary for certain.
func segmentBoundary(text string, at int) int {
	next, size := utf8.DecodeRuneInString(text[at:])
	from, right := at, next
	for from > 0 {
		left, n := utf8.DecodeLastRuneInString(text[:from])
		if simple(left) && simple(right) {
			break
		}
		from -= n
		right = left
	}
	if from == at {
		return at
	}
	boundary := from
	for rest, state := text[from:at+size], -1; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if from += len(cluster); from > at {
			break
		}
		boundary = from
	}
	if boundary == 0 {
		return at
	}
	return boundary
}

// kind is what is known of a character for Unicode Standard Annex #29.
type kind uint8

const (
	otherKind  kind = iota // nothing
	plainKind              // simple
	pictograph             // an emoji: Extended_Pictographic
	extending              // Extend: skin tones, variation selectors, accents
	joiner                 // ZWJ
)

// kindOf returns the kind of a character.
func kindOf(r rune) kind {
	switch {
	case simple(r):
		return plainKind
	case r == '\u200D':
		return joiner
	case r >= 0x1F3FB && r <= 0x1F3FF || r == '\uFE0F' || r == '\uFE0E' || r >= 0x300 && r <= 0x36F:
		return extending
	case r >= 0x1F300 && r <= 0x1F53D || r >= 0x1F546 && r <= 0x1F64F || r >= 0x1F680 && r <= 0x1F6FF || r >= 0x1F947 && r <= 0x1FAFF:
		return pictograph
	}
	return otherKind
}

// simple tells whether r is one of the common characters between two of which there always is a cluster boundary. Unicode Standard Annex #29, GB999.
func simple(r rune) bool {
	switch {
	case r < 0x7F:
		return r >= 0x20 || r == '\n'
	case r < 0x300:
		return r >= 0xA1 && r != 0xA9 && r != 0xAD && r != 0xAE
	case r < 0x5D0: // Greek, Cyrillic, Armenian letters
		return r >= 0x370 && r <= 0x482 || r >= 0x48A && r <= 0x556
	case r < 0x900: // Hebrew and Arabic letters
		return r <= 0x5EA || r >= 0x620 && r <= 0x63F || r >= 0x641 && r <= 0x64A
	case r < 0x3041: // general punctuation, currency
		return r >= 0x2010 && r <= 0x2027 || r == euro
	}
	return r <= 0x3096 || r >= 0x30A1 && r <= 0x30FA || r >= 0x4E00 && r <= 0x9FFF || r >= 0xAC00 && r <= 0xD7A3
}
