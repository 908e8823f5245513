package agi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// Bounds of a request.
const (
	maxLine  = 1024
	maxLines = 128
)

var errTooLong = errors.New("the request is longer than a request of Asterisk is")

// readRequest reads the lines "agi_NAME: value" up to the empty one. Names are without "agi_".
func readRequest(r *bufio.Reader) (map[string]string, error) {
	out := map[string]string{}
	for range maxLines {
		line, err := readLine(r)
		if err != nil {
			return nil, err
		}
		if line == "" {
			return out, nil
		}
		name, value, ok := strings.Cut(line, ":")
		if name, ok2 := strings.CutPrefix(name, "agi_"); ok && ok2 {
			out[name] = strings.TrimSpace(value)
		}
	}
	return nil, errTooLong
}

// readLine reads one line of at most maxLine octets, without its end. The reader's buffer is that long.
func readLine(r *bufio.Reader) (string, error) {
	b, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", errTooLong
	case errors.Is(err, io.EOF) && len(b) > 0:
		return "", io.ErrUnexpectedEOF
	case err != nil:
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// facts makes the question: what Asterisk says of the call, and the arguments of AGI() over it, each as NAME=VALUE with the names of POST /v1/decide.
func facts(in map[string]string, asker *switches.Switch, down []string, now time.Time) (f callplan.Facts, err error) {
	f = callplan.Facts{Provider: asker.Provider("", ""), Calling: caller(in), Called: known(in["dnid"]), CallID: in["uniqueid"], At: now, TrunksDown: down}
	if f.Called == "" {
		f.Called = known(in["extension"])
	}
	for i := 1; ; i++ {
		arg, ok := in["arg_"+strconv.Itoa(i)]
		if !ok {
			break
		}
		name, value, ok := strings.Cut(arg, "=")
		into := map[string]*string{"provider": &f.Provider, "kind": &f.Kind, "calling": &f.Calling, "called": &f.Called, "opc": &f.OPC, "calling_lata": &f.CallingLATA,
			"called_lata": &f.CalledLATA, "zip": &f.ZIP, "call_id": &f.CallID}[name]
		if !ok || into == nil {
			return f, fmt.Errorf("argument %d is not of the form NAME=VALUE with one of provider, kind, calling, called, opc, calling_lata, called_lata, zip, call_id", i)
		}
		*into = value
	}
	var ok bool
	if f.Provider, ok = asker.Serves(f.Provider); !ok {
		return f, errors.New("provider names no service provider")
	}
	return f, f.Check()
}

// caller is the number that calls, empty when it is withheld: bits 6 and 7 of the presentation say so (ITU-T Q.931 §4.5.10), or, of a SIP call, the user
// anonymous in From (RFC 3323 §4.1.1.3), which Asterisk takes for a number.
func caller(in map[string]string) string {
	if pres, err := strconv.Atoi(in["callingpres"]); err == nil && pres&0x60 != 0 {
		return ""
	}
	if id := known(in["callerid"]); !strings.EqualFold(id, "anonymous") {
		return id
	}
	return ""
}

// known returns a value, or nothing where Asterisk says that it knows none.
func known(s string) string {
	if s == "unknown" {
		return ""
	}
	return s
}
