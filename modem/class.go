package modem

// Class sorts send errors by what a sender should do next.
type Class uint8

const (
	// Unclear means that the network may have taken the message: never resend without being told to.
	Unclear Class = iota
	// Permanent means that this content or recipient is refused for good.
	Permanent
	// SIM means that this card or subscription cannot send at present: hold its queue, use another trunk.
	SIM
	// Temporary means that the network said no for now: back off and try again.
	Temporary
	// Device means that the modem is in a state that it must be helped out of; the network got nothing.
	Device
)

var classNames = [...]string{"unclear", "permanent", "sim", "temporary", "device"}

// String returns the lower-case name.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "unclear"
}

// classRange is an inclusive range of error numbers.
type classRange struct {
	from, to int
	class    Class
}

// cmsClasses lists the +CMS ERROR numbers in rising order: RP causes (3GPP TS 24.011 §8.2.5.4), TP-FCS values
// (3GPP TS 23.040 §9.2.3.22), numbers of the equipment (3GPP TS 27.005 §3.2.5) and of vendors.
//
// 332, 500 and the vendor numbers 513 and 514 (lower layer, connection protocol) can follow a message that the network has
// taken. 197 is the centre refusing what it already holds. All of them are therefore left unclear.
var cmsClasses = [...]classRange{
	{1, 1, Permanent}, {8, 8, SIM}, {10, 10, SIM}, {21, 21, SIM}, {27, 27, Temporary}, {28, 28, Permanent}, {29, 29, SIM},
	{30, 30, Permanent}, {38, 38, Temporary}, {41, 42, Temporary}, {47, 47, Temporary}, {50, 50, Permanent},
	{69, 69, Permanent}, {81, 81, Permanent}, {95, 99, Permanent}, {111, 111, Permanent}, {127, 127, Temporary},
	{128, 130, Permanent}, {143, 145, Permanent}, {159, 161, Permanent}, {175, 176, Permanent}, {192, 192, Temporary},
	{193, 193, SIM}, {194, 194, Temporary}, {195, 196, Permanent}, {197, 197, Unclear}, {198, 199, Permanent},
	{208, 209, Permanent}, {255, 255, Temporary}, {300, 303, Device}, {304, 305, Permanent}, {310, 313, SIM},
	{314, 314, Temporary}, {315, 318, SIM}, {320, 322, Device}, {330, 330, SIM}, {331, 331, Temporary},
	{332, 332, Unclear}, {500, 500, Unclear}, {512, 512, Device}, {513, 514, Unclear}, {515, 515, Temporary},
	{516, 520, Device}, {527, 528, Temporary}, {535, 535, Device},
}

// ClassOf sorts a +CMS ERROR number. Causes that the network itself gave (1 to 255) and that are not listed are a definite
// no for now; every other unlisted number, negative ones included, is Unclear.
func ClassOf(cms int) Class {
	for _, r := range cmsClasses {
		if cms >= r.from && cms <= r.to {
			return r.class
		}
	}
	if cms >= 1 && cms <= 255 {
		return Temporary
	}
	return Unclear
}

// ClassOfCME sorts a +CME ERROR number given in answer to a send command.
func ClassOfCME(cme int) Class {
	switch cme {
	case 10, 11, 12, 13, 15, 16, 17, 18, 32:
		return SIM
	case 14, 30, 515:
		return Temporary
	case 3, 4, 20, 21, 22, 23, 50:
		return Device
	}
	return Unclear
}
