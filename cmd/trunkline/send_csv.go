package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

// A csvColumn is a column that a list of messages may have, and what it sets.
type csvColumn struct {
	name string
	set  func(r *api.SubmitRequest, value string) error
}

var csvColumns = []csvColumn{
	{"to", func(r *api.SubmitRequest, v string) error { r.To = api.Recipients{strings.TrimSpace(v)}; return nil }},
	{"text", func(r *api.SubmitRequest, v string) error { r.Text = v; return nil }},
	{"tag", func(r *api.SubmitRequest, v string) error { r.Tag = v; return nil }},
	{"trunk", func(r *api.SubmitRequest, v string) error { r.Trunk = v; return nil }},
	{"send_at", func(r *api.SubmitRequest, v string) error { r.SendAt = v; return nil }},
	{"time_zone", func(r *api.SubmitRequest, v string) error { r.TimeZone = v; return nil }},
	{"on_ambiguous", func(r *api.SubmitRequest, v string) error { r.OnAmbiguous = v; return nil }},
	{"priority", func(r *api.SubmitRequest, v string) error {
		n, err := strconv.Atoi(v)
		r.Priority = &n
		return err
	}},
	{"flash", func(r *api.SubmitRequest, v string) (err error) { r.Flash, err = strconv.ParseBool(v); return err }},
	{"valid_for", func(r *api.SubmitRequest, v string) error {
		d, err := time.ParseDuration(v)
		r.ValidFor = api.Duration(d)
		return err
	}},
}

// csvList reads messages from lines of comma-separated values. The first line names the columns; when it begins with a number of a phone instead, the columns
// are to and text.
type csvList struct {
	in      *csv.Reader
	columns []int // of csvColumns, by field
	first   []string
	usual   api.SubmitRequest // what a line does not say
}

func newCSVList(in io.Reader, usual api.SubmitRequest) (*csvList, error) {
	l := &csvList{in: csv.NewReader(in), usual: usual}
	l.in.FieldsPerRecord, l.in.TrimLeadingSpace = -1, true
	names, err := l.in.Read()
	if err == io.EOF {
		return nil, errors.New("the list is empty")
	}
	if err != nil {
		return nil, err
	}
	names[0] = strings.TrimPrefix(names[0], "\uFEFF")
	if strings.ContainsAny(names[0][:min(1, len(names[0]))], "+0123456789") {
		if l.columns, l.first = []int{0, 1}, names; len(names) > 2 {
			return nil, fmt.Errorf("line 1 has %d columns and no names for them: the first line of such a list is as \"to,text,tag\"", len(names))
		}
		return l, nil
	}
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		i := slices.IndexFunc(csvColumns, func(c csvColumn) bool { return c.name == name })
		if i < 0 {
			return nil, fmt.Errorf("line 1 names a column %q; known are %s", name, csvNames())
		}
		if slices.Contains(l.columns, i) {
			return nil, fmt.Errorf("line 1 names the column %s twice", name)
		}
		l.columns = append(l.columns, i)
	}
	if !slices.Contains(l.columns, 0) {
		return nil, errors.New("line 1 names no column to")
	}
	return l, nil
}

func csvNames() string {
	var all []string
	for _, c := range csvColumns {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}

// next returns the next message and its line; io.EOF when there is none.
func (l *csvList) next() (r api.SubmitRequest, line int, err error) {
	fields := l.first
	line = 1
	if l.first = nil; fields == nil {
		if fields, err = l.in.Read(); err != nil {
			return r, 0, err
		}
		line, _ = l.in.FieldPos(0)
	}
	if len(fields) > len(l.columns) {
		return r, line, fmt.Errorf("line %d has %d columns, but line 1 has %d: a text with commas stands between quotation marks", line, len(fields), len(l.columns))
	}
	r = l.usual
	for i, value := range fields {
		c := csvColumns[l.columns[i]]
		if value == "" && c.name != "to" {
			continue
		}
		if err := c.set(&r, value); err != nil {
			return r, line, fmt.Errorf("line %d: %s: %q is not possible: %w", line, c.name, value, err)
		}
	}
	return r, line, nil
}

// sendCSV sends a list of messages. What is wrong with one is said with its line, and keeps no other from being sent.
func (c *cli) sendCSV(cmd *cobra.Command, args []string, o sendFlags) error {
	in := cmd.InOrStdin()
	if o.csv != "-" {
		f, err := os.Open(o.csv)
		if err != nil {
			return fmt.Errorf("read the list: %w", err)
		}
		defer f.Close()
		in = f
	}
	if len(args) == 1 {
		if args[0] == "-" {
			return usagef("write the text as it is, or have a column text", "a list and a text cannot both come from standard input")
		}
		o.request.Text = args[0]
	}
	list, err := newCSVList(in, o.request)
	if err != nil {
		return fmt.Errorf("read the list: %w", err)
	}
	client := c.client()
	defer client.Close()
	accepted := []api.Message{}
	wrong, failure := 0, error(nil)
	for batch := 1; failure == nil; batch++ {
		var all []api.SubmitRequest
		var lines []int
		for len(all) < api.BulkLimit && failure == nil {
			r, line, err := list.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				failure = fmt.Errorf("read the list: %w", err) // what stands before it is sent
				break
			}
			all, lines = append(all, r), append(lines, line)
		}
		if len(all) == 0 {
			break
		}
		key := o.key
		if key != "" {
			key = fmt.Sprintf("%s/%d", key, batch)
		}
		results, err := client.SubmitAll(cmd.Context(), all, key)
		if err != nil {
			failure = errors.Join(failure, fmt.Errorf("send lines %d to %d: %w", lines[0], lines[len(lines)-1], err))
			break
		}
		for i, r := range results {
			switch {
			case r.Message != nil:
				accepted = append(accepted, *r.Message)
			case r.Error != nil:
				wrong++
				fmt.Fprintf(cmd.ErrOrStderr(), "line %d: to %s: %s\n", lines[i], oneLine(strings.Join(all[i].To, ",")), oneLine(r.Error.Error()))
			}
		}
	}
	if o.wait != "" {
		var err error
		accepted, err = waitFor(cmd.Context(), client, accepted, o)
		failure = errors.Join(failure, err)
	}
	if wrong > 0 {
		failure = errors.Join(failure, fmt.Errorf("%d messages were not accepted, %d were", wrong, len(accepted)))
	}
	if c.json {
		return errors.Join(printJSON(cmd.OutOrStdout(), api.SubmitResponse{Messages: accepted}), failure)
	}
	return errors.Join(printSent(cmd.OutOrStdout(), accepted), failure)
}
