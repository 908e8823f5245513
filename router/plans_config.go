package router

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"trunkline/callplan"
)

// PlansConfig is the section [plans]: what all call plans share.
type PlansConfig struct {
	Timezone  string `toml:"timezone"`   // IANA zone of plans and service providers that name none, e.g. "America/New_York"; empty: UTC
	AreaCodes string `toml:"area_codes"` // file of a newer table of area codes: CSV with the columns npa, region, country, type, in_service, in_service_date; empty: the one that came with the program
	LATAs     string `toml:"latas"`      // file that tells the LATA of numbers: CSV with the columns npa, nxx, block (may be empty) and lata; empty: none
	ZIPs      string `toml:"zips"`       // file that tells the ZIP code of callers: CSV with the columns number and zip; empty: none
}

// Validate returns everything that is wrong, each error starting with the key. The files are read by Load.
func (c PlansConfig) Validate() (errs []error) {
	if _, err := time.LoadLocation(c.Timezone); err != nil || c.Timezone == "Local" {
		errs = append(errs, fmt.Errorf("timezone: %q is no time zone of the IANA database, e.g. \"America/New_York\"", clip(c.Timezone)))
	}
	for _, f := range []struct{ key, path string }{{"area_codes", c.AreaCodes}, {"latas", c.LATAs}, {"zips", c.ZIPs}} {
		if f.path != "" && !filepath.IsAbs(f.path) {
			errs = append(errs, fmt.Errorf("%s: %q is not absolute; write it from the root, such as \"/etc/trunkline/%s.csv\"", f.key, clip(f.path), f.key))
		}
	}
	return errs
}

// Tables are what all call plans share. The zero value is the area codes of the program, UTC and nothing else.
type Tables struct {
	Timezone string          // of plans and service providers that name none; empty: UTC
	Areas    *callplan.Areas // nil: those of the program
	LATAs    *callplan.LATAs // nil: none
	ZIPs     *callplan.ZIPs  // nil: none
}

// Load reads the files. Each table has the name and the time of its file as its version. The error tells all that is wrong with all of them.
func (c PlansConfig) Load() (Tables, error) {
	t := Tables{Timezone: c.Timezone}
	err := errors.Join(
		readTable("plans.area_codes", c.AreaCodes, func(r io.Reader, version string) (err error) {
			t.Areas, err = callplan.ReadAreas(r, version)
			return err
		}),
		readTable("plans.latas", c.LATAs, func(r io.Reader, version string) (err error) {
			t.LATAs, err = callplan.ReadLATAs(r, version)
			return err
		}),
		readTable("plans.zips", c.ZIPs, func(r io.Reader, version string) (err error) {
			t.ZIPs, err = callplan.ReadZIPs(r, version)
			return err
		}))
	return t, err
}

func readTable(key, path string, read func(io.Reader, string) error) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if err := read(f, filepath.Base(path)+" of "+info.ModTime().UTC().Format("2006-01-02")); err != nil {
		return fmt.Errorf("%s: %s: %w", key, path, err)
	}
	return nil
}

// Use takes other tables for all plans, which are read and compiled anew: with other area codes, other findings.
func (p *Plans) Use(ctx context.Context, t Tables) error {
	p.mu.Lock()
	p.o.Tables, p.read = t, map[string]map[string]parsedPlan{}
	p.mu.Unlock()
	return p.Load(ctx)
}
