package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"trunkline/modem"
)

// identity is a user with its groups, as far as rights on files go.
type identity struct {
	name string
	uid  uint32
	gids []uint32
}

// identify looks a user up.
func identify(name string) (identity, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return identity{}, err
	}
	id := identity{name: name}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return identity{}, err
	}
	id.uid = uint32(uid)
	groups, err := u.GroupIds()
	if err != nil {
		return identity{}, err
	}
	for _, g := range groups {
		if gid, err := strconv.ParseUint(g, 10, 32); err == nil {
			id.gids = append(id.gids, uint32(gid))
		}
	}
	return id, nil
}

// may tells whether the permission bits of a file give a user all of want: 4 read, 2 write, 1 search.
func (id identity) may(info fs.FileInfo, want fs.FileMode) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || id.uid == 0 {
		return true
	}
	bits := info.Mode().Perm() & 7
	switch {
	case st.Uid == id.uid:
		bits = info.Mode().Perm() >> 6 & 7
	case slices.Contains(id.gids, st.Gid):
		bits = info.Mode().Perm() >> 3 & 7
	}
	return bits&want == want
}

// examineRights looks whether the daemon's user may do its work.
func (d *doctor) examineRights() {
	id, err := identify(d.user)
	if err != nil {
		if d.booted {
			d.add(levelWarning, "rights", d.user, "install the package, or run systemd-sysusers with systemd/trunkline.sysusers.conf", "there is no such user, which the unit runs as")
			return
		}
		me, err := user.Current()
		if err == nil {
			id, err = identify(me.Username)
		}
		if err != nil {
			d.add(levelNote, "rights", "", "", "who runs this cannot be found out: %v", err)
			return
		}
	}
	bad := len(d.found)
	if d.config != nil {
		if info, err := os.Stat(d.file); err == nil && !id.may(info, 4) {
			d.add(levelError, "rights", d.file, fmt.Sprintf("chgrp %s %s && chmod 640 %s", d.user, d.file, d.file), "user %s cannot read it", id.name)
		}
		for _, name := range slices.Sorted(maps.Keys(d.config.Modem)) {
			d.examineModemRights(id, name, d.config.Modem[name])
		}
		for _, secret := range []struct{ key, file string }{{"alertmanager.token_file", d.config.Alertmanager.TokenFile}, {"api.tls_key", d.config.API.TLSKey},
			{"ldap.bind_password_file", d.config.LDAP.BindPasswordFile}} {
			if secret.file != "" {
				d.examineSecret(id, secret.key, secret.file)
			}
		}
	}
	if d.config != nil && len(d.found) == bad {
		d.add(levelOK, "rights", "", "", "user %s may read the configuration and open the ports", id.name)
	}
}

func (d *doctor) examineModemRights(id identity, name string, c modem.Config) {
	if c.PINFile != "" {
		d.examineSecret(id, "modem."+name+".pin_file", c.PINFile)
	}
	if c.Device == "" {
		return
	}
	real, err := filepath.EvalSymlinks(c.Device)
	if err != nil {
		return // that it is missing is said with the ports
	}
	info, err := os.Stat(real)
	if err != nil || id.may(info, 6) {
		return
	}
	remedy := "install the udev rule 60-trunkline.rules and plug the modem in anew"
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Gid != 0 && info.Mode().Perm()&0o060 == 0o060 {
		if g, err := user.LookupGroupId(strconv.Itoa(int(st.Gid))); err == nil {
			remedy = fmt.Sprintf("adduser %s %s, then restart the daemon", id.name, g.Name)
		}
	}
	d.add(levelError, "rights", real, remedy, "user %s cannot open the port of modem %s (mode %04o)", id.name, name, info.Mode().Perm())
}

func (d *doctor) examineSecret(id identity, key, file string) {
	if modem.Credential(file) {
		return
	}
	if info, err := os.Stat(file); err == nil && !id.may(info, 4) {
		d.add(levelError, "rights", file, fmt.Sprintf("chown %s %s && chmod 600 %s", d.user, file, file), "user %s cannot read %s", id.name, key)
	}
}

// examinePorts looks at the serial ports: what hides, what is taken by others, what the configuration names and is not there.
func (d *doctor) examinePorts(ctx context.Context) {
	held := map[string]string{}
	for _, m := range d.modems {
		switch modem.State(m.State) {
		case modem.Initialising, modem.Searching, modem.Ready:
			held[m.Device] = m.Name
		}
	}
	found, hidden, err := modem.Scan(ctx, modem.ScanOptions{Held: held, Finder: modem.NewFinder(modem.FinderOptions{Roots: d.roots})})
	if err != nil {
		d.add(levelWarning, "ports", "", "", "they cannot be listed: %v", err)
		return
	}
	there := map[string]bool{}
	for _, f := range found {
		there[resolved(f.Port.Path)] = true
		if f.Modem == "" && f.Reason != "" && d.named(f.Port.Path) {
			d.add(levelError, "ports", f.Port.Path, f.Hint, "%s", f.Detail)
		} else if f.Modem == "" && f.Reason == modem.ReasonBusy {
			d.add(levelNote, "ports", f.Port.Path, f.Hint, "%s", f.Detail)
		}
	}
	for _, h := range hidden {
		d.add(levelWarning, "ports", "USB "+h.Device.Topology, h.Hint, "%s (%s) shows no serial port", h.Name, h.Device.ID())
	}
	if d.config != nil {
		for _, name := range slices.Sorted(maps.Keys(d.config.Modem)) {
			device := d.config.Modem[name].Device
			if _, err := os.Stat(device); device != "" && err != nil {
				d.add(levelError, "ports", device, "plug it in, or put device right: trunkline modem scan shows what is there", "modem %s has it in the configuration, and it is not there", name)
			} else if device != "" && strings.HasPrefix(filepath.Base(device), "ttyUSB") {
				d.add(levelWarning, "ports", device, "name it by its link below /dev/serial/by-id, or use usb or imei", "modem %s is named by a number that changes when modems are plugged in in another order", name)
			}
		}
	}
	d.add(levelOK, "ports", "", "", "%d serial ports, %d in use by this gateway", len(found), len(held))
}

// named tells whether the configuration names a port.
func (d *doctor) named(path string) bool {
	if d.config == nil {
		return false
	}
	for _, m := range d.config.Modem {
		if m.Device != "" && resolved(m.Device) == resolved(path) {
			return true
		}
	}
	return false
}

// resolved follows links; a path that cannot be followed stays as it is.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// examineModemManager looks whether it runs without being told to keep off.
func (d *doctor) examineModemManager() {
	pid := processNamed(d.proc, "ModemManager")
	if pid == 0 {
		d.add(levelOK, "modemmanager", "", "", "it does not run")
		return
	}
	for _, file := range d.rules {
		if _, err := os.Stat(file); err == nil {
			d.add(levelOK, "modemmanager", "", "", "it runs, and %s tells it to keep off modems", file)
			return
		}
	}
	d.add(levelWarning, "modemmanager", fmt.Sprintf("pid %d", pid), "install 60-trunkline.rules to /etc/udev/rules.d and plug the modems in anew, or systemctl disable --now ModemManager",
		"it runs and asks every modem that is plugged in, in the middle of what the gateway says to it")
}

// processNamed returns the pid of a process of that name, 0 when none can be seen.
func processNamed(proc, name string) int {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if comm, err := os.ReadFile(filepath.Join(proc, e.Name(), "comm")); err == nil && strings.TrimSpace(string(comm)) == name {
			return pid
		}
	}
	return 0
}

// output runs a program for at most ten seconds.
func output(ctx context.Context, run func(context.Context, string, ...string) (string, error), program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, programLimit)
	defer cancel()
	return run(ctx, program, args...)
}
