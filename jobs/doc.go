// Package jobs does durable deferred work: it delivers events to webhooks and lets records go when their time has come. Everything that must survive
// a crash is in package store; a job only decides what is next.
//
// Webhooks.Run has one loop for each active endpoint (endpoint.go). The loop follows the event feed from a cursor in the store, so that nothing has to be
// written when an event happens:
//
//	feed → window of events in order → try (try.go: request, signature, answer) → store.SettleDelivery → cursor
//	                                      ↑ retries that are due (schedule.go)
//
// What fails becomes a delivery that is tried again by itself, while the loop goes on; later events of the same message wait behind it in the store.
// When everything fails, the loop takes up new events only now and then, to see whether the endpoint is back: the feed is the queue.
package jobs
