package emulator

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// transcript is what a real modem and its host said to each other.
type transcript struct {
	ID, Vendor, Model string
	Exchange          []struct {
		Dir  string // ">" from the host, "<" from the modem
		Data string
	}
}

func transcripts(t *testing.T) (all []transcript) {
	t.Helper()
	file := "../testdata/at-transcripts.json"
	if dir := os.Getenv("TRUNKLINE_VECTORS"); dir != "" {
		file = filepath.Join(dir, filepath.Base(file))
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// fitting is the make that is nearest to the one of a transcript.
func (x transcript) fitting() Profile {
	name := "generic"
	for _, c := range []struct{ pattern, profile string }{
		{`^Huawei.* (E33|E35|mu6|brovi)`, "huawei-e3372"}, {`^Huawei`, "huawei-e173"}, {`^SIMCom SIM7`, "sim7600"}, {`^SIMCom`, "sim800"},
		{`^Quectel`, "ec25"}, {`^Wavecom`, "wavecom"},
	} {
		if regexp.MustCompile(c.pattern).MatchString(x.Vendor + " " + x.Model) {
			name = c.profile
			break
		}
	}
	p, _ := ProfileByName(name)
	return p
}

var (
	// wellFormed are lines between line ends, then nothing or a prompt. ITU-T V.250 §5.7.1, 3GPP TS 27.005 §3.5.1.
	wellFormed   = regexp.MustCompile(`^(\r\n([^\r\n]+\r{1,2}\n)+)*(\r\n> )?$`)
	endOfAnswer  = `(?:` + finals + `)|\r\n> |\+CPIN: READY\r\n$`
	infoPrefixes = regexp.MustCompile(`(?m)^([+^][A-Z0-9]+): ?`)
	success      = regexp.MustCompile(`(?m)^OK\r*$`)
)

// prefixes lists the names before the lines of an answer that are about the command.
func prefixes(command, answer string) (names []string) {
	for _, m := range infoPrefixes.FindAllStringSubmatch(answer, -1) {
		if strings.Contains(strings.ToUpper(command), m[1]) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Every line that hosts were seen to send gets an answer from the make that is nearest, in the form of the standards. Where the real
// modem told something under a name and the emulated one agrees to the command, it does so too.
func TestTranscripts(t *testing.T) {
	// Nothing is stored; and settings that makes which are not emulated answer as if they had been asked for.
	empty := regexp.MustCompile(`^AT\+(CMGL|CMGR|CCFC=4,0|CVHU=0)`)
	asked, agreed, told := 0, 0, 0
	for _, x := range transcripts(t) {
		if !slices.ContainsFunc(x.Exchange, func(e struct{ Dir, Data string }) bool { return e.Dir == ">" }) {
			continue
		}
		t.Run(x.ID, func(t *testing.T) {
			onBench(t, Options{Profile: x.fitting()}, func(t *testing.T, b *faultBench) {
				prompted := false
				for i, e := range x.Exchange {
					if e.Dir != ">" || !prompted && !strings.HasPrefix(e.Data, "AT") {
						continue // text that nobody asked for: the command before it was refused
					}
					if strings.HasPrefix(e.Data, `AT+CMGS="`) {
						b.ask("AT+CMGF=1") // set before the transcript begins
					}
					real := ""
					for _, next := range x.Exchange[i+1:] {
						if next.Dir == ">" {
							break
						}
						real += next.Data
					}
					if at := success.FindStringIndex(real); at != nil {
						real = real[:at[1]] // what follows comes by itself
					}
					b.write(e.Data)
					got := b.until(endOfAnswer)
					if !prompted {
						got = strings.TrimPrefix(got, strings.TrimSuffix(e.Data, "\n")) // echo, after ATZ
					} else if at := strings.Index(got, "\r\n"); at >= 0 {
						got = got[at:] // echo of the message
					}
					prompted = strings.HasSuffix(got, "\r\n> ")
					asked++
					if !wellFormed.MatchString(got) {
						t.Errorf("%q is answered %q, which has not the form of an answer", e.Data, got)
					}
					if !success.MatchString(got) || !success.MatchString(real) {
						continue
					}
					agreed++
					want, have := prefixes(e.Data, real), prefixes(e.Data, got)
					if len(want) > 0 && !slices.Equal(want, have) && !empty.MatchString(e.Data) {
						t.Errorf("%q is answered %q; the real modem said %q", e.Data, got, real)
					}
					if len(want) > 0 {
						told++
					}
				}
			})
		})
	}
	t.Logf("%d lines answered; both modems agreed to %d, of which %d tell something", asked, agreed, told)
	if asked < 100 || agreed < asked/3 || told < 20 {
		t.Error("that is too little to mean anything")
	}
}
