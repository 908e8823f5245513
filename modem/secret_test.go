package modem

import (
	"io/fs"
	"testing"
)

func TestPrivateFile(t *testing.T) {
	const here, there = "/etc/trunkline/desk.pin", "/run/credentials/trunkline.service/desk.pin"
	for _, c := range []struct {
		path string
		mode fs.FileMode
		want bool
	}{
		{here, 0o600, true}, {here, 0o400, true}, {here, 0o440, false}, {here, 0o604, false}, {here, 0o620, false},
		{there, 0o440, true}, {there, 0o400, true}, {there, 0o444, false}, {there, 0o460, false}, {there, 0o640, false},
		{"/run/credentials/trunkline.service/../../desk.pin", 0o440, false}, {"/run/credentials/desk.pin", 0o440, false},
		{"/run/credentials/a/b/desk.pin", 0o440, false}, {"/home/x/run/credentials/a/desk.pin", 0o440, false},
	} {
		if err := PrivateFile(c.path, c.mode); (err == nil) != c.want {
			t.Errorf("%s with %04o: %v, want accepted: %t", c.path, c.mode, err, c.want)
		}
	}
}
