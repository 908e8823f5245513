package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"trunkline/callplan/phone"
	"trunkline/modem/emulator"
)

// emulatedName is what a modem may be called: its name is a file and part of a URL.
var emulatedName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)

// modems reads what modems there shall be.
func (e *emulation) modems() (options []emulator.Options, err error) {
	specs := e.specs
	if len(specs) == 0 {
		if e.count < 1 || e.count > maxEmulated {
			return nil, usagef(fmt.Sprintf("give a number from 1 to %d", maxEmulated), "--modems %d is not possible", e.count)
		}
		for i := range e.count {
			specs = append(specs, fmt.Sprintf("name=modem%d", i+1))
		}
	}
	names, numbers := map[string]bool{}, map[string]bool{}
	for i, spec := range specs {
		o, err := e.modem(i, spec)
		if err != nil {
			return nil, usageError{fmt.Errorf("--modem %q: %w", spec, err), "write it as name=desk,number=+491700000001,profile=sim800"}
		}
		if names[o.Name] || numbers[o.Number] {
			return nil, usagef("give each a name and a number of its own", "two modems have the name %q or the number %s", o.Name, o.Number)
		}
		names[o.Name], numbers[o.Number] = true, true
		options = append(options, o)
	}
	return options, nil
}

// modem reads one --modem; i counts from 0.
func (e *emulation) modem(i int, spec string) (o emulator.Options, err error) {
	all := profileNames()
	profile := all[i%len(all)]
	if e.profile != "" {
		profile = e.profile
	}
	o = emulator.Options{Number: fmt.Sprintf("+49170100%04d", i+1), Boot: e.boot}
	for _, field := range strings.Split(spec, ",") {
		key, value, ok := strings.Cut(field, "=")
		if !ok || value == "" {
			return o, fmt.Errorf("%q has no value", field)
		}
		switch key {
		case "name":
			o.Name = value
		case "number":
			var number phone.Number
			if number, err = phone.Parse(value); err == nil {
				o.Number = number.String()
			}
		case "profile":
			profile = value
		case "pin":
			o.PIN, err = value, digits(key, value, 4, 8)
		case "imei":
			o.IMEI, err = value, digits(key, value, 15, 15)
		case "iccid":
			o.ICCID, err = value, digits(key, value, 18, 20)
		default:
			err = fmt.Errorf("key %q is none of name, number, profile, pin, imei, iccid", key)
		}
		if err != nil {
			return o, err
		}
	}
	if !emulatedName.MatchString(o.Name) {
		return o, fmt.Errorf("name %q: give 1 to 32 letters, digits, - or _", o.Name)
	}
	if o.Name == "network" {
		return o, errors.New(`name "network" is taken by the network`)
	}
	var known bool
	if o.Profile, known = emulator.ProfileByName(profile); !known {
		return o, fmt.Errorf("profile %q is none of %s", profile, strings.Join(all, ", "))
	}
	return o, nil
}

// digits refuses a value that is not so many digits.
func digits(key, value string, least, most int) error {
	if strings.Trim(value, "0123456789") != "" || len(value) < least || len(value) > most {
		return fmt.Errorf("%s must be %d to %d digits", key, least, most)
	}
	return nil
}

func profileNames() (names []string) {
	for _, p := range emulator.Profiles() {
		names = append(names, p.Name)
	}
	return names
}
