package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"trunkline/api/httpd"
	"trunkline/modem"
)

// secretFile notes a file with a secret that is missing or that others than its owner may read. The secret itself is not read.
func secretFile(p *problems, key, path string) {
	if !filepath.IsAbs(path) || p.has(key) {
		return
	}
	info, err := os.Stat(path)
	switch {
	case modem.Credential(path) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) && !exists(filepath.Dir(path))):
		// Only the unit may look at its credentials, and they are there only while it runs: what is wrong with them shows when it starts.
	case modem.Credential(path) && errors.Is(err, fs.ErrNotExist):
		p.add(key, "name it with LoadCredential= in a drop-in of the unit, and restart the unit", "there is no credential %s", filepath.Base(path))
	case errors.Is(err, fs.ErrNotExist):
		p.add(key, "create it with mode 0600", "%s does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		p.add(key, "run this as the user of the daemon", "%s cannot be looked at: permission denied", path)
	case err != nil:
		p.add(key, "", "%v", err)
	case !info.Mode().IsRegular():
		p.add(key, "", "%s is no regular file", path)
	case modem.PrivateFile(path, info.Mode()) != nil:
		p.add(key, "chmod 600 "+path, "%s has mode %04o: others than its owner can read or change the secret", path, info.Mode().Perm())
	}
}

// certificate notes a certificate that cannot be used: a file that is missing or readable for others, a key that does not fit, a time that is over.
func certificate(p *problems, c httpd.Config) {
	secretFile(p, "api.tls_key", c.TLSKey)
	if p.has("api.tls_key") || p.has("api.tls_cert") || c.TLSCert == "" || c.TLSKey == "" {
		return
	}
	if modem.Credential(c.TLSKey) && !exists(c.TLSKey) {
		return // it is there only while the unit runs
	}
	if _, err := httpd.LoadCertificate(c); err != nil {
		p.add("api.tls_cert", "name the certificate with its chain, and its key, both in PEM", "%v", err)
	}
}

// beside makes a path relative to the folder of the configuration file absolute. An empty one stays empty.
func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	if abs, err := filepath.Abs(filepath.Join(filepath.Dir(file), path)); err == nil {
		return abs
	}
	return path
}

// resolveDevice follows links, so that two names of one device are seen to be one. A device that is not there stands for itself.
func resolveDevice(path string) string {
	if path == "" {
		return ""
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
