package ports

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Port is one serial port.
type Port struct {
	Name   string   // of the kernel, as "ttyUSB2"
	Path   string   // of its node, as "/dev/ttyUSB2"; the node may not be there yet
	Links  []string // stable names of the node: those below serial/by-id first, then those below serial/by-path
	Driver string   // kernel driver, as "option" or "ftdi_sio"; "" when unknown
	// Console is true for ports that the kernel writes its messages to: nothing should be written there unasked.
	Console bool

	USB       *Device // nil for a port that is not on USB
	Interface int     // bInterfaceNumber of its USB interface; -1 when not on USB
	Class     Class   // of that interface
}

// A Class is what a USB interface says it is: class, subclass, protocol (USB 2.0 §9.6.5).
type Class struct{ Class, Sub, Protocol uint8 }

// Classes of interfaces that lead to decisions (usb.org, "USB Class Codes").
const (
	classComm    = 0x02
	classStorage = 0x08
	classData    = 0x0a
	classRadio   = 0xe0
	classVendor  = 0xff
)

// A Device is one USB device.
type Device struct {
	Topology     string // bus and chain of hub ports, as "1-1.4": stays the same while it is in the same socket
	Plug         int    // number on its bus (devnum): another one each time it is plugged in
	Vendor       uint16 // idVendor
	Product      uint16 // idProduct
	Manufacturer string // as the device says, cleaned, at most 64 octets
	Name         string // likewise
	Serial       string // likewise
	Classes      []Class
	Ports        int // serial ports that it shows
}

// ID returns vendor and product as lsusb prints them, "12d1:1506".
func (d *Device) ID() string { return fmt.Sprintf("%04x:%04x", d.Vendor, d.Product) }

// Key tells one plugging-in of one port from every other: it changes when a device is plugged in anew or shows up
// elsewhere. Ports that are not on USB are known by their name.
func (p Port) Key() string {
	if p.USB == nil {
		return p.Name
	}
	return fmt.Sprintf("%s#%d:%d", p.USB.Topology, p.USB.Plug, p.Interface)
}

// Place names where the port is, as the key usb of a configuration takes it: "1-1.4:1.2"; "" when it is not on USB.
func (p Port) Place() string {
	if p.USB == nil {
		return ""
	}
	return fmt.Sprintf("%s:1.%d", p.USB.Topology, p.Interface)
}

// Stable returns the best name to write into a configuration: a link by id, one by path, else the node.
func (p Port) Stable() string {
	if len(p.Links) > 0 {
		return p.Links[0]
	}
	return p.Path
}

// A Listing is what is there at one moment.
type Listing struct {
	Ports   []Port   // in order of names, numbers counted as such
	Devices []Device // all USB devices but hubs, in order of topology
}

// List reads which ports and USB devices there are. A machine without sysfs has none, which is no error.
func List(r Roots) (Listing, error) {
	entries, err := os.ReadDir(r.sys("class", "tty"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Listing{}, fmt.Errorf("list serial ports: %w", err)
	}
	links := r.links()
	devices := map[string]*Device{} // by topology
	consoles := strings.Fields(readText(r.sys("class", "tty", "console", "active")))
	var l Listing
	for _, e := range entries {
		p, ok := r.port(e.Name(), devices)
		if !ok {
			continue
		}
		p.Links, p.Console = links[p.Name], slices.Contains(consoles, p.Name)
		l.Ports = append(l.Ports, p)
	}
	all, err := os.ReadDir(r.sys("bus", "usb", "devices"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Listing{}, fmt.Errorf("list USB devices: %w", err)
	}
	for _, e := range all {
		name := e.Name()
		if !isTopology(name) || devices[name] != nil {
			continue
		}
		if dir, err := filepath.EvalSymlinks(r.sys("bus", "usb", "devices", name)); err == nil {
			if d := readDevice(dir); d != nil {
				devices[name] = d
			}
		}
	}
	for _, d := range devices {
		if !d.hub() {
			l.Devices = append(l.Devices, *d)
		}
	}
	slices.SortFunc(l.Ports, func(a, b Port) int { return natural(a.Name, b.Name) })
	slices.SortFunc(l.Devices, func(a, b Device) int { return natural(a.Topology, b.Topology) })
	return l, nil
}

// port reads one entry of class/tty. Consoles, pseudo terminals and slots without a chip are no ports.
func (r Roots) port(name string, devices map[string]*Device) (Port, bool) {
	p := Port{Name: name, Path: r.dev(name), Interface: -1}
	entry := r.sys("class", "tty", name)
	device := filepath.Join(entry, "device")
	// A machine has dozens of consoles, and this is done every few seconds: one call for each of them, not one for each step of its path.
	if _, err := os.Lstat(device); err != nil {
		return p, false
	}
	dir, err := filepath.EvalSymlinks(device)
	if err != nil {
		return p, false
	}
	// PORT_UNKNOWN: the driver reserves the name, there is no chip (linux/serial_core.h).
	if strings.HasPrefix(name, "ttyS") && readText(filepath.Join(entry, "type")) == "0" {
		return p, false
	}
	if driver, err := filepath.EvalSymlinks(filepath.Join(dir, "driver")); err == nil {
		p.Driver = filepath.Base(driver)
	}
	// From the port upwards: its interface, and above that its device. Ports of cdc_acm hang directly on the interface.
	for at := dir; len(at) > 1; at = filepath.Dir(at) {
		if n, err := strconv.ParseUint(readText(filepath.Join(at, "bInterfaceNumber")), 16, 8); err == nil {
			p.Interface, p.Class = int(n), readClass(at)
			continue
		}
		if readText(filepath.Join(at, "idVendor")) == "" {
			continue
		}
		topology := filepath.Base(at)
		if devices[topology] == nil {
			d := readDevice(at)
			if d == nil {
				return p, false // it is just going away
			}
			devices[topology] = d
		}
		p.USB = devices[topology]
		p.USB.Ports++
		break
	}
	return p, (p.USB != nil) == (p.Interface >= 0)
}

// links returns the stable names of each port, by name of the port.
func (r Roots) links() map[string][]string {
	all := map[string][]string{}
	for _, kind := range []string{"by-id", "by-path"} {
		entries, err := os.ReadDir(r.dev("serial", kind))
		if err != nil {
			continue
		}
		for _, e := range entries {
			link := r.dev("serial", kind, e.Name())
			if to, err := os.Readlink(link); err == nil {
				all[filepath.Base(to)] = append(all[filepath.Base(to)], link)
			}
		}
	}
	return all
}

// readDevice reads the directory of a USB device; nil when it is none.
func readDevice(dir string) *Device {
	number := func(name string, base int) (uint64, bool) {
		n, err := strconv.ParseUint(readText(filepath.Join(dir, name)), base, 16)
		return n, err == nil
	}
	vendor, ok := number("idVendor", 16)
	product, ok2 := number("idProduct", 16)
	if !ok || !ok2 {
		return nil
	}
	d := &Device{Topology: filepath.Base(dir), Vendor: uint16(vendor), Product: uint16(product),
		Manufacturer: readText(filepath.Join(dir, "manufacturer")), Name: readText(filepath.Join(dir, "product")),
		Serial: readText(filepath.Join(dir, "serial"))}
	if n, ok := number("devnum", 10); ok {
		d.Plug = int(n)
	}
	interfaces, _ := filepath.Glob(filepath.Join(dir, d.Topology+":*"))
	for _, i := range interfaces {
		d.Classes = append(d.Classes, readClass(i))
	}
	return d
}

func readClass(dir string) Class {
	octet := func(name string) uint8 {
		n, _ := strconv.ParseUint(readText(filepath.Join(dir, name)), 16, 8)
		return uint8(n)
	}
	return Class{octet("bInterfaceClass"), octet("bInterfaceSubClass"), octet("bInterfaceProtocol")}
}

// hub tells the hubs, which are no devices of interest (class 09).
func (d *Device) hub() bool {
	return len(d.Classes) > 0 && !slices.ContainsFunc(d.Classes, func(c Class) bool { return c.Class != 9 })
}

// readText returns the first 64 octets of a small file, cleaned; "" when it cannot be read.
func readText(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var buf [64]byte
	n, _ := f.Read(buf[:])
	return clean(string(buf[:n]))
}

// clean keeps printable ASCII; everything else becomes a blank.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return ' '
		}
		return c
	}, s))
}

// isTopology tells names of USB devices, "1-1.4", from those of root hubs and interfaces.
func isTopology(s string) bool {
	t, i, err := ParsePlace(s)
	return err == nil && t == s && i < 0
}

// ParsePlace reads where a USB device is plugged in: bus, dash, chain of ports ("1-1.4"), and perhaps the interface behind
// it (":1.2", configuration and interface number). interfaceNumber is -1 when none is given.
func ParsePlace(s string) (topology string, interfaceNumber int, err error) {
	bad := fmt.Errorf("%q is not a place on USB", s[:min(len(s), 64)])
	topology, rest, has := strings.Cut(s, ":")
	interfaceNumber = -1
	if has {
		configuration, number, ok := strings.Cut(rest, ".")
		n, nerr := strconv.ParseUint(number, 10, 8)
		if _, cerr := strconv.ParseUint(configuration, 10, 8); cerr != nil || nerr != nil || !ok || strconv.FormatUint(n, 10) != number {
			return "", -1, bad
		}
		interfaceNumber = int(n)
	}
	bus, chain, ok := strings.Cut(topology, "-")
	if !ok || !small(bus) {
		return "", -1, bad
	}
	for port := range strings.SplitSeq(chain, ".") {
		if !small(port) {
			return "", -1, bad
		}
	}
	return topology, interfaceNumber, nil
}

// small tells numbers from 1 to 999 without leading zeros.
func small(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && n < 1000 && strconv.Itoa(n) == s
}

// natural orders names so that numbers in them count as numbers: ttyUSB2 before ttyUSB10.
func natural(a, b string) int {
	for a != "" && b != "" {
		na, ra := leadingNumber(a)
		nb, rb := leadingNumber(b)
		switch {
		case na >= 0 && nb >= 0:
			if na != nb {
				return na - nb
			}
			a, b = ra, rb
		case a[0] != b[0]:
			return int(a[0]) - int(b[0])
		default:
			a, b = a[1:], b[1:]
		}
	}
	return len(a) - len(b)
}

// leadingNumber splits off up to nine digits; -1 when s does not begin with one.
func leadingNumber(s string) (int, string) {
	i := 0
	for i < len(s) && i < 9 && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 {
		return -1, s
	}
	n, _ := strconv.Atoi(s[:i])
	return n, s[i:]
}
