package callplan

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"trunkline/callplan/phone"
)

// MaxTableRows bounds the tables of ReadLATAs and ReadZIPs.
const MaxTableRows = 2_000_000

// LATAs tells the LATA (local access and transport area) of North American numbers, by area code and exchange, or by thousands block. It does not change.
type LATAs struct {
	version string
	prefix  []uint32 // ascending: npa, nxx and block as seven digits, block 10 for all of an exchange, so that a block stands before its exchange
	lata    []uint32 // as in lataKey
}

// ReadLATAs reads a table: CSV with the columns npa, nxx, lata and optionally block (one digit; empty for the whole exchange), under a header line.
// version names the table. All errors, up to twenty, are reported at once, by line.
func ReadLATAs(r io.Reader, version string) (*LATAs, error) {
	table := map[uint32]uint32{}
	err := readTable(r, "LATA table", []string{"npa", "nxx", "lata"}, func(field func(string) string) error {
		npa, nxx, block := field("npa"), field("nxx"), field("block")
		lata, ok := lataKey(field("lata"))
		switch {
		case !shaped(npa, "ddd") || npa[0] < '2':
			return fmt.Errorf("npa %q: an area code has three digits, the first from 2 to 9", npa)
		case !shaped(nxx, "ddd"):
			return fmt.Errorf("nxx %q: an exchange has three digits", nxx)
		case block != "" && !shaped(block, "d"):
			return fmt.Errorf("block %q: one digit, or nothing for the whole exchange", block)
		case !ok:
			return fmt.Errorf("lata %q: three or five digits", field("lata"))
		}
		key := uint32(digits(npa)*1000+digits(nxx))*11 + 10
		if block != "" {
			key += uint32(digits(block)) - 10
		}
		if _, twice := table[key]; twice {
			return fmt.Errorf("%s-%s block %q stands twice", npa, nxx, block)
		}
		table[key] = lata
		return nil
	})
	if err != nil {
		return nil, err
	}
	t := &LATAs{version: version}
	for key := range table {
		t.prefix = append(t.prefix, key)
	}
	slices.Sort(t.prefix)
	for _, key := range t.prefix {
		t.lata = append(t.lata, table[key])
	}
	return t, nil
}

// Version names the table.
func (t *LATAs) Version() string { return t.version }

// LATA returns the LATA of a number, "" when it is not known.
func (t *LATAs) LATA(number string) string {
	d := phone.ReadDialled(number)
	key, ok := t.find(&d)
	if !ok {
		return ""
	}
	return lataText(key)
}

// find returns the key of the LATA of a number: that of its thousands block, else of its exchange.
func (t *LATAs) find(d *phone.Dialled) (uint32, bool) {
	national, ok := d.Subscriber()
	if t == nil || !ok {
		return 0, false
	}
	exchange := uint32(national / 10_000 * 11)
	for _, key := range [2]uint32{exchange + uint32(national/1000%10), exchange + 10} {
		if i := sort.Search(len(t.prefix), func(i int) bool { return t.prefix[i] >= key }); i < len(t.prefix) && t.prefix[i] == key {
			return t.lata[i], true
		}
	}
	return 0, false
}

// ZIPs tells the ZIP codes of subscribers by their numbers. It does not change.
type ZIPs struct {
	version string
	zip     map[uint64]uint32 // by ten digits
}

// ReadZIPs reads a table: CSV with the columns number and zip under a header line. version names the table. All errors, up to twenty, are reported at once,
// by line.
func ReadZIPs(r io.Reader, version string) (*ZIPs, error) {
	t := &ZIPs{version: version, zip: map[uint64]uint32{}}
	err := readTable(r, "ZIP table", []string{"number", "zip"}, func(field func(string) string) error {
		d := phone.ReadDialled(field("number"))
		number, ok := d.Subscriber()
		if !ok {
			return fmt.Errorf("number %q: ten digits of the North American plan, or +1 and ten digits", field("number"))
		}
		zip, ok := zipKey(field("zip"))
		if !ok {
			return fmt.Errorf("zip %q: five digits", field("zip"))
		}
		if _, twice := t.zip[number]; twice {
			return fmt.Errorf("number %q stands twice", field("number"))
		}
		t.zip[number] = zip
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Version names the table.
func (t *ZIPs) Version() string { return t.version }

// ZIP returns the ZIP code of a number, "" when it is not known.
func (t *ZIPs) ZIP(number string) string {
	d := phone.ReadDialled(number)
	key, ok := t.find(&d)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%05d", key)
}

func (t *ZIPs) find(d *phone.Dialled) (uint32, bool) {
	number, ok := d.Subscriber()
	if t == nil || !ok {
		return 0, false
	}
	key, ok := t.zip[number]
	return key, ok
}

// lataKey maps a LATA to a number such that those of five digits follow at once the one of their first three digits.
func lataKey(s string) (uint32, bool) {
	switch {
	case shaped(s, "ddd"):
		return uint32(digits(s)) * 101, true
	case shaped(s, "ddddd"):
		return uint32(digits(s[:3]))*101 + 1 + uint32(digits(s[3:])), true
	}
	return 0, false
}

func lataText(key uint32) string {
	if key%101 == 0 {
		return fmt.Sprintf("%03d", key/101)
	}
	return fmt.Sprintf("%03d%02d", key/101, key%101-1)
}

// zipKey reads a ZIP code; of ZIP+4 it takes the first five digits.
func zipKey(s string) (uint32, bool) {
	if len(s) == 10 && !shaped(s, "ddddd-dddd") || len(s) == 9 && !shaped(s, "ddddddddd") || len(s) != 5 && len(s) != 9 && len(s) != 10 {
		return 0, false
	}
	if !shaped(s[:5], "ddddd") {
		return 0, false
	}
	return uint32(digits(s[:5])), true
}

// readTable reads CSV under a header line and gives every row to add. Columns that are not needed may be missing.
func readTable(r io.Reader, what string, needed []string, add func(field func(string) string) error) error {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	head, err := rows.Read()
	if err != nil {
		return fmt.Errorf("%s: header line: %w", what, err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for _, need := range needed {
		if _, ok := column[need]; !ok {
			return fmt.Errorf("%s: line 1: no column %q, it needs %s", what, need, strings.Join(needed, ", "))
		}
	}
	var problems []error
	for count := 1; ; count++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return errors.Join(problems...)
		}
		if err != nil {
			return errors.Join(append(problems, fmt.Errorf("%s: %w", what, err))...)
		}
		line, _ := rows.FieldPos(0)
		if count > MaxTableRows {
			return fmt.Errorf("%s: line %d: more than %d rows", what, line, MaxTableRows)
		}
		err = add(func(name string) string {
			if i, ok := column[name]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		})
		if err != nil {
			if problems = append(problems, fmt.Errorf("%s: line %d: %w", what, line, err)); len(problems) == 20 {
				return errors.Join(append(problems, fmt.Errorf("%s: and perhaps more", what))...)
			}
		}
	}
}
