package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEmptyFile(t *testing.T) {
	c, err := Parse("f", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Modem) != 0 || c.Log.Level != "info" || c.API.Socket != "/run/trunkline/api.sock" || c.Store.Path == "" {
		t.Errorf("got %+v, want the defaults", c)
	}
}

func TestMinimalModem(t *testing.T) {
	for name, src := range map[string]string{
		"table":           "[modem.desk]\ndevice = \"/dev/ttyUSB0\"\nsend_timeout = \"60s\"\n",
		"CRLF":            "[modem.desk]\r\ndevice = \"/dev/ttyUSB0\"\r\nsend_timeout = \"60s\"\r\n",
		"byte order mark": "\xef\xbb\xbf[modem.desk]\ndevice = \"/dev/ttyUSB0\"\nsend_timeout = \"60s\"\n",
		"dotted keys":     "modem.desk.device = '/dev/ttyUSB0'\nmodem.\"desk\".send_timeout = '60s'",
		"inline table":    "modem = { desk = { device = '/dev/ttyUSB0', send_timeout = '1m' } }",
	} {
		c, err := Parse("f", []byte(src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := c.Modem["desk"]
		if len(c.Modem) != 1 || m.Device != "/dev/ttyUSB0" || m.SendTimeout != time.Minute || m.SweepInterval != time.Minute || m.Baud != 115200 {
			t.Errorf("%s: got %+v", name, c.Modem)
		}
	}
}

// TestBad reads one file per mistake, whose expected messages stand beside it.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.toml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files of bad configurations, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Parse("trunkline.toml", data)
		if err == nil {
			t.Errorf("%s was taken", file)
			continue
		}
		golden := strings.TrimSuffix(file, ".toml") + ".want"
		if *update {
			if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, readErr := os.ReadFile(golden)
		if readErr != nil || err.Error()+"\n" != string(want) {
			t.Errorf("%s:\n got %s\nwant %s%v", file, err, want, readErr)
		}
		if strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: the error shows a value that may be a secret", file)
		}
	}
}

func TestRaw(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"too long": {strings.Repeat("#", MaxSize+1), "f: the file is longer than 1048576 bytes"},
		"NUL":      {"a = 1\n\x00", "f:2: there is a NUL byte, which no text file holds"},
		"UTF-16":   {"\xff\xfea\x00", "f:1: the file is written in UTF-16 (save it as UTF-8)"},
		"Latin-1":  {"\n\n# caf\xe9", "f:3: there is a byte that is not UTF-8 (save it as UTF-8)"},
		"deep":     {strings.Repeat("a.", 1<<18) + "b=1", "f: keys or arrays lie too deep in each other (at most 16 levels)"},
	} {
		if _, err := Parse("f", []byte(c.data)); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestLoadFile(t *testing.T) {
	dir := t.TempDir()
	for file, want := range map[string]string{filepath.Join(dir, "none.toml"): "there is no such file", dir: "is a folder, not a file"} {
		_, err := Load(file)
		var problems *Error
		if !errors.As(err, &problems) || len(problems.Problems) != 1 || problems.Problems[0].What != want {
			t.Errorf("Load(%s) = %v, want %s", file, err, want)
		}
	}
	if os.Getuid() != 0 {
		file := filepath.Join(dir, "secret.toml")
		if err := os.WriteFile(file, nil, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("unreadable file: %v", err)
		}
	}
}

func TestPINFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("trunkline.toml", "[modem.a]\ndevice = '/dev/a'\npin_file = 'a.pin'\n", 0o644)
	pin := write("a.pin", "1234\n", 0o600)
	c, err := Load(file)
	if err != nil || c.Modem["a"].PINFile != pin {
		t.Fatalf("got %q and %v, want %q", c.Modem["a"].PINFile, err, pin)
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o602, 0o610} {
		write("a.pin", "1234\n", mode)
		_, err := Load(file)
		if err == nil {
			t.Errorf("mode %o was taken", mode)
			continue
		}
		for _, part := range []string{file + ":3: modem.a.pin_file: ", "chmod 600 " + pin, fmt.Sprintf("has mode %04o", mode)} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("mode %o: %v does not say %q", mode, err, part)
			}
		}
		if strings.Contains(err.Error(), "1234") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	if err := os.Remove(pin); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("missing file: %v", err)
	}
}

func TestOneDeviceTwice(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/dev/null", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	_, err := Parse("f", []byte("[modem.a]\ndevice='/dev/null'\n[modem.b]\ndevice='"+dir+"/link'"))
	if err == nil || err.Error() != "f:4: modem.b.device: modem.a has this device already (each modem needs one of its own)" {
		t.Errorf("got %v", err)
	}
}

// FuzzParse: no panic; an error names the file and a line of it; what is taken is taken again.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/bad/*.toml")
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil {
			f.Add(data)
		}
	}
	f.Add([]byte(Reference()))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 8192 {
			return
		}
		_, err := Parse("f", data)
		var all *Error
		if err == nil {
			return
		}
		if !errors.As(err, &all) || len(all.Problems) == 0 {
			t.Fatalf("error without problems: %v", err)
		}
		for _, p := range all.Problems {
			if p.File != "f" || p.What == "" || p.Line < 0 || p.Line > 1+strings.Count(string(data), "\n") {
				t.Fatalf("problem %+v of %q", p, data)
			}
		}
	})
}

// TestCredential: a secret that systemd hands over is only there while the unit runs, so that checking the file before that finds nothing wrong.
func TestCredential(t *testing.T) {
	if _, err := Parse("f", []byte("[modem.a]\ndevice = '/dev/a'\npin_file = '/run/credentials/no-such-unit.service/a.pin'\n")); err != nil {
		t.Error(err)
	}
	if _, err := Parse("f", []byte("[modem.a]\ndevice = '/dev/a'\npin_file = '/run/credentials/a.pin'\n")); err == nil {
		t.Error("a path that is no credential's was taken for one")
	}
}
