// Package screen decides whom the gateway listens to and whom it writes to. It is pure: what is stored comes in as values.
//
//	in:  deny lists (global, provider, subscriber) → prefixes → allow lists → authorized
//	out: emergency and premium numbers → deny lists → prefixes → allow lists → authorized
//
// Opt-outs and the recipient filter of administrators need the store and are decided beside it; Words says what a text asks for.
package screen

import (
	"fmt"
	"strings"

	"trunkline/callplan/phone"
)

// Direction says which messages an entry is about.
type Direction uint8

const (
	Both Direction = iota
	In
	Out
)

var directionNames = [...]string{Both: "both", In: "in", Out: "out"}

func (d Direction) String() string {
	if int(d) < len(directionNames) {
		return directionNames[d]
	}
	return ""
}

// ParseDirection reads the name of a direction; the empty one is Both.
func ParseDirection(s string) (Direction, error) {
	for i, name := range directionNames {
		if s == name || s == "" {
			return Direction(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of both, in, out", clip(s))
}

// Kind says what the value of an entry names.
type Kind uint8

const (
	Number        Kind = iota // one telephone number
	Pattern                   // numbers, as in call plans: +49*, 0900xxxxxx
	Name                      // an alphanumeric sender, case ignored; a star at its end stands for any rest. Deny lists only
	Contact                   // a contact by its id, or * for every contact
	Group                     // the contacts of a group, by its id
	Administrator             // an administrator by its username, or * for every one
)

var kindNames = [...]string{Number: "number", Pattern: "pattern", Name: "name", Contact: "contact", Group: "group", Administrator: "administrator"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// ParseKind reads the name of a kind.
func ParseKind(s string) (Kind, error) {
	for i, name := range kindNames {
		if s == name {
			return Kind(i), nil
		}
	}
	return 0, fmt.Errorf("%q is none of %s", clip(s), strings.Join(kindNames[:], ", "))
}

// Entry is one line of a list.
type Entry struct {
	ID         string // shown in explanations
	Allow      bool   // of an allow list; else of a deny list
	Direction  Direction
	Provider   string // empty: for all
	Subscriber string // of the provider; empty: for all of its subscribers
	Kind       Kind
	Value      string
}

// shortest is how many digits a number needs at least to satisfy a list that grants something: shorter ones are service codes, which anybody may rent.
const shortest = 7

// MaxValue is how long the value of an entry may be, in bytes.
const MaxValue = 255

// Check returns the entry with its value in canonical form, or what is wrong with it.
func (e Entry) Check() (Entry, error) {
	e.Value = strings.TrimSpace(e.Value)
	switch {
	case e.Value == "":
		return e, fmt.Errorf("value: is empty")
	case len(e.Value) > MaxValue:
		return e, fmt.Errorf("value: has %d bytes, at most %d are kept", len(e.Value), MaxValue)
	case e.Subscriber != "" && e.Provider == "":
		return e, fmt.Errorf("subscriber: belongs to a provider; name that too")
	case int(e.Direction) >= len(directionNames):
		return e, fmt.Errorf("direction: is none of both, in, out")
	}
	switch e.Kind {
	case Number:
		n, err := phone.Parse(e.Value)
		if err != nil {
			return e, fmt.Errorf("value: %w", err)
		}
		e.Value = n.String()
		if e.Allow && e.Direction != Out && len(strings.TrimPrefix(e.Value, "+")) < shortest {
			return e, fmt.Errorf("value: %s is too short to be trusted: a number of fewer than %d digits is never allowed in", e.Value, shortest)
		}
	case Pattern:
		p, err := phone.ParsePattern(e.Value)
		if err != nil {
			return e, fmt.Errorf("value: %w", err)
		}
		if e.Allow && p.String() == "anonymous" {
			return e, fmt.Errorf("value: who withholds his number cannot be allowed")
		}
		e.Value = p.String()
	case Name:
		if e.Allow {
			return e, fmt.Errorf("kind: anybody can send under any name, so that a name can be denied but not allowed")
		}
		e.Value = foldName(e.Value)
	case Contact, Group, Administrator:
		if !e.Allow {
			return e, fmt.Errorf("kind: %ss stand on allow lists; deny their numbers instead", e.Kind)
		}
	default:
		return e, fmt.Errorf("kind: is none of %s", strings.Join(kindNames[:], ", "))
	}
	return e, nil
}

func foldName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
