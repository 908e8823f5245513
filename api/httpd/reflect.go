package httpd

import (
	"reflect"
	"strings"
	"time"

	"trunkline/api"
	"trunkline/router"
)

// decodeStruct reads the object at index at into a struct by the names in its json tags: strings, booleans, whole numbers, times, structs and lists of them. What
// is absent from the object stays as it is. It is for requests of many fields that need not be quick; names are compared exactly.
func decodeStruct(r *reader, at int32, into reflect.Value) {
	if r.doc.nodes[at].kind != kindObject {
		r.wrongType(at, "an object")
		return
	}
next:
	for c := r.doc.first(at); c >= 0; c = r.doc.next(c) {
		for i := range into.NumField() {
			if r.doc.keyIs(c, jsonName(into.Type().Field(i))) {
				decodeValue(r, c, into.Field(i))
				continue next
			}
		}
		var known []string
		for i := range into.NumField() {
			known = append(known, jsonName(into.Type().Field(i)))
		}
		r.mangle(c, api.FieldUnknown, "is no field of this request; names are spelled exactly, known are "+strings.Join(known, ", "))
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

var timeType = reflect.TypeFor[time.Time]()

func decodeValue(r *reader, at int32, into reflect.Value) {
	switch into.Kind() {
	case reflect.String:
		if s, ok := r.str(at); ok {
			into.SetString(s)
		}
	case reflect.Bool:
		into.SetBool(r.boolean(at))
	case reflect.Int:
		if n, ok := r.integer(at); ok && !into.OverflowInt(n) {
			into.SetInt(n)
		}
	case reflect.Uint64:
		switch n, ok := r.integer(at); {
		case ok && n < 0:
			r.refuse(at, api.FieldOutOfRange, "is below 0")
		case ok:
			into.SetUint(uint64(n))
		}
	case reflect.Slice:
		if r.doc.nodes[at].kind != kindArray {
			r.wrongType(at, "a list")
			return
		}
		all := reflect.MakeSlice(into.Type(), 0, int(r.doc.nodes[at].count))
		for c := r.doc.first(at); c >= 0; c = r.doc.next(c) {
			one := reflect.New(into.Type().Elem()).Elem()
			decodeValue(r, c, one)
			all = reflect.Append(all, one)
		}
		into.Set(all)
	case reflect.Struct:
		if into.Type() != timeType {
			decodeStruct(r, at, into)
			return
		}
		s, ok := r.str(at)
		if !ok {
			return
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil || t.Year() < 1970 || t.Year() > 2200 {
			r.refuse(at, api.FieldInvalid, "is no time such as 2026-12-24T18:00:00Z")
			return
		}
		into.Set(reflect.ValueOf(t.UTC()))
	default:
		panic("httpd: a request has a field of type " + into.Type().String())
	}
}

// readJSON reads the JSON body of a request; the document is valid until release.
func (s *Server) readJSON(r *request) (*document, error) {
	if err := checkMedia(r.Header["Content-Type"]); err != nil {
		return nil, err
	}
	b, err := readBody(r.Request, nil, s.config.BodyLimit)
	if err != nil {
		return nil, err
	}
	doc := documents.Get().(*document)
	if err := doc.parse(b); err != nil {
		doc.release()
		return nil, malformed(err.(*jsonError).FieldError)
	}
	return doc, nil
}

// overlay sets the fields of a struct that a document has. The error names everything that is wrong.
func overlay[F any](doc *document, into *F) error {
	in := reader{doc: doc}
	decodeStruct(&in, 0, reflect.ValueOf(into).Elem())
	switch wrong := fieldErrors(&router.ValidationError{Fields: in.wrong}); {
	case in.mangled:
		return malformed(wrong...)
	case len(wrong) > 0:
		return invalid(wrong)
	}
	return nil
}
