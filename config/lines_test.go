package config

import (
	"maps"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestKeyLines(t *testing.T) {
	src := strings.Join([]string{
		/* 1 */ `# comment = "x"`,
		/* 2 */ `top = 1`,
		/* 3 */ `a.b . c = "x # = [y]" # comment`,
		/* 4 */ `[modem."my \"desk\""]`,
		/* 5 */ `device = 'C:\'`,
		/* 6 */ `'quoted key' = """`,
		/* 7 */ `device = "no key"`,
		/* 8 */ `"" still \""" text""""`,
		/* 9 */ `after = '''`,
		/* 10 */ `x = 1''''`,
		/* 11 */ `inline = { a = 1, "b c" = { d = [1, 2] }, e.f = true }`,
		/* 12 */ `list = [ # comment ]`,
		/* 13 */ `  "one", # , "two"`,
		/* 14 */ `  { x = 1 },`,
		/* 15 */ `  [ 1979-05-27 07:32:00Z ],`,
		/* 16 */ `]`,
		/* 17 */ `[[rule]]`,
		/* 18 */ `name = 1`,
		/* 19 */ `[[rule]]`,
		/* 20 */ `name = 2`,
		/* 21 */ `[rule.sub]`,
		/* 22 */ `k=1e3`,
		/* 23 */ `[ last ]`,
		/* 24 */ `z = false`,
	}, "\r\n")
	var valid map[string]any
	if _, err := toml.Decode(src, &valid); err != nil {
		t.Fatalf("the document of the test is not valid: %v", err)
	}
	desk := `modem."my \"desk\""`
	want := map[string]int{"top": 2, "a": 3, "a.b": 3, "a.b.c": 3, "modem": 4, desk: 4, desk + ".device": 5, desk + `."quoted key"`: 6, desk + ".after": 9,
		desk + ".inline": 11, desk + ".inline.a": 11, desk + `.inline."b c"`: 11, desk + `.inline."b c".d`: 11, desk + `.inline."b c".d[0]`: 11,
		desk + `.inline."b c".d[1]`: 11, desk + ".inline.e": 11, desk + ".inline.e.f": 11, desk + ".list": 12, desk + ".list[0]": 13, desk + ".list[1]": 14,
		desk + ".list[1].x": 14, desk + ".list[2]": 15, desk + ".list[2][0]": 15, "rule": 17, "rule[0]": 17, "rule[0].name": 18, "rule[1]": 19, "rule[1].name": 20,
		"rule[1].sub": 21, "rule[1].sub.k": 22, "last": 23, "last.z": 24}
	got, err := keyLines(src)
	if err != nil {
		t.Fatal(err)
	}
	for key, line := range want {
		if got[key] != line {
			t.Errorf("%s: line %d, want %d", key, got[key], line)
		}
	}
	for key := range maps.Keys(got) {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: line %d, but there is no such key", key, got[key])
		}
	}
}

func TestKeyLinesDepth(t *testing.T) {
	for name, src := range map[string]string{
		"dotted key": strings.Repeat("a.", 1<<18) + "b = 1",
		"table":      "[" + strings.Repeat("a.", 1<<18) + "b]",
		"arrays":     "a = " + strings.Repeat("[", 1<<18),
		"inline":     "a = " + strings.Repeat("{a=", 1<<18),
	} {
		if _, err := keyLines(src); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	if _, err := keyLines("a = " + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)); err != nil {
		t.Errorf("%d levels: %v", maxDepth, err)
	}
}

// FuzzKeyLines: no panic, no endless loop; and of a valid document every key has a line.
func FuzzKeyLines(f *testing.F) {
	for _, s := range []string{"a=1", "[a.b]\nc='''\n'''", "[[a]]\nb=[[1],{c=\"\\u0041\"}]\n[a.c]\nd=1", "a=[", "a={b=", "\"a", "a=\"\"\"", "[[", "a = 1 = 2", "'a.b'.c=1", "\"\\t\"=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 4096 {
			return
		}
		lines, deep := keyLines(src)
		var valid map[string]any
		if _, err := toml.Decode(src, &valid); err != nil || deep != nil {
			return
		}
		located(t, src, lines, "", valid)
	})
}

func located(t *testing.T, src string, lines map[string]int, path string, table map[string]any) {
	for key, v := range table {
		at := join(path, key)
		if lines[at] < 1 || lines[at] > 1+strings.Count(src, "\n") {
			t.Fatalf("key %s of %q has line %d", at, src, lines[at])
		}
		if sub, ok := v.(map[string]any); ok {
			located(t, src, lines, at, sub)
		}
	}
}
