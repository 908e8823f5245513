package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline/api"
	"trunkline/config"
	"trunkline/modem/ports"
)

// finding is one thing that doctor has to say.
type finding struct {
	Check   string `json:"check"` // config, daemon, rights, ports, modemmanager, modem, sim, pin, registration, smsc, signal, storage, clock, disk, store, unit, addresses
	Level   string `json:"level"` // ok, note, warning, error
	Subject string `json:"subject,omitempty"`
	What    string `json:"what"`
	Remedy  string `json:"remedy,omitempty"`
}

// The levels of findings. Only an error makes doctor fail.
const (
	levelOK      = "ok"
	levelNote    = "note"
	levelWarning = "warning"
	levelError   = "error"
)

// diagnosis is what doctor --json prints.
type diagnosis struct {
	OK       bool      `json:"ok"`
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Findings []finding `json:"findings"`
}

// host is the machine that doctor looks at. Tests put folders and answers of their own in place of the real ones.
type host struct {
	roots  ports.Roots
	proc   string // /proc
	rules  []string
	user   string                                                                    // that the daemon runs as
	clock  func() (synchronised bool, err error)                                     // of the kernel
	now    func() time.Time                                                          // the time of the machine
	run    func(ctx context.Context, program string, args ...string) (string, error) // what a program prints
	booted bool                                                                      // systemd runs this machine
	mount  func(path string) (mountInfo, error)                                      // where a path lies
	listen func(network, address string) (io.Closer, error)                          // tries whether an address is free
}

// doctor collects findings, one check after the other; what one found out, later ones use.
type doctor struct {
	host

	file   string
	client *api.Client

	config *config.Config // nil: it cannot be read
	modems []api.Modem    // of the daemon
	runs   bool           // the daemon answers
	found  []finding
}

func newDoctorCommand(c *cli, h host) *cobra.Command {
	file := config.DefaultFile
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for everything that keeps the gateway from working, and say what to do",
		Long: "Doctor looks at the configuration, the daemon, rights, ports and who has them, ModemManager, cards, PIN tries, registration, service centres, signal,\n" +
			"memories, clock, disk, database, the unit and addresses. It changes nothing and sends nothing to modems. Run it as root to see all. It fails when it\n" +
			"finds an error; warnings are for reading.",
		Annotations: printsJSON("`{\"ok\", \"errors\", \"warnings\", \"findings\": [{\"check\", \"level\": \"ok\"|\"note\"|\"warning\"|\"error\", \"subject\", \"what\", \"remedy\"}, …]}`"),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			d := &doctor{host: h, file: file, client: c.client()}
			defer d.client.Close()
			return c.printDiagnosis(cmd.OutOrStdout(), d.examine(ctx))
		},
	}
	cmd.Flags().StringVar(&file, "config", file, "configuration file")
	return cmd
}

// examine runs every check.
func (d *doctor) examine(ctx context.Context) diagnosis {
	d.examineConfig()
	d.examineDaemon(ctx)
	d.examineRights()
	d.examinePorts(ctx)
	d.examineModemManager()
	d.examineModems()
	d.examineClock()
	d.examineDisk()
	d.examineStore(ctx)
	d.examineUnit(ctx)
	d.examineAddresses()
	r := diagnosis{Findings: d.found}
	for _, f := range d.found {
		switch f.Level {
		case levelError:
			r.Errors++
		case levelWarning:
			r.Warnings++
		}
	}
	r.OK = r.Errors == 0
	return r
}

func (d *doctor) add(level, check, subject, remedy, format string, a ...any) {
	d.found = append(d.found, finding{Check: check, Level: level, Subject: subject, What: fmt.Sprintf(format, a...), Remedy: remedy})
}

func (c *cli) printDiagnosis(w io.Writer, r diagnosis) error {
	if c.json {
		if err := printJSON(w, r); err != nil {
			return err
		}
	} else {
		for _, f := range r.Findings {
			subject := f.Subject
			if subject != "" {
				subject += ": "
			}
			fmt.Fprintf(w, "%-8s%-13s %s\n", f.Level, f.Check, oneLine(subject+f.What))
			if f.Remedy != "" {
				fmt.Fprintf(w, "%s→ %s\n", strings.Repeat(" ", 22), oneLine(f.Remedy))
			}
		}
		fmt.Fprintf(w, "%d errors, %d warnings\n", r.Errors, r.Warnings)
	}
	if !r.OK {
		return shownError{fmt.Errorf("%d errors were found", r.Errors)}
	}
	return nil
}

// examineConfig reads the file as the daemon would.
func (d *doctor) examineConfig() {
	if _, err := os.Stat(d.file); os.IsNotExist(err) {
		d.add(levelError, "config", d.file, "write "+d.file+" after /usr/share/trunkline/trunkline.toml or \"trunkline config reference\"; \"trunkline modem scan\" shows the ports, "+
			"\"trunkline modem probe DEVICE\" prints a section for a modem; then systemctl start trunkline", "there is no configuration, so the daemon does not start")
		return
	}
	c, err := config.Load(d.file)
	if wrong, ok := err.(*config.Error); ok {
		for _, p := range wrong.Problems {
			at := p.File
			if p.Line > 0 {
				at = fmt.Sprintf("%s:%d", p.File, p.Line)
			}
			what := p.What
			if p.Key != "" {
				what = p.Key + ": " + what
			}
			d.add(levelError, "config", at, p.Hint, "%s", what)
		}
		return
	}
	if err != nil {
		d.add(levelError, "config", d.file, "", "%v", err)
		return
	}
	d.config = &c
	if len(c.Modem) == 0 {
		d.add(levelWarning, "config", d.file, "\"trunkline modem scan\" shows the ports, \"trunkline modem probe DEVICE\" prints a section to add", "it names no modem")
		return
	}
	d.add(levelOK, "config", d.file, "", "good, %d modems", len(c.Modem))
}

// examineDaemon asks the daemon how it is.
func (d *doctor) examineDaemon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	v, err := d.client.Version(ctx)
	if err != nil {
		remedy := "systemctl start trunkline; when it ends at once: journalctl -u trunkline -n 50"
		if u, ok := err.(*api.UnreachableError); ok {
			remedy = unreachableHint(u)
		}
		if d.config == nil {
			remedy = "put the configuration right first"
		}
		d.add(levelError, "daemon", "", remedy, "it does not answer: %v", err)
		return
	}
	d.runs = true
	if err := d.client.Ready(ctx); err != nil {
		d.add(levelError, "daemon", "", "journalctl -u trunkline -n 50 says more", "it runs but takes no messages: %v", err)
	} else {
		d.add(levelOK, "daemon", "", "", "version %s answers and takes messages", v.Version)
	}
	if mine := thisBuild().Version; mine != v.Version {
		d.add(levelNote, "daemon", "", "systemctl restart trunkline, when the package was upgraded", "it is version %s, this program is %s", v.Version, mine)
	}
	if d.modems, err = d.client.Modems(ctx); err != nil {
		d.add(levelError, "daemon", "", "", "it does not tell of its modems: %v", err)
	}
	if d.config != nil && len(d.modems) != len(d.config.Modem) {
		d.add(levelWarning, "daemon", "", "systemctl reload trunkline", "it runs %d modems, the configuration names %d", len(d.modems), len(d.config.Modem))
	}
}
