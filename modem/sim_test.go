package modem

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/modem/emulator"
)

func pinFile(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// The right PIN is entered at every power-on; nothing of it is logged.
func TestPIN(t *testing.T) {
	for _, p := range emulator.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			path := pinFile(t, "4711\n", 0o600)
			var logged logBuffer
			withEmulator(t, emulator.Options{Profile: p, PIN: "4711", Boot: true}, emulator.NetworkOptions{}, func(c *Config, o *Options) {
				c.PINFile = path
				o.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: LevelTrace}))
			}, func(t *testing.T, b *bench) {
				b.ready(t)
				if unlocked, tries := b.dev.Unlocked(); !unlocked || tries != 3 {
					t.Errorf("unlocked %v, %d tries left", unlocked, tries)
				}
				// An echo shows the PIN: that is not logged either.
				if err := b.dev.Inject(emulator.Fault{Kind: emulator.EchoOn, On: "+CPIN", Step: emulator.StepAnswer, Times: -1}); err != nil {
					t.Fatal(err)
				}
				b.dev.Restart()
				time.Sleep(3 * time.Minute)
				b.ready(t)
				if strings.Contains(logged.String(), "4711") {
					t.Error("PIN is in the log")
				}
			})
		})
	}
}

// A wrong PIN costs one try, whatever happens afterwards: reopening, restarting the modem, a new driver with the same memory.
func TestWrongPIN(t *testing.T) {
	for _, p := range emulator.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			path := pinFile(t, "1234", 0o600)
			memory := &processMemory{refused: map[string]bool{}}
			withEmulator(t, emulator.Options{Profile: p, PIN: "4711"}, emulator.NetworkOptions{}, func(c *Config, o *Options) {
				c.PINFile, o.Memory = path, memory
			}, func(t *testing.T, b *bench) {
				time.Sleep(5 * time.Minute)
				b.dev.Restart()
				time.Sleep(5 * time.Minute)
				if unlocked, tries := b.dev.Unlocked(); unlocked || tries != 2 {
					t.Errorf("unlocked %v, %d tries left", unlocked, tries)
				}
				if s := b.Status(); s.State != Failed || s.Reason != ReasonPINRefused || s.Hint == "" {
					t.Errorf("status %+v", s)
				}
				// The right one is tried once it is there.
				if err := os.WriteFile(path, []byte("4711"), 0o600); err != nil {
					t.Fatal(err)
				}
				b.ready(t)
			})
			if len(memory.refused) != 2 {
				t.Errorf("memory %v", memory.refused)
			}
		})
	}
}

// A PIN is not tried when that is not safe or the file is not.
func TestPINNotTried(t *testing.T) {
	for _, tt := range []struct {
		name   string
		file   string
		mode   os.FileMode
		cpin   string // answer to +CPIN?
		tries  string // answer to the counter
		reason Reason
		hint   string
	}{
		{"no file", "", 0, "+CPIN: SIM PIN", "3", ReasonPINRequired, "pin_file"},
		{"others may read", "4711", 0o644, "+CPIN: SIM PIN", "3", ReasonPINFile, "owner"},
		{"group may read", "4711", 0o640, "+CPIN: SIM PIN", "3", ReasonPINFile, "owner"},
		{"too short", "471", 0o600, "+CPIN: SIM PIN", "3", ReasonPINFile, "digits"},
		{"no digits", `4711";+CFUN=0;"`, 0o600, "+CPIN: SIM PIN", "3", ReasonPINFile, "digits"},
		{"one try left", "4711", 0o600, "+CPIN: SIM PIN", "1", ReasonPINTries, "one try"},
		{"none left", "4711", 0o600, "+CPIN: SIM PIN", "0", ReasonPINTries, "one try"},
		{"PUK", "4711", 0o600, "+CPIN: SIM PUK", "0", ReasonPUKRequired, "PUK"},
		{"PUK by error", "4711", 0o600, "+CME ERROR: 12", "0", ReasonPUKRequired, "PUK"},
		{"network lock", "4711", 0o600, "+CPIN: PH-NET PIN", "3", ReasonSIMFailure, "locked"},
		{"no card", "4711", 0o600, "+CME ERROR: 10", "3", ReasonNoSIM, "card"},
		{"no card, in words", "4711", 0o600, "+CME ERROR: SIM not inserted", "3", ReasonNoSIM, "card"},
		{"broken card", "4711", 0o600, "+CME ERROR: 13", "3", ReasonSIMFailure, "contacts"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := ""
			if tt.file != "" {
				path = pinFile(t, tt.file, tt.mode)
			}
			bubble(t, func(c *Config, _ *Options, p *peer) {
				c.PINFile = path
				p.script = func(p *peer, cmd string) bool {
					switch cmd {
					case "+CGMI":
						p.say("\r\nhuawei\r\n\r\nOK\r\n")
					case "^CPIN?":
						p.say("\r\n^CPIN: SIM PIN," + tt.tries + ",10," + tt.tries + ",10,3\r\n\r\nOK\r\n")
					case "+CPIN?":
						p.say("\r\n" + tt.cpin + "\r\n")
						if !strings.Contains(tt.cpin, "ERROR") {
							p.say("\r\nOK\r\n")
						}
					default:
						return false
					}
					return true
				}
			}, func(t *testing.T, r *rig) {
				time.Sleep(10 * time.Minute)
				if n := r.p.heard(`+CPIN="`); n != 0 {
					t.Errorf("PIN entered %d times", n)
				}
				if s := r.Status(); s.Reason != tt.reason || !strings.Contains(s.Hint, tt.hint) {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

// A plain ERROR says nothing about the PIN: it is taken for a refusal and not tried again.
func TestPINPlainError(t *testing.T) {
	path := pinFile(t, "4711", 0o600)
	bubble(t, func(c *Config, _ *Options, p *peer) {
		c.PINFile = path
		p.script = func(p *peer, cmd string) bool {
			if cmd == "+CPIN?" {
				p.say("\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n")
				return true
			}
			return false
		}
	}, func(t *testing.T, r *rig) {
		time.Sleep(10 * time.Minute)
		if n := r.p.heard(`+CPIN="4711"`); n != 1 {
			t.Errorf("PIN entered %d times", n)
		}
	})
}

// brokenMemory cannot remember.
type brokenMemory struct{}

func (brokenMemory) Refused(string) (bool, error)  { return false, nil }
func (brokenMemory) SetRefused(string, bool) error { return errors.New("no space") }

// Without a way to note a try there is none.
func TestPINNotNoted(t *testing.T) {
	path := pinFile(t, "1234", 0o600)
	withEmulator(t, emulator.Options{PIN: "4711"}, emulator.NetworkOptions{}, func(c *Config, o *Options) {
		c.PINFile, o.Memory = path, brokenMemory{}
	}, func(t *testing.T, b *bench) {
		time.Sleep(5 * time.Minute)
		if _, tries := b.dev.Unlocked(); tries != 3 {
			t.Errorf("%d tries left", tries)
		}
	})
}

func TestOwnNumber(t *testing.T) {
	for line, want := range map[string]string{
		`+CNUM: "","+4915112345678",145`: "+4915112345678", `+CNUM: "",+79139131234",145`: "+79139131234",
		`+CNUM: "*Subscriber Number","+79139131234",145`: "+79139131234", `+CNUM: "Subscriber Number",,145`: "", `+CNUM: ,,145`: "",
		`+CNUM: something,"1234567890",161`: "1234567890", "": "",
	} {
		if got := ownNumber([]string{line}); got != want {
			t.Errorf("ownNumber(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestServiceCentre(t *testing.T) {
	for v, want := range map[string]string{
		"+79168999100": "+79168999100", "002B00390037003200350034003100320030003000330032": "+97254120032", "": "", "abc": "",
		"4477": "4477", "0442": "0442", strings.Repeat("1", 30): "",
	} {
		if got := centreOf(v); got != want {
			t.Errorf("centreOf(%q) = %q, want %q", v, got, want)
		}
	}
}

func TestSwapNibbles(t *testing.T) {
	for data, want := range map[string]string{"98941020304050607080": "89490102030405060708", "9894F0": "89490", "": "", "9": ""} {
		if got := swapNibbles(data); got != want {
			t.Errorf("swapNibbles(%q) = %q, want %q", data, got, want)
		}
	}
}

func TestSameICCID(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"8949000000000000001", "8949000000000000001", true}, {"894900000000000000", "8949000000000000001", true},
		{"8949000000000000001", "8949000000000000002", false}, {"8949000000000000001", "8949000000000000017", false},
		{"89490000000000000017", "8949000000000000001", true}, {"123", "123", false},
	} {
		if got := sameICCID(tt.a, tt.b); got != tt.want {
			t.Errorf("sameICCID(%s, %s) = %v", tt.a, tt.b, got)
		}
	}
}
