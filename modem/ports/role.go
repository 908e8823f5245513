package ports

// A Role is what a port of a modem is likely good for. Only asking the port is proof.
type Role string

// The roles, from the one to try first to those that are never asked.
const (
	RoleAT      Role = "at"    // commands and indications
	RolePPP     Role = "ppp"   // takes AT commands, meant for dialling in; indications may not come here
	RoleUnknown Role = ""      // nothing is known
	RoleDiag    Role = "diag"  // diagnosis of the chip set
	RoleGPS     Role = "gps"   // positions
	RoleAudio   Role = "audio" // voice
	RoleOther   Role = "other" // known to be no port of a modem
)

// rank orders ports for asking; -1 means that there is no use in asking.
func (r Role) rank() int {
	switch r {
	case RoleAT:
		return 0
	case RolePPP:
		return 1
	case RoleUnknown:
		return 2
	}
	return -1
}

// AT tells whether the port may answer AT commands.
func (r Role) AT() bool { return r.rank() >= 0 }

// layout says what the interfaces of a product are. product 0 is every product of the vendor that has no row of its own.
type layout struct {
	vendor, product uint16
	roles           map[int]Role
}

// The layouts that many products share.
var (
	// Quectel EC2x, EG9x, EG06, BG96, RM500: udev rules of ModemManager 1.20 (77-mm-quectel-port-types.rules) and the
	// modules' Linux driver guides agree.
	quectel = map[int]Role{0: RoleDiag, 1: RoleGPS, 2: RoleAT, 3: RolePPP}
	// SIMCom SIM7000, SIM7100, SIM7600: 77-mm-simtech-port-types.rules.
	simcom = map[int]Role{0: RoleDiag, 1: RoleGPS, 2: RoleAT, 3: RolePPP, 4: RoleAudio}
	// Sierra MC74xx, EM7565: 77-mm-sierra.rules. Older MC and AC sticks answer on interface 3 too.
	sierra = map[int]Role{0: RoleDiag, 2: RoleGPS, 3: RoleAT}
)

// layouts are searched for vendor and product, then for the vendor alone. Sources: the udev rules of ModemManager 1.20 by
// file name of the vendor, as above.
var layouts = []layout{
	{0x2c7c, 0, quectel},
	{0x05c6, 0x9215, quectel}, // Quectel EC20 with the vendor id of its chip set (linux/drivers/usb/serial/option.c)
	{0x1e0e, 0, simcom},
	{0x1e0e, 0x9205, simcom},
	{0x1e0e, 0x9206, map[int]Role{0: RoleDiag, 1: RoleGPS, 2: RoleAT, 3: RoleOther, 4: RoleOther, 5: RolePPP}},
	{0x1e0e, 0xcefe, map[int]Role{0: RolePPP, 1: RolePPP, 2: RoleAT}},
	{0x1e0e, 0x9100, map[int]Role{1: RolePPP, 3: RoleAT}},
	{0x1e0e, 0x9200, map[int]Role{1: RolePPP, 3: RoleAT}},
	{0x1199, 0, sierra},
	{0x1bc7, 0x1003, map[int]Role{0: RoleAT, 2: RolePPP}},
	{0x1bc7, 0x1004, map[int]Role{0: RoleAT, 3: RolePPP}},
	{0x1bc7, 0x1010, map[int]Role{3: RoleAT, 2: RolePPP}},
	{0x1bc7, 0x1011, map[int]Role{1: RoleAT}},
	{0x1bc7, 0x1031, map[int]Role{1: RoleAT, 2: RolePPP}},
	{0x1bc7, 0x1040, map[int]Role{4: RoleAT, 5: RolePPP}},
	{0x1bc7, 0x1041, map[int]Role{5: RoleAT, 6: RolePPP}},
	{0x1bc7, 0x1201, map[int]Role{4: RoleAT, 5: RolePPP}},
	{0x1e2d, 0x0061, map[int]Role{0: RoleAT}},
	{0x1e2d, 0x005b, map[int]Role{0: RoleAT}},
	{0x1e2d, 0x005d, map[int]Role{0: RoleAT}},
	{0x1e2d, 0x0069, map[int]Role{0: RoleAT}},
	{0x19d2, 0x0001, map[int]Role{0: RoleAT}},
	{0x19d2, 0x0002, map[int]Role{2: RoleAT}},
	{0x19d2, 0x0015, map[int]Role{1: RoleAT}},
	{0x19d2, 0x0016, map[int]Role{2: RoleAT}},
	{0x19d2, 0x0017, map[int]Role{2: RoleAT}},
	{0x19d2, 0x0031, map[int]Role{3: RoleAT}},
	{0x19d2, 0x0033, map[int]Role{4: RoleAT}},
	{0x19d2, 0x0037, map[int]Role{3: RoleAT}},
	{0x19d2, 0x0063, map[int]Role{3: RoleAT}},
	{0x19d2, 0x0117, map[int]Role{2: RoleAT}},
}

// huawei tells ports by subclass and protocol of their interface, which hold across products
// (77-mm-huawei-net-port-types.rules). Products before 2010 have ff/ff/ff everywhere; theirs are the second and third port.
var huawei = map[Class]Role{
	{classVendor, 0x01, 0x01}: RolePPP, {classVendor, 0x01, 0x02}: RoleAT, {classVendor, 0x01, 0x03}: RoleDiag,
	{classVendor, 0x02, 0x01}: RolePPP, {classVendor, 0x02, 0x02}: RoleAT, {classVendor, 0x02, 0x03}: RoleDiag,
	{classVendor, 0x01, 0x05}: RoleGPS, {classVendor, 0x01, 0x14}: RoleGPS, {classVendor, 0x06, 0x14}: RoleGPS,
}

const huaweiVendor = 0x12d1

// Role tells what the port is likely good for.
func (p Port) Role() Role {
	if p.USB == nil {
		return RoleUnknown
	}
	if p.USB.Vendor == huaweiVendor {
		return huawei[p.Class]
	}
	var general Role
	for _, l := range layouts {
		if l.vendor != p.USB.Vendor {
			continue
		}
		if l.product == p.USB.Product {
			return l.roles[p.Interface]
		}
		if l.product == 0 {
			general = l.roles[p.Interface]
		}
	}
	return general
}

// modemVendors are makers of modems and little else: a device of theirs without ports deserves a word.
var modemVendors = map[uint16]string{huaweiVendor: "Huawei", 0x19d2: "ZTE", 0x2c7c: "Quectel", 0x1e0e: "SIMCom", 0x1199: "Sierra Wireless",
	0x1bc7: "Telit", 0x1546: "u-blox", 0x1e2d: "Cinterion", 0x1bbb: "TCL Alcatel", 0x1c9e: "Longcheer", 0x0af0: "Option",
	0x2cb7: "Fibocom", 0x1410: "Novatel", 0x3566: "Brovi"}

// Modem tells whether the USB device that the port belongs to is made by a maker of modems.
func (p Port) Modem() bool { return p.USB != nil && modemVendors[p.USB.Vendor] != "" }

// Likelier orders ports for asking which is the AT port of a modem: by role, modems of known makers before others, USB before
// the rest, what was plugged in last first, then by interface and name. It is an order for slices.SortFunc.
func Likelier(a, b Port) int {
	score := func(p Port) int {
		s := 8 * p.Role().rank()
		if !p.Modem() {
			s += 4
		}
		if p.USB == nil {
			s += 32
		}
		return s
	}
	if d := score(a) - score(b); d != 0 {
		return d
	}
	if a.USB != nil && b.USB != nil && a.USB.Topology == b.USB.Topology {
		return a.Interface - b.Interface
	}
	if a.USB != nil && b.USB != nil && a.USB.Plug != b.USB.Plug {
		return b.USB.Plug - a.USB.Plug
	}
	return natural(a.Name, b.Name)
}
