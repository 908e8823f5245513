package callplan

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

//go:embed npa-states.csv
var builtinAreas string

// builtinVersion is the date of the administrator's report that the built-in table follows.
const builtinVersion = "2026-01-05"

// BuiltinAreas returns the table of area codes that comes with the program.
var BuiltinAreas = sync.OnceValue(func() *Areas {
	a, err := ReadAreas(strings.NewReader(builtinAreas), builtinVersion)
	if err != nil {
		panic(err) // the table is part of the program
	}
	return a
})

// Area is what is known of an area code.
type Area struct {
	Code      int      // 200 to 999
	Regions   []string // US states, territories and DC, Canadian provinces: two letters; several where the code serves several
	Country   string   // ISO 3166-1
	Type      string   // geographic, toll-free, non-geographic, premium, carrier, government
	InService bool     // at the date of the report
	From      string   // date on which the code enters or entered service, YYYY-MM-DD; may be empty
}

// Areas is a table of North American area codes. It does not change; a newer report becomes a new table.
type Areas struct {
	version string
	codes   [1000]*Area
	regions map[string]string   // region → country
	sets    map[string]*codeSet // geographic codes by region, and by "country:KY"
}

// Bounds on a table from outside.
const (
	maxAreaRows  = 2000
	maxAreaField = 500
)

// ReadAreas reads a table: CSV with the columns npa, region, country, type, in_service, in_service_date, and any further ones, under a header line that
// names them. Several regions are joined with "|". version names the report in decisions and findings. All errors are reported at once, by line.
func ReadAreas(r io.Reader, version string) (*Areas, error) {
	a := &Areas{version: version, regions: map[string]string{}, sets: map[string]*codeSet{}}
	rows := csv.NewReader(r)
	head, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("area codes: header line: %w", err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[strings.TrimSpace(name)] = i
	}
	var problems []error
	for _, need := range []string{"npa", "region", "country", "type", "in_service", "in_service_date"} {
		if _, ok := column[need]; !ok {
			problems = append(problems, fmt.Errorf("area codes: line 1: no column %q", need))
		}
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	for line := 2; ; line++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && line > maxAreaRows {
			err = fmt.Errorf("more than %d rows", maxAreaRows)
		}
		if err != nil {
			return nil, errors.Join(append(problems, fmt.Errorf("area codes: line %d: %w", line, err))...)
		}
		if err := a.add(func(name string) string { return strings.TrimSpace(row[column[name]]) }); err != nil {
			problems = append(problems, fmt.Errorf("area codes: line %d: %w", line, err))
		}
	}
	if len(a.regions) == 0 && problems == nil {
		problems = append(problems, errors.New("area codes: the table is empty"))
	}
	if problems != nil {
		return nil, errors.Join(problems...)
	}
	return a, nil
}

// add takes one row.
func (a *Areas) add(field func(string) string) error {
	npa, country := field("npa"), field("country")
	if !shaped(npa, "ddd") || npa[0] < '2' {
		return fmt.Errorf("npa %q: an area code has three digits, the first from 2 to 9", npa)
	}
	one := &Area{Code: digits(npa), Country: country, Type: field("type"), InService: field("in_service") == "Y", From: field("in_service_date")}
	switch {
	case a.codes[one.Code] != nil:
		return fmt.Errorf("npa %s stands twice", npa)
	case country != "" && !isLetters(country, 2):
		return fmt.Errorf("country %q: two capital letters", country)
	case field("in_service") != "Y" && field("in_service") != "N":
		return fmt.Errorf(`in_service %q: "Y" or "N"`, field("in_service"))
	case one.From != "" && !shaped(one.From, "dddd-dd-dd"):
		return fmt.Errorf("in_service_date %q: write 2026-02-27", one.From)
	case one.Type == "" || len(one.Type) > maxAreaField:
		return fmt.Errorf("type %q: geographic, toll-free, non-geographic, premium, carrier or government", one.Type)
	}
	if one.Type == "geographic" && country == "" {
		return fmt.Errorf("npa %s is geographic and has no country", npa)
	}
	if regions := field("region"); regions != "" && one.Type == "geographic" {
		if country != "US" && country != "CA" {
			return fmt.Errorf("npa %s: only the US and CA have regions", npa)
		}
		for region := range strings.SplitSeq(regions, "|") {
			if !isLetters(region, 2) {
				return fmt.Errorf("region %q: two capital letters, several joined with |", region)
			}
			if other := a.regions[region]; other != "" && other != country {
				return fmt.Errorf("region %s is in %s and in %s", region, other, country)
			}
			a.regions[region] = country
			a.include(region, one.Code)
			one.Regions = append(one.Regions, region)
		}
	}
	if one.Type == "geographic" {
		a.include("country:"+country, one.Code)
	}
	a.codes[one.Code] = one
	return nil
}

// include adds an area code to a set.
func (a *Areas) include(name string, code int) {
	if a.sets[name] == nil {
		a.sets[name] = new(codeSet)
	}
	a.sets[name].add(code)
}

// Version names the report.
func (a *Areas) Version() string { return a.version }

// Area returns what is known of an area code, nil when it is not assigned.
func (a *Areas) Area(code int) *Area {
	if code < 0 || code >= len(a.codes) {
		return nil
	}
	return a.codes[code]
}

// CountryOf returns the country of a region, "" when there is no such region.
func (a *Areas) CountryOf(region string) string { return a.regions[region] }

// HasCountry tells whether a country has geographic area codes.
func (a *Areas) HasCountry(country string) bool { return a.sets["country:"+country] != nil }

// Regions returns the codes of all regions, in ascending order.
func (a *Areas) Regions() []string {
	all := make([]string, 0, len(a.regions))
	for region := range a.regions {
		all = append(all, region)
	}
	slices.Sort(all)
	return all
}

// codeSet is a set of area codes.
type codeSet [16]uint64

func (s *codeSet) add(code int)      { s[code>>6] |= 1 << (code & 63) }
func (s *codeSet) has(code int) bool { return s[code>>6]>>(code&63)&1 != 0 }

// set returns the area codes that a code of the criterion "npa" stands for, as canonical code: "AL", "205" or "country:KY".
func (a *Areas) set(code string, into *codeSet) {
	if shaped(code, "ddd") {
		into.add(digits(code))
		return
	}
	if some := a.sets[code]; some != nil {
		for i := range into {
			into[i] |= some[i]
		}
	}
}

// isLetters tells whether s is n capital letters.
func isLetters(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range n {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}
