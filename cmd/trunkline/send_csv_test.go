package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"trunkline/api"
)

func TestCSVList(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string // to, text, tag, line
		wrong    string
	}{
		{name: "names", in: "to,text,tag\n+49151,hi,a\n+49152,,\n", want: []string{"+49151 hi a 2", "+49152 usual word 3"}},
		{name: "names in another order and case", in: "\uFEFFTag, To\nb,+49151\n", want: []string{"+49151 usual b 2"}},
		{name: "no names", in: "+49151,\"hi, you\"\n0152\n", want: []string{"+49151 hi, you word 1", "0152 usual word 2"}},
		{name: "text of two lines", in: "to,text\n+49151,\"one\ntwo\"\n+49152,x\n", want: []string{"+49151 one\ntwo word 2", "+49152 x word 4"}},
		{name: "no line end", in: "to\r\n+49151", want: []string{"+49151 usual word 2"}},
		{name: "empty", in: "", wrong: "the list is empty"},
		{name: "unknown column", in: "to,txt\n", wrong: `column "txt"`},
		{name: "column twice", in: "to,text,text\n", wrong: "text twice"},
		{name: "nobody", in: "text\nhi\n", wrong: "no column to"},
		{name: "three without names", in: "+49151,hi,a\n", wrong: "3 columns and no names"},
		{name: "too many in a line", in: "to\n+49151,hi\n", wrong: "line 2 has 2 columns"},
		{name: "wrong priority", in: "to,priority\n+49151,high\n", wrong: `line 2: priority: "high"`},
		{name: "wrong duration", in: "to,valid_for\n+49151,1\n", wrong: `line 2: valid_for: "1"`},
		{name: "open quotation mark", in: "to,text\n+49151,\"hi\n", wrong: "line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readList(c.in)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("got %q, %v; want %q", got, err, c.wrong)
				}
				return
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// readList returns what a list says, with its lines.
func readList(in string) (all []string, err error) {
	l, err := newCSVList(strings.NewReader(in), api.SubmitRequest{Text: "usual", Tag: "word"})
	if err != nil {
		return nil, err
	}
	for {
		r, line, err := l.next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, fmt.Sprintf("%s %s %s %d", strings.Join(r.To, ","), r.Text, r.Tag, line))
	}
}

func FuzzCSVList(f *testing.F) {
	f.Add("to,text,tag\n+49151,hi,a\n+49152,,\n")
	f.Add("+49151,\"hi, you\"\n\n0152\n")
	f.Add("to,flash,priority,valid_for\n1,true,9,24h\n")
	f.Fuzz(func(t *testing.T, in string) {
		if all, err := readList(in); err == nil && len(all) > strings.Count(in, "\n")+strings.Count(in, "\r")+1 {
			t.Errorf("%d messages from %q", len(all), in)
		}
	})
}

// TestSendCSV: a list goes out line by line, what is wrong in it is told, and a repetition with its key makes nothing twice.
func TestSendCSV(t *testing.T) {
	d := startDemo(t, shortDir(t))
	var list strings.Builder
	list.WriteString("to,text,tag\n")
	for i := range 1100 { // more than one call takes
		fmt.Fprintf(&list, "+4917000%05d,number %d,list\n", i, i)
	}
	list.WriteString("nobody,x,list\n")
	file := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	send := func() (ids []string) {
		t.Helper()
		got := d.call("", "send", "--at", nextMonth()[:10]+"T00:00:00Z", "--csv", file, "--key", "members")
		if got.code != exitFailed || !strings.Contains(got.err, "line 1102: to nobody: ") || !strings.Contains(got.err, "1 messages were not accepted, 1100 were") {
			t.Fatalf("%+v", got.err)
		}
		for line := range strings.Lines(got.out) {
			ids = append(ids, strings.Fields(line)[0])
		}
		return ids
	}
	first := send()
	if again := send(); len(first) != 1100 || !slices.Equal(first, again) {
		t.Errorf("%d messages, then %d", len(first), len(again))
	}
	if got := d.call("+491700000001\n", "send", "--csv", "-", "--at", nextMonth(), "for all"); got.code != exitDone || !strings.Contains(got.out, "waiting 1 part to +491700000001") {
		t.Errorf("from standard input: %+v", got)
	}
	for _, args := range [][]string{{"--csv", "-", "-"}, {"--csv", "-", "a", "b"}, {"--csv", filepath.Join(t.TempDir(), "none")}, {"--csv", "-"}} {
		if got := d.call("", append([]string{"send"}, args...)...); got.code == exitDone || got.err == "" {
			t.Errorf("%q: %+v", args, got)
		}
	}
}
