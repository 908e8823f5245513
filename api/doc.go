// Package api is the contract of the native HTTP interface: its JSON types, its stable error codes and a Go client.
//
// Times are RFC 3339 in UTC. What is absent is left out, never null. Identifiers are UUIDs. Numbers of telephones are strings.
// Every error is a Problem (RFC 9457) that names each wrong field. The server is package api/httpd; its OpenAPI document is made from these types.
package api
