package config

import "testing"

func TestParent(t *testing.T) {
	for path, want := range map[string]string{"a": "", "a.b": "a", "a.b[3]": "a.b", `a."b.c"`: "a", `a."b\"[.c".d`: `a."b\"[.c"`, "": ""} {
		if got := parent(path); got != want {
			t.Errorf("parent(%s) = %s, want %s", path, got, want)
		}
	}
}
