package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"trunkline/api/switches"
	"trunkline/modem"
)

// MaxSize is the longest configuration file, in bytes.
const MaxSize = 1 << 20

// Load reads and checks a configuration file. The error is an *Error.
func Load(file string) (Config, error) {
	p := &problems{file: file}
	data, err := read(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.add("", "write one after \"trunkline config reference\", or name another with --config", "there is no such file")
	case errors.Is(err, fs.ErrPermission):
		p.add("", "run this as the user of the daemon, or make the file readable for it", "permission denied")
	case err != nil:
		p.add("", "", "%v", plain(err))
	default:
		return Parse(file, data)
	}
	return Config{}, p.err()
}

// read returns a file of at most MaxSize bytes, or one byte more when it is longer.
func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, errors.New("is a folder, not a file")
	}
	return io.ReadAll(io.LimitReader(f, MaxSize+1))
}

// plain drops the operation and the path of a file error: the problem names the file already.
func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Parse reads and checks the text of a configuration file; file names it in errors, and relative paths in it start from its folder. The error is an *Error.
func Parse(file string, data []byte) (Config, error) {
	p := &problems{file: file}
	src, ok := sanitize(p, data)
	if !ok {
		return Config{}, p.err()
	}
	var deep error
	if p.lines, deep = keyLines(src); deep != nil {
		p.add("", fmt.Sprintf("at most %d levels", maxDepth), "%v", deep)
		return Config{}, p.err()
	}
	var generic map[string]any
	if _, err := toml.Decode(src, &generic); err != nil {
		p.all = append(p.all, syntaxProblem(file, err))
		return Config{}, p.err()
	}
	c := Default()
	c.Modem[""] = modem.Default() // what every named table starts from
	c.Switch = map[string]switches.Config{"": switches.Default()}
	decoder{p}.table("", generic, reflect.ValueOf(&c).Elem())
	if table, ok := generic["modem"].(map[string]any); !ok || table[""] == nil {
		delete(c.Modem, "")
	}
	if table, ok := generic["switch"].(map[string]any); !ok || table[""] == nil {
		delete(c.Switch, "")
	}
	if len(c.Switch) == 0 {
		c.Switch = nil
	}
	for name, m := range c.Modem {
		m.PINFile = beside(file, m.PINFile)
		c.Modem[name] = m
	}
	for name, m := range c.SMTP {
		m.PasswordFile, m.CAFile = beside(file, m.PasswordFile), beside(file, m.CAFile)
		c.SMTP[name] = m
	}
	for name, m := range c.SIPTrunk {
		m.PasswordFile, m.CAFile = beside(file, m.PasswordFile), beside(file, m.CAFile)
		c.SIPTrunk[name] = m
	}
	c.API.TLSCert, c.API.TLSKey = beside(file, c.API.TLSCert), beside(file, c.API.TLSKey)
	c.LDAP.CAFile, c.LDAP.BindPasswordFile = beside(file, c.LDAP.CAFile), beside(file, c.LDAP.BindPasswordFile)
	c.Alertmanager.TokenFile = beside(file, c.Alertmanager.TokenFile)
	c.validate(p)
	if err := p.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// sanitize refuses what is no text and drops a byte order mark.
func sanitize(p *problems, data []byte) (string, bool) {
	at := func(i int, hint, what string) (string, bool) {
		p.all = append(p.all, Problem{File: p.file, Line: 1 + bytes.Count(data[:i], []byte("\n")), What: what, Hint: hint})
		return "", false
	}
	data, _ = bytes.CutPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > MaxSize:
		p.add("", "", "the file is longer than %d bytes", MaxSize)
		return "", false
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return at(0, "save it as UTF-8", "the file is written in UTF-16")
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return at(i, "", "there is a NUL byte, which no text file holds")
	}
	for i, rest := 0, data; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			return at(i, "save it as UTF-8", "there is a byte that is not UTF-8")
		}
		i, rest = i+n, rest[n:]
	}
	return string(data), true
}

// syntaxProblem words what the TOML parser says, without what stands in the file, which may be a secret.
func syntaxProblem(file string, err error) Problem {
	p := Problem{File: file, What: "not valid TOML"}
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		p.Line = syntax.Position.Line
		p.Key = syntax.LastKey
		what, _, _ := strings.Cut(strings.TrimPrefix(syntax.Message, "toml: "), " but found ") // what follows repeats a value
		what, _, _ = strings.Cut(what, ", but got ")
		p.What += ": " + what
	}
	return p
}
