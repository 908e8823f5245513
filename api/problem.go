package api

import (
	"fmt"
	"strings"
)

// ProblemMedia is the media type of a Problem.
const ProblemMedia = "application/problem+json"

// problemType is what the type of every problem begins with.
const problemType = "urn:trunkline:problem:"

// Codes of problems: the stable last part of Problem.Type.
const (
	CodeMalformed          = "malformed"            // 400: the request cannot be read: syntax, unknown names, wrong types
	CodeUnauthorized       = "unauthorized"         // 401: it is not known who asks, or credentials came where they must not
	CodeSecondFactor       = "second_factor_needed" // 401: the password is right, and a code of the second factor is missing
	CodeForbidden          = "forbidden"            // 403: it is known who asks, and he may not
	CodeNotFound           = "not_found"            // 404
	CodeMethodNotAllowed   = "method_not_allowed"   // 405
	CodeConflict           = "conflict"             // 409: the record is not in a state that allows it
	CodeKeyRunning         = "key_running"          // 409: the first request with this Idempotency-Key is still being answered
	CodeLengthRequired     = "length_required"      // 411: a body must come with its Content-Length
	CodeTooLarge           = "too_large"            // 413
	CodeUnsupportedMedia   = "unsupported_media"    // 415
	CodeInvalid            = "invalid"              // 422: it was read, but values are wrong
	CodeKeyReused          = "key_reused"           // 422: the Idempotency-Key came before with another request
	CodeQuota              = "quota_reached"        // 429: the account's quota has no room for it
	CodeTooManyTries       = "too_many_tries"       // 429: wait before the next try to log in
	CodeHeaderTooLarge     = "header_too_large"     // 431
	CodeInternal           = "internal"             // 500: the reason is in the daemon's log
	CodeFull               = "store_full"           // 503: no room on the disk
	CodeReadOnly           = "store_read_only"      // 503: the store cannot be written
	CodeStopped            = "store_stopped"        // 503: a sync failed; the daemon is about to restart
	CodeNotReady           = "not_ready"            // 503: starting or stopping
	CodeTooManyConnections = "too_many_connections" // 503: this user has too many connections open
)

// Codes of wrong fields: the stable FieldError.Code.
const (
	FieldRequired    = "required"     // is not there, or empty
	FieldUnknown     = "unknown"      // there is no such field, or no such thing as it names
	FieldDuplicate   = "duplicate"    // came twice
	FieldWrongType   = "wrong_type"   // is not the kind of JSON value that belongs there
	FieldInvalid     = "invalid"      // cannot be understood
	FieldOutOfRange  = "out_of_range" // below the least or above the greatest value
	FieldTooLong     = "too_long"
	FieldTooMany     = "too_many"
	FieldTooDeep     = "too_deep"
	FieldTooLarge    = "too_large"
	FieldMalformed   = "malformed"   // syntax
	FieldUnsupported = "unsupported" // understood, but not taken here
	FieldConflict    = "conflict"    // contradicts another field
	FieldExists      = "exists"      // another record has this value, perhaps an archived one
	FieldArchived    = "archived"    // names a record that is archived
	FieldImmutable   = "immutable"   // cannot be changed
)

// Problem is an error as RFC 9457 describes it. It is the error that Client methods return for every answer that is one.
type Problem struct {
	Type     string       `json:"type" doc:"urn:trunkline:problem: and a stable code" example:"urn:trunkline:problem:invalid"`
	Title    string       `json:"title" doc:"the same for every problem of this type"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty" doc:"what happened this time"`
	Instance string       `json:"instance,omitempty" doc:"path that was asked for"`
	Errors   []FieldError `json:"errors,omitempty" doc:"every wrong field"`

	// RetryAfter is when it makes sense to ask again, in seconds; also the header Retry-After. 0: not said.
	RetryAfter int64 `json:"retry_after,omitempty" doc:"ask again after so many seconds"`
}

// FieldError says what is wrong with one field of a request. Field is a path such as to[1], the name of a header or query parameter, or body.
type FieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code" doc:"stable, e.g. required, unknown, wrong_type, invalid, too_long"`
	Message string `json:"message"`
}

// NewProblem returns a problem of one of the codes above.
func NewProblem(status int, code, title, detail string) *Problem {
	return &Problem{Type: problemType + code, Title: title, Status: status, Detail: detail}
}

// Code returns the stable code of the problem, or "" when the type is not one of ours.
func (p *Problem) Code() string {
	code, _ := strings.CutPrefix(p.Type, problemType)
	if code == p.Type {
		return ""
	}
	return code
}

func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Title)
	switch {
	case p.Detail != "":
		b.WriteString(": " + p.Detail)
	case p.Code() == CodeNotFound && p.Instance != "":
		b.WriteString(": " + p.Instance)
	}
	for i, f := range p.Errors {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s: %s", sep, f.Field, f.Message)
	}
	return b.String()
}
