package login

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"trunkline/router/access"
	"trunkline/store"
)

// slapd starts OpenLDAP's server with three people below ou=people, and returns its addresses with and without TLS from the beginning, and the file of its
// certificate.
func slapd(t *testing.T) (ldaps, ldap, ca string) {
	t.Helper()
	for _, program := range []string{"slapd", "slapadd"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%v: install the Debian package slapd", err)
			}
			t.Skipf("%v: install the Debian package slapd", err)
		}
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "directory"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	ca = write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	key := write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := write("slapd.conf", fmt.Sprintf(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/pid
TLSCertificateFile %[2]s
TLSCertificateKeyFile %[3]s
database mdb
suffix "dc=example,dc=com"
rootdn "cn=gateway,dc=example,dc=com"
rootpw gateway-secret
directory %[1]s/db
`, dir, ca, key))
	ldif := "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\ndn: ou=people,dc=example,dc=com\nobjectClass: organizationalUnit\nou: people\n\n"
	for _, person := range [][3]string{{"alice", "alice", "alice's own secret"}, {"bob", "bob", "bob's own secret"}, {"twin1", "twin", "twin secret"}, {"twin2", "twin", "twin secret"}} {
		ldif += fmt.Sprintf("dn: cn=%s,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: %[1]s\nsn: x\nuid: %s\nuserPassword: %s\n\n", person[0], person[1], person[2])
	}
	if out, err := exec.Command("slapadd", "-f", config, "-l", write("people.ldif", ldif)).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	ldaps, ldap = "ldaps://"+freeAddress(t), "ldap://"+freeAddress(t)
	server := exec.Command("slapd", "-f", config, "-h", ldaps+" "+ldap, "-d", "0")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", strings.TrimPrefix(ldap, "ldap://"))
		if err == nil {
			c.Close()
			return ldaps, ldap, ca
		}
		if time.Since(began) > 30*time.Second {
			t.Fatalf("slapd does not answer: %v", err)
		}
	}
}

// given are the ports that freeAddress has given out.
var given sync.Map

// freeAddress returns an address of this machine that nobody listens on, each only once. Its port lies below those that the kernel gives to others, and no
// other package looks there.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		port := 26000 + mathrand.IntN(3000)
		if _, taken := given.LoadOrStore(port, true); taken {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		return address
	}
}

func TestSlapd(t *testing.T) {
	ldaps, ldap, ca := slapd(t)
	ctx := t.Context()
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("gateway-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := func(url string, adapt func(*LDAPConfig)) *LDAP {
		t.Helper()
		c := DefaultLDAP()
		c.URL, c.CAFile, c.Base, c.Timeout = url, ca, "ou=people,dc=example,dc=com", 30*time.Second
		if adapt != nil {
			adapt(&c)
		}
		if errs := c.Validate(); len(errs) > 0 {
			t.Fatal(errs)
		}
		l, err := NewLDAP(c)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for name, l := range map[string]*LDAP{"ldaps": config(ldaps, nil), "StartTLS": config(ldap, nil),
		"bound": config(ldaps, func(c *LDAPConfig) { c.BindDN, c.BindPasswordFile = "cn=gateway,dc=example,dc=com", secret })} {
		for _, tt := range []struct {
			username, password string
			want               bool
		}{{"alice", "alice's own secret", true}, {"bob", "bob's own secret", true}, {"alice", "bob's own secret", false}, {"alice", "", false}, {"", "alice's own secret", false},
			{"nobody", "x", false}, {"*", "alice's own secret", false}, {"alice)(uid=*", "alice's own secret", false}, {"ali*", "alice's own secret", false},
			{"alice\x00", "alice's own secret", false}, {"twin", "twin secret", false}} {
			if got, err := l.Verify(ctx, tt.username, tt.password); got != tt.want || err != nil {
				t.Errorf("%s: %q with %q: %t, %v", name, tt.username, tt.password, got, err)
			}
		}
	}
	for name, l := range map[string]*LDAP{"a certificate that nobody knows": config(ldaps, func(c *LDAPConfig) { c.CAFile = "" }), "StartTLS with such": config(ldap, func(c *LDAPConfig) { c.CAFile = "" }),
		"nobody there": config("ldaps://"+freeAddress(t), nil), "a wrong bind": config(ldaps, func(c *LDAPConfig) { c.BindDN, c.BindPasswordFile = "cn=nobody,dc=example,dc=com", secret })} {
		if ok, err := l.Verify(ctx, "alice", "alice's own secret"); ok || err == nil || strings.Contains(err.Error(), "own secret") || strings.Contains(err.Error(), "gateway-secret") {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
	h := newHouse(t, func(o *Options) { o.Directory = config(ldaps, nil) })
	bob := h.add(store.Administrator{Username: "bob", AuthBackend: "ldap", RoleID: store.ProviderRole("acme"), Permissions: access.Of(access.ServiceView).Names()})
	if _, who, err := h.login("bob", "bob's own secret", "", "192.0.2.1"); err != nil || who.Administrator != bob.ID || !who.Ever(access.ServiceView) {
		t.Errorf("bob: %+v, %v", who, err)
	}
	if _, _, err := h.login("bob", "wrong", "", "192.0.2.1"); !errors.Is(err, ErrDenied) {
		t.Errorf("bob with a wrong password: %v", err)
	}
	if _, _, err := h.login("alice", "alice's own secret", "", "192.0.2.1"); !errors.Is(err, ErrDenied) {
		t.Errorf("alice, whose password is kept here: %v", err)
	}
	h.directory = config("ldaps://"+freeAddress(t), nil)
	if _, _, err := h.login("bob", "bob's own secret", "", "192.0.2.1"); !errors.Is(err, ErrDirectory) {
		t.Errorf("without the directory: %v", err)
	}
}

// A directory that takes a connection and says nothing holds a login no longer than the timeout.
func TestSilentDirectory(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, scheme := range []string{"ldap", "ldaps"} {
		c := DefaultLDAP()
		c.URL, c.Base, c.Timeout = scheme+"://"+l.Addr().String(), "dc=example", 200*time.Millisecond
		d, err := NewLDAP(c)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if ok, err := d.Verify(context.Background(), "alice", "x"); ok || err == nil {
			t.Errorf("%s: %t, %v", scheme, ok, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %s", scheme, took)
		}
	}
}

func TestLDAPConfig(t *testing.T) {
	good := DefaultLDAP()
	if errs := good.Validate(); len(errs) != 0 {
		t.Errorf("default: %v", errs)
	}
	good.URL, good.Base = "ldaps://ldap.example.com:636", "ou=people,dc=example,dc=com"
	if errs := good.Validate(); len(errs) != 0 {
		t.Errorf("good: %v", errs)
	}
	for key, adapt := range map[string]func(*LDAPConfig){
		"url":     func(c *LDAPConfig) { c.URL = "http://x" },
		"base":    func(c *LDAPConfig) { c.Base = "people" },
		"filter":  func(c *LDAPConfig) { c.Filter = "(uid=x)" },
		"bind_dn": func(c *LDAPConfig) { c.BindDN = "cn=x" },
		"timeout": func(c *LDAPConfig) { c.Timeout = 0 },
	} {
		c := good
		adapt(&c)
		if errs := c.Validate(); len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), key+": ") {
			t.Errorf("%s: %v", key, errs)
		}
	}
	if errs := (LDAPConfig{Base: "dc=x"}).Validate(); len(errs) != 1 {
		t.Errorf("without url: %v", errs)
	}
}
