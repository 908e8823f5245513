package freeswitch

import (
	"bytes"
	"encoding/xml"
	"strings"

	"trunkline/api/switches"
	"trunkline/callplan"
)

// notFound has FreeSWITCH go on with its own dialplan: the call is handed back unchanged.
const notFound = xml.Header + `<document type="freeswitch/xml"><section name="result"><result status="not found"/></section></document>` + "\n"

// action is one application of the dialplan.
type action struct{ application, data string }

// dialplan writes the actions as the whole dialplan of a context.
func dialplan(context string, actions []action) []byte {
	var b bytes.Buffer
	attribute := func(name, value string) {
		b.WriteString(" " + name + `="`)
		xml.EscapeText(&b, []byte(value)) // writes into memory: it cannot fail
		b.WriteByte('"')
	}
	b.WriteString(xml.Header + `<document type="freeswitch/xml"><section name="dialplan"><context`)
	attribute("name", context)
	b.WriteString(`><extension name="trunkline"><condition>`)
	for _, a := range actions {
		b.WriteString("<action")
		attribute("application", a.application)
		attribute("data", a.data)
		b.WriteString("/>")
	}
	b.WriteString("</condition></extension></context></section></document>\n")
	return b.Bytes()
}

// actions are what is done with a call that a plan decided; none: it goes on unchanged.
func (h *Handler) actions(d *callplan.Decision, asker *switches.Switch) []action {
	switch d.Action {
	case callplan.Terminate:
		return []action{{"hangup", h.config.Cause}}
	case callplan.Route:
	default:
		return nil
	}
	var to []string
	for i := range d.Candidates {
		if s := h.dialString(&d.Candidates[i], asker); s != "" && len(to) < h.config.Candidates {
			to = append(to, s)
		}
	}
	if len(to) == 0 {
		return []action{{"hangup", "NO_ROUTE_DESTINATION"}}
	}
	return []action{{"set", "hangup_after_bridge=true"}, {"set", "continue_on_fail=true"}, {"bridge", strings.Join(to, "|")}, {"hangup", "NO_ROUTE_DESTINATION"}}
}

// dialString returns what bridge calls: the gateway that is named like the trunk, or a SIP address by the profile. It is empty for what cannot be
// dialled, or would mean more than a destination.
func (h *Handler) dialString(c *callplan.Candidate, asker *switches.Switch) string {
	if c.Trunk != "" {
		if carrier, known := h.table.Carrier(c.Trunk); !known || carrier.Address == "" {
			if !word(c.Trunk) || !plain(c.Number) {
				return ""
			}
			return "sofia/gateway/" + c.Trunk + "/" + c.Number
		}
	}
	uri, ok := h.table.URI(c, asker.NextHop)
	if !ok || !plain(uri) {
		return ""
	}
	return "sofia/" + h.config.Profile + "/" + uri
}

// plain tells whether a value means the same within a dial string: no separator of destinations, no variable, no quote.
func plain(s string) bool {
	for _, c := range s {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune(",|&^\"'`\\$(){}<>", c) {
			return false
		}
	}
	return s != "" && s[0] != '['
}
