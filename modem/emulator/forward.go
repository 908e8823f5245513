package emulator

import "strings"

// forwarding is AT+CCFC for voice. 3GPP TS 27.007 §7.11.
func forwarding(r *run, c call) error {
	if c.op == opTest {
		r.info("+CCFC: (0-5)")
		return nil
	}
	a := splitArgs(c.args)
	reason, ok := a.number(0, -1)
	mode, ok2 := a.number(1, -1)
	if c.op != opSet || !ok || !ok2 || reason < 0 || reason > 5 {
		return cmeError(50)
	}
	if !r.m.registered() {
		return cmeError(30)
	}
	switch mode {
	case 2:
		number, there := r.m.divert[reason]
		if !there {
			r.info("+CCFC: 0,7")
			return nil
		}
		r.info(`+CCFC: 1,1,"%s",%d,,,20`, number, typeOfAddress(strings.HasPrefix(number, "+")))
	case 3:
		if !dialable(a.text(2)) {
			return cmeError(50)
		}
		r.m.divert[reason] = a.text(2)
	case 0, 4:
		delete(r.m.divert, reason)
	case 1:
	default:
		return cmeError(50)
	}
	return nil
}
