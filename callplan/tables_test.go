package callplan

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestBuiltinAreas(t *testing.T) {
	a := BuiltinAreas()
	counts := map[string]int{}
	for code := range 1000 {
		if area := a.Area(code); area != nil {
			counts[area.Type+" "+area.Country]++
		}
	}
	if counts["geographic US"] != 380 || counts["geographic CA"] != 56 || a.Version() != "2026-01-05" {
		t.Errorf("%v, version %q", counts, a.Version())
	}
	// 50 states, DC, five territories, thirteen provinces and territories of Canada
	if n := len(a.Regions()); n != 50+1+5+13 {
		t.Errorf("%d regions: %v", n, a.Regions())
	}
	for code, want := range map[string][]int{"AL": {205, 251, 256, 334, 483, 659, 938}, "country:KY": {345}, "PE": {782, 902}, "YT": {867}} {
		var set codeSet
		a.set(code, &set)
		var got []int
		for c := range 1000 {
			if set.has(c) {
				got = append(got, c)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
	// Codes that one list or another lacks: they serve real subscribers.
	for _, code := range []int{357, 436, 457, 621, 624, 679, 729, 837, 861, 924} {
		if area := a.Area(code); area == nil || !area.InService {
			t.Errorf("%d: %+v", code, area)
		}
	}
	if a.Area(-1) != nil || a.Area(1000) != nil || a.Area(999) != nil {
		t.Error("an area code that is none is known")
	}
}

const areaHead = "npa,region,country,type,in_service,in_service_date\n"

func TestReadAreas(t *testing.T) {
	a, err := ReadAreas(strings.NewReader(areaHead+"205,GA,US,geographic,Y,1947-01-01\n"), "later")
	if err != nil {
		t.Fatal(err)
	}
	doc := `{"name":"p","priority":1,"service_provider":"acme","rules":{"criteria":{"npa":["GA"]},"destination":{"number":"1"}}}`
	p, found := Parse([]byte(doc), ParseOptions{Areas: a})
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]*Env{"route": {Areas: a}, "no_match": {}} {
		var d Decision
		mustCompile(t, env, p).Decide(&Facts{Calling: "2055550100"}, &d)
		if d.Action.String() != name {
			t.Errorf("got %v, want %s: the table is not the one that was given", d.Action, name)
		}
	}
	for text, want := range map[string]string{
		"":                                     "header line",
		"npa,region\n":                         `no column "country"`,
		areaHead:                               "the table is empty",
		areaHead + "105,AL,US,geographic,Y,\n": `line 2: npa "105"`,
		areaHead + "205,AL,US,geographic,Y,\n205,AL,US,geographic,Y,\n": "line 3: npa 205 stands twice",
		areaHead + "205,Alabama,US,geographic,Y,\n":                     `line 2: region "Alabama"`,
		areaHead + "205,AL,US,geographic,Y,\n206,AL,CA,geographic,Y,\n": "region AL is in US and in CA",
		areaHead + "205,AL,KY,geographic,Y,\n":                          "only the US and CA have regions",
		areaHead + "205,AL,US,geographic,yes,\n":                        `in_service "yes"`,
		areaHead + "205,AL,US,geographic,Y,1947\n":                      `in_service_date "1947"`,
		areaHead + "205,AL,,geographic,Y,\n":                            "has no country",
		areaHead + "205,AL,US,,Y,\n":                                    "type",
		areaHead + "205,AL\n":                                           "line 2",
		areaHead + "205,x\",US,geographic,Y,\n":                         "line 2",
	} {
		if _, err := ReadAreas(strings.NewReader(text), "x"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestNumberTables(t *testing.T) {
	latas, err := ReadLATAs(strings.NewReader("npa,nxx,block,lata\n205,555,,476\n205,555,0,477\n305,555,,46018\n"), "l1")
	if err != nil {
		t.Fatal(err)
	}
	for number, want := range map[string]string{"+12055550100": "477", "2055551100": "476", "13055551234": "46018", "+12065550100": "", "+442079460958": "", "": ""} {
		if got := latas.LATA(number); got != want {
			t.Errorf("LATA of %q is %q, want %q", number, got, want)
		}
	}
	zips, err := ReadZIPs(strings.NewReader("zip,number\n35203-1234,(205) 555-0100\n00501,+16315550100\n"), "z1")
	if err != nil {
		t.Fatal(err)
	}
	if zips.ZIP("+12055550100") != "35203" || zips.ZIP("16315550100") != "00501" || zips.ZIP("0") != "" || latas.Version()+zips.Version() != "l1z1" {
		t.Error("ZIP codes are not found")
	}
	p := mustParse(t, `{"name":"p","priority":1,"rules":[{"criteria":{"lata":[["Intra",null]],"zip":["352xx"]},"destination":{"number":"1"}}]}`)
	s := mustCompile(t, &Env{LATAs: latas, ZIPs: zips}, p)
	for facts, want := range map[*Facts]Action{
		{Calling: "+12055550100", Called: "+12055550199"}:                     Route,
		{Calling: "+12055550100", Called: "+12055551199"}:                     NoMatch, // another block
		{Calling: "+12055550100", Called: "+12055550199", ZIP: "12345"}:       NoMatch, // facts win over tables
		{Calling: "+12055550100", Called: "0", CalledLATA: "477"}:             Route,
		{Calling: "+12055550100", Called: "+12055550199", CallingLATA: "000"}: NoMatch,
	} {
		var d Decision
		if s.Decide(facts, &d); d.Action != want {
			t.Errorf("%+v: %v, want %v", facts, d.Action, want)
		}
	}
	for text, want := range map[string]string{
		"npa,nxx\n": `no column "lata"`, "npa,nxx,lata\n105,555,476\n": "line 2: npa", "npa,nxx,lata\n205,55,476\n": "line 2: nxx", "npa,nxx,lata\n205,555,4\n": "line 2: lata",
		"npa,nxx,block,lata\n205,555,x,476\n": "block", "npa,nxx,lata\n205,555,476\n205,555,477\n": "line 3: 205-555", "npa,nxx,lata\n205\n": "line 2",
	} {
		if _, err := ReadLATAs(strings.NewReader(text), "x"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"number,zip\n911,12345\n", "number,zip\n2055550100,123\n", "number,zip\n2055550100,12345\n+12055550100,12345\n"} {
		if _, err := ReadZIPs(strings.NewReader(text), "x"); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestClock: the periods that are known beforehand say what the zone database says, at every hour of a year and at all borders.
func TestClock(t *testing.T) {
	for _, name := range []string{"", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Africa/Casablanca", "Pacific/Apia"} {
		loc, err := loadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		z := newZone(loc)
		check := func(at int64) {
			_, offset := time.Unix(at, 0).In(loc).Zone()
			if got := z.local(at); got != at+int64(offset) {
				t.Fatalf("%s at %d: %d, want %d", name, at, got-at, offset)
			}
		}
		for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix(); at < time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).Unix(); at += 3600 {
			check(at)
		}
		for _, p := range z.periods {
			for _, at := range []int64{p.from - 1, p.from, p.to - 1, p.to} {
				check(at)
			}
		}
		for year := -100; year < 3000; year += 50 {
			check(time.Date(year, 7, 1, 12, 0, 0, 0, time.UTC).Unix())
		}
	}
	for _, bad := range []string{"Local", "Nowhere/City", "../etc/passwd", "America/New_York\x00"} {
		if _, err := loadZone(bad); err == nil {
			t.Errorf("zone %q is taken", bad)
		}
	}
}

func TestDate(t *testing.T) {
	for s, want := range map[string]time.Weekday{"1970/01/01": time.Thursday, "1969/12/31": time.Wednesday, "2026/06/10": time.Wednesday, "0001/01/01": time.Monday, "9999/12/31": time.Friday, "2028/02/29": time.Tuesday} {
		d, err := ParseDate(s)
		if err != nil || d.String() != s || d.Weekday() != want {
			t.Errorf("%s: %v %v %v, want %v", s, d, d.Weekday(), err, want)
		}
	}
	for _, s := range []string{"", "2027/02/29", "2026/13/01", "2026/00/01", "0000/01/01", "2026-01-01", "26/01/01", "2026/1/1"} {
		if _, err := ParseDate(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}
