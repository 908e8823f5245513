// Package modem drives one GSM modem: octets in, events out.
//
// A Modem is supervised for as long as its Run is running: the port is opened, the modem is initialised, requests are
// served, and when something breaks the port is closed and opened again after a growing pause. A modem that is absent is a
// status, never an error of the program.
//
// # How a line travels
//
//	Port → splitter → guard → at            final results and the one prompt of a send
//	                    ├──→ answer         lines that belong to the running command
//	                    └──→ indications    everything else, in order, to Status and Notices
//
// The guard stands between the port and the at package, which is used for what it does well: issue one command and wait
// for its end over a clean stream. The guard bounds lines, drops noise and echo, takes indications out, lets exactly one
// prompt through per send, gives writes a deadline, and after any missed deadline ends the at value, drains the port, proves
// that question and answer are in step, and starts a new one.
//
// One goroutine owns the dialogue: the one in Run. Submit, List, Delete and Acknowledge queue in front of it with their
// context. What the modem says is never written back to it, except memory names out of a fixed list and checked integers.
package modem
