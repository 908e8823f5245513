package callplan

import (
	"fmt"
	"strings"
)

// npas reads codes of regions, area codes and countries.
func (r *planReader) npas(n *node, at string) []string {
	const allowed = `two letters of a US state, a territory, DC or a Canadian province, also as US-KY; an area code of three digits; country:XX`
	var all []string
	for i, item := range r.values(n, at, codeNPA, `[["AL"],["205"],["country:CA"]]`) {
		at := at + "/" + itoa(i)
		if item.kind != isText {
			r.add(codeNPA, at, item, fmt.Sprintf("found %s, want a code as text", item.kind), allowed, `"AL"`)
			continue
		}
		code, ok := r.npa(item, at)
		if !ok {
			message := fmt.Sprintf("%s is no region code", item.show())
			if state := stateNamed(item.text); state != "" {
				message += fmt.Sprintf(": did you mean %q?", state)
			}
			r.add(codeNPA, at, item, message, allowed, `"AL"`)
			continue
		}
		all = append(all, code)
	}
	return all
}

// npa returns the canonical form of a code.
func (r *planReader) npa(n *node, at string) (string, bool) {
	s := strings.ToUpper(strings.TrimSpace(n.text))
	areas := r.o.Areas
	if shaped(s, "ddd") {
		if s[0] < '2' {
			return "", false
		}
		switch area := areas.Area(digits(s)); {
		case area == nil:
			r.add(warnNPAUnassigned, at, n, fmt.Sprintf("area code %s is not assigned", s), "", "")
		case !area.InService:
			message := fmt.Sprintf("area code %s is not in service yet", s)
			if area.From != "" {
				message = fmt.Sprintf("area code %s enters service on %s", s, area.From)
			}
			r.add(warnNPANotYet, at, n, message, "", "")
		}
		return s, true
	}
	if country, ok := strings.CutPrefix(s, "COUNTRY:"); ok {
		return "country:" + country, areas.HasCountry(country)
	}
	country, region, iso := strings.Cut(s, "-")
	if !iso {
		region = s
	}
	if now := map[string]string{"PQ": "QC", "NF": "NL"}[region]; now != "" {
		r.add(warnNPAAlias, at, n, fmt.Sprintf("%s is an old code, read as %q", n.show(), now), "", "")
		region = now
	}
	home := areas.CountryOf(region)
	return region, home != "" && (!iso || country == home)
}

// stateNamed returns the code of a state or province by its name in full, "" for others.
func stateNamed(name string) string {
	for entry := range strings.SplitSeq(stateNames, ",") {
		if code, full, _ := strings.Cut(entry, "="); strings.EqualFold(strings.TrimSpace(name), full) {
			return code
		}
	}
	return ""
}

const stateNames = "AL=Alabama,AK=Alaska,AZ=Arizona,AR=Arkansas,CA=California,CO=Colorado,CT=Connecticut,DE=Delaware,DC=District of Columbia,FL=Florida,GA=Georgia," +
	"HI=Hawaii,ID=Idaho,IL=Illinois,IN=Indiana,IA=Iowa,KS=Kansas,KY=Kentucky,LA=Louisiana,ME=Maine,MD=Maryland,MA=Massachusetts,MI=Michigan,MN=Minnesota," +
	"MS=Mississippi,MO=Missouri,MT=Montana,NE=Nebraska,NV=Nevada,NH=New Hampshire,NJ=New Jersey,NM=New Mexico,NY=New York,NC=North Carolina,ND=North Dakota," +
	"OH=Ohio,OK=Oklahoma,OR=Oregon,PA=Pennsylvania,RI=Rhode Island,SC=South Carolina,SD=South Dakota,TN=Tennessee,TX=Texas,UT=Utah,VT=Vermont,VA=Virginia," +
	"WA=Washington,WV=West Virginia,WI=Wisconsin,WY=Wyoming,AS=American Samoa,GU=Guam,MP=Northern Mariana Islands,PR=Puerto Rico,VI=US Virgin Islands," +
	"AB=Alberta,BC=British Columbia,MB=Manitoba,NB=New Brunswick,NL=Newfoundland and Labrador,NS=Nova Scotia,NT=Northwest Territories,NU=Nunavut,ON=Ontario," +
	"PE=Prince Edward Island,QC=Quebec,SK=Saskatchewan,YT=Yukon"

// pairs returns the items of a list of pairs; what is no pair is recorded with the code.
func (r *planReader) pairs(n *node, at, code, allowed, example string) [][2]*node {
	if n.kind != isList {
		r.add(code, at, n, fmt.Sprintf("found %s, want a list of pairs", n.kind), allowed, example)
		return nil
	}
	if len(n.items) > r.o.Values {
		r.add(codeLimit, at, nil, fmt.Sprintf("%d values, at most %d are allowed", len(n.items), r.o.Values), "", "")
		return nil
	}
	all := make([][2]*node, len(n.items))
	for i, item := range n.items {
		if item.kind != isList || len(item.items) != 2 {
			r.add(code, at+"/"+itoa(i), item, fmt.Sprintf("%s is no pair", item.show()), allowed, example)
			continue
		}
		all[i] = [2]*node{item.items[0], item.items[1]}
	}
	return all
}

// points reads pairs of point codes.
func (r *planReader) points(n *node, at string) []PointRange {
	const allowed = "pairs of network-cluster-member, each 0 to 255; null as the second means just one"
	var all []PointRange
	for i, pair := range r.pairs(n, at, codePC, allowed, `[["001-002-003",null],["001-002-000","001-002-255"]]`) {
		if pair[0] == nil {
			continue
		}
		at := at + "/" + itoa(i)
		read := func(side int) (uint32, bool) {
			pc, ok := parsePoint(pair[side].text)
			if ok = ok && pair[side].kind == isText; !ok {
				r.add(codePC, at+"/"+itoa(side), pair[side], fmt.Sprintf("%s: a point code has three parts, each of them 0 to 255", pair[side].show()), allowed, `"001-002-003"`)
			} else if pc>>16 == 0 {
				r.add(warnNetwork0, at+"/"+itoa(side), pair[side], fmt.Sprintf("%s: no network has the number 0 in ANSI numbering", pair[side].show()), "", "")
			}
			return pc, ok
		}
		var p PointRange
		var ok1, ok2 bool
		p.From, ok1 = read(0)
		if p.Single = pair[1].kind == isNull; p.Single {
			p.To, ok2 = p.From, ok1
		} else {
			p.To, ok2 = read(1)
		}
		switch {
		case !ok1 || !ok2:
			continue
		case p.From > p.To:
			r.add(codePCOrder, at, nil, fmt.Sprintf("the range runs backwards: %s is above %s", pair[0].text, pair[1].text), allowed, "")
			continue
		case p.From>>16 == 0:
			r.add(warnNetwork0, at, nil, "the range begins in network 0: such point codes are not assigned", "", "")
		}
		all = append(all, p)
	}
	return all
}

// latas reads pairs of a kind and digits.
func (r *planReader) latas(n *node, at string) []LATA {
	const allowed = `["Digits","476"], ["Intra",null] or ["Inter",null]`
	var all []LATA
	for i, pair := range r.pairs(n, at, codeLATAKind, allowed, `[["Digits","476"],["Intra",null]]`) {
		if pair[0] == nil {
			continue
		}
		at := at + "/" + itoa(i)
		var l LATA
		switch strings.ToLower(pair[0].text) {
		case "digits":
		case "intra":
			l.Kind = LATAIntra
		case "inter":
			l.Kind = LATAInter
		default:
			r.add(codeLATAKind, at, pair[0], fmt.Sprintf(`%s: use "Digits", "Intra" or "Inter"`, pair[0].show()), allowed, `["Digits","476"]`)
			continue
		}
		if l.Kind != LATADigits {
			if !pair[1].absent() {
				r.add(warnLATAExtra, at, pair[1], fmt.Sprintf("%s takes no digits, %s is ignored", pair[0].show(), pair[1].show()), "", "")
			}
			all = append(all, l)
			continue
		}
		l.Digits = strings.TrimSpace(pair[1].text)
		if _, ok := lataKey(l.Digits); !ok || pair[1].kind != isText {
			r.add(codeLATADigits, at, pair[1], fmt.Sprintf("a LATA has 3 or 5 digits, found %s", pair[1].show()), allowed, `["Digits","476"]`)
			continue
		}
		all = append(all, l)
	}
	return all
}

// zips reads ZIP codes with x for trailing digits.
func (r *planReader) zips(n *node, at string) []ZIPRange {
	var all []ZIPRange
	for i, item := range r.values(n, at, codeZIP, `[["12345"],["123xx"]]`) {
		prefix := strings.TrimRight(item.text, "xX")
		if item.kind != isText || len(item.text) != 5 || !shaped(prefix, "ddddd"[:len(prefix)]) {
			r.add(codeZIP, at+"/"+itoa(i), item, fmt.Sprintf("%s is no ZIP: five digits, x for trailing digits, e.g. \"123xx\"", item.show()), "five digits, x for trailing ones", `"123xx"`)
			continue
		}
		all = append(all, ZIPRange{prefix})
	}
	return all
}
