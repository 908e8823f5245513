package modem

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"trunkline/modem/ports"
)

// Config is one [modem.NAME] section. NAME is the trunk. Start from Default. Device, USB, IMEI and ICCID say which modem it is;
// at least one is needed, and where several are given all must agree.
type Config struct {
	// Device is the path of the AT port, best a stable one below /dev/serial/by-id. Without it the port is found by USB, else by
	// asking all ports for IMEI and ICCID.
	Device string `toml:"device"`
	// USB is the socket that the modem is plugged into: bus and chain of ports, as "1-1.4", perhaps with the interface of the
	// AT port behind it, as "1-1.4:1.2". trunkline modem scan shows it.
	USB string `toml:"usb"`
	// Baud is the line speed of a real serial port; USB modems ignore it. 0 tries the usual speeds one after the other.
	Baud int `toml:"baud"`
	// PINFile holds the PIN of the card and nothing else; readable by its owner only. "" for cards without PIN.
	PINFile string `toml:"pin_file"`
	// SMSC is the service centre address to set when the card has none, as "+49172…". "" leaves the card alone.
	SMSC string `toml:"smsc"`
	// IMEI, when set, is the modem that must answer: 15 digits.
	IMEI string `toml:"imei"`
	// ICCID, when set, is the card that must be in it: 18 to 20 digits.
	ICCID string `toml:"iccid"`
	// SMSOverIMS counts an LTE registration alone as able to send. Without IMS at the operator such sends fail.
	SMSOverIMS bool `toml:"sms_over_ims"`
	// SMSService is the way by which the modem sends (AT+CGSMS): "cs", "ps", "cs_preferred" or "ps_preferred"; "keep" leaves it as it is;
	// "auto" does so until the modem is registered for LTE data alone or the network refuses messages, and then tries cs_preferred and cs.
	SMSService string `toml:"sms_service"`
	// MaxSilence is how long a modem that says that it is registered may receive nothing, neither message nor report, before its radio is
	// switched off and on; never during a call. It is for modems that go deaf, and for cards to which something comes more often. "0s" for never.
	MaxSilence time.Duration `toml:"max_silence"`
	// SelfTestNumber is the number of the card in the modem, as "+49171…". When nothing came for max_silence, the card writes to it: the
	// radio is switched off and on only when that does not arrive. Each test costs a message, and reaches nobody else. "" for no tests.
	SelfTestNumber string `toml:"self_test_number"`
	// SendTimeout bounds the wait for the network's answer after the PDU was written. Beyond it the outcome is unknown.
	SendTimeout time.Duration `toml:"send_timeout"`
	// StoreAndSend writes each part into a memory of the modem and sends it from there: when an answer is lost, the copy tells whether
	// it was sent. It costs time, a place and a write of the memory for each part; a modem that cannot do it says so, and sends directly.
	StoreAndSend bool `toml:"store_and_send"`
	// SweepInterval is how often a NoticeStored asks for a sweep although the modem announced nothing.
	SweepInterval time.Duration `toml:"sweep_interval"`
	// Direct has messages handed over without a place in a memory of the modem, and tells the network that they arrived only when
	// they are stored here. It is for flash messages, which some modems only show, and for cards that are full; a modem that cannot
	// do it goes on storing. A modem that hears no acknowledgement in time stops handing over until the next minute.
	Direct bool `toml:"direct"`
	// PowerCommand switches the power of the modem off and on when nothing else brings it back, as ["/usr/sbin/uhubctl", "-a",
	// "cycle", "-l", "1-1", "-p", "4"]: program and arguments, run without a shell for a minute at most. [] for none.
	PowerCommand []string `toml:"power_command"`
	// BalanceCode is the USSD code that tells the balance of a prepaid card, as "*100#". "" asks for no balance.
	BalanceCode string `toml:"balance_code"`
	// BalanceEvery is how often the balance is asked for.
	BalanceEvery time.Duration `toml:"balance_every"`
	// BalancePattern finds the balance in the answer: a regular expression (RE2) whose one group is the amount.
	BalancePattern string `toml:"balance_pattern"`
	// BalanceMinimum is the amount below which the event modem.balance_low tells that the card runs empty.
	BalanceMinimum float64 `toml:"balance_minimum"`
}

// Default returns the configuration that is right for most modems; Device is left to be set.
func Default() Config {
	return Config{Baud: 115200, SMSService: serviceAuto, SendTimeout: 180 * time.Second, SweepInterval: 60 * time.Second,
		BalanceEvery: 24 * time.Hour, BalancePattern: `(-?[0-9][0-9.,']*)`}
}

// autoBauds are tried in turn when Config.Baud is 0.
var autoBauds = []int{115200, 9600, 57600, 38400, 19200, 230400, 460800, 921600}

// A ConfigError is one wrong key.
type ConfigError struct {
	Key    string // within the section
	Reason string // what is wrong with the value
	Hint   string // how to put it right
}

func (e *ConfigError) Error() string { return e.Key + ": " + e.Reason + " (" + e.Hint + ")" }

// Validate returns every error of c as *ConfigError; nil when there is none. It reads no file.
func (c Config) Validate() []error {
	var errs []error
	add := func(key, reason, hint string) { errs = append(errs, &ConfigError{key, reason, hint}) }
	if c.Device == "" && c.USB == "" && c.IMEI == "" && c.ICCID == "" {
		add("device", "is required", "give the AT port, for example one of /dev/serial/by-id/*, or usb, imei or iccid")
	}
	if c.Device != "" && !strings.HasPrefix(c.Device, "/") && !strings.HasPrefix(strings.ToUpper(c.Device), "COM") {
		add("device", fmt.Sprintf("%q is not an absolute path", c.Device), "write it as /dev/…")
	}
	if c.USB != "" {
		if _, _, err := ports.ParsePlace(c.USB); err != nil {
			add("usb", err.Error(), `write it as "1-1.4" or "1-1.4:1.2"; trunkline modem scan shows it`)
		}
	}
	if c.Baud != 0 && !slices.Contains(autoBauds, c.Baud) {
		add("baud", fmt.Sprintf("%d is not a usual line speed", c.Baud), "one of "+baudList()+", or 0 to try them")
	}
	if c.PINFile != "" && !strings.HasPrefix(c.PINFile, "/") {
		add("pin_file", fmt.Sprintf("%q is not an absolute path", c.PINFile), "write it as /etc/…; the file holds the PIN only")
	}
	if c.SMSC != "" && !isSMSC(c.SMSC) {
		add("smsc", fmt.Sprintf("%q is not a service centre address", c.SMSC), "+ and 5 to 20 digits, as the operator publishes it")
	}
	if c.IMEI != "" && (len(c.IMEI) != 15 || !isDigits(c.IMEI)) {
		add("imei", fmt.Sprintf("%q is not an IMEI", c.IMEI), "15 digits, as printed on the modem")
	}
	if c.ICCID != "" && (len(c.ICCID) < 18 || len(c.ICCID) > 20 || !isDigits(c.ICCID)) {
		add("iccid", fmt.Sprintf("%q is not an ICCID", c.ICCID), "18 to 20 digits, as printed on the card")
	}
	if _, named := services[c.SMSService]; !named && c.SMSService != serviceAuto && c.SMSService != serviceKeep {
		add("sms_service", fmt.Sprintf("%q is no way to send", c.SMSService), "one of "+serviceNames())
	}
	if c.MaxSilence != 0 && c.MaxSilence < 10*time.Minute {
		add("max_silence", fmt.Sprintf("%v is too short", c.MaxSilence), `"0s" for never, or at least "10m"`)
	}
	if c.SelfTestNumber != "" && !isSMSC(c.SelfTestNumber) {
		add("self_test_number", fmt.Sprintf("%q is not a number", c.SelfTestNumber), "+ and 5 to 20 digits: the number of the card in this modem")
	} else if c.SelfTestNumber != "" && c.MaxSilence == 0 {
		add("self_test_number", "nothing is tested without max_silence", `set max_silence, for example "6h"`)
	}
	if c.SendTimeout <= 0 {
		add("send_timeout", fmt.Sprintf("%v is not positive", c.SendTimeout), `for example "180s"; networks take up to 120 s`)
	}
	if c.SweepInterval < time.Second {
		add("sweep_interval", fmt.Sprintf("%v is too short", c.SweepInterval), `at least "1s"; "60s" is right for most`)
	}
	if len(c.PowerCommand) > 0 && !strings.HasPrefix(c.PowerCommand[0], "/") {
		add("power_command", fmt.Sprintf("%q is not an absolute path", c.PowerCommand[0]), `a list of program and arguments, for example ["/usr/sbin/uhubctl", "-a", "cycle", "-l", "1-1"]`)
	}
	if c.BalanceCode != "" && checkUSSD(c.BalanceCode) != nil {
		add("balance_code", fmt.Sprintf("%q is no USSD code", c.BalanceCode), `as the operator publishes it, for example "*100#"`)
	}
	if c.BalanceEvery < 10*time.Minute {
		add("balance_every", fmt.Sprintf("%v is too short", c.BalanceEvery), `at least "10m"; "24h" is right for most`)
	}
	if re, err := regexp.Compile(c.BalancePattern); err != nil || re.NumSubexp() != 1 {
		add("balance_pattern", fmt.Sprintf("%q is no regular expression with one group", c.BalancePattern), `for example "balance is ([0-9.,]+)"`)
	}
	return errs
}

func baudList() string {
	s := make([]string, len(autoBauds))
	for i, b := range autoBauds {
		s[i] = fmt.Sprint(b)
	}
	return strings.Join(s, ", ")
}

func isSMSC(s string) bool {
	d := strings.TrimPrefix(s, "+")
	return len(d) >= 5 && len(d) <= 20 && isDigits(d)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
