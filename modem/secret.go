package modem

import (
	"fmt"
	"io/fs"
	"path/filepath"
)

// credentials is where systemd puts what LoadCredential= names: a folder for each unit, which nobody else can enter, as long as the unit runs
// (systemd.exec(5), "Credentials").
const credentials = "/run/credentials"

// Credential tells whether a path is that of a systemd credential.
func Credential(path string) bool {
	path = filepath.Clean(path)
	return filepath.Dir(filepath.Dir(path)) == credentials
}

// PrivateFile returns nil when a file with a secret is readable by its owner only. A credential may also be readable by its group, as systemd makes it:
// its folder is closed to others. The error says what to do.
func PrivateFile(path string, mode fs.FileMode) error {
	mode = mode.Perm()
	if mode&0o077 == 0 || Credential(path) && mode&0o337 == 0 {
		return nil
	}
	return fmt.Errorf("%s has mode %04o, others may read it: chmod 0600 %s", path, mode, path)
}
