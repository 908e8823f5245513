// Package pdu reads and writes the transfer protocol data units of the short message service (3GPP TS 23.040) and their alphabets (3GPP TS 23.038).
//
// Decode is tolerant: what real networks and SIM cards get wrong is read as well as it can be and reported in Message.Quirks.
// What cannot be read safely is an *Error that names the field and the octet, beside a Message that holds everything before it.
// Append is strict: it writes one canonical form and refuses what has none.
//
// SplitText cuts a text into the parts to send; Assembly puts received parts together again. Both are deterministic and take time as an argument.
//
// The package has no state: everything may be used from many goroutines, each with its own Message or Assembly.
package pdu
