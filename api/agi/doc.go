// Package agi answers FastAGI requests of Asterisk with what the call plans decide: Asterisk connects, tells what it knows of the call, and gets the
// decision as channel variables.
//
//	TRUNKLINE_ACTION      route, continue, terminate, no_match; or error, with the reason in TRUNKLINE_ERROR
//	TRUNKLINE_PLAN, TRUNKLINE_PATH   the plan and the rule that decided
//	TRUNKLINE_COUNT       number of candidates, 0 unless the action is route
//	TRUNKLINE_URI_1       the SIP URI of the first candidate, TRUNKLINE_TRUNK_1 its trunk, TRUNKLINE_NUMBER_1 its number; and so on
//
// The protocol is described in Asterisk's documentation of the AGI application: lines "agi_NAME: value" up to an empty one, then commands, each of
// which is answered by a line that begins with its code.
package agi
