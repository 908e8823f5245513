package modem

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		name, toml string
		wrong      []string // keys
	}{
		{"least", `device = "/dev/ttyUSB2"`, nil},
		{"all", `device = "/dev/serial/by-id/usb-x"
baud = 9600
pin_file = "/etc/trunkline/desk.pin"
smsc = "+491710760000"
imei = "490154203237518"
iccid = "8949000000000000001"
sms_over_ims = true
store_and_send = true
sms_service = "cs_preferred"
max_silence = "6h"
self_test_number = "+49151234567"
send_timeout = "90s"
sweep_interval = "2m"`, nil},
		{"speed to be found", "device = \"/dev/ttyS0\"\nbaud = 0", nil},
		{"nothing", "", []string{"device"}},
		{"by socket", `usb = "1-1.4"`, nil},
		{"by socket and interface", `usb = "1-1.4:1.2"`, nil},
		{"by modem", `imei = "490154203237518"`, nil},
		{"by card", `iccid = "8949000000000000001"`, nil},
		{"no socket", `usb = "usb1"`, []string{"usb"}},
		{"relative", `device = "ttyUSB0"`, []string{"device"}},
		{"everything wrong", `device = ""
baud = 12345
pin_file = "desk.pin"
smsc = "+49 171"
imei = "1"
iccid = "x"
send_timeout = "0s"
usb = "4"
sweep_interval = "10ms"`, []string{"usb", "baud", "pin_file", "smsc", "imei", "iccid", "send_timeout", "sweep_interval"}},
		{"unknown way to send", "device = \"/dev/x\"\nsms_service = \"lte\"", []string{"sms_service"}},
		{"short silence", "device = \"/dev/x\"\nmax_silence = \"1m\"", []string{"max_silence"}},
		{"test of nothing", "device = \"/dev/x\"\nself_test_number = \"+49151234567\"", []string{"self_test_number"}},
		{"test to a name", "device = \"/dev/x\"\nmax_silence = \"1h\"\nself_test_number = \"me\"", []string{"self_test_number"}},
		{"negative", "device = \"/dev/x\"\nsend_timeout = \"-1s\"\nbaud = -1", []string{"baud", "send_timeout"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := Default()
			md, err := toml.Decode(tt.toml, &c)
			if err != nil || len(md.Undecoded()) > 0 {
				t.Fatal(err, md.Undecoded())
			}
			var got []string
			for _, err := range c.Validate() {
				ce, ok := errors.AsType[*ConfigError](err)
				if !ok || ce.Hint == "" || !strings.HasPrefix(err.Error(), ce.Key+": ") {
					t.Fatalf("%#v", err)
				}
				got = append(got, ce.Key)
			}
			if strings.Join(got, " ") != strings.Join(tt.wrong, " ") {
				t.Errorf("wrong keys %q, want %q", got, tt.wrong)
			}
			if _, err := New(c, Options{}); (err != nil) != (tt.wrong != nil) {
				t.Errorf("New: %v", err)
			}
		})
	}
	if c := Default(); c.SendTimeout != 180*time.Second || c.SweepInterval != time.Minute || c.Baud != 115200 {
		t.Errorf("Default() = %+v", c)
	}
}
