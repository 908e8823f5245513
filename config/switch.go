package config

import (
	"maps"
	"slices"

	"trunkline/api/switches"
)

// validateSwitches notes what is wrong with the interfaces of switches, and with who may use them.
func (c Config) validateSwitches(p *problems) {
	section(p, "sip", c.SIP.Validate())
	section(p, "agi", c.AGI.Validate())
	section(p, "decide", c.Decide.Validate())
	section(p, "freeswitch", c.FreeSWITCH.Validate())
	for _, name := range slices.Sorted(maps.Keys(c.Switch)) {
		key := join("switch", name)
		if !trunkName(name) {
			p.add(key, "use 1 to 32 of a-z, 0-9 and -", "%q cannot be the name of a switch", clip(name))
		}
		section(p, key, c.Switch[name].Validate())
	}
	for _, name := range slices.Sorted(maps.Keys(c.Carrier)) {
		key := join("carrier", name)
		if !trunkName(name) {
			p.add(key, "use 1 to 32 of a-z, 0-9 and -", "%q cannot be the name of a trunk", clip(name))
		}
		if _, taken := c.Modem[name]; taken {
			p.add(key, "trunks of all kinds share their names: call one of them otherwise", "modem.%s has this name already", name)
		}
		section(p, key, c.Carrier[name].Validate())
	}
	if err := p.err(); err == nil {
		if _, err := switches.NewTable(c.Switch, c.Carrier); err != nil {
			p.add("switch", "each network belongs to one switch", "%v", err)
		}
	}
	for key, listens := range map[string]bool{"sip.listen": len(c.SIP.Listen) > 0, "agi.listen": len(c.AGI.Listen) > 0, "decide.listen": c.Decide.Listen != ""} {
		if listens && len(c.Switch) == 0 {
			p.add(key, "add a section [switch.NAME] with the networks of those who may ask", "nobody could ask there")
		}
	}
}
