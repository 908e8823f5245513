package modem

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Domain is what a modem is registered for, as far as messages are concerned.
type Domain string

const (
	// DomainCS is the circuit-switched network of GSM and UMTS: messages always go there.
	DomainCS Domain = "cs"
	// DomainPS is LTE or later alone: messages need IMS at the operator, or nothing is sent and nothing arrives.
	DomainPS Domain = "ps"
	// DomainBoth is LTE with the circuit-switched network behind it: messages go over LTE by way of that. 3GPP TS 23.272 §8.2.
	DomainBoth Domain = "cs+ps"
)

// domainOf sorts what AT+CREG and AT+CEREG say.
func domainOf(cs, ps bool) Domain {
	switch {
	case cs && ps:
		return DomainBoth
	case cs:
		return DomainCS
	case ps:
		return DomainPS
	}
	return ""
}

// services are <service> of AT+CGSMS by their names in the configuration. 3GPP TS 27.007 §10.1.21.
var services = map[string]int{"ps": 0, "cs": 1, "ps_preferred": 2, "cs_preferred": 3}

// What Config.SMSService says besides a service.
const (
	serviceAuto = "auto" // the modem's own choice, until that does not work
	serviceKeep = "keep" // the modem's own choice
)

func serviceNames() string {
	return strings.Join(append([]string{serviceAuto, serviceKeep}, slices.Sorted(maps.Keys(services))...), ", ")
}

// dataOnlyFor is how long a modem may be registered for data alone before another service is tried: some register for the rest later.
const dataOnlyFor = 2 * time.Minute

var (
	// errDataOnly and errRefused are why the service is changed.
	errDataOnly = errors.New("registered for data alone")
	errRefused  = errors.New("the network refuses to take messages")
)

// prepareService sets the service that the configuration names, or the one that was found to work.
func (s *session) prepareService() error {
	s.service = -1
	answer, err := s.ask("+CGSMS?")
	if err != nil {
		return ignoreRefusal(err) // unknown: then there is nothing to choose either
	}
	if n, ok := smallNumber(firstField(answer), 3); ok {
		s.service = n
	}
	want, named := services[s.m.config.SMSService]
	if !named {
		if want = s.m.service; want < 0 {
			return nil
		}
	}
	if want != s.service {
		_, err = s.setService(want)
	}
	return err
}

// chosenService are the commands that set again what was set by prepareService or since.
func (s *session) chosenService() []string {
	if _, named := services[s.m.config.SMSService]; s.service >= 0 && (named || s.m.service >= 0) {
		return []string{fmt.Sprintf("+CGSMS=%d", s.service)}
	}
	return nil
}

// setService reports whether the modem took it.
func (s *session) setService(n int) (bool, error) {
	_, err := s.ask(fmt.Sprintf("+CGSMS=%d", n))
	if err == nil {
		s.service = n
		return true, nil
	}
	s.m.limiter.warn("service", "modem does not send by another way", "service", n, "error", err)
	return false, ignoreRefusal(err)
}

// otherService tries the next service that may work where the present one does not: the circuit-switched one preferred, then nothing else.
// Each is tried once in a session. It reports whether one was set.
func (s *session) otherService(why error) (bool, error) {
	if s.m.config.SMSService != serviceAuto || s.service < 0 {
		return false, nil
	}
	for _, n := range []int{services["cs_preferred"], services["cs"]} {
		if n == s.service || s.triedService[n] {
			continue
		}
		s.triedService[n] = true
		s.m.recover(stepService, why)
		set, err := s.setService(n)
		if set || err != nil {
			s.m.service = s.service
			return set, err
		}
	}
	return false, nil
}
