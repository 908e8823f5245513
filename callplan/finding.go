package callplan

import (
	"errors"
	"fmt"
	"strings"
)

// Finding is one thing that is wrong, or odd, in a document. Codes that begin with E_ are errors: such a plan is not used. Codes that begin with W_ are
// warnings and never block.
type Finding struct {
	Code    string `json:"code"`
	Pointer string `json:"pointer"` // JSON pointer (RFC 6901) into the document; "" is the document itself
	Message string `json:"message"`
	Found   string `json:"found,omitempty"`   // what stands there, cut to a line
	Allowed string `json:"allowed,omitempty"` // what may stand there
	Example string `json:"example,omitempty"` // one value that would do
}

// Warning tells whether the finding does not block.
func (f Finding) Warning() bool { return strings.HasPrefix(f.Code, "W_") }

// String returns "CODE /pointer: message".
func (f Finding) String() string { return fmt.Sprintf("%s %s: %s", f.Code, f.Pointer, f.Message) }

// Findings are all findings about a document, in the order of the document.
type Findings []Finding

// Errors returns those that block.
func (f Findings) Errors() Findings { return f.only(false) }

// Warnings returns those that do not.
func (f Findings) Warnings() Findings { return f.only(true) }

func (f Findings) only(warning bool) Findings {
	var some Findings
	for _, one := range f {
		if one.Warning() == warning {
			some = append(some, one)
		}
	}
	return some
}

// Err returns all errors as one, nil when there are only warnings. Each is an *Error.
func (f Findings) Err() error {
	var all []error
	for _, one := range f.Errors() {
		all = append(all, &Error{one})
	}
	return errors.Join(all...)
}

// Error is a finding that blocks, as an error.
type Error struct{ Finding Finding }

func (e *Error) Error() string {
	s := e.Finding.Message
	if e.Finding.Pointer != "" {
		s = e.Finding.Pointer + ": " + s
	}
	if e.Finding.Example != "" {
		s += "; for example " + e.Finding.Example
	}
	return s
}

// Codes of findings. Those of which the message tells all have no text here.
const (
	codeJSON         = "E_JSON"
	codeDuplicate    = "E_DUPLICATE_KEY"
	codeType         = "E_TYPE"
	codeLimit        = "E_LIMIT"
	codeDepth        = "E_DEPTH"
	codeUnknownKey   = "E_UNKNOWN_KEY"
	codeNameEmpty    = "E_NAME_EMPTY"
	codeNameLength   = "E_NAME_LENGTH"
	codePriority     = "E_PRIORITY_TYPE"
	codeZone         = "E_TZ_UNKNOWN"
	codeRulesEmpty   = "E_RULES_EMPTY"
	codeNoCriteria   = "E_CRITERIA_EMPTY"
	codeTimeFormat   = "E_TIME_FORMAT"
	codeTimeEmpty    = "E_TIME_EMPTY"
	codeDateFormat   = "E_DATE_FORMAT"
	codeDateInvalid  = "E_DATE_INVALID"
	codeDateOrder    = "E_DATE_ORDER"
	codeDay          = "E_DAY_UNKNOWN"
	codePercent      = "E_PERCENT_RANGE"
	codePercentSum   = "E_PERCENT_SUM"
	codePercentInNot = "E_PERCENT_IN_NOT"
	codeMatch        = "E_MATCH_FORMAT"
	codeNPA          = "E_NPA_UNKNOWN"
	codePC           = "E_PC_FORMAT"
	codePCOrder      = "E_PC_ORDER"
	codeLATAKind     = "E_LATA_KIND"
	codeLATADigits   = "E_LATA_DIGITS"
	codeZIP          = "E_ZIP_FORMAT"
	codeKind         = "E_KIND_UNKNOWN"
	codeHoliday      = "E_HOLIDAY_FORMAT"
	codeNoDest       = "E_DEST_EMPTY"
	codeConflict     = "E_DEST_CONFLICT"
	codeNumber       = "E_NUMBER_FORMAT"
	codeTrunk        = "E_TRUNK_FORMAT"
	codeTrunkOp      = "E_TRUNK_OP_FORMAT"
	codeSIP          = "E_SIP_FORMAT"

	warnAlways        = "W_ALWAYS_REDUNDANT"
	warnTimeAlways    = "W_TIME_ALWAYS"
	warnPercentZero   = "W_PERCENT_ZERO"
	warnPercentShort  = "W_PERCENT_SHORT"
	warnNPAAlias      = "W_NPA_ALIAS"
	warnNPAUnassigned = "W_NPA_UNASSIGNED"
	warnNPANotYet     = "W_NPA_NOT_YET"
	warnNetwork0      = "W_PC_NETWORK0"
	warnLATAExtra     = "W_LATA_EXTRA"
	warnMatchLength   = "W_MATCH_LENGTH"
	warnUnreachable   = "W_UNREACHABLE"
	warnNoCatchAll    = "W_NO_CATCHALL"
	warnPriorityTie   = "W_PRIORITY_TIE"
	warnDatePast      = "W_DATE_PAST"
	warnTrunkUnknown  = "W_TRUNK_UNKNOWN"
	warnHolidayNone   = "W_HOLIDAY_UNKNOWN"
	warnLabel         = "W_LABEL_DUPLICATE"
	warnTerminate     = "W_TERMINATE_UNUSED"
)
