package httpd

import (
	"strconv"

	"trunkline/api"
	"trunkline/router"
)

// reader takes a checked document apart and collects everything that is wrong on the way, so that a caller learns of all of it at once.
type reader struct {
	doc     *document
	wrong   []router.FieldError
	mangled bool // at least one is unknown or of the wrong type
}

// field is one member of an object: its name and what to do with its value.
type field[T any] struct {
	name string
	set  func(r *reader, at int32, into *T)
}

// decodeObject reads the object at index at by a table of its members. Names are compared exactly.
func decodeObject[T any](r *reader, at int32, members []field[T], into *T) {
	if r.doc.nodes[at].kind != kindObject {
		r.wrongType(at, "an object")
		return
	}
next:
	for c := r.doc.first(at); c >= 0; c = r.doc.next(c) {
		for i := range members {
			if r.doc.keyIs(c, members[i].name) {
				members[i].set(r, c, into)
				continue next
			}
		}
		r.mangle(c, api.FieldUnknown, "is no field of this request; names are spelled exactly, known are "+names(members))
	}
}

// names lists the members of a table for an error message.
func names[T any](members []field[T]) string {
	var out string
	for i, m := range members {
		if i > 0 {
			out += ", "
		}
		out += m.name
	}
	return out
}

// mangle notes a field that cannot be taken as a request at all.
func (r *reader) mangle(at int32, code, message string) {
	r.mangled = true
	r.add(r.doc.path(at), code, message)
}

// refuse notes a field whose value cannot be.
func (r *reader) refuse(at int32, code, message string) { r.add(r.doc.path(at), code, message) }

func (r *reader) add(path, code, message string) {
	const most = 100 // a body of wrong names must not make an answer of a megabyte
	if path == "" {
		path = "body"
	}
	if len(r.wrong) < most {
		r.wrong = append(r.wrong, router.FieldError{Field: path, Code: code, Message: message})
	}
}

func (r *reader) wrongType(at int32, want string) {
	message := "is " + r.doc.nodes[at].kind.String() + ", but " + want + " belongs there"
	if r.doc.nodes[at].kind == kindNull {
		message = "is null; leave it out instead"
	}
	r.mangle(at, api.FieldWrongType, message)
}

// str returns a string; ok is false when it is none, which is noted.
func (r *reader) str(at int32) (s string, ok bool) {
	if r.doc.nodes[at].kind != kindString {
		r.wrongType(at, "a string")
		return "", false
	}
	return r.doc.content(at), true
}

func (r *reader) boolean(at int32) bool {
	if r.doc.nodes[at].kind != kindBool {
		r.wrongType(at, "true or false")
		return false
	}
	return r.doc.raw(at)[0] == 't'
}

// integer returns a whole number of 64 bits.
func (r *reader) integer(at int32) (n int64, ok bool) {
	if r.doc.nodes[at].kind != kindNumber {
		r.wrongType(at, "a whole number")
		return 0, false
	}
	n, err := strconv.ParseInt(string(r.doc.raw(at)), 10, 64)
	if err != nil {
		r.refuse(at, api.FieldInvalid, "is not a whole number of usual size")
		return 0, false
	}
	return n, true
}

// fieldErrors translates what was found wrong.
func fieldErrors(e *router.ValidationError) []api.FieldError {
	out := make([]api.FieldError, len(e.Fields))
	for i, f := range e.Fields {
		out[i] = api.FieldError{Field: f.Field, Code: f.Code, Message: f.Message}
	}
	return out
}
