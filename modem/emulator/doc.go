// Package emulator is a GSM modem that speaks AT over any byte stream, and the
// mobile network behind it.
//
// A [Network] is a short message centre with subscribers: the SIM cards of
// emulated modems and the handsets of people. It keeps a ledger of everything
// it took and of everything it delivered, sends status reports and repeats what
// could not be delivered.
//
// A [Modem] answers commands on a stream ([Modem.Serve]) or on a pseudo
// terminal ([Modem.PTY]) as a real device does: echo and result modes, chains
// of commands, prompts, message memories, unsolicited result codes, reboots.
// How one make differs from another is data ([Profile]); what can go wrong is
// data too ([Fault]) and is injected while the modem runs.
//
// Nothing here shares code with the driver that it is used to test, and time
// comes from package time alone, so that a whole installation runs inside a
// testing/synctest bubble. Commands follow V.250, 3GPP TS 27.007 and TS 27.005;
// the PDU layouts follow TS 23.040.
package emulator
