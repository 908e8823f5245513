package config

import (
	"maps"
	"slices"
	"strings"

	"trunkline/api/agi"
	"trunkline/api/httpd"
	"trunkline/api/httpd/alertmanager"
	"trunkline/api/httpd/freeswitch"
	"trunkline/api/httpd/login"
	"trunkline/api/sip"
	"trunkline/api/switches"
	"trunkline/jobs"
	"trunkline/modem"
	"trunkline/router"
	"trunkline/router/program"
	siptrunk "trunkline/router/sip"
	"trunkline/router/smtp"
	"trunkline/store"
)

// DefaultFile is read when no other file is named.
const DefaultFile = "/etc/trunkline/trunkline.toml"

// Config is the whole configuration. It is not changed after it was read.
type Config struct {
	Store  store.Config            `toml:"store"`
	API    httpd.Config            `toml:"api"`
	Router router.Config           `toml:"router"`
	Call   router.CallConfig       `toml:"call"`
	Log    Log                     `toml:"log"`
	Modem  map[string]modem.Config `toml:"modem"` // by name of the trunk

	Login login.Config     `toml:"login"`
	LDAP  login.LDAPConfig `toml:"ldap"`

	Alertmanager alertmanager.Config  `toml:"alertmanager"`
	Webhook      jobs.WebhookConfig   `toml:"webhook"`
	Retention    jobs.RetentionConfig `toml:"retention"`

	Plans router.PlansConfig `toml:"plans"`

	Screening router.ScreenConfig       `toml:"screening"`
	Program   map[string]program.Config `toml:"program"` // what actions may run, by any name
	SMTP      map[string]smtp.Config    `toml:"smtp"`    // by name of the trunk

	SIPTrunk map[string]siptrunk.Config `toml:"sip_trunk"` // by name of the trunk

	SIP        sip.Config                  `toml:"sip"`
	AGI        agi.Config                  `toml:"agi"`
	Decide     httpd.DecideConfig          `toml:"decide"`
	FreeSWITCH freeswitch.Config           `toml:"freeswitch"`
	Switch     map[string]switches.Config  `toml:"switch"`  // who may ask, by any name
	Carrier    map[string]switches.Carrier `toml:"carrier"` // by name of the trunk
}

// Default returns the configuration of an empty file.
func Default() Config {
	return Config{Store: store.Default(), API: httpd.Default(), Router: router.Default(), Call: router.DefaultCalls(), Log: Log{Level: "info", Format: "auto"}, Modem: map[string]modem.Config{},
		Screening: router.DefaultScreening(),
		Login:     login.Default(), LDAP: login.DefaultLDAP(),
		Alertmanager: alertmanager.Default(), Webhook: jobs.DefaultWebhooks(), Retention: jobs.DefaultRetention(), SIP: sip.Default(), AGI: agi.Default(), FreeSWITCH: freeswitch.Default()}
}

// Trunks returns the names of all trunks in order.
func (c Config) Trunks() []string {
	names := slices.Collect(maps.Keys(c.Modem))
	names = append(append(names, slices.Collect(maps.Keys(c.SMTP))...), slices.Collect(maps.Keys(c.SIPTrunk))...)
	slices.Sort(names)
	return names
}

// validate notes what is wrong with the values of each section, and what contradicts between them.
func (c Config) validate(p *problems) {
	section(p, "store", c.Store.Validate())
	section(p, "api", c.API.Validate())
	certificate(p, c.API)
	section(p, "login", c.Login.Validate())
	section(p, "ldap", c.LDAP.Validate())
	secretFile(p, "ldap.bind_password_file", c.LDAP.BindPasswordFile)
	section(p, "router", c.Router.Validate())
	section(p, "call", c.Call.Validate())
	section(p, "log", c.Log.Validate())
	section(p, "webhook", c.Webhook.Validate())
	section(p, "retention", c.Retention.Validate())
	section(p, "plans", c.Plans.Validate())
	c.validateActions(p)
	for name := range c.Router.Trunk {
		if !slices.Contains(c.Trunks(), name) {
			p.add(join("router.trunk", name), "known trunks: "+strings.Join(c.Trunks(), ", "), "there is no trunk of this name")
		}
	}
	for name := range c.Call.Line {
		if _, ok := c.Modem[name]; !ok {
			p.add(join("call.line", name), "known modems: "+strings.Join(c.Trunks(), ", "), "there is no modem of this name")
		}
	}
	section(p, "alertmanager", c.Alertmanager.Validate())
	secretFile(p, "alertmanager.token_file", c.Alertmanager.TokenFile)
	for name, r := range c.Alertmanager.Receiver {
		if _, ok := c.Modem[r.Trunk]; !ok && r.Trunk != "" {
			p.add(join(join("alertmanager.receiver", name), "trunk"), "known trunks: "+strings.Join(c.Trunks(), ", "), "there is no trunk of this name")
		}
	}
	defer c.validateSwitches(p)
	taken := map[string]string{} // what names a modem → the section that has it
	for _, name := range slices.Sorted(maps.Keys(c.Modem)) {
		key := join("modem", name)
		m := c.Modem[name]
		if !trunkName(name) {
			p.add(key, "use 1 to 32 of a-z, 0-9 and -", "%q cannot be the name of a trunk", clip(name))
		}
		section(p, key, m.Validate())
		secretFile(p, join(key, "pin_file"), m.PINFile)
		for _, id := range []struct{ key, value string }{{"device", resolveDevice(m.Device)}, {"usb", m.USB}, {"imei", m.IMEI}, {"iccid", m.ICCID}} {
			switch other, again := taken[id.key+" "+id.value]; {
			case id.value == "":
			case again:
				p.add(join(key, id.key), "each modem needs one of its own", "%s has this %s already", other, id.key)
			default:
				taken[id.key+" "+id.value] = key
			}
		}
	}
}

// section notes what a package's Validate found. Each of its errors starts with the key within the section and a colon.
func section(p *problems, path string, errs []error) {
	for _, err := range errs {
		key, what, ok := strings.Cut(err.Error(), ": ")
		if !ok || strings.ContainsAny(key, " \t") {
			key, what = "", err.Error()
		}
		at := path
		for part := range strings.SplitSeq(key, ".") {
			if part != "" {
				at = join(at, part)
			}
		}
		if !p.has(at) {
			p.add(at, "", "%s", what)
		}
	}
}

// trunkName tells whether a name can be that of a trunk: it stands in metrics, paths and command lines.
func trunkName(s string) bool {
	for _, c := range s {
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 32
}
