package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// decoder sets values from the generic form of a TOML document (maps, slices, string, int64, float64, bool, times) and notes everything that does not
// fit instead of stopping at the first.
type decoder struct{ *problems }

var (
	durationType    = reflect.TypeFor[time.Duration]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// table sets the fields of a struct from a table. Keys that name no field are problems.
func (d decoder) table(path string, in map[string]any, out reflect.Value) {
	fields := fieldsOf(out.Type())
	known := make([]string, 0, len(fields))
	for name := range fields {
		known = append(known, name)
	}
	slices.Sort(known)
	for key, v := range in {
		at := join(path, key)
		if i, ok := fields[key]; ok {
			d.value(at, v, out.Field(i))
			continue
		}
		what, hint := "unknown key", "known here: "+strings.Join(known, ", ")
		if path == "" {
			what, hint = "unknown section", "known sections: "+strings.Join(known, ", ")
		}
		if near := nearest(strings.ToLower(key), known); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		d.add(at, hint, "%s", what)
	}
}

// value sets one value of any kind that a section can have.
func (d decoder) value(path string, in any, out reflect.Value) {
	if out.Type() == durationType {
		d.duration(path, in, out)
		return
	}
	if reflect.PointerTo(out.Type()).Implements(unmarshalerType) {
		d.text(path, in, out)
		return
	}
	switch out.Kind() {
	case reflect.Struct:
		if in, ok := in.(map[string]any); ok {
			d.table(path, in, out)
			return
		}
		d.mismatch(path, "a table", in)
	case reflect.Map:
		d.instances(path, in, out)
	case reflect.Slice:
		d.list(path, in, out)
	case reflect.String:
		if in, ok := in.(string); ok {
			out.SetString(in)
			return
		}
		d.mismatch(path, "a string in quotes", in)
	case reflect.Bool:
		if in, ok := in.(bool); ok {
			out.SetBool(in)
			return
		}
		d.mismatch(path, "true or false", in)
	case reflect.Float32, reflect.Float64:
		switch in := in.(type) {
		case float64:
			out.SetFloat(in)
		case int64:
			out.SetFloat(float64(in))
		default:
			d.mismatch(path, "a number", in)
		}
	default:
		d.integer(path, in, out)
	}
}

// integer sets an integer of any size.
func (d decoder) integer(path string, in any, out reflect.Value) {
	n, ok := in.(int64)
	if !ok {
		d.mismatch(path, "a whole number", in)
		return
	}
	switch {
	case out.CanInt() && !out.OverflowInt(n):
		out.SetInt(n)
	case out.CanUint() && n >= 0 && !out.OverflowUint(uint64(n)):
		out.SetUint(uint64(n))
	default:
		d.add(path, "", "%d is out of range", n)
	}
}

// duration sets a time.Duration from a string such as "1m30s".
func (d decoder) duration(path string, in any, out reflect.Value) {
	const hint = `write a number with its unit, e.g. "30s", "5m" or "72h"`
	s, ok := in.(string)
	if !ok {
		d.add(path, hint, "must be a duration in quotes, is %s", kind(in))
		return
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		d.add(path, hint, "%q is no duration", clip(s))
		return
	}
	out.SetInt(int64(v))
}

// text sets a value that reads itself from a string.
func (d decoder) text(path string, in any, out reflect.Value) {
	s, ok := in.(string)
	if !ok {
		d.mismatch(path, "a string in quotes", in)
		return
	}
	if err := out.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		d.add(path, "", "%v", err)
	}
}

// list sets a slice from an array; an empty one gives a nil slice.
func (d decoder) list(path string, in any, out reflect.Value) {
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Slice {
		d.mismatch(path, "an array", in)
		return
	}
	if v.Len() == 0 {
		out.SetZero()
		return
	}
	list := reflect.MakeSlice(out.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		d.value(index(path, i), v.Index(i).Interface(), list.Index(i))
	}
	out.Set(list)
}

// instances sets a map of named sections. Each starts from what its type has as default: the value under the empty name, which is taken out.
func (d decoder) instances(path string, in any, out reflect.Value) {
	tables, ok := in.(map[string]any)
	if !ok {
		d.mismatch(path, "named tables such as ["+path+".desk]", in)
		return
	}
	if out.IsNil() {
		out.Set(reflect.MakeMap(out.Type()))
	}
	for name, v := range tables {
		at := join(path, name)
		table, ok := v.(map[string]any)
		if !ok {
			d.add(at, "write ["+join(path, "NAME")+"] and the key below it", "is %s, not a named table", kind(v))
			continue
		}
		element := reflect.New(out.Type().Elem()).Elem()
		if base := out.MapIndex(reflect.ValueOf("")); base.IsValid() {
			element.Set(base)
		}
		d.table(at, table, element)
		out.SetMapIndex(reflect.ValueOf(name), element)
	}
}

// mismatch notes a value of the wrong type. The value itself is not shown.
func (d decoder) mismatch(path, want string, in any) {
	d.add(path, "", "must be %s, is %s", want, kind(in))
}

// kind names the type of a generic value for people.
func kind(v any) string {
	switch v := v.(type) {
	case string:
		return "a string"
	case int64:
		return "a whole number"
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "not a finite number"
		}
		return "a fraction"
	case bool:
		return "true or false"
	case time.Time:
		return "a date or time"
	case map[string]any:
		return "a table"
	}
	return "an array"
}

// fieldsOf returns the fields of a struct by the key that sets them. Fields without a toml tag cannot be set.
func fieldsOf(t reflect.Type) map[string]int {
	fields := map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("toml"), ","); name != "" && name != "-" {
			fields[name] = i
		}
	}
	return fields
}

// clip shortens what is quoted in an error.
func clip(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
