package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
)

// recordVerbs are the verbs of one kind of provisioned record: F is what can be written, J what is answered. Its flags follow from F.
type recordVerbs[F, J any] struct {
	noun       string // e.g. "contact"
	verb       string // of the command line, when it is not the noun
	collection func(*api.Client) api.Collection[F, J]
	columns    []string // names of JSON fields that a list shows behind the id
	filters    []string // parameters of a list: "name what it does"
}

// commands returns the verbs.
func (v *recordVerbs[F, J]) commands(c *cli) []*cobra.Command {
	return []*cobra.Command{v.list(c), v.add(c), v.edit(c), v.replace(c),
		v.one(c, "show", "Show all that is known about one", func(ctx context.Context, l api.Collection[F, J], id string) (J, error) { return l.Read(ctx, id) }),
		v.one(c, "archive", "Put one out of use and keep it", func(ctx context.Context, l api.Collection[F, J], id string) (J, error) { return l.Archive(ctx, id) }),
		v.one(c, "restore", "Take an archived one back into use", func(ctx context.Context, l api.Collection[F, J], id string) (J, error) { return l.Restore(ctx, id) }),
		v.one(c, "purge", "Remove an archived one for good", func(ctx context.Context, l api.Collection[F, J], id string) (J, error) { return l.Purge(ctx, id) })}
}

func (v *recordVerbs[F, J]) one(c *cli, verb, short string, do func(context.Context, api.Collection[F, J], string) (J, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ID", Short: short, Long: short + ". ID is its number, its UUID or, where it has one, its name.",
		Annotations: printsJSON(v.noun + ", as `GET /v1/" + v.noun + "s/{id}` answers it"),
		Args:        cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return show(c, cmd, verb+" "+v.noun, func(ctx context.Context, client *api.Client) (J, error) {
				return do(ctx, v.collection(client), args[0])
			},
				func(cmd *cobra.Command, j J) error { return showRecord(cmd.OutOrStdout(), j) })
		},
	}
}

func (v *recordVerbs[F, J]) list(c *cli) *cobra.Command {
	var q api.RecordQuery
	values := map[string]*string{}
	cmd := &cobra.Command{
		Use: "list", Short: "List them, those in use first by their ids",
		Annotations: printsJSON("`{\"items\": [" + v.noun + ", …], \"next\": cursor}`"), Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.Filters = map[string]string{}
			for name, value := range values {
				if *value != "" {
					q.Filters[name] = *value
				}
			}
			return show(c, cmd, "list "+v.noun+"s", func(ctx context.Context, client *api.Client) (api.RecordList[J], error) {
				return fullPage(ctx, v.collection(client), q)
			}, v.table)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Provider, "provider", "", "of this service provider (default the caller's, of owners of the platform all)")
	f.StringVar(&q.Search, "search", "", "those of which each of these words begins a word")
	f.StringVar(&q.Order, "order", "", "id or name, with a minus sign from the end (default id)")
	f.StringVar(&q.Archived, "archived", "", "true: those that are archived, all: all (default those in use)")
	f.IntVar(&q.Limit, "limit", 50, "at most so many, 1 to 1000")
	f.StringVar(&q.Cursor, "cursor", "", "go on behind a page, with the cursor that it ended with")
	for _, filter := range v.filters {
		name, usage, _ := strings.Cut(filter, " ")
		values[name] = f.String(name, "", usage)
	}
	return cmd
}

// fullPage returns as many records as were asked for: the daemon may answer with less at a time.
func fullPage[F, J any](ctx context.Context, l api.Collection[F, J], q api.RecordQuery) (api.RecordList[J], error) {
	out := api.RecordList[J]{Items: []J{}, Next: q.Cursor}
	limit := q.Limit
	for {
		q.Cursor, q.Limit = out.Next, limit-len(out.Items)
		page, err := l.List(ctx, q)
		if err != nil {
			return out, err
		}
		out.Items, out.Next = append(out.Items, page.Items...), page.Next
		if out.Next == "" || len(out.Items) >= limit {
			return out, nil
		}
	}
}

func (v *recordVerbs[F, J]) table(cmd *cobra.Command, l api.RecordList[J]) error {
	if len(l.Items) == 0 {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "there are no such %ss; make one with trunkline %s add\n", v.noun, cmp.Or(v.verb, v.noun))
		return err
	}
	t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\t"+strings.ToUpper(strings.ReplaceAll(strings.Join(v.columns, "\t"), "_", " ")))
	for _, j := range l.Items {
		fields := flat(j)
		row := []string{text(fields["id"])}
		for _, name := range v.columns {
			row = append(row, oneLine(text(fields[name])))
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	if l.Next != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "there are more: --cursor %s\n", l.Next)
	}
	return t.Flush()
}

// flat returns the fields of a value by their names in JSON.
func flat(v any) (fields map[string]any) {
	if b, err := json.Marshal(v); err == nil {
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		d.Decode(&fields)
	}
	return fields
}

// text shows a value of JSON to a person.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if at, err := time.Parse(time.RFC3339, v); err == nil && len(v) > 18 {
			return clock(at)
		}
		return v
	case bool:
		return map[bool]string{true: "yes", false: "no"}[v]
	case json.Number:
		return v.String()
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// showRecord prints every field that a record has, in the order of its type.
func showRecord(out io.Writer, v any) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fields := flat(v)
	for _, name := range jsonNames(reflect.TypeOf(v)) {
		if value := fields[name]; value != nil && text(value) != "" && text(value) != "[]" && text(value) != "{}" {
			fmt.Fprintf(t, "%s\t%s\n", strings.ReplaceAll(name, "_", " "), oneLine(text(value)))
		}
	}
	return t.Flush()
}

// jsonNames returns the names of a type's fields in JSON, those of embedded types too.
func jsonNames(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			names = append(names, jsonNames(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// fieldFlags gives a command one flag for each field of a type, and returns a function that has those which were set.
func fieldFlags(cmd *cobra.Command, t reflect.Type) func() (map[string]any, error) {
	var file string
	cmd.Flags().StringVarP(&file, "file", "f", "", "take fields from a JSON object in this file, - for standard input; flags come over them")
	type read struct {
		flag string
		get  func() (any, error)
	}
	reads := map[string]read{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		flag, usage := strings.ReplaceAll(name, "_", "-"), f.Tag.Get("doc")
		if usage == "" {
			usage = strings.ReplaceAll(name, "_", " ")
		}
		if values := strings.TrimPrefix(f.Tag.Get("enum"), ","); values != "" {
			usage += " (" + strings.ReplaceAll(values, ",", ", ") + ")"
		}
		usage = strings.ReplaceAll(usage, "`", "'")
		switch f.Type.Kind() {
		case reflect.String:
			v := cmd.Flags().String(flag, "", usage)
			reads[name] = read{flag, func() (any, error) { return *v, nil }}
		case reflect.Bool:
			v := cmd.Flags().Bool(flag, false, usage)
			reads[name] = read{flag, func() (any, error) { return *v, nil }}
		case reflect.Int, reflect.Uint64:
			v := cmd.Flags().Uint64(flag, 0, usage)
			reads[name] = read{flag, func() (any, error) { return *v, nil }}
		case reflect.Slice:
			if f.Type.Elem().Kind() == reflect.String {
				v := cmd.Flags().StringArray(flag, nil, usage+"; may be given again, once empty for none")
				reads[name] = read{flag, func() (any, error) {
					if len(*v) == 1 && (*v)[0] == "" {
						return []string{}, nil
					}
					return *v, nil
				}}
				continue
			}
			v := cmd.Flags().String(flag, "", usage+"; a JSON list of objects")
			reads[name] = read{flag, func() (any, error) {
				var list []any
				if err := json.Unmarshal([]byte(*v), &list); err != nil {
					return nil, usagef("for example --"+flag+" '[{\"type\": \"office\"}]'", "--%s is no JSON list: %w", flag, err)
				}
				return list, nil
			}}
		}
	}
	return func() (map[string]any, error) {
		fields := map[string]any{}
		if file != "" {
			if err := readObject(cmd, file, &fields); err != nil {
				return nil, err
			}
		}
		for name, r := range reads {
			if !cmd.Flags().Changed(r.flag) {
				continue
			}
			v, err := r.get()
			if err != nil {
				return nil, err
			}
			fields[name] = v
		}
		return fields, nil
	}
}

// maxObject is how long a file with fields may be.
const maxObject = 1 << 20

func readObject(cmd *cobra.Command, file string, into any) error {
	in := cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	d := json.NewDecoder(io.LimitReader(in, maxObject))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read fields from %s: %w", file, err)
	}
	return nil
}

func (v *recordVerbs[F, J]) add(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "add", Short: "Make one", Args: cobra.NoArgs, Annotations: printsJSON(v.noun)}
	fields := fieldFlags(cmd, reflect.TypeFor[F]())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		set, err := fields()
		if err != nil {
			return err
		}
		return show(c, cmd, "add "+v.noun, func(ctx context.Context, client *api.Client) (J, error) { return v.collection(client).Add(ctx, set) },
			func(cmd *cobra.Command, j J) error { return showRecord(cmd.OutOrStdout(), j) })
	}
	return cmd
}

func (v *recordVerbs[F, J]) edit(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "edit ID", Short: "Set some fields of one; what is not named stays", Args: cobra.ExactArgs(1), Annotations: printsJSON(v.noun), ValidArgsFunction: cobra.NoFileCompletions}
	fields := fieldFlags(cmd, reflect.TypeFor[F]())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		set, err := fields()
		if err != nil {
			return err
		}
		if len(set) == 0 {
			return usagef(seeHelp(cmd), "nothing to change was named")
		}
		return show(c, cmd, "edit "+v.noun, func(ctx context.Context, client *api.Client) (J, error) {
			return v.collection(client).Change(ctx, args[0], set)
		},
			func(cmd *cobra.Command, j J) error { return showRecord(cmd.OutOrStdout(), j) })
	}
	return cmd
}

func (v *recordVerbs[F, J]) replace(c *cli) *cobra.Command {
	var file string
	cmd := &cobra.Command{Use: "replace ID --file FILE", Short: "Set all fields of one from a JSON object; what is absent becomes empty", Args: cobra.ExactArgs(1), Annotations: printsJSON(v.noun),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "" {
				return usagef(seeHelp(cmd), "--file is needed")
			}
			var fields F
			if err := readObject(cmd, file, &fields); err != nil {
				return err
			}
			return show(c, cmd, "replace "+v.noun, func(ctx context.Context, client *api.Client) (J, error) {
				return v.collection(client).Replace(ctx, args[0], fields)
			},
				func(cmd *cobra.Command, j J) error { return showRecord(cmd.OutOrStdout(), j) })
		}}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with the JSON object, - for standard input")
	return cmd
}

// readIDs reads ids of records from a command line.
func readIDs(args []string) ([]uint64, error) {
	var ids []uint64
	for _, arg := range args {
		id, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || id == 0 {
			return nil, usagef("ids are numbers, as the verb list shows them", "%q is no id", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
