package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/api"
)

const monitoring = "../../systemd/monitoring/"

// needPrometheus returns a program of the Debian package prometheus, or skips; where CI is true it must be there.
func needPrometheus(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s of the package prometheus is missing", program)
	}
	t.Skipf("%s of the package prometheus is missing", program)
	return ""
}

// TestAlertRules: the rules are valid, promtool's unit tests of them pass, each rule has such a test that fires, and a chapter of the runbook.
func TestAlertRules(t *testing.T) {
	promtool := needPrometheus(t, "promtool")
	if out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", monitoring+"alerts_test.yml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), promtool, "check", "rules", monitoring+"alerts.yml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	rules, tests, runbook := readText(t, monitoring+"alerts.yml"), readText(t, monitoring+"alerts_test.yml"), readText(t, "../../docs/runbook.md")
	names := regexp.MustCompile(`(?m)- alert: (\w+)$`).FindAllStringSubmatch(rules, -1)
	if len(names) < 15 {
		t.Fatalf("only %d rules", len(names))
	}
	for _, m := range names {
		name := m[1]
		fires := "alertname: " + name + "\n        exp_alerts:\n          - exp_labels:"
		if !strings.Contains(tests, fires) {
			t.Errorf("%s: no test makes it fire", name)
		}
		if !strings.Contains(rules, "runbook: docs/runbook.md#"+strings.ToLower(name)+"\n") || !strings.Contains(runbook, "\n## "+name+"\n") {
			t.Errorf("%s: no chapter of the runbook", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^## (Trunkline\w+)$`).FindAllStringSubmatch(runbook, -1) {
		if !strings.Contains(rules, "- alert: "+m[1]+"\n") {
			t.Errorf("the runbook tells of %s, which is no rule", m[1])
		}
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPrometheus: promtool finds nothing wrong with the metrics of a gateway that has worked, a real Prometheus scrapes it, every query of the dashboard
// gives a result there, and every series that the alert rules look at exists with the labels that they use.
func TestPrometheus(t *testing.T) {
	promtool, prometheus := needPrometheus(t, "promtool"), needPrometheus(t, "prometheus")
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef0123"), 0o600); err != nil {
		t.Fatal(err)
	}
	switches, _, _, _ := switchConfig(t)
	r := newReloadingWith(t, switches+fmt.Sprintf("[alertmanager]\nlisten = %q\ntoken_file = %q\n[alertmanager.receiver.a]\nto = [\"+4915112345678\"]\n", freeAddress(t), token), "alpha", "beta")
	r.modems("alpha", "beta")
	work := func() {
		for _, trunk := range []string{"alpha", "beta"} {
			if m, err := r.client.Wait(t.Context(), r.send(trunk, "measured"), api.Message.Final); err != nil || m.State != "delivered" {
				t.Fatalf("message through %s: %s, %v", trunk, m.State, err)
			}
		}
	}
	work()
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(r.metrics())
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	p := startPrometheus(t, prometheus, r.addr)
	p.until(`sum(up{job="trunkline"}) == 1`)
	work()
	p.until(`sum(increase(trunkline_router_parts_total{outcome="sent"}[1m])) > 0`)

	n := 0
	for _, q := range dashboardQueries(t) {
		n++
		if result := p.query(q); len(result) == 0 {
			t.Errorf("the dashboard's query %s gives nothing", q)
		}
	}
	if n < 30 {
		t.Errorf("the dashboard has only %d queries", n)
	}
	selectors := regexp.MustCompile(`\b((?:trunkline|process|go)_\w+)(\{[^}]*\})?`)
	label := regexp.MustCompile(`(\w+)\s*(?:=~|!=|=)`)
	for _, line := range regexp.MustCompile(`(?m)^ +expr: (?:\|\n)?((?:.*\n)(?: {10}.*\n)*)`).FindAllStringSubmatch(readText(t, monitoring+"alerts.yml"), -1) {
		for _, s := range selectors.FindAllStringSubmatch(line[1], -1) {
			matchers := []string{}
			for _, l := range label.FindAllStringSubmatch(s[2], -1) {
				matchers = append(matchers, l[1]+`!=""`)
			}
			q := s[1] + "{" + strings.Join(matchers, ",") + "}"
			// A card that needs no PIN tells no tries.
			if result := p.query(q); len(result) == 0 && s[1] != "trunkline_modem_pin_tries" {
				t.Errorf("the alert rules look at %s, which does not exist", q)
			}
		}
	}
}

// dashboardQueries returns every query of the dashboard, its variables replaced as Grafana would with everything selected.
func dashboardQueries(t *testing.T) (queries []string) {
	t.Helper()
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Annotations struct{ List []struct{ Expr string } }
		Templating  struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal([]byte(readText(t, monitoring+"dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "1m", "$job", "trunkline", "$instance", ".*", "$trunk", ".*")
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			queries = append(queries, variables.Replace(target.Expr))
		}
	}
	for _, v := range d.Templating.List {
		if query, ok := strings.CutPrefix(v.Definition, "label_values("); ok { // label_values(SELECTOR, LABEL)
			i := strings.LastIndex(query, ",")
			label := strings.Trim(query[i+1:], " )")
			queries = append(queries, variables.Replace("count by ("+label+") ("+query[:i]+")"))
		}
	}
	if slices.ContainsFunc(queries, func(q string) bool { return strings.Contains(q, "$") }) {
		t.Error("a variable of the dashboard is not known here")
	}
	return queries
}

// prometheusServer is a running Prometheus.
type prometheusServer struct {
	t   *testing.T
	url string
}

// startPrometheus starts a Prometheus that scrapes target every second and evaluates the alert rules, until the test ends.
func startPrometheus(t *testing.T, program, target string) *prometheusServer {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs(monitoring + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs:\n- job_name: trunkline\n  static_configs: [{targets: [%q]}]\n", rules, target)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus:\n%s", out)
		}
	})
	return &prometheusServer{t, "http://" + address}
}

// try evaluates a query now.
func (p *prometheusServer) try(query string) (result []json.RawMessage, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/query?query="+url.QueryEscape(query), nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", query, answer.Error)
	}
	return answer.Data.Result, nil
}

func (p *prometheusServer) query(query string) []json.RawMessage {
	p.t.Helper()
	result, err := p.try(query)
	if err != nil {
		p.t.Error(err)
	}
	return result
}

// until waits for a query to give something.
func (p *prometheusServer) until(query string) {
	p.t.Helper()
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		result, err := p.try(query)
		if err == nil && len(result) > 0 {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s never became true: %v", query, err)
		}
	}
}
