package modem

import (
	"strconv"
	"strings"
)

// hintKind sorts what is told about calls. All of it is hints: the list of calls is the truth.
type hintKind uint8

const (
	hintChange  hintKind = iota + 1 // something about a call changed
	hintRing                        // an incoming call rings, once more
	hintCaller                      // who that is
	hintWaiting                     // another call comes in while one is there
	hintEnd                         // a call ended
	hintDigit                       // the other side pressed a key
)

// callHint is one of them.
type callHint struct {
	kind     hintKind
	number   string // hintCaller, hintWaiting: "" when it is not told
	withheld bool   // hintCaller, hintWaiting: the caller does not want to be known
	cause    string // hintEnd: one of the causes, "" when unknown
	digit    byte   // hintDigit
}

// The causes of an end, Call.Cause.
const (
	CauseRemote   = "remote"    // the other side ended it, or gave up
	CauseLocal    = "local"     // HangUp
	CauseRejected = "rejected"  // Reject
	CauseBusy     = "busy"      // the other side is busy
	CauseNoAnswer = "no_answer" // the other side did not answer
	CauseFailed   = "failed"    // it did not come about
	CauseTimeout  = "timeout"   // a step took too long and was given up
	CauseLost     = "lost"      // the modem went away while the call was there
	CauseHanded   = "handed"    // Transfer: the network connects both sides without this modem
)

// callRow says what a line about calls means. Rows are searched in order; word is the beginning of the line in upper case.
type callRow struct {
	word string
	kind hintKind
	// field and value, when value is not "", must match a field of the line's value. ITU-T V.250, 3GPP TS 27.007 and the makes' own.
	field int
	value string
	cause string
}

var callRows = []callRow{
	{word: "RING", kind: hintRing}, {word: "+CRING", kind: hintRing},
	{word: "+CLIP", kind: hintCaller}, {word: "+CCWA", kind: hintWaiting},
	{word: "NO CARRIER", kind: hintEnd, cause: CauseRemote}, {word: "BUSY", kind: hintEnd, cause: CauseBusy},
	{word: "NO ANSWER", kind: hintEnd, cause: CauseNoAnswer}, {word: "NO DIALTONE", kind: hintEnd, cause: CauseFailed},
	{word: "^CEND", kind: hintEnd, field: 3, value: "17", cause: CauseBusy}, {word: "^CEND", kind: hintEnd, field: 3, value: "19", cause: CauseNoAnswer},
	{word: "^CEND", kind: hintEnd},                                                          // Huawei
	{word: "^DSCI", kind: hintEnd, field: 2, value: "6"}, {word: "^DSCI", kind: hintChange}, // Quectel, ZTE
	{word: "VOICE CALL: END", kind: hintEnd}, {word: "MISSED_CALL", kind: hintEnd}, // SIMCom
	{word: "+UCALLSTAT", kind: hintEnd, field: 1, value: "6"},       // u-blox
	{word: "#ECAM", kind: hintEnd, field: 1, value: "6"},            // Telit
	{word: "HANGUP", kind: hintEnd}, {word: "+ZEND", kind: hintEnd}, // ZTE
	{word: "+WIND: 6", kind: hintEnd}, // Wavecom
	{word: "", kind: hintChange},      // everything else about calls
}

// callHints makes hints of an indication about calls or keys. Firmware may print several in one line without an end between them; what
// stands behind the first then goes unseen, and the list of calls makes up for it.
func callHints(u urc) []callHint {
	if u.kind == urcDigit {
		if d, ok := digitOf(u.prefix, valueOf(u.text)); ok {
			return []callHint{{kind: hintDigit, digit: d}}
		}
		return nil
	}
	up := strings.ToUpper(u.text)
	for _, row := range callRows {
		if !strings.HasPrefix(up, row.word) {
			continue
		}
		f := fields(valueOf(u.text))
		if row.value != "" && (row.field >= len(f) || f[row.field] != row.value) {
			continue
		}
		h := callHint{kind: row.kind, cause: row.cause}
		switch {
		case row.kind == hintCaller:
			h.number, h.withheld = callerOf(f, 5)
		case row.kind == hintWaiting:
			h.number, h.withheld = callerOf(f, 4)
		}
		return []callHint{h}
	}
	return nil
}

// callerOf reads the number of +CLIP: number,type,subaddr,satype,alpha,validity and +CCWA: number,type,class,alpha,validity. Validity 1 is
// withheld, 2 and 3 not available. 3GPP TS 27.007 §7.6, §7.12.
func callerOf(f []string, validity int) (number string, withheld bool) {
	if validity < len(f) {
		withheld = f[validity] == "1"
	}
	kind := ""
	if len(f) > 1 {
		kind = f[1]
	}
	return dialled(f[0], kind), withheld
}

// dialled returns a number as people write it: + for the international type, letters of UCS2 in hex undone. "" when it is none.
func dialled(v, kind string) string {
	if len(v) >= 8 && len(v)%4 == 0 && strings.HasPrefix(v, "00") && isHexDigits(v) {
		if n := fromWide(v); n != "" {
			v = n
		}
	}
	d := strings.TrimPrefix(v, "+")
	if len(d) == 0 || len(d) > 20 || strings.Trim(d, "0123456789*#") != "" {
		return ""
	}
	if kind == "145" {
		return "+" + d
	}
	return v
}

// fromWide reads digits, *, # and + out of UTF-16 in hex.
func fromWide(v string) string {
	var out []byte
	for i := 0; i < len(v); i += 4 {
		c := nibble(v[i+2])<<4 | nibble(v[i+3])
		if v[i:i+2] != "00" || !strings.ContainsRune("0123456789*#+", rune(c)) {
			return ""
		}
		out = append(out, c)
	}
	return string(out)
}

// keys are what can be dialled while a call is there. 3GPP TS 27.007 §C.2.11.
const keys = "0123456789*#ABCD"

// digitOf reads a pressed key. Quectel prints its character code; others print the key, some with a time behind.
func digitOf(prefix, v string) (byte, bool) {
	v = strings.ToUpper(fields(v)[0])
	if prefix == "+QTONEDET" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 127 {
			return 0, false
		}
		v = string(rune(n))
	}
	if len(v) != 1 || !strings.Contains(keys, v) {
		return 0, false
	}
	return v[0], true
}
