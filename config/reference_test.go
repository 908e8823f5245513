package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"trunkline/api/httpd/alertmanager"
	"trunkline/api/switches"
	"trunkline/modem"
	"trunkline/router"
	"trunkline/router/program"
	siptrunk "trunkline/router/sip"
	"trunkline/router/smtp"
)

var update = flag.Bool("update", false, "write the generated and golden files anew")

// source says where the type of each section is declared.
var source = map[string]struct{ dir, typ string }{
	"store": {"../store", "Config"}, "api": {"../api/httpd", "Config"}, "router": {"../router", "Config"}, "call": {"../router", "CallConfig"}, "log": {".", "Log"}, "modem": {"../modem", "Config"},
	"alertmanager": {"../api/httpd/alertmanager", "Config"},
	"sip":          {"../api/sip", "Config"}, "agi": {"../api/agi", "Config"}, "decide": {"../api/httpd", "DecideConfig"}, "freeswitch": {"../api/httpd/freeswitch", "Config"},
	"switch": {"../api/switches", "Config"}, "carrier": {"../api/switches", "Carrier"}, "webhook": {"../jobs", "WebhookConfig"}, "retention": {"../jobs", "RetentionConfig"},
	"login": {"../api/httpd/login", "Config"}, "ldap": {"../api/httpd/login", "LDAPConfig"}, "plans": {"../router", "PlansConfig"},
	"screening": {"../router", "ScreenConfig"}, "program": {"../router/program", "Config"}, "smtp": {"../router/smtp", "Config"}, "sip_trunk": {"../router/sip", "Config"},
}

// sample gives a value to keys that cannot stay empty.
var sample = map[string]string{"modem.device": "/dev/serial/by-id/usb-HUAWEI_Technology_HUAWEI_Mobile-if02-port0", "alertmanager.receiver.to": "+4915112345678", "switch.networks": "192.0.2.7", "program.path": "/usr/bin/true", "smtp.host": "mail.example.org", "smtp.from": "gateway@example.org",
	"sip_trunk.server": "sip.example.org", "sip_trunk.from": "sip:gateway@example.org"}

// instances explains the tables of which there may be several, by how their names begin.
var instances = []struct{ prefix, inFile, onPage string }{
	{"switch.", "One table for each switch, or group of switches, that may ask the call plans; its name, here desk, stands in logs.",
		"One table for each switch, or group of switches, that may ask the call plans by SIP, HTTP or FastAGI; see switches.md. NAME stands in logs."},
	{"carrier.", "One table for each trunk that switches reach themselves. Its name, here carrier, is the name of the trunk in call plans.",
		"One table for each trunk that switches reach themselves. NAME is the name of the trunk in call plans: 1 to 32 of a-z, 0-9 and -, and no modem's."},
	{"program.", "One table for each program that actions may run; its name, here wake, is the target of such an action.",
		"One table for each program that actions may run; see actions.md. NAME is the target of such an action: 1 to 32 of a-z, 0-9 and -."},
	{"smtp.", "One table for each account at a mail server; its name, here post, is the name of the trunk.",
		"One table for each account at a mail server. NAME is the name of the trunk: 1 to 32 of a-z, 0-9 and -, and no modem's."},
	{"sip_trunk.", "One table for each SIP server that takes messages to SIP addresses; its name, here pbx, is the name of the trunk.",
		"One table for each SIP server that takes messages to SIP addresses (RFC 3428), which call plans send there. NAME is the name of the trunk: 1 to 32 of a-z, 0-9 and -, and no other's."},
	{"modem.", "One table for each modem. Its name, here desk, is the name of the trunk: 1 to 32 of a-z, 0-9 and -.",
		"One table for each modem. NAME is the name of the trunk: 1 to 32 of a-z, 0-9 and -."},
	{"router.trunk.", "Limits of a trunk, here desk. A trunk without a table has none.",
		"Limits of a trunk; a trunk without a table has none. NAME is that of the trunk, as in `[modem.NAME]`."},
	{"call.line.", "What differs for the calls of one modem, here desk.", "What differs for the calls of one modem; see [calls.md](calls.md). NAME is that of the modem."},
	{"call.plan.", "What differs for the calls that one call plan decides, here the one named desk.",
		"What differs for the calls that one call plan decides, whatever the modem. NAME is that of the plan; with other characters than letters, digits, - and _ it stands in quotes."},
	{"alertmanager.receiver.", "One table for each receiver of Alertmanager, here the one that it calls desk.",
		"One table for each receiver of Alertmanager, by its name there; a name with other characters than letters, digits, - and _ stands in quotes."},
}

// setting is one key with all that is told about it.
type setting struct {
	key, kind, value, text string
}

// section is one table of the file.
type sectionDoc struct {
	name     string // as in the file, e.g. "modem.desk"
	settings []setting
}

// sections collects the settings of every section from the types, their defaults and their doc comments.
func sections(t *testing.T) []sectionDoc {
	t.Helper()
	var all []sectionDoc
	defaults := reflect.ValueOf(Default())
	for i := range defaults.NumField() {
		name := defaults.Type().Field(i).Tag.Get("toml")
		at := source[name]
		v, table := defaults.Field(i), name
		if v.Kind() == reflect.Map {
			table += ".desk"
			switch name {
			case "modem":
				v = reflect.ValueOf(modem.Default())
			case "switch":
				v = reflect.ValueOf(switches.Default())
			case "smtp":
				table, v = "smtp.post", reflect.Zero(v.Type().Elem())
			case "sip_trunk":
				table, v = "sip_trunk.pbx", reflect.Zero(v.Type().Elem())
			case "program":
				table, v = "program.wake", reflect.Zero(v.Type().Elem())
			default:
				table = name + ".carrier" // trunks share their names, and desk is a modem
				v = reflect.Zero(v.Type().Elem())
			}
		}
		all = append(all, describe(t, name, table, at.dir, at.typ, v)...)
	}
	return all
}

// describe tells of one table, and of the tables of each instance within it.
func describe(t *testing.T, name, table, dir, typ string, v reflect.Value) (all []sectionDoc) {
	t.Helper()
	comments := fieldComments(t, dir, typ)
	doc := sectionDoc{name: table}
	for j := range v.NumField() {
		f := v.Type().Field(j)
		key := f.Tag.Get("toml")
		if key == "" || key == "-" {
			t.Errorf("%s.%s has no toml key", dir, f.Name)
			continue
		}
		if f.Type.Kind() == reflect.Map {
			element := f.Type.Elem()
			all = append(all, describe(t, name+"."+key, table+"."+key+".desk", dir, element.Name(), reflect.Zero(element))...)
			continue
		}
		text := asKeys(comments[f.Name], f.Name, v.Type())
		if text == "" {
			t.Errorf("%s.%s has no comment", dir, f.Name)
		}
		value := literal(t, v.Field(j))
		if s, ok := sample[name+"."+key]; ok {
			value = strconv.Quote(s)
			if f.Type.Kind() == reflect.Slice {
				value = "[" + value + "]"
			}
		}
		doc.settings = append(doc.settings, setting{key: key, kind: typeName(f.Type), value: value, text: text})
	}
	return append([]sectionDoc{doc}, all...)
}

// fieldComments returns the comment of each field of a struct type, above it or behind it.
func fieldComments(t *testing.T, dir, typ string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+e.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != typ {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					text := f.Doc.Text() + f.Comment.Text()
					for _, name := range f.Names {
						comments[name.Name] = strings.Join(strings.Fields(text), " ")
					}
				}
			}
			return false
		})
	}
	return comments
}

// asKeys words a doc comment for readers of the file: it says what the key is, and calls other fields by their keys.
func asKeys(text, field string, section reflect.Type) string {
	text = strings.TrimPrefix(text, field+" is ")
	for i := range section.NumField() {
		f := section.Field(i)
		if f.Name == strings.ToUpper(f.Name) && f.Name != field {
			continue // a word of its own, such as USB
		}
		pattern := `([a-z,;] )` + f.Name + `\b` // in the middle of a sentence
		if f.Name == field {
			pattern = `(^|[a-z,;] )` + f.Name + `\b`
		}
		text = regexp.MustCompile(pattern).ReplaceAllString(text, "${1}"+f.Tag.Get("toml"))
	}
	return text
}

// literal returns a default value as TOML.
func literal(t *testing.T, v reflect.Value) string {
	t.Helper()
	switch x := v.Interface().(type) {
	case time.Duration:
		return strconv.Quote(short(x))
	case string:
		return strconv.Quote(x)
	case bool, int, int64, uint8, uint16, uint32, float64:
		return fmt.Sprint(x)
	case []string:
		quoted := make([]string, len(x))
		for i, s := range x {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	t.Fatalf("no TOML form for a default of type %s", v.Type())
	return ""
}

// short writes a duration without its zero units.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Bool:
		return "true/false"
	case t.Kind() == reflect.String:
		return "string"
	}
	return "number"
}

// wrap breaks a text into comment lines of at most 110 characters.
func wrap(text string) string {
	var b strings.Builder
	line := "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > 110 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}

func referenceTOML(all []sectionDoc) string {
	var b strings.Builder
	b.WriteString("# Configuration of Trunkline: every key with its default. A file needs only what differs from this.\n" +
		"# Durations are numbers with units: \"500ms\", \"30s\", \"5m\", \"72h\", \"1h30m\".\n")
	for _, s := range all {
		b.WriteString("\n")
		for _, i := range instances {
			if strings.HasPrefix(s.name, i.prefix) {
				b.WriteString(wrap(i.inFile))
			}
		}
		fmt.Fprintf(&b, "[%s]\n", s.name)
		for i, k := range s.settings {
			if i > 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "%s%s = %s\n", wrap(k.text), k.key, k.value)
		}
	}
	return b.String()
}

func configPage(all []sectionDoc) string {
	var b strings.Builder
	b.WriteString(`# Configuration

One TOML file, ` + "`" + DefaultFile + "`" + ` unless ` + "`--config`" + ` names another. ` + "`trunkline config check`" + ` reads it as the daemon would and reports
everything that is wrong at once, by line; ` + "`trunkline config reference`" + ` prints a file with every key. A file needs only what differs from the defaults.

Durations are strings with units: ` + "`\"500ms\"`, `\"30s\"`, `\"5m\"`, `\"72h\"`, `\"1h30m\"`" + `. Secrets never stand in the file: a key such as ` + "`pin_file`" + ` names a file
with mode 0600 that holds the secret and nothing else; a relative name starts from the folder of the configuration file.
After a change ` + "`systemctl reload trunkline`" + ` takes over ` + "`[modem.*]`, `[router]`, `[call]` and `log.level`" + ` while the daemon runs; all else needs a restart, and a reload that
finds a change there says so and changes nothing ([operations.md](operations.md)).

This page is made from the program's source.
`)
	for _, s := range all {
		title, text := s.name, ""
		for _, i := range instances {
			if strings.HasPrefix(s.name, i.prefix) {
				title, text = i.prefix+"NAME", i.onPage+"\n\n"
			}
		}
		fmt.Fprintf(&b, "\n## `[%s]`\n\n%s", title, text)
		b.WriteString("| key | type | default | meaning |\n| --- | --- | --- | --- |\n")
		for _, k := range s.settings {
			value := "`" + k.value + "`"
			if _, required := sample[strings.TrimSuffix(title, "NAME")+k.key]; required {
				value = ""
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.key, k.kind, value, strings.ReplaceAll(k.text, "|", "\\|"))
		}
	}
	return b.String()
}

// TestReference: reference.toml and docs/config.md say what the types say, and the reference is a valid file that changes no default.
func TestReference(t *testing.T) {
	all := sections(t)
	for file, want := range map[string]string{"reference.toml": referenceTOML(all), "../docs/config.md": configPage(all)} {
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s is out of date (%v): run go test ./config -run TestReference -update", file, err)
		}
	}
	if *update {
		return // what is embedded is still the old one
	}
	got, err := Parse("reference.toml", []byte(Reference()))
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	desk := modem.Default()
	desk.Device = sample["modem.device"]
	want.Modem["desk"] = desk
	pbx := switches.Default()
	pbx.Networks = []string{sample["switch.networks"]}
	want.Switch, want.Carrier = map[string]switches.Config{"desk": pbx}, map[string]switches.Carrier{"carrier": {}}
	want.Alertmanager.Receiver = map[string]alertmanager.Receiver{"desk": {To: []string{sample["alertmanager.receiver.to"]}}}
	want.Call.Line = map[string]router.LineConfig{"desk": {}}
	want.Call.Plan = map[string]router.CallPlanConfig{"desk": {}}
	want.Router.Trunk = map[string]router.TrunkConfig{"desk": {}}
	want.Program = map[string]program.Config{"wake": {Path: sample["program.path"]}}
	want.SMTP = map[string]smtp.Config{"post": {Host: sample["smtp.host"], From: sample["smtp.from"]}}
	want.SIPTrunk = map[string]siptrunk.Config{"pbx": {Server: sample["sip_trunk.server"], From: sample["sip_trunk.from"]}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the reference gives\n%+v, the defaults are\n%+v", got, want)
	}
}
