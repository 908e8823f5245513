package switches

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Table finds the switch behind an address. It is not changed after it was made; a nil Table knows no switch.
type Table struct {
	networks []network // the narrowest first
	carriers map[string]Carrier
	down     []string
	trunks   func() []string // those of the gateway that are down; nil: none ever
}

type network struct {
	prefix netip.Prefix
	asker  *Switch
}

// Switch is one that may ask.
type Switch struct {
	Name    string
	Trusted bool
	NextHop string // HOST or HOST:PORT; empty: none
	Rate    int    // SIP requests a second of each address

	provider      string
	hosts, groups map[string]string // in lower case
	meant         func(name string) (key string)
}

// NewTable makes the table of the sections [switch.NAME] and [carrier.NAME]. The sections are valid; an error is two switches with one network.
func NewTable(switches map[string]Config, carriers map[string]Carrier) (*Table, error) {
	t := &Table{carriers: maps.Clone(carriers)}
	for name, c := range carriers {
		if c.Down {
			t.down = append(t.down, name)
		}
	}
	slices.Sort(t.down)
	taken := map[netip.Prefix]string{}
	for _, name := range slices.Sorted(maps.Keys(switches)) {
		c := switches[name]
		s := &Switch{Name: name, Trusted: c.Trusted, NextHop: c.NextHop, Rate: c.Rate, provider: c.Provider, meant: itself}
		var err error
		if s.hosts, err = parsePairs(c.Hosts); err != nil {
			return nil, fmt.Errorf("switch %s: hosts: %w", name, err)
		}
		if s.groups, err = parsePairs(c.TrunkGroups); err != nil {
			return nil, fmt.Errorf("switch %s: trunk_groups: %w", name, err)
		}
		for _, text := range c.Networks {
			p, err := parseNetwork(text)
			if err != nil {
				return nil, fmt.Errorf("switch %s: networks: %w", name, err)
			}
			if other, again := taken[p]; again {
				return nil, fmt.Errorf("switch %s: networks: %s is that of switch %s already", name, p, other)
			}
			taken[p] = name
			t.networks = append(t.networks, network{p, s})
		}
	}
	slices.SortStableFunc(t.networks, func(a, b network) int { return cmp.Compare(b.prefix.Bits(), a.prefix.Bits()) })
	return t, nil
}

// Beside returns the table with the trunks of the gateway itself, down telling at any time which of them are, and with its service providers: meant tells the key
// of the one that the sections mean by a name. Without it name and key are the same.
func (t *Table) Beside(down func() []string, meant func(name string) (key string)) *Table {
	with := *t
	with.trunks = down
	with.networks = slices.Clone(t.networks)
	moved := map[*Switch]*Switch{}
	for i := range with.networks {
		n := &with.networks[i]
		if moved[n.asker] == nil {
			s := *n.asker
			s.meant = meant
			moved[n.asker] = &s
		}
		n.asker = moved[n.asker]
	}
	return &with
}

func itself(name string) string { return name }

// Find returns the switch that asks from an address, or nil when none may.
func (t *Table) Find(a netip.Addr) *Switch {
	if t == nil {
		return nil
	}
	a = a.Unmap().WithZone("")
	for i := range t.networks {
		if t.networks[i].prefix.Contains(a) {
			return t.networks[i].asker
		}
	}
	return nil
}

// Empty tells whether nobody may ask.
func (t *Table) Empty() bool { return t == nil || len(t.networks) == 0 }

// Carrier returns the section of a trunk. The zero Carrier, false: there is none.
func (t *Table) Carrier(trunk string) (Carrier, bool) {
	if t == nil {
		return Carrier{}, false
	}
	c, ok := t.carriers[trunk]
	return c, ok
}

// Carriers returns the names of all carriers, in order.
func (t *Table) Carriers() []string {
	if t == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(t.carriers))
}

// Down returns the names of the carriers that are out of service and of the trunks that are down. It is not to be changed.
func (t *Table) Down() []string {
	if t == nil {
		return nil
	}
	if t.trunks == nil {
		return t.down
	}
	if more := t.trunks(); len(more) > 0 {
		return slices.Concat(t.down, more)
	}
	return t.down
}

// Provider returns the key of the service provider whose plans decide: that of the trunk group, else of the host that is called, else the switch's own. Either
// may be empty.
func (s *Switch) Provider(host, group string) string {
	if group != "" && s.groups != nil {
		if p, ok := s.groups[strings.ToLower(group)]; ok {
			return s.meant(p)
		}
	}
	if host != "" && s.hosts != nil {
		if p, ok := s.hosts[strings.ToLower(host)]; ok {
			return s.meant(p)
		}
	}
	return s.meant(s.provider)
}

// ByTrunkGroup tells whether the trunk group of a call can name its service provider.
func (s *Switch) ByTrunkGroup() bool { return len(s.groups) > 0 }

// Serves tells whether the switch may ask for the plans of the service provider with a name, and returns its key.
func (s *Switch) Serves(name string) (key string, ok bool) {
	key = s.meant(name)
	if name == s.provider || key == s.meant(s.provider) {
		return key, true
	}
	for _, m := range []map[string]string{s.hosts, s.groups} {
		for _, p := range m {
			if p == name || s.meant(p) == key {
				return key, true
			}
		}
	}
	return "", false
}

// ByName returns the switch of a section, or nil.
func (t *Table) ByName(name string) *Switch {
	if t == nil {
		return nil
	}
	for i := range t.networks {
		if t.networks[i].asker.Name == name {
			return t.networks[i].asker
		}
	}
	return nil
}

// Addresses returns every address that calls may go to: of carriers, and next hops.
func (t *Table) Addresses() (out []string) {
	if t == nil {
		return nil
	}
	for _, c := range t.carriers {
		out = append(out, c.Address)
	}
	for _, n := range t.networks {
		out = append(out, n.asker.NextHop)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(a string) bool { return a == "" })
}
