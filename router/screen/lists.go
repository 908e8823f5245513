package screen

import (
	"strings"

	"trunkline/callplan/phone"
)

// Lists are the entries of all lists, compiled: a look-up takes microseconds, however many there are. The zero value holds none. It is not changed after
// Compile, so that any number of goroutines may ask it.
type Lists struct {
	sets map[setKey]*set
	size int
}

// setKey names one list. Entries for both directions are in two sets.
type setKey struct {
	allow                bool
	direction            Direction
	provider, subscriber string
}

// set is one list.
type set struct {
	numbers  map[string]string          // canonical number → id
	tails    map[string]tailEntry       // by the last nine digits of a number, of deny lists
	patterns map[string][]patternEntry  // by the digits that all its numbers begin with
	lengths  uint64                     // bit n: some of the patterns begin with n digits, which are at most phone.MaxPattern
	names    map[string]string          // name, or its beginning and a star → id
	people   map[Kind]map[string]string // kind → value → id
}

type tailEntry struct {
	id    string
	local bool // the entry has no country code
}

type patternEntry struct {
	pattern phone.Pattern
	id      string
}

// Compile makes Lists of entries that passed Check.
func Compile(entries []Entry) (*Lists, error) {
	l := &Lists{sets: map[setKey]*set{}}
	for _, e := range entries {
		e, err := e.Check()
		if err != nil {
			return nil, err
		}
		for _, d := range []Direction{In, Out} {
			if e.Direction == Both || e.Direction == d {
				l.add(setKey{e.Allow, d, e.Provider, e.Subscriber}, e)
			}
		}
		l.size++
	}
	return l, nil
}

// Len returns how many entries there are.
func (l *Lists) Len() int { return l.size }

func (l *Lists) add(k setKey, e Entry) {
	s := l.sets[k]
	if s == nil {
		s = &set{numbers: map[string]string{}, tails: map[string]tailEntry{}, patterns: map[string][]patternEntry{}, names: map[string]string{},
			people: map[Kind]map[string]string{}}
		l.sets[k] = s
	}
	switch e.Kind {
	case Number:
		s.numbers[e.Value] = e.ID
		if t := tail(e.Value); t != "" && !e.Allow {
			if local := e.Value[0] != '+'; local || !s.tails[t].local {
				s.tails[t] = tailEntry{e.ID, local}
			}
		}
	case Pattern:
		p, err := phone.ParsePattern(e.Value)
		if err != nil {
			return // cannot be: Check read it
		}
		k := fixed(p)
		s.patterns[k] = append(s.patterns[k], patternEntry{p, e.ID})
		s.lengths |= 1 << len(k)
	case Name:
		s.names[e.Value] = e.ID
	default:
		if s.people[e.Kind] == nil {
			s.people[e.Kind] = map[string]string{}
		}
		s.people[e.Kind][e.Value] = e.ID
	}
}

// fixed returns the digits that every number of a pattern begins with.
func fixed(p phone.Pattern) string {
	s := strings.TrimPrefix(p.String(), "+")
	if p.String() == "anonymous" {
		return ""
	}
	if i := strings.IndexAny(s, "xnz*"); i >= 0 {
		s = s[:i]
	}
	return s
}

// tail returns the digits by which numbers with and without country code are held to be one line, empty when there are too few.
func tail(number string) string {
	digits := strings.TrimPrefix(number, "+")
	if len(digits) < 9 {
		return ""
	}
	return digits[len(digits)-9:]
}

// party is who is looked for, prepared once for all lists.
type party struct {
	number  phone.Number
	text    string
	tail    string // of a number without country code; empty: compare whole numbers only
	name    string
	dialled phone.Dialled
	digits  [2]string // that patterns may begin with
	people  People
}

// People finds out who of a kind has the number of a Query: the ids of the contacts with it that are not archived, or of their groups, or the usernames of the
// administrators with it. It is asked only when a list names some of the kind.
type People func(k Kind) ([]string, error)

func newParty(n phone.Number, people People) party {
	p := party{number: n, text: n.String(), people: people}
	if n.Kind() == phone.Alphanumeric {
		p.name = foldName(p.text)
		return p
	}
	p.tail = tail(p.text)
	p.dialled = phone.ReadDialled(p.text)
	p.digits = [2]string{p.dialled.Digits(), p.dialled.National()}
	return p
}

// denies returns the id of an entry that denies a party. A number without country code and one with the same last nine digits are the same here.
func (s *set) denies(p *party) (id string, found bool) {
	if p.number.Kind() == phone.Alphanumeric {
		if id, found = s.names[p.name]; found {
			return id, true
		}
		for i := range len(p.name) + 1 {
			if id, found = s.names[p.name[:i]+"*"]; found {
				return id, true
			}
		}
		return "", false
	}
	if id, found = s.numbers[p.text]; found {
		return id, true
	}
	if p.tail != "" {
		if t, ok := s.tails[p.tail]; ok && (t.local || p.number.Kind() == phone.Local) {
			return t.id, true
		}
	}
	return s.matches(p)
}

// matches returns the id of a pattern that describes a party.
func (s *set) matches(p *party) (id string, found bool) {
	if len(s.patterns) == 0 {
		return "", false
	}
	for i, digits := range p.digits {
		if i > 0 && digits == "" {
			break
		}
		for n := len(digits); n >= 0; n-- { // the most exact first
			if s.lengths&(1<<n) == 0 {
				continue
			}
			for k := range s.patterns[digits[:n]] {
				if one := &s.patterns[digits[:n]][k]; one.pattern.Match(&p.dialled) {
					return one.id, true
				}
			}
		}
	}
	return "", false
}

// allows returns the id of an entry that allows a party. Only whole numbers count, and neither names nor short numbers ever do.
func (s *set) allows(p *party, grants bool) (id string, found bool, err error) {
	if p.number.Kind() == phone.Alphanumeric || p.number.IsZero() || grants && p.short() {
		return "", false, nil
	}
	if id, found = s.numbers[p.text]; found {
		return id, true, nil
	}
	if id, found = s.matches(p); found || len(s.people) == 0 {
		return id, found, nil
	}
	if p.people == nil {
		return "", false, nil
	}
	for _, kind := range [...]Kind{Contact, Group, Administrator} {
		entries := s.people[kind]
		if len(entries) == 0 {
			continue
		}
		values, err := p.people(kind)
		if err != nil {
			return "", false, err
		}
		for _, v := range values {
			if id, found = entries[v]; found {
				return id, true, nil
			}
		}
		if id, found = entries["*"]; found && kind != Group && len(values) > 0 {
			return id, true, nil
		}
	}
	return "", false, nil
}

// short tells whether a number is too short to be trusted.
func (p *party) short() bool { return len(strings.TrimPrefix(p.text, "+")) < shortest }
