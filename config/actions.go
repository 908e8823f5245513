package config

import (
	"maps"
	"slices"
)

// validateActions notes what is wrong with screening, with the programs of actions and with the trunks for mails and SIP addresses.
func (c Config) validateActions(p *problems) {
	section(p, "screening", c.Screening.Validate())
	for _, name := range slices.Sorted(maps.Keys(c.Program)) {
		key := join("program", name)
		if !trunkName(name) {
			p.add(key, "use 1 to 32 of a-z, 0-9 and -", "%q cannot be the name of a program", clip(name))
		}
		section(p, key, c.Program[name].Validate())
	}
	for _, name := range slices.Sorted(maps.Keys(c.SMTP)) {
		key := join("smtp", name)
		c.validateName(p, key, name)
		section(p, key, c.SMTP[name].Validate())
		secretFile(p, join(key, "password_file"), c.SMTP[name].PasswordFile)
	}
	for _, name := range slices.Sorted(maps.Keys(c.SIPTrunk)) {
		key := join("sip_trunk", name)
		c.validateName(p, key, name)
		if _, taken := c.SMTP[name]; taken {
			p.add(key, "trunks of all kinds share their names: call one of them otherwise", "smtp.%s has this name already", name)
		}
		section(p, key, c.SIPTrunk[name].Validate())
		secretFile(p, join(key, "password_file"), c.SIPTrunk[name].PasswordFile)
	}
}

// validateName notes what is wrong with the name of a trunk that is no modem.
func (c Config) validateName(p *problems, key, name string) {
	if !trunkName(name) {
		p.add(key, "use 1 to 32 of a-z, 0-9 and -", "%q cannot be the name of a trunk", clip(name))
	}
	if _, taken := c.Modem[name]; taken {
		p.add(key, "trunks of all kinds share their names: call one of them otherwise", "modem.%s has this name already", name)
	}
	if _, taken := c.Carrier[name]; taken {
		p.add(key, "trunks of all kinds share their names: call one of them otherwise", "carrier.%s has this name already", name)
	}
}
