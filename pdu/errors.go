package pdu

import (
	"errors"
	"fmt"
)

// Error says where and why octets are no valid TPDU, or why a Message has no encoding.
type Error struct {
	Field  string // path of the field: "smsc.length", "tp_oa.length", "tp_ud", "udh.ie[0].length", "pdu", …
	Offset int    // octet in the input where the field begins, counted from 0 with the SMSC field; 0 when encoding
	Reason string // what is wrong, with the value and the limit
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s (octet %d): %s", e.Field, e.Offset, e.Reason)
}

// CharacterError says that a text has a character outside the alphabet it must be written in.
type CharacterError struct {
	Rune     rune
	Offset   int // octet in the text
	Alphabet Alphabet
}

func (e *CharacterError) Error() string {
	return fmt.Sprintf("character %q (octet %d of the text) is not in the alphabet %s", e.Rune, e.Offset, e.Alphabet)
}

// TooManyPartsError says that a text needs more parts than allowed; errors.Is finds ErrTooManyParts in it.
type TooManyPartsError struct {
	Needed int // parts that the text takes; at least so many when they are more than 255
	Limit  int
}

func (e *TooManyPartsError) Error() string {
	return fmt.Sprintf("the text needs %d parts, at most %d are allowed", e.Needed, e.Limit)
}

// Is makes errors.Is(err, ErrTooManyParts) true.
func (e *TooManyPartsError) Is(target error) bool { return target == ErrTooManyParts }

// Reasons why there is nothing to split.
var (
	ErrTooManyParts = errors.New("too many parts")
	ErrEmpty        = errors.New("nothing to send: the text is empty")
	ErrNotUTF8      = errors.New("the text is not valid UTF-8")
)

// fail makes an Error with a formatted reason.
func fail(field string, offset int, format string, a ...any) *Error {
	return &Error{Field: field, Offset: offset, Reason: fmt.Sprintf(format, a...)}
}
