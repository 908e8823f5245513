package store_test

import (
	"strings"
	"testing"

	"trunkline/store"
)

func TestRemember(t *testing.T) {
	s, _ := open(t, store.Options{})
	get := func(key, want string) {
		t.Helper()
		if v, err := s.Remembered(ctx, key); string(v) != want || err != nil || (want == "") != (v == nil) {
			t.Errorf("Remembered(%q) = %q, %v; want %q", key, v, err, want)
		}
	}
	get("a", "")
	for _, step := range []struct{ key, value string }{{"a", "1"}, {"b", "2"}, {"a", "3"}} {
		if err := s.Remember(ctx, step.key, []byte(step.value)); err != nil {
			t.Fatal(err)
		}
	}
	get("a", "3")
	get("b", "2")
	if err := s.Remember(ctx, "a", nil); err != nil {
		t.Fatal(err)
	}
	get("a", "")
	get("b", "2")
	for _, bad := range []struct{ key, value string }{{"", "x"}, {strings.Repeat("k", 256), "x"}, {"k", strings.Repeat("v", 4097)}} {
		if err := s.Remember(ctx, bad.key, []byte(bad.value)); err == nil {
			t.Errorf("a key of %d bytes with %d is taken", len(bad.key), len(bad.value))
		}
	}
	report, err := s.Check(ctx, func(d store.Damage) { t.Errorf("%+v", d) })
	if err != nil || report.Records["remembered"] != 1 {
		t.Errorf("Check = %+v, %v", report, err)
	}
}
