// Package switches says which switches may ask the call plans, for which service provider they ask, and where they reach what the plans name: the
// sections [switch.NAME] and [carrier.NAME]. It is shared by the interfaces that switches use: SIP, HTTP, FastAGI.
package switches
