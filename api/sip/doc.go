// Package sip answers SIP requests of switches with what the call plans decide: a stateless redirect server (RFC 3261 §8.2.7 and §8.3) on UDP and TCP.
//
//	datagram or stream → head (where it ends, folded lines) → message (lines, headers, defects)
//	→ responder (method, limits, loops) → facts → Decider → contacts → answer, back to where the request came from
//
// Nothing is kept between two requests, so that any number of sources costs no memory: no transactions, no dialogs, no timers. A retransmission is decided
// again and gets the same octets, since the decision and the To tag follow from the request alone. ACK and CANCEL are absorbed, as §8.2.7 demands.
//
// Messages are read by this package itself. The parser of emiago/sipgo was measured against it (bench_test.go): reading and answering one INVITE with
// it costs several times what a UDP echo does, before anything is decided. It remains the second opinion of the tests.
package sip
