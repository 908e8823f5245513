package emulator

import (
	"reflect"
	"testing"
)

func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		line string
		want []call
		bad  bool
	}{
		{line: ""},
		{line: "E0", want: []call{{"E", opSet, "0"}}},
		{line: "E0V1Q0", want: []call{{"E", opSet, "0"}, {"V", opSet, "1"}, {"Q", opSet, "0"}}},
		{line: "e0v1+cmee=1", want: []call{{"E", opSet, "0"}, {"V", opSet, "1"}, {"+CMEE", opSet, "1"}}},
		{line: "&F&C1", want: []call{{"&F", opExec, ""}, {"&C", opSet, "1"}}},
		{line: "S0=0", want: []call{{"S0", opSet, "0"}}},
		{line: "S3?S4=?", want: []call{{"S3", opRead, ""}, {"S4", opTest, ""}}},
		{line: "+CREG?", want: []call{{"+CREG", opRead, ""}}},
		{line: "+CNMI=?", want: []call{{"+CNMI", opTest, ""}}},
		{line: "+CSQ;+CREG?;+COPS=3,0", want: []call{{"+CSQ", opExec, ""}, {"+CREG", opRead, ""}, {"+COPS", opSet, "3,0"}}},
		{line: ` +CPMS="SM;x" ; +CSQ `, want: []call{{"+CPMS", opSet, `"SM;x"`}, {"+CSQ", opExec, ""}}},
		{line: `+CUSD=1,"*100#`, want: []call{{"+CUSD", opSet, `1,"*100#`}}},
		{line: "^ICCID?", want: []call{{"^ICCID", opRead, ""}}},
		{line: "+CMGF=", want: []call{{"+CMGF", opSet, ""}}},
		{line: "D+4930123;", want: []call{{"D", opSet, "+4930123;"}}},
		{line: "+", bad: true},
		{line: "&", bad: true},
		{line: "S", bad: true},
		{line: "+CSQ 1", bad: true},
		{line: "=1", bad: true},
		{line: "E0\x80", want: []call{{"E", opSet, "0"}}, bad: true},
	} {
		got, err := parseLine(c.line)
		if (err != nil) != c.bad || !reflect.DeepEqual(got, c.want) {
			t.Errorf("parseLine(%q) = %+v, %v, want %+v, bad %v", c.line, got, err, c.want, c.bad)
		}
	}
}

func TestSplitArgs(t *testing.T) {
	for _, c := range []struct {
		in   string
		want args
	}{
		{"", nil},
		{"1", args{{"1", false}}},
		{`"SM", "ME",1`, args{{"SM", true}, {"ME", true}, {"1", false}}},
		{",,", args{{}, {}, {}}},
		{`"a,b",2`, args{{"a,b", true}, {"2", false}}},
		{`1,"open,x`, args{{"1", false}, {"open,x", true}}},
	} {
		if got := splitArgs(c.in); !reflect.DeepEqual(got, c.want) {
			t.Errorf("splitArgs(%q) = %+v, want %+v", c.in, got, c.want)
		}
	}
}

// FuzzParseLine: no panic, the same line gives the same commands, and commands
// written again parse to themselves.
func FuzzParseLine(f *testing.F) {
	for _, s := range []string{"", "E0V1", "+CMGS=23", `+CPMS="SM","ME";+CSQ`, "S3?", "&F", "D123;", `+X="`, ";;", "+CNMI=?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		calls, err := parseLine(line)
		if err != nil {
			return
		}
		for _, c := range calls {
			splitArgs(c.args)
			again, err := parseLine(written(c))
			if err != nil || len(again) != 1 || again[0] != c {
				t.Fatalf("%+v written as %q parses to %+v, %v", c, written(c), again, err)
			}
		}
	})
}

// written is a command as a host would type it.
func written(c call) string {
	extended := !isLetter(c.name[0]) && c.name[0] != '&'
	switch {
	case c.op == opRead:
		return c.name + "?"
	case c.op == opTest:
		return c.name + "=?"
	case c.op == opSet && (extended || c.name[0] == 'S' && len(c.name) > 1):
		return c.name + "=" + c.args
	}
	return c.name + c.args
}
