package httpd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/api"
	"trunkline/api/httpd/login"
	"trunkline/router/access"
	"trunkline/store"
)

// writeCertificate makes a certificate for 127.0.0.1 that proves itself, and returns its files.
func writeCertificate(t *testing.T, name string, until time.Time) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// far is a gateway that is reached over TCP with TLS.
type far struct {
	*gateway
	keeper  *login.Keeper
	cert    *Certificate
	address string
	pool    *x509.CertPool
}

func serveFar(t *testing.T, adapt func(*Config)) *far {
	f := &far{cert: new(Certificate), pool: x509.NewCertPool()}
	file, key := writeCertificate(t, "first", time.Now().Add(time.Hour))
	var config Config
	f.gateway = serve(t, func(c *Config, o *Options) {
		c.Listen, c.TLSCert, c.TLSKey = "127.0.0.1:0", file, key
		if adapt != nil {
			adapt(c)
		}
		config = *c
		f.keeper = login.New(login.Options{Store: o.Store})
		o.Login = f.keeper
	})
	f.use(file, key)
	l, err := ListenTCP(config)
	if err != nil {
		t.Fatal(err)
	}
	f.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.server.ServeTCP(ctx, l, f.cert) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ServeTCP: %v", err)
		}
	})
	return f
}

// use exchanges the certificate, as a reload does.
func (f *far) use(file, key string) {
	f.t.Helper()
	pair, err := LoadCertificate(Config{TLSCert: file, TLSKey: key})
	if err != nil {
		f.t.Fatal(err)
	}
	f.pool.AddCert(pair.Leaf)
	f.cert.Use(pair)
}

// ask sends a request; header has pairs of names and values.
func (f *far) ask(method, path, body string, header ...string) (*http.Response, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, "https://"+f.address+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: f.pool}}}
	w, err := client.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return w, string(b)
}

func (f *far) token(scope access.Permissions) string {
	f.t.Helper()
	text, _, err := f.keeper.Issue(f.t.Context(), login.TokenSpec{Name: "test", Role: access.PlatformOwner(), Scope: scope}, "uid:0")
	if err != nil {
		f.t.Fatal(err)
	}
	return text
}

func TestTokensOverTLS(t *testing.T) {
	f := serveFar(t, nil)
	const message = `{"to":"+4915112345678","text":"x","trunk":"desk"}`
	if w, _ := f.ask("POST", "/v1/messages", message); w.StatusCode != 401 || w.Header.Get("WWW-Authenticate") != "Bearer" || w.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("nobody: %d %v", w.StatusCode, w.Header)
	}
	token := f.token(access.Of(access.MessageSend))
	w, body := f.ask("POST", "/v1/messages", message, "Authorization", "Bearer "+token)
	var made api.SubmitResponse
	if err := json.Unmarshal([]byte(body), &made); w.StatusCode != 202 || err != nil || !strings.HasPrefix(made.Messages[0].Account, "token:") {
		t.Fatalf("with a token: %d %s", w.StatusCode, body)
	}
	if w, _ := f.ask("GET", "/v1/messages/"+made.Messages[0].ID, "", "Authorization", "bearer "+token); w.StatusCode != 200 {
		t.Errorf("one's own message: %d", w.StatusCode)
	}
	if w, body := f.ask("GET", "/v1/modems", "", "Authorization", "Bearer "+token); w.StatusCode != 403 || !strings.Contains(body, "easy0_settings_view") {
		t.Errorf("beyond the scope: %d %s", w.StatusCode, body)
	}
	if w, _ := f.ask("POST", "/v1/tokens", `{"name":"x","role":"platform_owner","scope":["easy0_message_send"]}`, "Authorization", "Bearer "+token); w.StatusCode != 403 {
		t.Errorf("a token makes a token: %d", w.StatusCode)
	}
	for _, wrong := range [][]string{{"Authorization", "Bearer " + token + "a"}, {"Authorization", "Bearer "}, {"Authorization", "Basic " + token}, {"Authorization", token}, {"Authorization", ""},
		{"Authorization", "Bearer " + token, "Authorization", "Bearer " + token}, {"Cookie", api.SessionCookie + "=" + token}} {
		if w, body := f.ask("GET", "/v1/account", "", wrong...); w.StatusCode != 401 || strings.Contains(body, token) {
			t.Errorf("%q: %d %s", wrong[0], w.StatusCode, body)
		}
	}
	if w, _ := f.ask("GET", "/v1/account?token="+token, ""); w.StatusCode != 401 {
		t.Errorf("in the address: %d", w.StatusCode)
	}
	if w, _ := f.ask("GET", "/healthz", ""); w.StatusCode != 200 {
		t.Errorf("healthz: %d", w.StatusCode)
	}
	if strings.Contains(f.log.String(), token) {
		t.Error("a token is in the log")
	}
}

func TestSessionsOverTLS(t *testing.T) {
	f := serveFar(t, nil)
	ctx := t.Context()
	all, err := f.store.Administrators().Add(ctx, time.Now(), "uid:0", store.Administrator{Username: "root", Level: store.SuperAdministrator})
	if err != nil {
		t.Fatal(err)
	}
	const password = "seven green tables laugh"
	code, _, err := f.keeper.Invite(ctx, all[0].ID, "uid:0")
	if err != nil {
		t.Fatal(err)
	}
	if w, body := f.ask("POST", "/v1/password", `{"code":"`+code+`","password":"short"}`); w.StatusCode != 422 || !strings.Contains(body, `"password"`) {
		t.Errorf("a short password: %d %s", w.StatusCode, body)
	}
	if w, body := f.ask("POST", "/v1/password", `{"code":"`+code+`","password":"`+password+`"}`); w.StatusCode != 200 {
		t.Fatalf("a password by code: %d %s", w.StatusCode, body)
	}
	const credentials = `{"username":"root","password":"` + password + `"}`
	if w, body := f.ask("POST", "/v1/login", `{"username":"root","password":"wrong"}`); w.StatusCode != 401 || len(w.Cookies()) != 0 {
		t.Errorf("a wrong password: %d %s", w.StatusCode, body)
	}
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-site"}} {
		if w, _ := f.ask("POST", "/v1/login", credentials, header...); w.StatusCode != 403 || len(w.Cookies()) != 0 {
			t.Errorf("a login from another site (%v): %d", header, w.StatusCode)
		}
	}
	w, body := f.ask("POST", "/v1/login", credentials, "Sec-Fetch-Site", "same-origin")
	if w.StatusCode != 200 || len(w.Cookies()) != 1 || !strings.Contains(body, `"needs_second_factor":true`) {
		t.Fatalf("login: %d %s", w.StatusCode, body)
	}
	c := w.Cookies()[0]
	if c.Name != api.SessionCookie || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %v", c)
	}
	cookie := []string{"Cookie", c.Name + "=" + c.Value}
	if w, body := f.ask("GET", "/v1/account", "", cookie...); w.StatusCode != 200 || strings.Contains(body, "easy0_settings_edit") || !strings.Contains(body, "easy0_settings_view") {
		t.Errorf("before the second factor: %d %s", w.StatusCode, body)
	}
	if w, _ := f.ask("POST", "/v1/logout", "", append(cookie, "Sec-Fetch-Site", "cross-site")...); w.StatusCode != 403 {
		t.Errorf("another site ends the session: %d", w.StatusCode)
	}
	w, body = f.ask("POST", "/v1/account/totp", "", cookie...)
	var factor api.FactorSecret
	if err := json.Unmarshal([]byte(body), &factor); w.StatusCode != 200 || err != nil || !strings.HasPrefix(factor.URI, "otpauth://") {
		t.Fatalf("enrol: %d %s", w.StatusCode, body)
	}
	credential, err := f.store.Credential(ctx, all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	first := access.TOTPCode(credential.TOTP, uint64(time.Now().Unix()/30))
	w, body = f.ask("POST", "/v1/account/totp/confirm", `{"code":"`+first+`"}`, cookie...)
	var recovery api.Recovery
	if err := json.Unmarshal([]byte(body), &recovery); w.StatusCode != 200 || err != nil || len(recovery.Codes) == 0 {
		t.Fatalf("confirm: %d %s", w.StatusCode, body)
	}
	if w, body := f.ask("GET", "/v1/account", "", cookie...); !strings.Contains(body, "easy0_settings_edit") || !strings.Contains(body, `"second_factor":"set"`) {
		t.Errorf("with the second factor: %d %s", w.StatusCode, body)
	}
	if w, body := f.ask("POST", "/v1/login", credentials); w.StatusCode != 401 || !strings.Contains(body, api.CodeSecondFactor) {
		t.Errorf("without a code: %d %s", w.StatusCode, body)
	}
	if w, body := f.ask("POST", "/v1/login", strings.TrimSuffix(credentials, "}")+`,"code":"`+recovery.Codes[0]+`"}`); w.StatusCode != 200 {
		t.Errorf("with a recovery code: %d %s", w.StatusCode, body)
	}
	w, body = f.ask("GET", "/v1/account/sessions", "", cookie...)
	var sessions api.LoginSessions
	if err := json.Unmarshal([]byte(body), &sessions); err != nil || len(sessions.Items) != 2 || strings.Contains(body, c.Value) {
		t.Fatalf("sessions: %d %s", w.StatusCode, body)
	}
	for _, s := range sessions.Items {
		if !s.Current {
			if w, _ := f.ask("DELETE", "/v1/account/sessions/"+s.ID, "", cookie...); w.StatusCode != 200 {
				t.Errorf("end another session: %d", w.StatusCode)
			}
		}
	}
	if w, _ := f.ask("POST", "/v1/logout", "", cookie...); w.StatusCode != 200 || w.Cookies()[0].MaxAge >= 0 {
		t.Errorf("logout: %d %v", w.StatusCode, w.Cookies())
	}
	if w, _ := f.ask("GET", "/v1/account", "", cookie...); w.StatusCode != 401 {
		t.Errorf("after the logout: %d", w.StatusCode)
	}
	var last *http.Response
	for range 12 {
		last, _ = f.ask("POST", "/v1/login", `{"username":"root","password":"wrong"}`)
	}
	if last.StatusCode != 429 || last.Header.Get("Retry-After") == "" {
		t.Errorf("the twelfth wrong password: %d", last.StatusCode)
	}
	for _, secret := range []string{password, c.Value, factor.Secret, recovery.Codes[0], code} {
		if strings.Contains(f.log.String(), secret) {
			t.Errorf("a secret is in the log: %.20s…", secret)
		}
	}
}

// TLS is 1.2 or 1.3 with ciphers that are sound; the certificate can be exchanged, and what is no TLS is not answered.
func TestTLS(t *testing.T) {
	f := serveFar(t, nil)
	shake := func(c *tls.Config) (tls.ConnectionState, error) {
		c.RootCAs = f.pool
		conn, err := tls.Dial("tcp", f.address, c)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.ConnectionState(), nil
	}
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		s, err := shake(&tls.Config{MinVersion: version, MaxVersion: version})
		if (err == nil) != want || want && s.Version != version {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if strings.HasPrefix(suite.Name, "TLS_ECDHE") && (strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "CHACHA20")) || suite.SupportedVersions[0] == tls.VersionTLS13 {
			continue
		}
		if _, err := shake(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}}); err == nil {
			t.Errorf("%s is spoken", suite.Name)
		}
	}
	f.use(writeCertificate(t, "second", time.Now().Add(time.Hour)))
	if s, err := shake(&tls.Config{}); err != nil || s.PeerCertificates[0].Subject.CommonName != "second" {
		t.Errorf("after the exchange: %v, %v", s.PeerCertificates, err)
	}
	c, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	if b, _ := io.ReadAll(c); strings.HasPrefix(string(b), "HTTP/1.1 200") {
		t.Errorf("in the clear: %q", b)
	}
}

func TestConnectionsOfAnAddress(t *testing.T) {
	f := serveFar(t, func(c *Config) { c.ConnectionsPerAddress, c.HeaderTimeout = 3, 2*time.Second })
	var open []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", f.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	one, err := net.Dial("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	one.SetDeadline(time.Now().Add(30 * time.Second))
	if n, err := one.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("one too many is not closed: %v", err)
	}
	for _, c := range open { // those that say nothing end by themselves
		c.SetDeadline(time.Now().Add(30 * time.Second))
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
			t.Errorf("a silent one: %d, %v", n, err)
		}
	}
	if w, _ := f.ask("GET", "/healthz", ""); w.StatusCode != 200 {
		t.Errorf("afterwards: %d", w.StatusCode)
	}
}

func TestListenTCPRefuses(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0"} {
		if l, err := ListenTCP(Config{Listen: address}); err == nil || !strings.Contains(err.Error(), "in the clear") {
			t.Errorf("%s without TLS: %v", address, err)
			if l != nil {
				l.Close()
			}
		}
	}
	for address, want := range map[string]bool{"127.0.0.1:1": true, "localhost:1": true, "[::1]:1": true, "127.9.9.9:1": true, "[::ffff:127.0.0.1]:1": true, "0.0.0.0:1": false, ":1": false, "[::]:1": false,
		"192.0.2.1:1": false, "gateway.example:1": false, "localhost.example:1": false} {
		c := Default()
		c.Listen = address
		if errs := c.Validate(); (len(errs) == 0) != want {
			t.Errorf("%s: %v", address, errs)
		}
		if c.TLSCert, c.TLSKey = "cert.pem", "key.pem"; len(c.Validate()) != 0 {
			t.Errorf("%s with TLS: %v", address, c.Validate())
		}
	}
	cert, key := writeCertificate(t, "old", time.Now().Add(-time.Hour))
	other, _ := writeCertificate(t, "other", time.Now().Add(time.Hour))
	for name, c := range map[string]Config{"ended": {TLSCert: cert, TLSKey: key}, "another key": {TLSCert: other, TLSKey: key}, "missing": {TLSCert: "none.pem", TLSKey: key}} {
		if _, err := LoadCertificate(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
