package ports

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree builds trees like those of the kernel.
type tree struct {
	t *testing.T
	Roots
	dir string
}

func newTree(t *testing.T) *tree {
	dir := t.TempDir()
	tr := &tree{t, Roots{Sys: filepath.Join(dir, "sys"), Dev: filepath.Join(dir, "dev")}, dir}
	for _, d := range []string{tr.sys("class", "tty"), tr.sys("bus", "usb", "devices"), tr.dev("serial", "by-id"), tr.dev("serial", "by-path")} {
		tr.mkdir(d)
	}
	return tr
}

func (tr *tree) mkdir(d string) {
	if err := os.MkdirAll(d, 0o755); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *tree) write(dir string, files ...string) {
	tr.t.Helper()
	tr.mkdir(dir)
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]+"\n"), 0o644); err != nil {
			tr.t.Fatal(err)
		}
	}
}

func (tr *tree) link(to, from string) {
	tr.t.Helper()
	tr.mkdir(filepath.Dir(from))
	if err := os.Symlink(to, from); err != nil {
		tr.t.Fatal(err)
	}
}

// device adds a USB device; topology "1-1.4" hangs below hub "1-1".
func (tr *tree) device(topology, vendor, product, plug string, strings ...string) string {
	bus, chain, _ := cutTopology(topology)
	dir := tr.sys("devices", "pci0000:00", "0000:00:14.0", "usb"+bus)
	at := bus + "-"
	for i, port := range chain {
		if i > 0 {
			at += "."
		}
		at += port
		dir = filepath.Join(dir, at)
	}
	tr.write(dir, append([]string{"idVendor", vendor, "idProduct", product, "devnum", plug}, strings...)...)
	tr.link(dir, tr.sys("bus", "usb", "devices", topology))
	return dir
}

func cutTopology(topology string) (bus string, chain []string, ok bool) {
	bus, rest, ok := strings.Cut(topology, "-")
	return bus, strings.Split(rest, "."), ok
}

// intf adds an interface of class "ff/02/01" and, unless tty is empty, its serial port.
func (tr *tree) intf(device, number, class, tty string) {
	c := strings.Split(class, "/")
	dir := filepath.Join(device, filepath.Base(device)+":1."+strings.TrimLeft(number[:1], "0")+number[1:])
	tr.write(dir, "bInterfaceNumber", number, "bInterfaceClass", c[0], "bInterfaceSubClass", c[1], "bInterfaceProtocol", c[2])
	tr.link(dir, tr.sys("bus", "usb", "devices", filepath.Base(dir)))
	if tty == "" {
		return
	}
	port := dir
	if !strings.HasPrefix(tty, "ttyACM") {
		port = filepath.Join(dir, tty)
	}
	driver := tr.sys("bus", "usb-serial", "drivers", "option1")
	tr.mkdir(driver)
	tr.mkdir(filepath.Join(port, "tty", tty))
	tr.link(driver, filepath.Join(port, "driver"))
	tr.link(port, filepath.Join(port, "tty", tty, "device"))
	tr.link(filepath.Join(port, "tty", tty), tr.sys("class", "tty", tty))
}

func TestList(t *testing.T) {
	tr := newTree(t)
	quectel := tr.device("1-1.4", "2c7c", "0125", "7", "manufacturer", "Quectel", "product", "EC25\x01\xff-EU", "serial", strings.Repeat("9", 100))
	hub := tr.device("1-1", "0424", "2514", "2")
	tr.intf(hub, "00", "09/00/01", "")
	for i, tty := range []string{"ttyUSB0", "ttyUSB1", "ttyUSB2", "ttyUSB10"} {
		tr.intf(quectel, "0"+string(rune('0'+i)), "ff/00/00", tty)
	}
	acm := tr.device("2-3", "1546", "1102", "3")
	tr.intf(acm, "00", "02/02/01", "ttyACM0")
	tr.link("../../ttyUSB2", tr.dev("serial", "by-id", "usb-Quectel_EC25-if02-port0"))
	tr.link("../../ttyUSB2", tr.dev("serial", "by-path", "pci-0000:00:14.0-usb-0:1.4:1.2-port0"))
	tr.write(tr.sys("class", "tty", "console"), "active", "tty0 ttyS0")
	// A console, a slot without a chip, one with a chip.
	tr.mkdir(tr.sys("class", "tty", "tty0"))
	for tty, kind := range map[string]string{"ttyS0": "4", "ttyS1": "0"} {
		tr.write(tr.sys("class", "tty", tty), "type", kind)
		tr.mkdir(tr.sys("devices", "platform", "serial8250"))
		tr.link(tr.sys("devices", "platform", "serial8250"), tr.sys("class", "tty", tty, "device"))
	}

	l, err := List(tr.Roots)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range l.Ports {
		line := p.Name + " " + p.Place() + " " + p.Driver + " " + string(p.Role())
		if p.USB != nil {
			line += " " + p.USB.ID()
		}
		got = append(got, line)
	}
	want := []string{"ttyACM0 2-3:1.0 option1  1546:1102", "ttyS0   ", "ttyUSB0 1-1.4:1.0 option1 diag 2c7c:0125", "ttyUSB1 1-1.4:1.1 option1 gps 2c7c:0125",
		"ttyUSB2 1-1.4:1.2 option1 at 2c7c:0125", "ttyUSB10 1-1.4:1.3 option1 ppp 2c7c:0125"}
	if !slices.Equal(got, want) {
		t.Errorf("ports\n%q, want\n%q", got, want)
	}
	at := l.Ports[4]
	if at.Console || !l.Ports[1].Console {
		t.Error("the console is not told from other ports")
	}
	if at.Stable() != tr.dev("serial", "by-id", "usb-Quectel_EC25-if02-port0") || len(at.Links) != 2 || at.Path != tr.dev("ttyUSB2") {
		t.Errorf("names of the AT port: %s, %q", at.Path, at.Links)
	}
	if d := at.USB; d.Name != "EC25  -EU" || len(d.Serial) != 64 || d.Ports != 4 || d.Plug != 7 {
		t.Errorf("device %+v", d)
	}
	if len(l.Devices) != 2 || l.Devices[0].Topology != "1-1.4" || l.Devices[1].Topology != "2-3" {
		t.Errorf("devices %+v", l.Devices)
	}
	if at.Key() == l.Ports[5].Key() {
		t.Error("two ports of one device have one key")
	}
}

func TestListNothing(t *testing.T) {
	l, err := List(Roots{Sys: filepath.Join(t.TempDir(), "none"), Dev: t.TempDir()})
	if err != nil || len(l.Ports) > 0 || len(l.Devices) > 0 {
		t.Errorf("List = %+v, %v", l, err)
	}
}

// TestListHere: what this machine has can be read, whatever it is.
func TestListHere(t *testing.T) {
	if _, err := List(Roots{}); err != nil {
		t.Error(err)
	}
}

func TestParsePlace(t *testing.T) {
	for _, c := range []struct {
		in, topology string
		number       int
		ok           bool
	}{
		{"1-1", "1-1", -1, true}, {"1-1.4", "1-1.4", -1, true}, {"3-1.2.3.4.5.6", "3-1.2.3.4.5.6", -1, true}, {"1-1.4:1.2", "1-1.4", 2, true},
		{"12-10.4:1.0", "12-10.4", 0, true}, {"", "", -1, false}, {"1", "", -1, false}, {"usb1", "", -1, false}, {"1-0", "", -1, false}, {"1-1.", "", -1, false},
		{"1-1..2", "", -1, false}, {"-1", "", -1, false}, {"1-01", "", -1, false}, {"1-1:1", "", -1, false}, {"1-1:1.", "", -1, false}, {"1-1:1.02", "", -1, false},
		{"1-1:1.2.3", "", -1, false}, {"1-1/../2", "", -1, false}, {"1- 1", "", -1, false},
	} {
		topology, number, err := ParsePlace(c.in)
		if topology != c.topology || number != c.number || (err == nil) != c.ok {
			t.Errorf("ParsePlace(%q) = %q, %d, %v", c.in, topology, number, err)
		}
	}
}

func TestRoles(t *testing.T) {
	for _, c := range []struct {
		vendor, product uint16
		number          int
		class           Class
		want            Role
	}{
		{0x12d1, 0x1506, 0, Class{0xff, 2, 1}, RolePPP}, {0x12d1, 0x1506, 2, Class{0xff, 2, 2}, RoleAT}, {0x12d1, 0x1001, 0, Class{0xff, 0xff, 0xff}, RoleUnknown},
		{0x2c7c, 0x0125, 2, Class{}, RoleAT}, {0x2c7c, 0x9999, 2, Class{}, RoleAT}, {0x2c7c, 0x0125, 7, Class{}, RoleUnknown},
		{0x1e0e, 0x9001, 3, Class{}, RolePPP}, {0x1e0e, 0x9001, 4, Class{}, RoleAudio}, {0x1e0e, 0x9206, 3, Class{}, RoleOther},
		{0x1199, 0x68c0, 3, Class{}, RoleAT}, {0x1199, 0x68c0, 2, Class{}, RoleGPS}, {0x0403, 0x6001, 0, Class{0xff, 0xff, 0xff}, RoleUnknown},
	} {
		p := Port{USB: &Device{Vendor: c.vendor, Product: c.product}, Interface: c.number, Class: c.class}
		if got := p.Role(); got != c.want {
			t.Errorf("%04x:%04x interface %d: %q, want %q", c.vendor, c.product, c.number, got, c.want)
		}
	}
}

func TestLikelier(t *testing.T) {
	modem := &Device{Topology: "1-1", Vendor: 0x2c7c, Product: 0x0125}
	ftdi := &Device{Topology: "1-2", Vendor: 0x0403, Product: 0x6001}
	old := &Device{Topology: "1-3", Vendor: 0x12d1, Product: 0x1001}
	all := []Port{
		{Name: "ttyS0", Interface: -1}, {Name: "ttyUSB3", USB: ftdi, Interface: 0}, {Name: "ttyUSB7", USB: modem, Interface: 3},
		{Name: "ttyUSB6", USB: modem, Interface: 2}, {Name: "ttyUSB10", USB: old, Interface: 2}, {Name: "ttyUSB9", USB: old, Interface: 0},
	}
	slices.SortFunc(all, Likelier)
	var got []string
	for _, p := range all {
		got = append(got, p.Name)
	}
	if want := []string{"ttyUSB6", "ttyUSB7", "ttyUSB9", "ttyUSB10", "ttyUSB3", "ttyS0"}; !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}

func TestHidden(t *testing.T) {
	tr := newTree(t)
	for _, d := range []struct{ topology, vendor, product, class string }{
		{"1-1", "12d1", "1f01", "08/06/50"}, // known: CD-ROM
		{"1-2", "12d1", "14dc", "02/06/00"}, // known: HiLink
		{"1-3", "2c7c", "0801", "ff/00/00"}, // a module without driver
		{"1-4", "19d2", "ffff", "08/06/50"}, // unknown product of a maker of modems, storage only
		{"1-5", "0781", "5567", "08/06/50"}, // a memory stick
		{"1-6", "1bbb", "0195", "e0/01/03"}, // RNDIS
	} {
		tr.intf(tr.device(d.topology, d.vendor, d.product, "5"), "00", d.class, "")
	}
	tr.intf(tr.device("1-7", "12d1", "1506", "6"), "00", "ff/02/02", "ttyUSB0")
	l, err := List(tr.Roots)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Mode{}
	for _, h := range l.Hidden() {
		got[h.Device.Topology] = h.Mode
		if h.Hint == "" || h.Name == "" {
			t.Errorf("%s: nothing to say", h.Device.Topology)
		}
	}
	want := map[string]Mode{"1-1": ModeStorage, "1-2": ModeNetwork, "1-3": ModeDriver, "1-4": ModeStorage, "1-6": ModeNetwork}
	if len(got) != len(want) {
		t.Errorf("hidden %v, want %v", got, want)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %q, want %q", k, got[k], v)
		}
	}
}

func FuzzParsePlace(f *testing.F) {
	for _, s := range []string{"1-1", "1-1.4:1.2", "12-3.4.5", "1-1:1.", "usb1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		topology, number, err := ParsePlace(s)
		if err != nil {
			return
		}
		if number < 0 && topology != s || number >= 0 && !strings.HasPrefix(s, topology+":") || strings.ContainsAny(topology, "/ \x00") {
			t.Errorf("ParsePlace(%q) = %q, %d", s, topology, number)
		}
	})
}
