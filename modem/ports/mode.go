package ports

import "fmt"

// A Mode is how a modem shows itself that has no serial ports.
type Mode string

// The modes.
const (
	ModeStorage Mode = "storage" // a CD-ROM with drivers for other systems; not yet a modem
	ModeNetwork Mode = "network" // a network card, the modem hidden behind a router of its own ("HiLink")
	ModeDriver  Mode = "driver"  // interfaces of a modem, but no driver has taken them
)

// known are products whose mode their ids tell. Sources: usb_modeswitch-data 20191128 (files by VID:PID, target lists);
// the E3372 in all three modes also in the field reports linaro.org/blog "Huawei E3372 HiLink" and forum.openwrt.org/t/69650.
var known = map[[2]uint16]struct {
	mode Mode
	name string
}{
	{0x12d1, 0x1446}: {ModeStorage, "Huawei E-series stick"},
	{0x12d1, 0x14fe}: {ModeStorage, "Huawei E352, E173s"},
	{0x12d1, 0x1505}: {ModeStorage, "Huawei EC156, E372"},
	{0x12d1, 0x1520}: {ModeStorage, "Huawei K3765"},
	{0x12d1, 0x157d}: {ModeStorage, "Huawei E3331, E3372"},
	{0x12d1, 0x1582}: {ModeStorage, "Huawei R215"},
	{0x12d1, 0x1f01}: {ModeStorage, "Huawei E353, E3372"},
	{0x12d1, 0x1f02}: {ModeStorage, "Huawei stick"},
	{0x12d1, 0x14db}: {ModeNetwork, "Huawei E353, E3131, E3331 (HiLink)"},
	{0x12d1, 0x14dc}: {ModeNetwork, "Huawei E3372 (HiLink)"},
	{0x12d1, 0x1588}: {ModeNetwork, "Huawei R215"},
	{0x19d2, 0x2000}: {ModeStorage, "ZTE stick"},
	{0x19d2, 0x0146}: {ModeStorage, "ZTE MF652"},
	{0x19d2, 0x1225}: {ModeStorage, "ZTE MF668, MF70"},
	{0x19d2, 0x1405}: {ModeNetwork, "ZTE MF70"},
	{0x1bbb, 0xf000}: {ModeStorage, "Alcatel X200, X060S, L100V"},
	{0x1c9e, 0xf000}: {ModeStorage, "Longcheer stick (4G Systems XS Stick and others)"},
	{0x05c6, 0xf000}: {ModeStorage, "LM-75 stick"},
	{0x1410, 0x5010}: {ModeStorage, "Novatel stick"},
	{0x1199, 0x0fff}: {ModeStorage, "Sierra Wireless stick"},
	{0x2001, 0xa80b}: {ModeStorage, "D-Link DWM-156"},
	{0x0421, 0x0610}: {ModeStorage, "Nokia CS-15"},
}

// A Hidden is a modem that is plugged in and shows no serial port.
type Hidden struct {
	Device Device
	Mode   Mode
	Name   string // as the table calls it, else as it calls itself
	Hint   string // what to do
}

// Hidden returns the modems among the devices that show no serial port: known ones, and those of makers of modems by the
// classes of their interfaces.
func (l Listing) Hidden() []Hidden {
	var all []Hidden
	for _, d := range l.Devices {
		if d.Ports > 0 {
			continue
		}
		row, ok := known[[2]uint16{d.Vendor, d.Product}]
		h := Hidden{Device: d, Mode: row.mode, Name: row.name}
		if !ok {
			maker := modemVendors[d.Vendor]
			if maker == "" {
				continue
			}
			if h.Mode = d.mode(); h.Mode == "" {
				continue
			}
			if h.Name = d.Name; h.Name == "" {
				h.Name = maker + " device"
			}
		}
		switch h.Mode {
		case ModeStorage:
			h.Hint = "it plays a CD-ROM: install the package usb-modeswitch and plug it in again"
		case ModeNetwork:
			h.Hint = "it is a router of its own (HiLink) and has no AT port: it needs the maker's \"stick\" firmware, or another modem"
		case ModeDriver:
			h.Hint = fmt.Sprintf("no driver has taken it: modprobe option && echo %04x %04x > /sys/bus/usb-serial/drivers/option1/new_id", d.Vendor, d.Product)
		}
		all = append(all, h)
	}
	return all
}

// mode tells by classes how a device without serial ports shows itself; "" when its classes tell nothing of a modem.
func (d *Device) mode() Mode {
	var storage, network, vendor bool
	for _, c := range d.Classes {
		switch c.Class {
		case classStorage:
			storage = true
		case classComm, classData, classRadio:
			network = true
		case classVendor:
			vendor = true
		}
	}
	switch {
	case network:
		return ModeNetwork
	case vendor:
		return ModeDriver
	case storage:
		return ModeStorage
	}
	return ""
}
