package main

import (
	"trunkline/api"
	"trunkline/modem"
)

// Bounds beyond which something is said.
const (
	weakSignal  = -105 // dBm
	crowdedCard = 80   // percent
)

// examineModems looks at what the daemon tells of its modems.
func (d *doctor) examineModems() {
	for _, m := range d.modems {
		d.examineModem(m)
	}
}

func (d *doctor) examineModem(m api.Modem) {
	state := modem.State(m.State)
	switch reason := modem.Reason(m.Reason); {
	case state == modem.Ready:
		d.add(levelOK, "modem", m.Name, "", "ready: %s, %s", oneOf(m.Manufacturer+" "+m.Model, m.Device), oneOf(m.Operator, m.Registration))
	case reason == modem.ReasonNoSIM || reason == modem.ReasonSIMFailure || reason == modem.ReasonWrongSIM:
		d.add(levelError, "sim", m.Name, m.Hint, "the modem cannot use its card: %s", m.Reason)
	case reason == modem.ReasonPINRequired || reason == modem.ReasonPINFile || reason == modem.ReasonPINRefused || reason == modem.ReasonPINTries || reason == modem.ReasonPUKRequired:
		d.add(levelError, "pin", m.Name, m.Hint, "the card is locked: %s", m.Reason)
	case state == modem.Searching || reason == modem.ReasonNotRegistered || reason == modem.ReasonDenied || reason == modem.ReasonDataOnly:
		d.add(levelError, "registration", m.Name, oneOf(m.Hint, "give it half a minute; then look at the antenna and the contract of the card"), "the modem is not registered: %s", oneOf(m.Registration, m.Reason))
	case state == modem.Initialising || state == modem.Opening && m.Reason == "":
		d.add(levelNote, "modem", m.Name, "look again in half a minute", "it is coming up: %s", m.State)
	default:
		d.add(levelError, "modem", m.Name, m.Hint, "it is %s: %s", m.State, oneOf(m.Reason, "no reason is known"))
	}
	if m.PINTries != nil && *m.PINTries < 3 {
		level := levelWarning
		if *m.PINTries <= 1 {
			level = levelError
		}
		d.add(level, "pin", m.Name, "put the right PIN into pin_file, then trunkline modem unlock "+m.Name+"; a PIN that was refused is not tried again by itself", "the card takes %d more PIN entries", *m.PINTries)
	}
	if state != modem.Ready {
		return
	}
	if m.SMSC == "" {
		d.add(levelWarning, "smsc", m.Name, "set smsc to the number that the operator publishes", "the card holds no address of a service centre")
	}
	if m.SignalDBm != nil && *m.SignalDBm < weakSignal {
		d.add(levelWarning, "signal", m.Name, "move the antenna, or use one outside", "%d dBm is weak; sending fails now and then", *m.SignalDBm)
	}
	if m.Note != "" {
		d.add(levelNote, "modem", m.Name, "", "%s", m.Note)
	}
	for _, st := range m.Storage {
		if st.Total > 0 && st.Used*100 >= st.Total*crowdedCard {
			d.add(levelWarning, "storage", m.Name, "see journalctl -u trunkline for why messages stay there; when it is full the network delivers no more", "memory %s holds %d of %d messages", st.Memory, st.Used, st.Total)
		}
	}
	if m.Restarts > 3 {
		d.add(levelWarning, "modem", m.Name, "give it a powered hub and a short cable", "it restarted %d times within the last hour without being asked", m.Restarts)
	}
}

// oneOf returns the first text if there is one, else the second.
func oneOf(a, b string) string {
	if a != "" && a != " " {
		return a
	}
	return b
}
