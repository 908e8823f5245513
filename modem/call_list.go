package modem

// listedCall is one line of AT+CLCC.
type listedCall struct {
	index    int
	outgoing bool
	state    CallState
	number   string
}

// rings tells whether the call waits for an answer from here.
func (l listedCall) rings() bool { return l.state == CallIncoming || l.state == CallWaiting }

// listStates are <stat> of +CLCC. 3GPP TS 27.007 §7.18.
var listStates = [...]CallState{CallActive, CallHeld, CallDialling, CallAlerting, CallIncoming, CallWaiting}

// parseListed reads "+CLCC: id,dir,stat,mode,mpty[,number,type[,…]]"; ok is false for a line that is none. voice is false for calls that carry
// something else: LTE modems list their data connections too.
func parseListed(line string) (l listedCall, voice, ok bool) {
	f := fields(valueOf(line))
	if len(f) < 4 {
		return l, false, false
	}
	index, ok1 := smallNumber(f[0], 99)
	dir, ok2 := smallNumber(f[1], 1)
	stat, ok3 := smallNumber(f[2], len(listStates)-1)
	mode, ok4 := smallNumber(f[3], 9)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return l, false, false
	}
	l = listedCall{index: index, outgoing: dir == 0, state: listStates[stat]}
	if len(f) > 6 {
		l.number = dialled(f[5], f[6])
	}
	return l, mode == 0 || mode == 9, true
}
