package pdu

import (
	"encoding/hex"
	"reflect"
	"testing"
)

// fill sets everything in v, which is no part of a map or an interface, to something else than zero.
func fill(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(t, v.Field(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.String:
		v.SetString("something")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint16:
		v.SetUint(1)
	default:
		t.Fatalf("a field of kind %v", v.Kind())
	}
}

// A Message in which every field was set decodes to what a new one does, whatever the type and wherever the octets end.
func TestDecodeClearsEverything(t *testing.T) {
	var vectors []vector
	vectorFile(t, "pdu.json", &vectors)
	for _, v := range vectors {
		octets, _ := hex.DecodeString(v.PDU)
		for _, n := range []int{0, 1, min(9, len(octets)), min(25, len(octets)), len(octets)} {
			var used Message
			fill(t, reflect.ValueOf(&used).Elem())
			used.ready = ready{"something", 1, 1, true, []byte{1}}
			used.Decode(octets[:min(n, len(octets))], v.direction(), v.HasSMSC)
			want, _ := Decode(octets[:min(n, len(octets))], v.direction(), v.HasSMSC)
			used.memory, want.memory = memory{}, memory{}
			if len(used.UDH) == 0 {
				used.UDH = want.UDH
			}
			if len(used.Data) == 0 {
				used.Data = want.Data
			}
			if !reflect.DeepEqual(&used, want) {
				t.Errorf("%s, %d octets: %+v, want %+v", v.ID, n, used, want)
			}
		}
	}
}
