package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"trunkline/api/httpd"
	"trunkline/store"
	"trunkline/store/bolt"
)

// examineStore checks the database: all of it when no daemon has it open, else only who may read it.
func (d *doctor) examineStore(ctx context.Context) {
	if d.config == nil {
		return
	}
	path := d.config.Store.Path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.add(levelNote, "store", path, "", "there is no database yet; the first start makes it")
		return
	case errors.Is(err, fs.ErrPermission):
		d.add(levelNote, "store", path, "run doctor as root", "it cannot be looked at")
		return
	case err != nil:
		d.add(levelError, "store", path, "", "%v", err)
		return
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		d.add(levelWarning, "store", path, "chmod 600 "+path, "it has mode %04o: others may read messages and numbers", mode)
	}
	if id, err := identify(d.user); err == nil && !id.may(info, 6) {
		d.add(levelError, "store", path, fmt.Sprintf("chown -R %s:%s %s", d.user, d.user, filepath.Dir(path)), "user %s cannot write it", d.user)
	}
	engine, err := bolt.Open(path, bolt.Options{ReadOnly: true})
	switch {
	case errors.Is(err, store.ErrLocked):
		d.add(levelOK, "store", path, "", "in use by the daemon, which checks what it reads; trunkline db check reads all of it while the daemon is stopped")
		return
	case errors.Is(err, fs.ErrPermission):
		d.add(levelNote, "store", path, "run doctor as root", "it cannot be opened")
		return
	case err != nil:
		d.add(levelError, "store", path, "see docs/operations.md on restoring a backup", "%v", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, programLimit*4)
	defer cancel()
	s, err := store.Open(ctx, engine, store.Options{})
	if err != nil {
		engine.Close()
		d.add(levelError, "store", path, "see docs/operations.md on upgrades", "%v", err)
		return
	}
	defer s.Close()
	report, err := s.Check(ctx, func(store.Damage) {})
	switch {
	case err != nil:
		d.add(levelWarning, "store", path, "trunkline db check", "it was not checked to its end: %v", err)
	case report.Damaged > 0:
		d.add(levelError, "store", path, "trunkline db check names them; look at the disk (smartctl -a), then restore a backup", "%d records are damaged", report.Damaged)
	default:
		d.add(levelOK, "store", path, "", "every record is as it was written")
	}
}

// examineAddresses looks at who can reach what the daemon listens on.
func (d *doctor) examineAddresses() {
	if d.config == nil {
		return
	}
	bad := len(d.found)
	for _, l := range []struct{ key, address, risk string }{
		{"api.listen", d.config.API.Listen, ""},
		{"api.metrics", d.config.API.Metrics, "everybody there can read how much is sent and received"},
		{"alertmanager.listen", d.config.Alertmanager.Listen, "the token comes in plain text"},
	} {
		if l.address == "" {
			continue
		}
		if l.key == "api.listen" {
			d.examineCertificate()
		} else if !loopback(l.address) {
			d.add(levelWarning, "addresses", l.key, "listen on 127.0.0.1, with a tunnel or a proxy with TLS in front, or let a firewall choose who may connect", "%s can be reached from the network: %s", l.address, l.risk)
		}
		if d.runs {
			continue
		}
		c, err := d.listen("tcp", l.address)
		if err != nil {
			d.add(levelError, "addresses", l.key, "ss -ltnp shows who has it; choose another port, or stop that program", "%s cannot be listened on: %v", l.address, err)
			continue
		}
		c.Close()
	}
	if mode, err := strconv.ParseUint(d.config.API.SocketMode, 8, 32); err == nil && mode&0o006 != 0 {
		d.add(levelWarning, "addresses", "api.socket_mode", "use \"0660\", and add users to the group of the socket", "every user of this machine may send and read messages")
	}
	if len(d.found) == bad {
		d.add(levelOK, "addresses", "", "", "only this machine can reach the daemon")
	}
}

// certificateSoon is how long before its end a certificate is worth a word.
const certificateSoon = 21 * 24 * time.Hour

// examineCertificate tells who can reach the API over TCP, and for how long its certificate is good.
func (d *doctor) examineCertificate() {
	c := d.config.API
	if c.TLSCert == "" {
		d.add(levelNote, "addresses", "api.listen", "", "%s is open to programs of this machine that show a token or a session", c.Listen)
		return
	}
	pair, err := httpd.LoadCertificate(c)
	switch {
	case err != nil:
		d.add(levelError, "addresses", "api.tls_cert", "name a certificate with its chain, and its key, in PEM", "%v", err)
	case time.Until(pair.Leaf.NotAfter) < certificateSoon:
		d.add(levelWarning, "addresses", "api.tls_cert", "renew it, then systemctl reload trunkline", "the certificate ends on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	default:
		d.add(levelNote, "addresses", "api.listen", "", "%s is open, with TLS, to who shows a token or a session; the certificate ends on %s", c.Listen, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
}

// loopback tells whether an address is reached from this machine only.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
